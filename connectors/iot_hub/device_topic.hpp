#pragma once

#include "core/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::connectors {

/// An application property of a property bag; no value: the name stood alone and counts as null.
struct BagProperty {
    std::string name;
    std::optional<std::string> value;
};

/// What a topic of IoT Hub's shape says (data-connections 3.4 to 3.6).
struct DeviceTopic {
    std::string device_id, module_id;
    std::string base; ///< the topic without its property bag
    std::vector<BagProperty> properties;
};

/// "%2B" -> "+"; a malformed escape is kept as it is.
std::string percent_decode(std::string_view text);
/// "a=1&b" as in data-connections 3.5.
std::vector<BagProperty> parse_property_bag(std::string_view bag);
/// `devices/{id}/messages/events/{bag}`, `devices/{id}/modules/{module}/messages/events/{bag}`, or a topic that matches
/// `topic_template` ("factory/{device_id}/{*}"). BadRequest_MalformedIngestionProperty otherwise.
Result<DeviceTopic> parse_device_topic(std::string_view topic, std::string_view topic_template);

} // namespace sluice::connectors
