#include "connectors/iot_hub/device_topic.hpp"

#include <fmt/format.h>

namespace sluice::connectors {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return std::nullopt;
}

/// The bag after `fixed` levels; everything behind them belongs to it.
std::string_view rest_of(std::string_view topic, std::size_t levels) {
    for (; levels > 0; --levels) {
        const std::size_t end = topic.find('/');
        if (end == std::string_view::npos)
            return {};
        topic.remove_prefix(end + 1);
    }
    return topic;
}

void take_bag(DeviceTopic& parsed, std::string_view topic, std::string_view bag) {
    parsed.base = std::string(topic.substr(0, topic.size() - bag.size()));
    parsed.properties = parse_property_bag(bag);
}

std::optional<DeviceTopic> match_iot_hub(std::string_view topic) {
    const auto levels = split(topic, '/');
    DeviceTopic parsed;
    if (levels.size() >= 4 && levels[0] == "devices" && levels[2] == "messages" && levels[3] == "events") {
        parsed.device_id = percent_decode(levels[1]);
        take_bag(parsed, topic, rest_of(topic, 4));
        return parsed;
    }
    if (levels.size() >= 6 && levels[0] == "devices" && levels[2] == "modules" && levels[4] == "messages" && levels[5] == "events") {
        parsed.device_id = percent_decode(levels[1]);
        parsed.module_id = percent_decode(levels[3]);
        take_bag(parsed, topic, rest_of(topic, 6));
        return parsed;
    }
    return std::nullopt;
}

std::optional<DeviceTopic> match_template(std::string_view topic, std::string_view pattern) {
    const auto levels = split(topic, '/');
    const auto wanted = split(pattern, '/');
    DeviceTopic parsed;
    parsed.base = topic;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == "{**}")
            return parsed;
        if (wanted[i] == "{bag}") {
            take_bag(parsed, topic, i < levels.size() ? rest_of(topic, i) : std::string_view());
            return parsed;
        }
        if (i >= levels.size())
            return std::nullopt;
        if (wanted[i] == "{device_id}")
            parsed.device_id = percent_decode(levels[i]);
        else if (wanted[i] == "{module_id}")
            parsed.module_id = percent_decode(levels[i]);
        else if (wanted[i] != "{*}" && wanted[i] != levels[i])
            return std::nullopt;
    }
    return levels.size() == wanted.size() ? std::optional(parsed) : std::nullopt;
}

} // namespace

std::string percent_decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const auto high = hex_digit(text[i + 1]);
            const auto low = hex_digit(text[i + 2]);
            if (high && low) {
                decoded += static_cast<char>(*high * 16 + *low);
                i += 2;
                continue;
            }
        }
        decoded += text[i];
    }
    return decoded;
}

std::vector<BagProperty> parse_property_bag(std::string_view bag) {
    if (bag.starts_with('?'))
        bag.remove_prefix(1);
    if (bag.ends_with('/'))
        bag.remove_suffix(1);
    std::vector<BagProperty> properties;
    for (std::string_view segment : split(bag, '&')) {
        const std::size_t equals = segment.find('=');
        BagProperty property{percent_decode(segment.substr(0, equals)), std::nullopt};
        if (property.name.empty())
            continue;
        if (equals != std::string_view::npos)
            property.value = percent_decode(segment.substr(equals + 1));
        properties.push_back(std::move(property));
    }
    return properties;
}

Result<DeviceTopic> parse_device_topic(std::string_view topic, std::string_view topic_template) {
    if (auto parsed = match_iot_hub(topic))
        return *parsed;
    if (!topic_template.empty())
        if (auto parsed = match_template(topic, topic_template))
            return *parsed;
    return Error{ErrorCode::Invalid,
                 fmt::format("Topic '{}' has not the shape devices/{{id}}/messages/events/; set topic_template on the connection to "
                             "read topics of another shape.",
                             topic),
                 "BadRequest_MalformedIngestionProperty"};
}

} // namespace sluice::connectors
