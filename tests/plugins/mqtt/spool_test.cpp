#include "plugins/mqtt/spool.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace sluice::mqtt {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string slurp(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void put(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

class SpoolTest : public ::testing::Test {
protected:
    Spool& open(std::uint64_t after = 0) {
        spool.reset();
        spool = std::make_unique<Spool>((temp / "spool").string(), rules, after);
        return *spool;
    }
    void append(const std::string& payload) {
        ASSERT_EQ(spool->append({.received_ns = 7, .qos = 1, .topic = "t", .payload = payload}), Spool::Appended::Yes);
    }
    /// Everything that is unread, as `sequence:payload`.
    std::vector<std::string> read_all(std::size_t messages = 1'000, std::uint64_t bytes = 1 << 20) {
        std::vector<std::string> found;
        while (spool->wait(0ms)) {
            const SpoolChunk chunk = spool->read(messages, bytes);
            for (const auto& message : chunk.messages)
                found.push_back(std::to_string(message.sequence) + ":" + std::string(message.payload));
            if (chunk.messages.empty())
                break;
        }
        return found;
    }
    std::vector<fs::path> segments() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(temp / "spool"))
            found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    /// As a crash leaves it: nothing is sealed.
    void crash_into(const fs::path& copy) { fs::copy(temp / "spool", copy, fs::copy_options::recursive); }
    using List = std::vector<std::string>;

    test::TemporaryFolder temp;
    SpoolRules rules{.sync = SpoolSync::None}; ///< what syncs cost is not the point
    std::unique_ptr<Spool> spool;
};

TEST_F(SpoolTest, HandsOutWhatWasAppendedInOrder) {
    rules.sync = SpoolSync::Always;
    open();
    append("a");
    append("b");
    EXPECT_EQ(read_all(), (List{"1:a", "2:b"}));
    EXPECT_FALSE(spool->wait(0ms));
    append("c");
    EXPECT_EQ(read_all(), List{"3:c"});
}

TEST_F(SpoolTest, AfterARestartReadsOnBehindThePosition) {
    open();
    for (const auto* payload : {"a", "b", "c"})
        append(payload);
    open(2);
    EXPECT_EQ(read_all(), List{"3:c"});
    append("d");
    EXPECT_EQ(read_all(), List{"4:d"});
}

TEST_F(SpoolTest, SurvivesACrashWithoutSealing) {
    rules.sync = SpoolSync::Always;
    open();
    append("a");
    crash_into(temp / "crashed");
    spool = std::make_unique<Spool>((temp / "crashed").string(), rules, 0);
    EXPECT_EQ(read_all(), List{"1:a"});
}

TEST_F(SpoolTest, SequencesAreNeverUsedAgain) {
    open();
    append("a");
    append("b");
    open(2); // all of it is dealt with, so its segment goes
    EXPECT_EQ(segments().size(), 1u);
    open(0); // a store that forgot everything
    append("c");
    EXPECT_EQ(read_all(), List{"3:c"});
    ASSERT_EQ(spool->take_gaps().size(), 1u);
}

TEST_F(SpoolTest, SequencesGoOnAboveAPositionThatTheSpoolHasNotReached) {
    open(100); // the spool was lost, or its last records were
    append("a");
    EXPECT_EQ(read_all(), List{"101:a"});
    EXPECT_TRUE(spool->take_gaps().empty());
}

