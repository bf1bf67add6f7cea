#include "plugins/fswatch/ledger.hpp"
#include "tests/plugins/fswatch/write_file.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::fswatch {
namespace {

LedgerEntry entry(const std::string& path, std::uint64_t inode = 7, std::uint64_t size = 10) {
    return {.path = path,
            .facts = {.inode = inode, .size = size, .mtime_ns = 1'000},
            .content = 99,
            .first_seen_ns = 5,
            .arrival = Arrival::Written};
}

std::vector<std::string> announced(Ledger& ledger) {
    std::vector<std::string> paths;
    while (const auto next = ledger.next())
        paths.push_back(next->path);
    return paths;
}

std::string slurp(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

class LedgerTest : public ::testing::Test {
protected:
    test::TemporaryFolder folder;
    std::string file = (folder / "ledger").string();
};

TEST_F(LedgerTest, AnnouncesInOrderOnceDurable) {
    Ledger ledger(file, 0);
    EXPECT_EQ(ledger.note(entry("a", 1)), 1u);
    EXPECT_EQ(ledger.note(entry("b", 2)), 2u);
    EXPECT_TRUE(announced(ledger).empty());
    ledger.sync();
    EXPECT_EQ(announced(ledger), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(ledger.cursor(), 2u);
}

TEST_F(LedgerTest, AfterARestartAnnouncesWhatLiesBehindThePosition) {
    {
        Ledger ledger(file, 0);
        for (std::uint64_t i = 1; i <= 5; ++i)
            ledger.note(entry("f" + std::to_string(i), i));
        ledger.sync();
        announced(ledger);
    }
    Ledger ledger(file, 3);
    EXPECT_EQ(announced(ledger), (std::vector<std::string>{"f4", "f5"}));
    EXPECT_EQ(ledger.note(entry("f6", 6)), 6u);
}

TEST_F(LedgerTest, SequencesStayAboveAPositionItHasNotHeardOf) {
    Ledger ledger(file, 41);
    EXPECT_EQ(ledger.note(entry("a")), 42u);
}

TEST_F(LedgerTest, SequencesAreNotUsedAgainWhenTheirFilesAreGone) {
    {
        Ledger ledger(file, 0);
        ledger.note(entry("a", 1));
        ledger.note(entry("b", 2));
        ledger.forget("a");
        ledger.forget("b");
        ledger.sync();
    }
    {
        Ledger compacted(file, 0);
    }
    Ledger ledger(file, 0);
    EXPECT_EQ(ledger.size(), 0u);
    EXPECT_EQ(ledger.note(entry("c", 3)), 3u);
}

TEST_F(LedgerTest, ANewVersionReplacesOneThatWasNotAnnounced) {
    Ledger ledger(file, 0);
    ledger.note(entry("a", 1, 10));
    ledger.note(entry("a", 1, 20));
    ledger.sync();
    const auto next = ledger.next();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->sequence, 2u);
    EXPECT_EQ(next->facts.size, 20u);
    EXPECT_FALSE(ledger.next());
}

TEST_F(LedgerTest, GoneFilesAreNotAnnounced) {
    Ledger ledger(file, 0);
    ledger.note(entry("a", 1));
    ledger.note(entry("b", 2));
    ledger.forget("a");
    ledger.sync();
    EXPECT_EQ(announced(ledger), std::vector<std::string>{"b"});
    EXPECT_EQ(ledger.find("a"), nullptr);
}

TEST_F(LedgerTest, SkippedFilesAreKnownButNeverAnnounced) {
    {
        Ledger ledger(file, 0);
        LedgerEntry old = entry("old");
        old.state = EntryState::Preexisting;
        EXPECT_EQ(ledger.note(old), 0u);
        ledger.sync();
    }
    Ledger ledger(file, 0);
    EXPECT_TRUE(announced(ledger).empty());
    ASSERT_NE(ledger.find("old"), nullptr);
    EXPECT_EQ(ledger.find("old")->state, EntryState::Preexisting);
}

TEST_F(LedgerTest, AMovedEntryKeepsItsSequenceAndIsAnnouncedOnlyAfterARestart) {
    {
        Ledger ledger(file, 0);
        ledger.note(entry("in/a", 1));
        ledger.note(entry("in/b", 2));
        ledger.sync();
        announced(ledger);
        LedgerEntry moved = *ledger.read("in/a");
        moved.path = "out/a";
        ledger.amend("in/a", moved);
        ledger.sync();
        EXPECT_TRUE(announced(ledger).empty());
        EXPECT_EQ(ledger.find("in/a"), nullptr);
    }
    Ledger ledger(file, 0);
    EXPECT_EQ(announced(ledger), (std::vector<std::string>{"out/a", "in/b"}))
        << "by sequence, whatever was rewritten last";
}

TEST_F(LedgerTest, FindsAVersionUnderItsPresentName) {
    Ledger ledger(file, 0);
    const LedgerEntry one = entry("a", 1);
    ledger.note(one);
    EXPECT_EQ(ledger.find_version(one.facts.etag())->path, "a");
    ledger.forget("a");
    EXPECT_FALSE(ledger.find_version(one.facts.etag()));
}

TEST_F(LedgerTest, VisitsWhatLiesBelowAFolderAndNothingBeside) {
    Ledger ledger(file, 0);
    for (const auto* path : {"in/a", "in/sub/b", "in2/c", "in", "d"})
        ledger.note(entry(path, hash_of(path)));
    std::vector<std::string> met;
    ledger.for_each_below("in", [&](const LedgerEntry& one) {
        met.push_back(one.path);
        ledger.forget(one.path);
    });
    EXPECT_EQ(met, (std::vector<std::string>{"in/a", "in/sub/b", "in"}));
    EXPECT_EQ(ledger.size(), 2u);
}

TEST_F(LedgerTest, AScanFindsWhatItDidNotMeet) {
    Ledger ledger(file, 0);
    ledger.note(entry("stays", 1));
    ledger.note(entry("went", 2));
    ledger.begin_scan();
    ledger.met("stays");
    ledger.note(entry("came", 3));
    std::vector<std::string> unmet;
    for (std::size_t position = 0;
         ledger.visit_unmet(position, 16, [&](const LedgerEntry& one) { unmet.push_back(one.path); });)
        ;
    EXPECT_EQ(unmet, std::vector<std::string>{"went"});
}

TEST_F(LedgerTest, RemembersWhenAnEntryWasDealtWith) {
    {
        Ledger ledger(file, 0);
        ledger.acknowledged(10, 1'000);
        ledger.acknowledged(20, 2'000);
        ledger.sync();
    }
    Ledger ledger(file, 20);
    EXPECT_TRUE(ledger.was_acknowledged_before(5, 1'001));
    EXPECT_FALSE(ledger.was_acknowledged_before(5, 1'000));
    EXPECT_FALSE(ledger.was_acknowledged_before(11, 1'500));
    EXPECT_TRUE(ledger.was_acknowledged_before(20, 2'500));
    EXPECT_FALSE(ledger.was_acknowledged_before(21, 9'999)) << "nobody noted it";
}

TEST_F(LedgerTest, ManyAcknowledgementsAreThinnedOutTowardsLater) {
    Ledger ledger(file, 0);
    for (std::uint64_t i = 1; i <= 10'000; ++i)
        ledger.acknowledged(i, static_cast<std::int64_t>(i));
    EXPECT_FALSE(ledger.was_acknowledged_before(3, 3));
    EXPECT_TRUE(ledger.was_acknowledged_before(3, 10'001));
    EXPECT_TRUE(ledger.was_acknowledged_before(10'000, 10'001));
}

TEST_F(LedgerTest, ATornTailIsCutAtEveryByte) {
    std::size_t two_entries = 0;
    {
        Ledger ledger(file, 0);
        ledger.note(entry("first", 1));
        ledger.note(entry("second", 2));
        ledger.sync();
        two_entries = std::filesystem::file_size(file);
        ledger.note(entry("third", 3));
        ledger.sync();
    }
    const std::string whole = slurp(file);
    for (std::size_t size = two_entries; size < whole.size(); ++size) {
        write_file(file, whole.substr(0, size));
        Ledger ledger(file, 0);
        ASSERT_EQ(announced(ledger), (std::vector<std::string>{"first", "second"})) << "cut at " << size;
        ASSERT_EQ(ledger.note(entry("next", 4)), 3u) << "the lost entry was never handed over, so its number is free";
    }
}

TEST_F(LedgerTest, ADamagedByteInTheTailCostsOnlyTheTail) {
    std::size_t one_entry = 0;
    {
        Ledger ledger(file, 0);
        ledger.note(entry("first", 1));
        ledger.sync();
        one_entry = std::filesystem::file_size(file);
        ledger.note(entry("second", 2));
        ledger.sync();
    }
    const std::string whole = slurp(file);
    for (std::size_t at = one_entry; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        write_file(file, damaged);
        Ledger ledger(file, 0);
        ASSERT_EQ(announced(ledger), std::vector<std::string>{"first"}) << "at " << at;
    }
}

TEST_F(LedgerTest, RefusesAFileOfAnotherVersion) {
    write_file(file, "SLFSLG9\n and more");
    EXPECT_THROW(Ledger(file, 0), std::system_error);
}

TEST_F(LedgerTest, IsWrittenAnewWhenMostOfItIsObsolete) {
    Ledger ledger(file, 0);
    for (std::uint64_t i = 1; i <= 40'000; ++i) {
        ledger.note(entry("f" + std::to_string(i), i));
        if (i > 10)
            ledger.forget("f" + std::to_string(i));
    }
    ledger.sync();
    ASSERT_EQ(ledger.next()->path, "f1");
    const auto before = std::filesystem::file_size(file);
    ledger.compact_if_worthwhile();
    EXPECT_LT(std::filesystem::file_size(file), before / 100);
    EXPECT_EQ(ledger.next()->path, "f2");
    EXPECT_EQ(ledger.note(entry("more", 50'000)), 40'001u);
    EXPECT_EQ(ledger.read("f10")->sequence, 10u);
}

} // namespace
} // namespace sluice::fswatch
