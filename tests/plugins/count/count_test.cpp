#include "tests/support/plugin_host.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace sluice::testing;

const PluginLibrary& library() {
    static const PluginLibrary library(COUNT_FILE);
    return library;
}

void expect_every_number_once_wherever_it_is_stopped(const PluginLibrary& plugin) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Checkpoints store;
    std::vector<std::string> durable;
    constexpr std::size_t kNumbers = 5000;
    while (durable.size() < kNumbers) {
        PluginHost host(plugin, store, {{"limit", std::to_string(kNumbers)}});
        host.open();
        std::size_t committed = 0;
        for (int polls = 1 + static_cast<int>(random() % 8); polls > 0; --polls) {
            host.poll(1 + random() % 100);
            if (random() % 2 == 0) {
                host.commit();
                committed = host.events.size();
            }
        }
        for (std::size_t i = 0; i < committed; ++i)
            durable.push_back(*host.events[i].payload);
    }
    ASSERT_EQ(durable.size(), kNumbers);
    for (std::size_t i = 0; i < kNumbers; ++i)
        ASSERT_EQ(durable[i], "{\"n\":" + std::to_string(i + 1) + "}");
}

TEST(CountPlugin, SendsEveryNumberOnceWhereverItIsStopped) {
    expect_every_number_once_wherever_it_is_stopped(library());
}

#ifdef __x86_64__
// Built when ABI 1.0 was new and kept since: what loads it today must load it for ever.
TEST(CountPlugin, SoDoesTheBinaryThatWasBuiltForTheFirstAbi) {
    const PluginLibrary old(OLD_COUNT_FILE);
    expect_every_number_once_wherever_it_is_stopped(old);
}
#endif

TEST(CountPlugin, DeliversNothingWithoutCredit) {
    Checkpoints store;
    PluginHost host(library(), store, {{"limit", "10"}});
    host.open();
    EXPECT_EQ(host.poll(0).count, 0u);
    EXPECT_EQ(host.poll(3).count, 3u);
}

TEST(CountPlugin, KeepsItsIntervalAndReturnsInTime) {
    Checkpoints store;
    PluginHost host(library(), store, {{"limit", "10"}, {"interval", "1h"}});
    host.open();
    EXPECT_EQ(host.poll(100, 1 << 20, 10ms).count, 1u);
    EXPECT_EQ(host.poll(100, 1 << 20, 10ms).count, 0u);
}

TEST(CountPlugin, EndsAgainWhenEverythingWasSentBefore) {
    Checkpoints store;
    store.lanes["numbers"] = {.found = true, .sequence = 10, .position = "", .epoch = 1};
    PluginHost host(library(), store, {{"limit", "10"}});
    host.open();
    EXPECT_EQ(host.poll().status, SLUICE_END);
    EXPECT_TRUE(host.events.empty());
}

} // namespace
