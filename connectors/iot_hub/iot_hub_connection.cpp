#include "connectors/iot_hub/iot_hub_connection.hpp"

#include "connectors/iot_hub/device_topic.hpp"
#include "core/data/text.hpp"
#include "core/router/system_properties.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace sluice::connectors {

using router::Message;
using router::RequestedProperty;
using router::RoutingProperties;
using router::SystemProperty;

namespace {

struct RoutingName {
    std::string_view name;
    std::optional<std::string> RoutingProperties::*target;
};

// Compression and Tags are ordinary properties of this kind (data-connections 3.1, 3.2).
constexpr std::array<RoutingName, 5> kRoutingNames{{
    {"Database", &RoutingProperties::database},
    {"Table", &RoutingProperties::table},
    {"Format", &RoutingProperties::format},
    {"IngestionMappingReference", &RoutingProperties::mapping},
    {"Encoding", &RoutingProperties::encoding},
}};

std::string_view topic_of(const Message& message) { return message.system_property("mqtt.topic").value_or(std::string_view()); }

void apply(RoutingProperties& routing, std::string_view name, std::string_view value) {
    for (const RoutingName& known : kRoutingNames)
        if (known.name == name)
            routing.*known.target = std::string(value);
}

using Text = std::optional<std::string>;

/// The last property of that name in the bag, if it has a value.
Text bag_text(const DeviceTopic& topic, std::string_view name) {
    for (std::size_t i = topic.properties.size(); i-- > 0;)
        if (topic.properties[i].name == name)
            return topic.properties[i].value;
    return std::nullopt;
}

Text system_text(const Message& message, std::string_view name) {
    const auto value = message.system_property(name);
    return value ? Text(router::embedded_bytes(*value)) : std::nullopt;
}

/// The bag wins over MQTT 5 user properties: it is what a real device can send.
Text application_text(const Message& message, const DeviceTopic& topic, std::string_view name) {
    if (auto value = bag_text(topic, name))
        return value;
    const auto header = message.header(name);
    return header ? Text(std::string(*header)) : std::nullopt;
}

Text not_empty(const std::string& text) { return text.empty() ? std::nullopt : Text(text); }

/// A time that a device sent; what is none stays as it is, and its column becomes null (data-connections 3.3).
Text time_text(Text text) {
    if (const auto time = text ? data::parse_datetime(*text) : std::nullopt)
        return router::embedded_time(*time);
    return text;
}

Text first_of(Text first, Text second) { return first ? std::move(first) : std::move(second); }

/// data-connections 3.3, 3.5 and 3.8.1.
Text value_of(const Message& message, const DeviceTopic& topic, const RequestedProperty& property, Ticks received,
              const std::string& auth_method) {
    switch (property.id) {
    case SystemProperty::EnqueuedTime:
    case SystemProperty::IotEnqueuedTime:
        return router::embedded_time(message.timestamp.value_or(received));
    case SystemProperty::SequenceNumber:
    case SystemProperty::IotSequenceNumber:
    case SystemProperty::Offset:
        return std::to_string(message.sequence);
    case SystemProperty::MessageId:
        return bag_text(topic, "$.mid");
    case SystemProperty::UserId:
        return bag_text(topic, "$.uid");
    case SystemProperty::Subject:
        return bag_text(topic, "$.sub");
    case SystemProperty::ContentEncoding:
        return bag_text(topic, "$.ce");
    case SystemProperty::CorrelationId:
        return first_of(bag_text(topic, "$.cid"), system_text(message, "mqtt.correlation_data"));
    case SystemProperty::ContentType:
        return first_of(bag_text(topic, "$.ct"), system_text(message, "mqtt.content_type"));
    case SystemProperty::DeviceId:
        return not_empty(topic.device_id);
    case SystemProperty::ModuleId:
        return not_empty(topic.module_id);
    case SystemProperty::AuthMethod:
        return not_empty(auth_method);
    case SystemProperty::CreationTime:
        return time_text(first_of(bag_text(topic, "$.ctime"), application_text(message, topic, "iothub-creation-time-utc")));
    case SystemProperty::AppCreationTime:
        return time_text(application_text(message, topic, "iothub-app-iothub-creation-time-utc"));
    default: // what only a real IoT Hub can say
        return std::nullopt;
    }
}

} // namespace

bool IotHubConnection::has_routing(const Message& message) const {
    // A bare device topic says nothing about routing, and is the common case.
    constexpr std::string_view kBare = "/messages/events/";
    const std::string_view topic = topic_of(message);
    const bool bare = topic.starts_with("devices/") && topic.ends_with(kBare) && topic.find('/', 8) == topic.size() - kBare.size();
    return message.header_count > 0 || !bare;
}

Result<RoutingProperties> IotHubConnection::routing_of(const Message& message) const {
    RoutingProperties routing;
    for (std::size_t i = 0; i < message.header_count; ++i)
        if (!message.headers[i].is_null)
            apply(routing, message.headers[i].name, message.headers[i].value);
    if (!message.system_property("mqtt.topic"))
        return routing; // another plugin feeds this connection: only its headers route
    SLUICE_TRY(const DeviceTopic topic, parse_device_topic(topic_of(message), settings_.topic_template));
    for (const BagProperty& property : topic.properties) // the bag wins: it is what a real device can send
        if (property.value)
            apply(routing, property.name, *property.value);
    return routing;
}

std::vector<std::optional<std::string>> IotHubConnection::system_values(const Message& message,
                                                                        std::span<const RequestedProperty> requested,
                                                                        Ticks received) const {
    const auto parsed = parse_device_topic(topic_of(message), settings_.topic_template);
    const DeviceTopic topic = parsed ? *parsed : DeviceTopic{};
    std::vector<std::optional<std::string>> values;
    for (const RequestedProperty& property : requested)
        values.push_back(value_of(message, topic, property, received, settings_.auth_method));
    return values;
}

std::optional<std::string> IotHubConnection::skip_reason(const Message& message) const {
    if (message.payload.empty() && message.system_property("mqtt.retain") == "true")
        return "retained_clear";
    return std::nullopt;
}

std::string IotHubConnection::source_path(const Message& message, std::string_view lane) const {
    const std::string_view topic = topic_of(message);
    if (topic.empty())
        return fmt::format("source://{}/{}/{}", settings_.name, lane, message.sequence);
    const auto parsed = parse_device_topic(topic, settings_.topic_template);
    return fmt::format("mqtt://{}/{}/{}", settings_.name, parsed ? std::string_view(parsed->base) : topic, message.sequence);
}

std::string IotHubConnection::position_json(const Message& message, std::string_view lane) const {
    nlohmann::ordered_json position;
    if (const std::string_view topic = topic_of(message); !topic.empty())
        position["topic"] = topic;
    else
        position["lane"] = lane;
    position["sequence"] = message.sequence;
    return position.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace sluice::connectors
