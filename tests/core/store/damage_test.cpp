#include "core/store/commit_mark.hpp"
#include "core/store/damage.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sluice::store {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
protected:
    static void write(const fs::path& file, std::size_t bytes) { std::ofstream(file) << std::string(bytes, 'x'); }

    sluice::test::TemporaryFolder folder_;
    fs::path file_ = folder_.path() / "x.duckdb";
    fs::path log_ = folder_.path() / "x.duckdb.wal";
};

class CommitMarks : public Files {
protected:
    void SetUp() override {
        write(file_, 100);
        write(log_, 5000);
        CommitMark(file_).note();
    }
};

TEST_F(CommitMarks, ALogThatIsWholeOrLongerLacksNothing) {
    EXPECT_FALSE(CommitMark(file_).missing());
    fs::resize_file(log_, 6000);
    EXPECT_FALSE(CommitMark(file_).missing());
}

TEST_F(CommitMarks, ALogThatLostItsEndLacksIt) {
    fs::resize_file(log_, 4990);
    EXPECT_EQ(CommitMark(file_).missing(), Bytes{10});
    fs::remove(log_);
    EXPECT_EQ(CommitMark(file_).missing(), Bytes{5000});
}

TEST_F(CommitMarks, BelongToTheVeryFilesTheyWereMadeFor) {
    fs::copy_file(log_, folder_.path() / "copy");
    fs::resize_file(folder_.path() / "copy", 10);
    fs::rename(folder_.path() / "copy", log_);
    EXPECT_FALSE(CommitMark(file_).missing());
}

TEST_F(CommitMarks, SayNothingWhenTheLogWasFoldedIntoTheFileByAnother) {
    std::fstream(file_, std::ios::in | std::ios::out).seekp(8) << "header of the next checkpoint";
    fs::remove(log_);
    EXPECT_FALSE(CommitMark(file_).missing());
}

TEST_F(CommitMarks, SayNothingAfterTheyWereCleared) {
    CommitMark(file_).clear();
    fs::resize_file(log_, 10);
    EXPECT_FALSE(CommitMark(file_).missing());
}

struct Said {
    const char* name;
    const char* message;
    bool damage;
};

class DamageTexts : public testing::TestWithParam<Said> {};

TEST_P(DamageTexts, AreToldFromWhatPasses) {
    EXPECT_EQ(is_damage({ErrorCode::Io, GetParam().message}), GetParam().damage);
}

INSTANTIATE_TEST_SUITE_P(
    Messages, DamageTexts,
    testing::Values(
        Said{"checksum", "IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2", true},
        Said{"log", "IO Error: Failure while replaying WAL file \"x.wal\": Corrupt WAL file", true},
        Said{"foreign", "IO Error: The file \"x\" exists, but it is not a valid DuckDB database file!", true},
        Said{"cut", "IO Error: Could not read enough bytes from file \"x\"", true},
        Said{"locked", "IO Error: Could not set lock on file \"x\": Conflicting lock is held", false},
        Said{"full_while_replaying", "IO Error: Failure while replaying WAL file \"x.wal\": No space left on device",
             false},
        Said{"memory_while_replaying",
             "Failure while replaying WAL file \"x.wal\": Out of Memory Error: failed to pin block", false},
        Said{"forbidden", "IO Error: Cannot open file \"x\": Permission denied", false}),
    [](const auto& tested) { return tested.param.name; });

using Damage = Files;

TEST_F(Damage, IsSetAsideWithAllThatBelongsToTheFile) {
    write(file_, 1);
    write(log_, 2);
    write(file_.string() + ".mark", 3);
    const auto aside = set_aside(file_, kUnixEpochTicks);
    ASSERT_TRUE(aside) << aside.error().message;
    EXPECT_EQ(aside->filename(), "x.duckdb.damaged-19700101T000000Z");
    EXPECT_FALSE(fs::exists(file_) || fs::exists(log_) || fs::exists(commit_mark_of(file_)));
    EXPECT_EQ(fs::file_size(aside->string() + ".wal"), 2u);
    EXPECT_EQ(damaged_files(file_), std::vector<std::string>{"x.duckdb.damaged-19700101T000000Z"});
}

TEST_F(Damage, IsLookedForInAChildAfterTwoStartsThatNeverEnded) {
    write(file_, 20000);
    opening_begins(file_);
    EXPECT_TRUE(try_in_child(file_, 64_MiB)) << "one may have been killed by an operator";
    opening_begins(file_);
    const auto tried = try_in_child(file_, 64_MiB);
    ASSERT_FALSE(tried);
    EXPECT_EQ(tried.error().reason, kStoreDamaged);
    EXPECT_NE(tried.error().message.find(file_.string()), std::string::npos) << tried.error().message;
    opening_ended(file_);
    EXPECT_TRUE(try_in_child(file_, 64_MiB));
}

} // namespace
} // namespace sluice::store