TEST_F(SpoolTest, ATornTailIsCutAtEveryByte) {
    open();
    append("first");
    const auto first_end =
        decode_record(slurp(segments()[0]).substr(SegmentFile::kHeaderSize)).size + SegmentFile::kHeaderSize;
    append("second");
    spool.reset();
    const auto file = segments()[0];
    const std::string whole = slurp(file);
    for (std::size_t size = first_end; size < whole.size(); ++size)
        for (const bool zeros_follow : {false, true}) {
            fs::remove_all(temp / "spool");
            fs::create_directory(temp / "spool");
            put(file, whole.substr(0, size) + (zeros_follow ? std::string(4'096, '\0') : ""));
            open();
            append("next");
            ASSERT_EQ(read_all(), (List{"1:first", "2:next"})) << "cut at " << size;
            ASSERT_TRUE(spool->take_gaps().empty());
        }
}

TEST_F(SpoolTest, ACrashWhileASegmentBeginsIsSurvived) {
    open();
    append("a");
    spool.reset();
    const std::string header = slurp(segments()[0]).substr(0, SegmentFile::kHeaderSize);
    for (std::size_t size = 0; size <= header.size(); ++size) {
        spool.reset();
        put(temp / "spool" / "00000000000000000002.seg",
            size == header.size() ? std::string(header.size(), '\0') : header.substr(0, size));
        open();
        EXPECT_EQ(read_all(), List{"1:a"}) << size;
    }
}

TEST_F(SpoolTest, DamageInTheMiddleIsAGapAndTheRestIsRead) {
    open();
    for (const auto* payload : {"aaaa", "bbbb", "cccc", "dddd"})
        append(payload);
    spool.reset();
    const std::string whole = slurp(segments()[0]);
    const std::size_t record = decode_record(whole.substr(SegmentFile::kHeaderSize)).size;
    for (std::size_t at = 0; at < record; ++at) {
        std::string damaged = whole;
        char& c = damaged[SegmentFile::kHeaderSize + record + at];
        c = static_cast<char>(c ^ 0x40);
        put(segments()[0], damaged);
        open();
        ASSERT_EQ(read_all(), (List{"1:aaaa", "3:cccc", "4:dddd"})) << at;
        const auto gaps = spool->take_gaps();
        ASSERT_EQ(gaps.size(), 1u);
        EXPECT_EQ(gaps[0].first, 2u);
        EXPECT_EQ(gaps[0].last, 2u);
        spool.reset();
        for (std::size_t i = 1; i < segments().size(); ++i)
            fs::remove(segments()[i]);
    }
}

TEST_F(SpoolTest, DamageAtTheEndOfASealedSegmentIsAGap) {
    rules.segment_bytes = rules.max_bytes = 64 << 10;
    open();
    const std::string payload(20'000, 'x');
    for (int i = 0; i < 6; ++i)
        ASSERT_EQ(spool->append({.topic = "t", .payload = payload}),
                  i < 3 ? Spool::Appended::Yes : Spool::Appended::Full);
    rules.max_bytes = 64 << 20;
    open();
    for (int i = 0; i < 6; ++i)
        append(payload);
    spool.reset();
    ASSERT_GE(segments().size(), 2u);
    std::string damaged = slurp(segments()[0]);
    damaged[damaged.size() - 1] = 'y';
    put(segments()[0], damaged);
    open();
    EXPECT_EQ(read_all().size(), 8u);
    const auto gaps = spool->take_gaps();
    ASSERT_EQ(gaps.size(), 1u);
    EXPECT_EQ(gaps[0].first, gaps[0].last);
}

TEST_F(SpoolTest, GivesBackSegmentsThatTheStoreHas) {
    rules.segment_bytes = 64 << 10;
    rules.max_bytes = 1 << 20;
    open();
    const std::string payload(10'000, 'x');
    for (int i = 0; i < 30; ++i)
        append(payload);
    const auto before = segments().size();
    ASSERT_GT(before, 3u);
    read_all();
    spool->trim(20);
    EXPECT_LT(segments().size(), before);
    EXPECT_GT(spool->used_bytes(), 0u);
    spool->trim(30);
    EXPECT_EQ(segments().size(), 1u);
    EXPECT_EQ(spool->used_bytes(), 0u);
    append("on it goes");
    EXPECT_EQ(read_all(), List{"31:on it goes"});
}

TEST_F(SpoolTest, RefusesWhenFullAndGoesOnWhenHalfEmpty) {
    rules.max_bytes = 1 << 20;
    open();
    const std::string payload(10'000, 'x');
    std::uint64_t taken = 0;
    while (spool->append({.topic = "t", .payload = payload}) == Spool::Appended::Yes)
        ASSERT_LT(++taken, 1'000u);
    EXPECT_LE(spool->used_bytes(), rules.max_bytes);
    EXPECT_GT(spool->used_bytes(), rules.max_bytes * 9 / 10);
    EXPECT_EQ(read_all().size(), taken);
    spool->trim(taken * 2 / 3);
    EXPECT_LT(spool->used_bytes(), rules.max_bytes / 2);
    append(payload);
}

TEST_F(SpoolTest, AMessageLargerThanTheSpoolIsTakenAloneOnly) {
    rules.max_bytes = 1 << 20;
    open();
    const std::string large(2 << 20, 'x');
    append("small");
    EXPECT_EQ(spool->append({.topic = "t", .payload = large}), Spool::Appended::Full);
    read_all();
    spool->trim(1);
    append(large);
    const SpoolChunk chunk = spool->read(10, 1'000);
    ASSERT_EQ(chunk.messages.size(), 1u);
    EXPECT_EQ(chunk.messages[0].payload, large);
}

TEST_F(SpoolTest, KeepsToTheNumbersAsked) {
    open();
    for (int i = 0; i < 10; ++i)
        append(std::string(100, 'x'));
    EXPECT_EQ(spool->read(3, 1 << 20).messages.size(), 3u);
    EXPECT_EQ(spool->read(0, 1 << 20).messages.size(), 0u);
    EXPECT_EQ(spool->read(100, 300).messages.size(), 2u);
    EXPECT_EQ(spool->read(100, 1).messages.size(), 1u) << "at least one";
    EXPECT_EQ(spool->unread(), 4u);
}

TEST_F(SpoolTest, MessagesOutliveTheirSegment) {
    rules.segment_bytes = 64 << 10;
    open();
    append(std::string(60'000, 'x'));
    append(std::string(60'000, 'y'));
    const SpoolChunk chunk = spool->read(1, 1 << 20);
    spool->trim(1);
    open(1);
    ASSERT_EQ(chunk.messages.size(), 1u);
    EXPECT_EQ(chunk.messages[0].payload, std::string(60'000, 'x'));
    const char* behind = chunk.messages[0].payload.data() + chunk.messages[0].payload.size();
    EXPECT_EQ(behind[63], behind[63]) << "padding may be read";
}

TEST_F(SpoolTest, AFailedWriteLeavesNoTrace) {
    rules.sync = SpoolSync::Always;
    open();
    append("a");
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit old_limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    const rlimit tight{8u << 20, old_limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    EXPECT_THROW(static_cast<void>(spool->append({.topic = "t", .payload = std::string(9 << 20, 'x')})),
                 std::system_error);
    EXPECT_EQ(read_all(), List{"1:a"});
    append("b");
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    std::signal(SIGXFSZ, old_handler);
    EXPECT_EQ(read_all(), List{"2:b"});
    EXPECT_EQ(segments().size(), 2u) << "what follows a failure has a segment of its own";
    open();
    EXPECT_EQ(read_all(), (List{"1:a", "2:b"}));
}

TEST_F(SpoolTest, RefusesASegmentOfAnotherVersion) {
    open();
    append("a");
    spool.reset();
    std::string other = slurp(segments()[0]);
    other[6] = '9';
    put(segments()[0], other);
    EXPECT_THROW(open(), std::system_error);
}

TEST_F(SpoolTest, OneThreadAppendsWhileAnotherReadsAndTrims) {
    rules.sync = SpoolSync::Interval;
    rules.sync_interval = 1ms;
    rules.segment_bytes = 64 << 10;
    rules.max_bytes = 4 << 20;
    open();
    constexpr std::uint64_t kMessages = 20'000;
    std::atomic<bool> failed = false;
    std::jthread writer([&] {
        for (std::uint64_t i = 1; i <= kMessages && !failed;) {
            const std::string payload = std::to_string(i) + std::string(i % 300, 'x');
            if (spool->append({.topic = "t", .payload = payload}) == Spool::Appended::Yes)
                ++i;
            else
                std::this_thread::yield();
        }
    });
    std::uint64_t expected = 1;
    while (expected <= kMessages && spool->wait(10s)) {
        const SpoolChunk chunk = spool->read(500, 64 << 10);
        for (const auto& message : chunk.messages) {
            failed = failed || message.sequence != expected || !message.payload.starts_with(std::to_string(expected));
            ++expected;
        }
        if (failed)
            break;
        spool->trim(expected - 1);
    }
    EXPECT_FALSE(failed);
    EXPECT_EQ(expected, kMessages + 1);
    EXPECT_TRUE(spool->take_gaps().empty());
}

} // namespace
} // namespace sluice::mqtt
