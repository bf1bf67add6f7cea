#include <sluice/source_plugin.h>

#include <gtest/gtest.h>

#include <cstddef>

namespace {

// Frozen with major version 1: a plugin built long ago reads these places. A struct that grows does so behind them.
TEST(AbiLayout, OfMessagesIsFrozen) {
    EXPECT_EQ(offsetof(sluice_message, sequence), 0u);
    EXPECT_EQ(offsetof(sluice_message, timestamp_ns), 8u);
    EXPECT_EQ(offsetof(sluice_message, lane), 16u);
    EXPECT_EQ(offsetof(sluice_message, flags), 20u);
    EXPECT_EQ(offsetof(sluice_message, payload), 24u);
    EXPECT_EQ(offsetof(sluice_message, key), 40u);
    EXPECT_EQ(offsetof(sluice_message, position), 56u);
    EXPECT_EQ(offsetof(sluice_message, headers), 72u);
    EXPECT_EQ(offsetof(sluice_message, system), 80u);
    EXPECT_EQ(offsetof(sluice_message, header_count), 88u);
    EXPECT_EQ(offsetof(sluice_message, system_count), 96u);
    EXPECT_EQ(sizeof(sluice_message), 104u);
    EXPECT_EQ(sizeof(sluice_batch), 40u);
}

TEST(AbiLayout, OfOptionsAndValuesIsFrozen) {
    EXPECT_EQ(offsetof(sluice_option, type), 8u);
    EXPECT_EQ(offsetof(sluice_option, fallback), 16u);
    EXPECT_EQ(offsetof(sluice_option, choices), 40u);
    EXPECT_EQ(offsetof(sluice_option, summary), 48u);
    EXPECT_EQ(offsetof(sluice_option, example), 56u);
    EXPECT_EQ(offsetof(sluice_value, as), 8u);
    EXPECT_EQ(sizeof(sluice_value), 24u);
}

TEST(AbiLayout, OfHostAndPluginIsFrozen) {
    EXPECT_EQ(offsetof(sluice_host, instance), 8u);
    EXPECT_EQ(offsetof(sluice_host, fail), 24u);
    EXPECT_EQ(offsetof(sluice_host, extension), 80u);
    EXPECT_EQ(offsetof(sluice_plugin, id), 8u);
    EXPECT_EQ(offsetof(sluice_plugin, capabilities), 32u);
    EXPECT_EQ(offsetof(sluice_plugin, options), 40u);
    EXPECT_EQ(offsetof(sluice_plugin, create), 64u);
    EXPECT_EQ(offsetof(sluice_plugin, extension), 128u);
    EXPECT_EQ(sizeof(sluice_ack), 24u);
    EXPECT_EQ(sizeof(sluice_checkpoint), 32u);
}

TEST(AbiLayout, AFieldBehindTheSizeIsNotThere) {
    sluice_plugin old{};
    old.stop = [](void*) -> sluice_status { return SLUICE_OK; };
    old.extension = [](const char*) -> const void* { return nullptr; };
    old.size = offsetof(sluice_plugin, extension);
    EXPECT_TRUE(SLUICE_HAS(&old, stop));
    EXPECT_FALSE(SLUICE_HAS(&old, extension));
}

} // namespace
