#include "plugins/fswatch/settling.hpp"

#include <gtest/gtest.h>

namespace sluice::fswatch {
namespace {

using namespace std::chrono_literals;
using Writer = Look::Writer;
using Verdict = Settling::Verdict;

/// Time passes only when the test says so.
class SettlingTest : public ::testing::Test {
protected:
    Verdict look(const std::string& path, std::uint64_t size, Writer writer = Writer::None) {
        return settling.judge(path, {.facts = {.inode = 1, .size = size, .mtime_ns = 5}, .writer = writer}, now, ready);
    }
    std::vector<std::string> due() {
        std::vector<std::string> paths;
        for (auto& one : settling.take_due(now, 1'000))
            paths.push_back(one.path);
        return paths;
    }

    Settling settling{SettleRules{}};
    SteadyTime now{1000s};
    Candidate ready;
};

TEST_F(SettlingTest, AWrittenFileNeedsTwoEqualLooksASettleApart) {
    settling.signal("a", Signal::Written, now);
    EXPECT_EQ(due(), std::vector<std::string>{"a"});
    EXPECT_EQ(look("a", 10), Verdict::Wait);
    now += 999ms;
    EXPECT_TRUE(due().empty());
    now += 1ms;
    EXPECT_EQ(due(), std::vector<std::string>{"a"});
    EXPECT_EQ(look("a", 10), Verdict::Ready);
    EXPECT_EQ(ready.path, "a");
    EXPECT_EQ(settling.size(), 0u);
}

TEST_F(SettlingTest, AFileThatGrowsBetweenTheLooksWaitsOn) {
    settling.signal("a", Signal::Written, now);
    due();
    look("a", 10);
    now += 1s;
    due();
    EXPECT_EQ(look("a", 11), Verdict::Wait);
    now += 999ms;
    EXPECT_TRUE(due().empty());
    now += 1ms;
    due();
    EXPECT_EQ(look("a", 11), Verdict::Ready);
}

TEST_F(SettlingTest, ASignalStartsTheQuietTimeAnew) {
    settling.signal("a", Signal::Written, now);
    due();
    look("a", 10);
    now += 900ms;
    settling.signal("a", Signal::Written, now);
    due();
    EXPECT_EQ(look("a", 10), Verdict::Wait);
    now += 500ms;
    EXPECT_TRUE(due().empty());
    now += 500ms;
    due();
    EXPECT_EQ(look("a", 10), Verdict::Ready);
}

TEST_F(SettlingTest, AFileThatWasMovedInIsReadyAtTheFirstLook) {
    settling.signal("a", Signal::MovedIn, now);
    const auto taken = settling.take_due(now, 10);
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_TRUE(taken[0].thorough);
    EXPECT_EQ(look("a", 10), Verdict::Ready);
}

TEST_F(SettlingTest, AMovedFileWaitsForTheWriterThatStillHasItOpen) {
    settling.signal("a", Signal::Uploaded, now);
    due();
    EXPECT_EQ(look("a", 10, Writer::Open), Verdict::Wait);
    now += 1s;
    due();
    EXPECT_EQ(look("a", 20, Writer::Open), Verdict::Wait);
    settling.signal("a", Signal::Written, now); // the writer closes it under its new name
    due();
    EXPECT_EQ(look("a", 20), Verdict::Wait);
    now += 1s;
    due();
    EXPECT_EQ(look("a", 20), Verdict::Ready);
    EXPECT_EQ(ready.signal, Signal::Uploaded);
}

TEST_F(SettlingTest, AMovedFileWhoseWritersTheKernelDoesNotTellSettlesByTime) {
    settling.signal("a", Signal::MovedIn, now);
    due();
    EXPECT_EQ(look("a", 10, Writer::Unknown), Verdict::Wait);
    now += 1s;
    due();
    EXPECT_EQ(look("a", 10, Writer::Unknown), Verdict::Ready);
}

TEST_F(SettlingTest, WithoutLeaseCheckAMovedFileCountsAsComplete) {
    settling = Settling{SettleRules{.lease_check = false}};
    settling.signal("a", Signal::MovedIn, now);
    due();
    EXPECT_EQ(look("a", 10, Writer::Unknown), Verdict::Ready);
}

TEST_F(SettlingTest, AFileThatWasOnlyCreatedIsLookedAtAfterTheGrace) {
    settling.signal("a", Signal::Created, now);
    now += 4s;
    EXPECT_TRUE(due().empty());
    now += 1s;
    EXPECT_EQ(due(), std::vector<std::string>{"a"});
}

TEST_F(SettlingTest, AListedFileWithUnknownWritersIsGivenTheGraceOfACreatedOne) {
    settling.signal("a", Signal::Listed, now);
    due();
    look("a", 10, Writer::Unknown);
    now += 1s;
    due();
    EXPECT_EQ(look("a", 10, Writer::Unknown), Verdict::Wait);
    now += 4s;
    due();
    EXPECT_EQ(look("a", 10, Writer::Unknown), Verdict::Ready);
}

TEST_F(SettlingTest, AThousandFilesSettleSideBySide) {
    for (int i = 0; i < 1'000; ++i)
        settling.signal("f" + std::to_string(i), Signal::Written, now);
    for (const auto& path : due())
        look(path, 1);
    now += 1s;
    std::size_t complete = 0;
    for (const auto& path : due())
        complete += look(path, 1) == Verdict::Ready ? 1 : 0;
    EXPECT_EQ(complete, 1'000u);
}

TEST_F(SettlingTest, TellsOnceThatAFileDoesNotComeToRest) {
    settling.signal("a", Signal::Written, now);
    std::size_t told = 0;
    for (int second = 0; second < 2 * 3600; ++second, now += 1s)
        if (!due().empty())
            told += look("a", static_cast<std::uint64_t>(second)) == Verdict::Overdue ? 1 : 0;
    EXPECT_EQ(told, 1u);
    EXPECT_EQ(settling.size(), 1u);
}

TEST_F(SettlingTest, AScanDoesNotDisturbAFileThatIsSettling) {
    settling.signal("a", Signal::Written, now);
    due();
    look("a", 10);
    now += 500ms;
    settling.signal("a", Signal::Scanned, now);
    now += 500ms;
    due();
    EXPECT_EQ(look("a", 10), Verdict::Ready);
    EXPECT_EQ(ready.signal, Signal::Written);
}

TEST_F(SettlingTest, ADroppedFileIsNeverDue) {
    settling.signal("a", Signal::Written, now);
    EXPECT_TRUE(settling.drop("a"));
    EXPECT_FALSE(settling.drop("a"));
    EXPECT_TRUE(due().empty());
    EXPECT_FALSE(settling.next_due());
}

TEST_F(SettlingTest, TakesWhatLiesBelowAFolder) {
    settling.signal("in/a", Signal::Written, now);
    settling.signal("in2/b", Signal::Written, now);
    const auto taken = settling.take_below("in");
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_EQ(taken[0].path, "in/a");
    EXPECT_EQ(settling.size(), 1u);
}

TEST_F(SettlingTest, WithoutSettleTimeAClosedFileIsReadyAtOnce) {
    settling = Settling{SettleRules{.settle = 0ns}};
    settling.signal("a", Signal::Written, now);
    const auto taken = settling.take_due(now, 10);
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_TRUE(taken[0].thorough);
    EXPECT_EQ(look("a", 10), Verdict::Ready);
}

} // namespace
} // namespace sluice::fswatch
