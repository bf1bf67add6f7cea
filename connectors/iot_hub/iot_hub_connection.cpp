#include "connectors/iot_hub/iot_hub_connection.hpp"

#include "connectors/iot_hub/device_topic.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace sluice::connectors {

using router::Message;
using router::RoutingProperties;

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
