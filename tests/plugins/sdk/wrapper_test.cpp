#include "tests/support/plugin_host.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace {

using namespace sluice::testing;

const PluginLibrary& countpp() {
    static const PluginLibrary library(COUNTPP_FILE);
    return library;
}
const PluginLibrary& moody() {
    static const PluginLibrary library(MOODY_FILE);
    return library;
}

TEST(Wrapper, GoesOnAfterTheLastCommit) {
    Checkpoints store;
    {
        PluginHost first(countpp(), store, {{"limit", "1000"}});
        first.open();
        first.poll(300);
        first.commit();
        first.poll(200); // delivered, never durable: the crash forgets it
    }
    PluginHost second(countpp(), store, {{"limit", "1000"}});
    second.open();
    ASSERT_TRUE(second.collect(700));
    EXPECT_EQ(second.events.front().payload, "{\"n\":301}");
    EXPECT_EQ(second.events.back().payload, "{\"n\":1000}");
    EXPECT_EQ(second.last_status, SLUICE_END);
    EXPECT_EQ(second.late_rows, 0u);
}

struct FailureCase {
    const char* name;
    const char* kind;
    sluice_status status;
    const char* text;
};
void PrintTo(const FailureCase& failure, std::ostream* out) { *out << failure.name; }
const FailureCase kFailures[] = {{"Config", "config", SLUICE_E_CONFIG, "no such topic"},
                                 {"Denied", "denied", SLUICE_E_DENIED, "bad password"},
                                 {"Unavailable", "unavailable", SLUICE_E_UNAVAILABLE, "broker away"},
                                 {"PositionLost", "position_lost", SLUICE_E_POSITION_LOST, "offset 5 is gone"},
                                 {"Memory", "memory", SLUICE_E_UNAVAILABLE, "out of memory"},
                                 {"StandardException", "logic", SLUICE_E_INTERNAL, "invariant broken"},
                                 {"OtherException", "number", SLUICE_E_INTERNAL, "unknown exception in the plugin"}};

class WrapperFailure : public ::testing::TestWithParam<FailureCase> {};

TEST_P(WrapperFailure, BecomesAStatusWithItsText) {
    Checkpoints store;
    PluginHost host(moody(), store, {{"fail_in", "start"}, {"with", GetParam().kind}});
    ASSERT_EQ(host.create(), SLUICE_OK);
    EXPECT_EQ(host.start(), GetParam().status);
    EXPECT_EQ(host.failures, std::vector<std::string>{GetParam().text});
}
INSTANTIATE_TEST_SUITE_P(Kinds, WrapperFailure, ::testing::ValuesIn(kFailures),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Wrapper, ReportsAFailureOfTheConstructorWithoutAnInstance) {
    Checkpoints store;
    PluginHost host(moody(), store, {{"fail_in", "create"}, {"with", "config"}});
    EXPECT_EQ(host.create(), SLUICE_E_CONFIG);
    EXPECT_EQ(host.self(), nullptr);
}

TEST(Wrapper, HandsOverWhatAPollAddedBeforeItFailed) {
    Checkpoints store;
    PluginHost host(moody(), store, {{"fail_in", "poll"}, {"with", "unavailable"}});
    host.open();
    const auto first = host.poll();
    EXPECT_EQ(first.status, SLUICE_OK);
    EXPECT_EQ(first.count, 1u);
    EXPECT_TRUE(host.failures.empty());
    EXPECT_EQ(host.poll().status, SLUICE_E_UNAVAILABLE);
    EXPECT_EQ(host.failures, std::vector<std::string>{"broker away"});
}

TEST(Wrapper, OffersKeepaliveAndExtensions) {
    EXPECT_EQ(moody().plugin().keepalive_ms, 1500u);
    EXPECT_EQ(countpp().plugin().keepalive_ms, 0u);
    EXPECT_EQ(countpp().plugin().extension, nullptr);
    ASSERT_NE(moody().plugin().extension, nullptr);
    EXPECT_EQ(moody().plugin().extension("sluice.unknown/1"), nullptr);

    Checkpoints store;
    PluginHost host(moody(), store, {});
    host.open();
    host.poll();
    const auto* lag = static_cast<const sluice_lag_v1*>(moody().plugin().extension(SLUICE_LAG_V1));
    std::uint64_t messages = 0;
    ASSERT_EQ(lag->lag(host.self(), 1, &messages), SLUICE_OK);
    EXPECT_EQ(messages, 1u);
}

} // namespace
