#include "connectors/iot_hub/device_topic.hpp"

#include "connectors/iot_hub/iot_hub_connection.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ostream>

namespace sluice::connectors {
namespace {

using Bag = std::vector<std::pair<std::string, std::optional<std::string>>>;

Bag read(std::string_view text) {
    Bag bag;
    for (const BagProperty& property : parse_property_bag(text))
        bag.emplace_back(property.name, property.value);
    return bag;
}

struct BagCase {
    const char* name;
    const char* text;
    Bag expected;
};
void PrintTo(const BagCase& c, std::ostream* out) { *out << c.name; }

class PropertyBag : public testing::TestWithParam<BagCase> {};
TEST_P(PropertyBag, ReadsAsDocumented) { EXPECT_EQ(read(GetParam().text), GetParam().expected); }

// data-connections 3.5.
INSTANTIATE_TEST_SUITE_P(DataConnections35, PropertyBag,
                         testing::Values(BagCase{"Value", "a=1", {{"a", "1"}}}, BagCase{"Empty", "a=", {{"a", ""}}},
                                         BagCase{"Null", "a", {{"a", std::nullopt}}}, BagCase{"QuestionMark", "?a=1", {{"a", "1"}}},
                                         BagCase{"TrailingSlash", "a=1/", {{"a", "1"}}}, BagCase{"NoBag", "", {}},
                                         BagCase{"EmptySegments", "a=1&&b=2", {{"a", "1"}, {"b", "2"}}},
                                         BagCase{"NoName", "=x&b=2", {{"b", "2"}}}, BagCase{"Plus", "a=x+y", {{"a", "x+y"}}},
                                         BagCase{"Escapes", "a=%2B%23", {{"a", "+#"}}}, BagCase{"BadEscape", "a=%zz", {{"a", "%zz"}}},
                                         BagCase{"ShortEscape", "a=%4", {{"a", "%4"}}}, BagCase{"SecondEquals", "a=b=c", {{"a", "b=c"}}}),
                         [](const auto& test) { return test.param.name; });

TEST(DeviceTopic, ReadsADeviceTopicWithItsBag) {
    const auto topic = parse_device_topic("devices/dev%201/messages/events/Table=Temps&Format=json", "");
    ASSERT_TRUE(topic);
    EXPECT_EQ(topic->device_id, "dev 1");
    EXPECT_EQ(topic->base, "devices/dev%201/messages/events/");
    ASSERT_EQ(topic->properties.size(), 2u);
    EXPECT_EQ(topic->properties[0].value, "Temps");
}

TEST(DeviceTopic, ReadsAModuleTopic) {
    const auto topic = parse_device_topic("devices/d/modules/m/messages/events/", "");
    ASSERT_TRUE(topic);
    EXPECT_EQ(topic->module_id, "m");
}

TEST(DeviceTopic, RefusesAnotherShapeAndSaysTheWayOut) {
    const auto topic = parse_device_topic("factory/d7/temp", "");
    ASSERT_FALSE(topic);
    EXPECT_EQ(topic.error().reason, "BadRequest_MalformedIngestionProperty");
    EXPECT_NE(topic.error().message.find("topic_template"), std::string::npos);
}

TEST(DeviceTopic, ReadsAnotherShapeThroughItsTemplate) {
    EXPECT_EQ(parse_device_topic("factory/d7/temp", "factory/{device_id}/{*}")->device_id, "d7");
    EXPECT_FALSE(parse_device_topic("factory/d7/temp/x", "factory/{device_id}/{*}"));
    EXPECT_TRUE(parse_device_topic("factory/d7/temp/x", "factory/{device_id}/{**}"));
}

TEST(IotHubConnection, TheBagWinsOverUserProperties) {
    const std::array<router::Message::Property, 1> headers{{{"Table", "FromHeader"}}};
    const std::array<router::Message::Property, 1> system{{{"mqtt.topic", "devices/d/messages/events/Table=FromBag"}}};
    router::Message message;
    message.headers = headers.data();
    message.header_count = headers.size();
    message.system = system.data();
    message.system_count = system.size();
    EXPECT_EQ(IotHubConnection({.name = "plant"}).routing_of(message)->table, "FromBag");
}

TEST(IotHubConnection, ABareDeviceTopicNeedsNoRouting) {
    const std::array<router::Message::Property, 1> bare{{{"mqtt.topic", "devices/d/messages/events/"}}};
    const std::array<router::Message::Property, 1> deep{{{"mqtt.topic", "devices/d/modules/m/messages/events/"}}};
    router::Message message;
    message.system_count = 1;
    message.system = bare.data();
    EXPECT_FALSE(IotHubConnection({.name = "plant"}).has_routing(message));
    message.system = deep.data();
    EXPECT_TRUE(IotHubConnection({.name = "plant"}).has_routing(message));
}

} // namespace
} // namespace sluice::connectors
