#include "connectors/event_hub/event_hub_connection.hpp"

#include "core/router/system_properties.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <charconv>

namespace sluice::connectors {

using router::Message;
using router::RequestedProperty;
using router::RoutingProperties;
using router::SystemProperty;

namespace {

struct RoutingHeader {
    std::string_view name;
    std::optional<std::string> RoutingProperties::*target;
};

// Case-sensitive names (data-connections 2.2).
constexpr std::array<RoutingHeader, 7> kRoutingHeaders{{
    {"Database", &RoutingProperties::database},
    {"Table", &RoutingProperties::table},
    {"Format", &RoutingProperties::format},
    {"IngestionMappingReference", &RoutingProperties::mapping},
    {"Compression", &RoutingProperties::compression},
    {"Encoding", &RoutingProperties::encoding},
    {"Tags", &RoutingProperties::tags},
}};

std::optional<std::string> header_text(const Message& message, std::string_view name) {
    const auto value = message.header(name);
    return value ? std::optional(std::string(decode_header(*value))) : std::nullopt;
}

/// Null and empty keys are told apart by the pointer, as Kafka does.
std::optional<std::string> key_text(const Message& message) {
    return message.key.data() == nullptr ? std::nullopt : std::optional(router::embedded_bytes(message.key));
}

std::optional<std::string> system_text(const Message& message, std::string_view name) {
    const auto value = message.system_property(name);
    return value ? std::optional(std::string(*value)) : std::nullopt;
}

/// data-connections 2.9.1. What is not Kafka has the sequence of its lane for an offset.
std::optional<std::string> value_of(const Message& message, const RequestedProperty& property, Ticks received) {
    switch (property.id) {
    case SystemProperty::EnqueuedTime:
    case SystemProperty::IotEnqueuedTime:
        return router::embedded_time(message.timestamp.value_or(received));
    case SystemProperty::SequenceNumber:
    case SystemProperty::IotSequenceNumber:
    case SystemProperty::Offset: {
        const auto offset = system_text(message, "kafka.offset");
        return offset ? offset : std::to_string(message.sequence);
    }
    case SystemProperty::KafkaTopic:
        return system_text(message, "kafka.topic");
    case SystemProperty::KafkaPartition:
        return system_text(message, "kafka.partition");
    case SystemProperty::KafkaKey:
        return key_text(message);
    case SystemProperty::PartitionKey: {
        const auto header = header_text(message, "x-opt-partition-key");
        return header ? header : key_text(message);
    }
    default: // IoT Central and senders to a publisher endpoint bring theirs as headers
        return header_text(message, property.name);
    }
}

} // namespace

std::string_view decode_header(std::string_view value) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(value[i]); };
    if (value.size() >= 2 && (byte(0) == 0xA1 || byte(0) == 0xA3) && value.size() == 2u + byte(1))
        return value.substr(2);
    if (value.size() >= 5 && (byte(0) == 0xB1 || byte(0) == 0xB3)) {
        const std::size_t size = (std::size_t{byte(1)} << 24) | (std::size_t{byte(2)} << 16) | (std::size_t{byte(3)} << 8) | byte(4);
        if (value.size() == 5 + size)
            return value.substr(5);
    }
    return value;
}

Result<RoutingProperties> EventHubConnection::routing_of(const Message& message) const {
    RoutingProperties routing;
    for (const RoutingHeader& header : kRoutingHeaders) {
        const auto value = message.header(header.name);
        if (!value)
            continue;
        const std::string_view text = decode_header(*value);
        if (text.size() > 1024 && header.target != &RoutingProperties::tags)
            return Error{ErrorCode::Invalid, fmt::format("Event property {} has more than 1024 characters.", header.name),
                         "BadRequest_EntityNameIsNotValid"};
        routing.*header.target = std::string(text);
    }
    return routing;
}

std::vector<std::optional<std::string>> EventHubConnection::system_values(const Message& message,
                                                                          std::span<const RequestedProperty> requested,
                                                                          Ticks received) const {
    std::vector<std::optional<std::string>> values;
    for (const RequestedProperty& property : requested)
        values.push_back(value_of(message, property, received));
    return values;
}

std::optional<std::string> EventHubConnection::skip_reason(const Message& message) const {
    if (message.payload_is_null)
        return "tombstone";
    return std::nullopt;
}

std::string EventHubConnection::source_path(const Message& message, std::string_view lane) const {
    const auto topic = message.system_property("kafka.topic");
    const auto partition = message.system_property("kafka.partition");
    const auto at = message.system_property("kafka.offset");
    if (topic && partition && at)
        return fmt::format("kafka://{}/{}/{}/{}", settings_.name, *topic, *partition, *at);
    return fmt::format("source://{}/{}/{}", settings_.name, lane, message.sequence);
}

std::string EventHubConnection::position_json(const Message& message, std::string_view lane) const {
    nlohmann::ordered_json position;
    const auto topic = message.system_property("kafka.topic");
    const auto number = [&](std::string_view name) -> std::optional<std::int64_t> {
        const auto text = message.system_property(name);
        std::int64_t value = 0;
        if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc())
            return std::nullopt;
        return value;
    };
    const auto partition = number("kafka.partition");
    const auto at = number("kafka.offset");
    if (topic && partition && at) {
        position["topic"] = *topic;
        position["partition"] = *partition;
        position["offset"] = *at;
    } else {
        position["lane"] = lane;
        position["sequence"] = message.sequence;
    }
    return position.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace sluice::connectors
