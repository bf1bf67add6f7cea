#include "connectors/event_hub/event_hub_connection.hpp"
#include "connectors/iot_hub/iot_hub_connection.hpp"
#include "core/data/text.hpp"
#include "core/router/system_properties.hpp"
#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::router {
namespace {

using data::Format;
using Properties = std::vector<Message::Property>;

/// An event and what it becomes; data-connections 6 has the ids.
struct Case {
    const char* name;
    ConnectionKind kind;
    std::vector<std::string> wanted;
    Format format;
    Properties system, headers;
    std::string_view key, body;
    std::string_view table, mapping;
    std::string_view embedded, rows;
};

constexpr std::string_view kTopic =
    "devices/d1/messages/events/%24.mid=m1&%24.ctime=2026-01-01T01:00:00%2B01:00&%24.cid=c";

class SystemProperties : public testing::TestWithParam<Case> {
protected:
    std::string embedded() const {
        const Case& c = GetParam();
        ConnectionSettings settings{.name = "c", .kind = c.kind};
        settings.event_system_properties = c.wanted;
        settings.auth_method = "{\"scope\":\"device\"}";
        std::unique_ptr<DataConnection> connection;
        if (c.kind == ConnectionKind::IotHub)
            connection = std::make_unique<connectors::IotHubConnection>(settings);
        else
            connection = std::make_unique<connectors::EventHubConnection>(settings);
        Message message;
        message.sequence = 7;
        message.timestamp = *data::parse_datetime("2026-01-01T10:00:00.5Z"); // 1767261600500 ms
        message.key = c.key;
        message.headers = c.headers.data();
        message.header_count = c.headers.size();
        message.system = c.system.data();
        message.system_count = c.system.size();
        const auto requested = requested_properties(settings);
        EXPECT_EQ(requested.size(), c.wanted.size());
        const auto values = connection->system_values(message, requested, 0);
        std::string out;
        for (std::size_t i = 0; i < requested.size(); ++i)
            append_embedded(out, c.format, requested[i], values.at(i));
        return out;
    }
};

TEST_P(SystemProperties, StandBeforeTheFieldsOrAmongTheMembers) {
    const Case& c = GetParam();
    const std::string given = embedded();
    EXPECT_EQ(given, c.embedded);
    EXPECT_EQ(
        data::test::parsed({.format = c.format, .table = c.table, .mapping = c.mapping, .embedded = given}, c.body),
        c.rows);
}

constexpr auto kEventHub = ConnectionKind::EventHub;
constexpr auto kIotHub = ConnectionKind::IotHub;
const Properties kOffset42{{"kafka.topic", "t"}, {"kafka.partition", "3"}, {"kafka.offset", "42"}};
constexpr std::string_view kByPath =
    R"([{"Column":"a","Properties":{"Path":"$.a"}},{"Column":"o","Properties":{"Path":"$.x-opt-offset"}}])";

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SystemProperties,
    testing::Values(
        Case{"DC01",
             kEventHub,
             {"x-opt-enqueued-time", "x-opt-offset"},
             Format::Csv,
             kOffset42,
             {},
             {},
             "2026-03-01T10:00:00Z,temp,21",
             "e:string, o:string, t:string, m:string, v:int",
             {},
             "2026-01-01T10:00:00.5000000Z,42,",
             "(2026-01-01T10:00:00.5000000Z,42,2026-03-01T10:00:00Z,temp,21)"},
        Case{"DC02_String",
             kEventHub,
             {"x-opt-offset"},
             Format::MultiJson,
             {{"kafka.offset", "7"}},
             {},
             {},
             R"({"a":1}{"a":2})",
             "a:int, o:string",
             kByPath,
             R"("x-opt-offset":"7")",
             "(1,7) (2,)"},
        Case{"DC02_Long",
             kEventHub,
             {"x-opt-offset"},
             Format::MultiJson,
             {{"kafka.offset", "7"}},
             {},
             {},
             R"({"a":1}{"a":2})",
             "a:int, o:long",
             kByPath,
             R"("x-opt-offset":"7")",
             "(1,7) (2,null)"},
        Case{"DC03",
             kEventHub,
             {"x-opt-offset"},
             Format::Csv,
             kOffset42,
             {},
             {},
             "1\n2\n",
             "o:string, a:int",
             {},
             "42,",
             "Stream_WrongNumberOfFields"},
        Case{"DC19",
             kEventHub,
             {"x-opt-offset"},
             Format::Json,
             {{"kafka.offset", "9"}},
             {},
             {},
             R"({"a":1,"x-opt-offset":"evil"})",
             "a:int, o:string",
             kByPath,
             R"("x-opt-offset":"9")",
             "(1,9)"},
        Case{"DC20",
             kEventHub,
             {"x-opt-partition-key"},
             Format::Csv,
             {},
             {},
             "a,\"b\"",
             "1",
             "k:string, v:int",
             {},
             "\"a,\"\"b\"\"\",",
             "(a,\"b\",1)"},
        Case{"DC26_TableOrder",
             kIotHub,
             {"iothub-connection-device-id", "message-id"},
             Format::Csv,
             {{"mqtt.topic", kTopic}},
             {},
             {},
             "5",
             "m:string, d:string, v:int",
             {},
             "m1,d1,",
             "(m1,d1,5)"},
        Case{"TheHeaderIsThePartitionKeyBeforeTheKey",
             kEventHub,
             {"x-opt-partition-key", "x-opt-kafka-key"},
             Format::Csv,
             {},
             {{"x-opt-partition-key", "h"}},
             "k",
             "1",
             "a:string, b:string, v:int",
             {},
             "h,k,",
             "(h,k,1)"},
        Case{"AnAbsentOneIsEmpty",
             kEventHub,
             {"x-opt-publisher", "x-opt-sequence-number"},
             Format::Csv,
             kOffset42,
             {},
             {},
             "1",
             "p:string, s:long, v:int",
             {},
             ",42,",
             "(,42,1)"},
        Case{"AnAbsentOneIsNull",
             kEventHub,
             {"x-opt-publisher", "x-opt-sequence-number"},
             Format::Json,
             kOffset42,
             {},
             {},
             "{}",
             "x-opt-publisher:dynamic, x-opt-sequence-number:long",
             {},
             R"("x-opt-publisher":null,"x-opt-sequence-number":42)",
             "(null,42)"},
        Case{"KafkaCoordinates",
             kEventHub,
             {"kafka-partition", "kafka-topic"},
             Format::Psv,
             kOffset42,
             {},
             {},
             "1",
             "p:long, t:string, v:int",
             {},
             "3|t|",
             "(3,t,1)"},
        Case{"TsveIsEscaped",
             kEventHub,
             {"x-opt-kafka-key"},
             Format::Tsve,
             {},
             {},
             "a\tb\\\n",
             "1",
             "k:string, v:int",
             {},
             "a\\tb\\\\\\n\t",
             "(a\tb\\\n,1)"},
        Case{"AKeyThatIsNoTextIsBase64",
             kEventHub,
             {"x-opt-kafka-key"},
             Format::Csv,
             {},
             {},
             "\xFF\x01",
             "1",
             "k:string, v:int",
             {},
             "/wE=,",
             "(/wE=,1)"},
        Case{"TheNameIsSpeltAsTheConnectionDoes",
             kIotHub,
             {"message-ID"},
             Format::Json,
             {{"mqtt.topic", kTopic}},
             {},
             {},
             "{}",
             "message-ID:string",
             {},
             R"("message-ID":"m1")",
             "(m1)"},
        Case{
            "WhatTheDeviceSays",
            kIotHub,
            {"iothub-creation-time-utc", "correlation-id", "iothub-connection-auth-method"},
            Format::Json,
            {{"mqtt.topic", kTopic}, {"mqtt.correlation_data", "x"}},
            {},
            {},
            "{}",
            "correlation-id:string",
            {},
            R"("iothub-connection-auth-method":"{\"scope\":\"device\"}","iothub-creation-time-utc":"2026-01-01T00:00:00.0000000Z",)"
            R"("correlation-id":"c")",
            "(c)"},
        Case{"ATimeThatIsNoneStaysText",
             kIotHub,
             {"iothub-app-iothub-creation-time-utc"},
             Format::Csv,
             {{"mqtt.topic", kTopic}},
             {{"iothub-app-iothub-creation-time-utc", "soon"}},
             {},
             "1",
             "t:datetime, v:int",
             {},
             "soon,",
             "(null,1) nulled 1"},
        Case{"ContentTypeOfMqtt",
             kIotHub,
             {"content-type", "sequence-number"},
             Format::Csv,
             {{"mqtt.topic", kTopic}, {"mqtt.content_type", "text/csv"}},
             {},
             {},
             "1",
             "c:string, s:long, v:int",
             {},
             "text/csv,7,",
             "(text/csv,7,1)"},
        Case{"AFirstValueThatIsNoObjectTakesNone",
             kEventHub,
             {"x-opt-offset"},
             Format::MultiJson,
             {{"kafka.offset", "7"}},
             {},
             {},
             "[[1]]",
             "a:dynamic, o:string",
             R"([{"Column":"a","Path":"$"},{"Column":"o","Path":"$.x-opt-offset"}])",
             R"("x-opt-offset":"7")",
             "([1],)"}),
    name_of);

TEST(FindSystemProperty, KnowsTheNamesOfTheKindInAnyCase) {
    EXPECT_TRUE(find_system_property(kEventHub, "X-Opt-Offset"));
    EXPECT_TRUE(find_system_property(kEventHub, "iothub-connection-device-id")); // IoT Central feeds Event Hubs
    EXPECT_TRUE(find_system_property(kIotHub, "user-ID"));
    EXPECT_FALSE(find_system_property(kIotHub, "kafka-topic"));
    EXPECT_FALSE(find_system_property(kEventHub, "x-opt-ofset"));
    EXPECT_FALSE(find_system_property(ConnectionKind::EventGrid, "x-opt-offset"));
}

TEST(TakesEmbedded, IsForDelimitedFormatsAndJson) {
    for (const Format format :
         {Format::Txt, Format::Raw, Format::Avro, Format::ApacheAvro, Format::Parquet, Format::W3cLogFile})
        EXPECT_FALSE(takes_embedded(format)) << data::to_string(format);
    for (const Format format : {Format::Csv, Format::Tsve, Format::Json, Format::SingleJson})
        EXPECT_TRUE(takes_embedded(format)) << data::to_string(format);
}

} // namespace
} // namespace sluice::router
