#include "plugins/mqtt/record.hpp"

#include <gtest/gtest.h>

namespace sluice::mqtt {
namespace {

SpoolMessage full_message() {
    return {.sequence = 42,
            .received_ns = 1'767'261'600'123'456'789,
            .qos = 1,
            .retained = true,
            .topic = "devices/d1/messages/events/",
            .payload = "{\"t\":21.5}",
            .content_type = "application/json",
            .correlation_data = std::string_view("\0\xFF", 2),
            .user_properties = {{"a", "1"}, {"a", "2"}, {"", ""}}};
}

TEST(Record, ComesBackAsItWasWritten) {
    std::string bytes = "before";
    encode_record(full_message(), bytes);
    bytes += "after";
    const auto decoded = decode_record(std::string_view(bytes).substr(6));
    ASSERT_EQ(decoded.state, RecordState::Whole);
    EXPECT_EQ(decoded.size, bytes.size() - 11);
    const SpoolMessage expected = full_message();
    EXPECT_EQ(decoded.message.sequence, expected.sequence);
    EXPECT_EQ(decoded.message.received_ns, expected.received_ns);
    EXPECT_EQ(decoded.message.qos, expected.qos);
    EXPECT_EQ(decoded.message.retained, expected.retained);
    EXPECT_EQ(decoded.message.topic, expected.topic);
    EXPECT_EQ(decoded.message.payload, expected.payload);
    EXPECT_EQ(decoded.message.content_type, expected.content_type);
    EXPECT_EQ(decoded.message.correlation_data, expected.correlation_data);
    EXPECT_EQ(decoded.message.user_properties, expected.user_properties);
}

TEST(Record, KeepsAbsentApartFromEmpty) {
    std::string bytes;
    encode_record({.sequence = 1, .topic = "t", .content_type = ""}, bytes);
    const auto decoded = decode_record(bytes);
    ASSERT_EQ(decoded.state, RecordState::Whole);
    EXPECT_EQ(decoded.message.content_type, "");
    EXPECT_FALSE(decoded.message.correlation_data);
    EXPECT_TRUE(decoded.message.payload.empty());
}

TEST(Record, CutAnywhereItIsShort) {
    std::string bytes;
    encode_record(full_message(), bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto decoded = decode_record(std::string_view(bytes).substr(0, size));
        EXPECT_EQ(decoded.state, RecordState::Short) << size;
        EXPECT_EQ(decoded.size, size < kRecordHeader ? kRecordHeader : bytes.size());
    }
}

TEST(Record, AnyFlippedBitIsNoticed) {
    std::string bytes;
    encode_record(full_message(), bytes);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string damaged = bytes;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        EXPECT_NE(decode_record(damaged).state, RecordState::Whole) << bit;
    }
}

TEST(Record, ZerosAreNoRecord) {
    EXPECT_EQ(decode_record(std::string(64, '\0')).state, RecordState::Damaged);
}

} // namespace
} // namespace sluice::mqtt
