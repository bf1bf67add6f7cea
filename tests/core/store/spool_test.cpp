#include "core/store/spool.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

namespace sluice::store {
namespace {

std::size_t entries(const std::filesystem::path& folder) {
    const std::filesystem::directory_iterator begin(folder), end;
    return static_cast<std::size_t>(std::distance(begin, end));
}

class SpoolFiles : public testing::Test {
protected:
    ~SpoolFiles() override { Spool::use_folder({}); }

    test::TemporaryFolder folder_;
    const std::filesystem::path place_ = folder_ / "data" / "parquet";
};

TEST_F(SpoolFiles, LieInTheFolderWithoutAName) {
    Spool::use_folder(place_);
    Spool spool;
    ASSERT_TRUE(spool.append("PAR1"));
    ASSERT_TRUE(spool.append("rest"));
    EXPECT_EQ(spool.size(), 8u);
    EXPECT_EQ(std::filesystem::read_symlink(spool.path()).string().rfind(place_.string(), 0), 0u);
    std::ifstream in(spool.path());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "PAR1rest");
    EXPECT_EQ(entries(place_), 0u);
    spool.close();
    EXPECT_EQ(spool.size(), 0u);
    ASSERT_TRUE(spool.append("next"));
    EXPECT_EQ(spool.size(), 4u);
}

TEST_F(SpoolFiles, AreGoneWhenTheProcessIsKilled) {
    Spool::use_folder(place_);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        Spool spool;
        const char done = spool.append(std::string(100'000, 'x')) ? '1' : '0';
        (void)!::write(ready[1], &done, 1);
        ::pause();
    }
    char done = 0;
    ASSERT_EQ(::read(ready[0], &done, 1), 1);
    EXPECT_EQ(done, '1');
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    EXPECT_EQ(entries(place_), 0u);
}

TEST_F(SpoolFiles, WithANameAreSweptAndOthersStay) {
    std::filesystem::create_directories(place_);
    std::ofstream(place_ / "spool-a1b2c3") << "left behind";
    std::ofstream(place_ / "other") << "not ours";
    Spool::use_folder(place_);
    EXPECT_EQ(entries(place_), 1u);
    EXPECT_TRUE(std::filesystem::exists(place_ / "other"));
}

TEST_F(SpoolFiles, ThatCannotBeMadeAreAnErrorThatNamesTheFolder) {
    std::ofstream(folder_ / "data") << "a file where a folder should be";
    Spool::use_folder(place_);
    Spool spool;
    const auto appended = spool.append("x");
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, ErrorCode::Unavailable);
    EXPECT_NE(appended.error().message.find(place_.string()), std::string::npos) << appended.error().message;
}

} // namespace
} // namespace sluice::store
