#include "connectors/event_hub/event_hub_connection.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <charconv>

namespace sluice::connectors {

using router::Message;
using router::RoutingProperties;

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
