#include "connectors/event_hub/event_hub_connection.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::connectors {
namespace {

using router::Message;
using Property = Message::Property;
using namespace std::string_view_literals;

const router::ConnectionSettings kSettings{.name = "orders-eh", .database = "Telemetry"};

TEST(DecodeHeader, TakesShortAmqpStringsApart) { EXPECT_EQ(decode_header("\xA1\x06Orders"sv), "Orders"); }
TEST(DecodeHeader, TakesLongAmqpStringsApart) { EXPECT_EQ(decode_header("\xB1\x00\x00\x00\x06Orders"sv), "Orders"); }
TEST(DecodeHeader, LeavesPlainTextAlone) { EXPECT_EQ(decode_header("Orders"sv), "Orders"); }
TEST(DecodeHeader, LeavesWrongLengthsAlone) { EXPECT_EQ(decode_header("\xA1\x05Orders"sv), "\xA1\x05Orders"sv); }

TEST(EventHubConnection, ReadsRoutingFromHeadersOfExactCase) {
    const std::array<Property, 3> headers{{{"Table", "Orders"}, {"table", "Other"}, {"Format", "json"}}};
    Message message;
    message.headers = headers.data();
    message.header_count = headers.size();
    const auto routing = EventHubConnection(kSettings).routing_of(message);
    ASSERT_TRUE(routing);
    EXPECT_EQ(routing->table, "Orders");
    EXPECT_EQ(routing->format, "json");
    EXPECT_FALSE(routing->database);
}

TEST(EventHubConnection, LastOfRepeatedHeadersWins) {
    const std::array<Property, 2> headers{{{"Table", "A"}, {"Table", "B"}}};
    Message message;
    message.headers = headers.data();
    message.header_count = headers.size();
    EXPECT_EQ(EventHubConnection(kSettings).routing_of(message)->table, "B");
}

TEST(EventHubConnection, RefusesNamesThatAreTooLong) {
    const std::string name(1025, 'x');
    const std::array<Property, 1> headers{{{"Table", name}}};
    Message message;
    message.headers = headers.data();
    message.header_count = headers.size();
    EXPECT_EQ(EventHubConnection(kSettings).routing_of(message).error().reason, "BadRequest_EntityNameIsNotValid");
}

TEST(EventHubConnection, SkipsTombstonesButNotEmptyBodies) {
    Message message;
    message.payload_is_null = true;
    EXPECT_EQ(EventHubConnection(kSettings).skip_reason(message), "tombstone");
    message.payload_is_null = false;
    EXPECT_EQ(EventHubConnection(kSettings).skip_reason(message), std::nullopt);
}

TEST(EventHubConnection, NamesKafkaEventsByTheirCoordinates) {
    const std::array<Property, 3> system{{{"kafka.topic", "orders"}, {"kafka.partition", "3"}, {"kafka.offset", "42"}}};
    Message message;
    message.system = system.data();
    message.system_count = system.size();
    const EventHubConnection connection(kSettings);
    EXPECT_EQ(connection.source_path(message, "orders/3"), "kafka://orders-eh/orders/3/42");
    EXPECT_EQ(connection.position_json(message, "orders/3"), R"({"topic":"orders","partition":3,"offset":42})");
}

TEST(EventHubConnection, NamesOtherSourcesByLaneAndSequence) {
    Message message;
    message.sequence = 7;
    const EventHubConnection connection(kSettings);
    EXPECT_EQ(connection.source_path(message, "numbers"), "source://orders-eh/numbers/7");
    EXPECT_EQ(connection.position_json(message, "numbers"), R"({"lane":"numbers","sequence":7})");
}

} // namespace
} // namespace sluice::connectors
