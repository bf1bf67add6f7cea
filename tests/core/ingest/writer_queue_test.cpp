#include "core/ingest/writer_queue.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::ingest {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const data::Schema> schema() {
    return std::make_shared<const data::Schema>(data::Schema{{{"Id", data::ScalarType::Long}}});
}

Job delivery(std::size_t rows, Bytes memory, bool more_follows = false) {
    Delivery made;
    made.memory = memory;
    made.more_follows = more_follows;
    made.tables.push_back({.table = {}, .rows = data::Rows(schema())});
    for (std::size_t i = 0; i < rows; ++i) {
        made.tables[0].rows.next_row();
        made.tables[0].rows.finish_row();
    }
    return made;
}

Clock::Steady::time_point soon() {
    return Clock::Steady::now() + 10s;
}

TEST(WriterQueue, TakesWhatIsReadyTogether) {
    WriterQueue queue(1_GiB);
    for (int i = 0; i < 5; ++i)
        queue.push(delivery(10, 100));
    EXPECT_EQ(queue.take(soon()).jobs.size(), 5u);
}

TEST(WriterQueue, EndsAGroupWithTheJobThatCompletesARowGroup) {
    WriterQueue queue(1_GiB);
    for (int i = 0; i < 4; ++i)
        queue.push(delivery(store::kRowGroupRows / 2 - 1000, 1_MiB));
    EXPECT_EQ(queue.take(soon()).jobs.size(), 3u);
    EXPECT_EQ(queue.take(soon()).jobs.size(), 1u);
}

TEST(WriterQueue, TakesTwoRowGroupsTogetherWhenBothAreThere) {
    WriterQueue queue(1_GiB);
    for (int i = 0; i < 7; ++i)
        queue.push(delivery(store::kRowGroupRows / 2, 1_MiB));
    EXPECT_EQ(queue.take(soon()).jobs.size(), 5u);
    EXPECT_EQ(queue.take(soon()).jobs.size(), 2u);
}

TEST(WriterQueue, EndsAGroupThatTakesMuchMemory) {
    WriterQueue queue(1_GiB);
    for (int i = 0; i < 5; ++i)
        queue.push(delivery(1, 30_MiB));
    EXPECT_EQ(queue.take(soon()).jobs.size(), 2u);
}

TEST(WriterQueue, TakesTwoPiecesOfOnePartARound) {
    WriterQueue queue(1_GiB);
    queue.push(delivery(1, 1));
    for (store::PartId part : {1, 2, 2, 2})
        queue.push(Piece{.part = part, .table = {}, .rows = data::Rows(schema()), .memory = 1});
    auto round = queue.take(soon());
    EXPECT_EQ(round.jobs.size(), 1u);
    ASSERT_EQ(round.pieces.size(), 1u);
    EXPECT_EQ(round.pieces.front().part, 1);
    EXPECT_EQ(queue.take(soon()).pieces.size(), 2u);
    EXPECT_EQ(queue.take(soon()).pieces.size(), 1u);
}

TEST(WriterQueue, AFloodThatStopsIsTakenSoon) {
    WriterQueue queue(1_GiB);
    queue.push(delivery(10, 100, true));
    const auto begun = Clock::Steady::now();
    EXPECT_EQ(queue.take(soon()).jobs.size(), 1u);
    EXPECT_LT(Clock::Steady::now() - begun, 5s);
}

TEST(WriterQueue, WhoeverWaitsForACommitDoesNotWaitForTheFlood) {
    WriterQueue queue(1_GiB);
    queue.push(delivery(10, 100, true));
    queue.push(delivery(1, 10));
    std::jthread source([&](std::stop_token stop) {
        while (!stop.stop_requested())
            queue.push(delivery(1, 10, true));
    });
    EXPECT_GE(queue.take(soon()).jobs.size(), 2u);
}

TEST(WriterQueue, ALargeJobPassesAloneThroughASmallQueue) {
    WriterQueue queue(10);
    queue.push(delivery(1, 1000));
    EXPECT_EQ(queue.take(soon()).jobs.size(), 1u);
}

TEST(WriterQueue, AFullQueueHoldsUpWhoeverAdds) {
    WriterQueue queue(100);
    queue.push(delivery(1, 80));
    std::atomic<bool> added = false;
    std::jthread source([&] {
        queue.push(delivery(1, 80));
        added = true;
    });
    EXPECT_EQ(queue.take(soon()).jobs.size(), 1u);
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE(added) << "what was taken is still in memory";
    queue.release();
    EXPECT_EQ(queue.take(soon()).jobs.size(), 1u);
    source.join();
    EXPECT_TRUE(added);
}

TEST(WriterQueue, AfterStopWhatWaitsIsStillTaken) {
    WriterQueue queue(1_GiB);
    queue.push(delivery(1, 1));
    queue.stop();
    EXPECT_FALSE(queue.take(soon()).stopped);
    EXPECT_TRUE(queue.take(soon()).stopped);
    EXPECT_FALSE(queue.sleep_until(soon()));
}

} // namespace
} // namespace sluice::ingest
