#include <sluice/push_queue.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::Credit;
using Queue = sluice::PushQueue<int>;

std::vector<int> drain(Queue& queue, Credit credit) {
    std::vector<int> got;
    queue.drain(credit, [&](int item) { got.push_back(item); });
    return got;
}

TEST(PushQueue, HandsOverInOrderWithinTheCredit) {
    Queue queue({.items = 10, .bytes = 100});
    for (int i = 1; i <= 5; ++i)
        queue.push(i, 10);
    EXPECT_EQ(drain(queue, {.messages = 3, .bytes = 100}), (std::vector{1, 2, 3}));
    EXPECT_EQ(drain(queue, {.messages = 9, .bytes = 15}), (std::vector{4}));
    EXPECT_EQ(drain(queue, {.messages = 0, .bytes = 100}), (std::vector<int>{}));
    EXPECT_EQ(drain(queue, {.messages = 9, .bytes = 1}), (std::vector{5})); // alone, an item may exceed the credit
}

TEST(PushQueue, BlocksThePusherUntilThereIsRoom) {
    Queue queue({.items = 2, .bytes = 1000});
    queue.push(1, 1);
    queue.push(2, 1);
    std::atomic<bool> pushed = false;
    std::thread pusher([&] {
        queue.push(3, 1);
        pushed = true;
    });
    EXPECT_FALSE(queue.push_for(9, 1, 20ms));
    EXPECT_FALSE(pushed);
    EXPECT_EQ(drain(queue, {.messages = 1, .bytes = 100}), (std::vector{1}));
    pusher.join();
    EXPECT_TRUE(pushed);
    EXPECT_EQ(drain(queue, {.messages = 9, .bytes = 100}), (std::vector{2, 3}));
}

TEST(PushQueue, TakesAnItemLargerThanItselfWhenEmpty) {
    Queue queue({.items = 10, .bytes = 10});
    EXPECT_TRUE(queue.push_for(1, 50, 0ms));
    EXPECT_FALSE(queue.push_for(2, 1, 1ms));
    EXPECT_EQ(drain(queue, {.messages = 9, .bytes = 10}), (std::vector{1}));
}

TEST(PushQueue, WakesAWaitingPusherWhenItCloses) {
    Queue queue({.items = 1, .bytes = 10});
    queue.push(1, 1);
    bool taken = true;
    std::thread pusher([&] { taken = queue.push(2, 1); });
    queue.close();
    pusher.join();
    EXPECT_FALSE(taken);
    EXPECT_EQ(drain(queue, {.messages = 9, .bytes = 10, .wait = 1ms}), (std::vector{1}));
}

TEST(PushQueue, WaitsForTheFirstItem) {
    Queue queue({.items = 1, .bytes = 10});
    std::thread pusher([&] { queue.push(7, 1); });
    EXPECT_EQ(drain(queue, {.messages = 9, .bytes = 10, .wait = 10s}), (std::vector{7}));
    pusher.join();
}

} // namespace
