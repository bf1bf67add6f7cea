#include "core/catalog/policy.hpp"

#include "core/base/log.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

namespace sluice::catalog {
namespace {

using Json = nlohmann::ordered_json;

struct TimeSpanLimits {
    std::string_view name;
    Ticks low, high;
};
struct NumberLimits {
    std::string_view name;
    std::int32_t low, high;
};
constexpr TimeSpanLimits kTimeSpan{"MaximumBatchingTimeSpan", 10 * kTicksPerSecond, 30 * kTicksPerMinute};
constexpr NumberLimits kItems{"MaximumNumberOfItems", 1, 25'000};
constexpr NumberLimits kRawData{"MaximumRawDataSizeMB", 100, 4096};

Error policy_error(std::string_view detail) {
    return Error{ErrorCode::Invalid, fmt::format("Error during execution of a policy operation: {}", detail)};
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

Result<Json> parse_object(std::string_view text, std::string_view policy) {
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_object())
        return policy_error(fmt::format("{} should be a JSON object, such as {}", policy,
                                        policy == "StreamingIngestionPolicy"
                                            ? R"({"IsEnabled":true})"
                                            : R"({"MaximumBatchingTimeSpan":"00:00:30"})"));
    return value;
}

void warn_unknown(std::string_view policy, const std::string& property) {
    log::warn("unknown property of a policy ignored", {{"policy", policy}, {"property", property}});
}

Result<bool> read_flag(const Json& value, std::string_view name) {
    if (value.is_boolean())
        return value.get<bool>();
    if (value.is_string()) {
        // Published samples write "True" as often as true.
        const auto& text = value.get_ref<const std::string&>();
        if (same_name(text, "true") || same_name(text, "false"))
            return same_name(text, "true");
    }
    return policy_error(fmt::format("{} should be true or false", name));
}

Result<std::int32_t> read_number(const Json& value, const NumberLimits& limits) {
    std::optional<std::int64_t> number;
    if (value.is_number_unsigned())
        number = static_cast<std::int64_t>(
            std::min<std::uint64_t>(value.get<std::uint64_t>(), std::numeric_limits<std::int64_t>::max()));
    else if (value.is_number_integer())
        number = value.get<std::int64_t>();
    else if (value.is_string())
        number = data::parse_long(value.get_ref<const std::string&>());
    if (!number)
        return policy_error(fmt::format("{} should be a whole number", limits.name));
    if (*number < limits.low)
        return policy_error(fmt::format("{} should be greater than or equal to {}", limits.name, limits.low));
    if (*number > limits.high)
        return policy_error(fmt::format("{} should be less than or equal to {}", limits.name, limits.high));
    return static_cast<std::int32_t>(*number);
}

Result<Ticks> read_time_span(const Json& value, const TimeSpanLimits& limits) {
    const auto ticks =
        value.is_string() ? data::parse_timespan(value.get_ref<const std::string&>()) : std::optional<Ticks>();
    if (!ticks)
        return policy_error(fmt::format("{} should be a timespan, such as \"00:00:30\"", limits.name));
    if (*ticks < limits.low)
        return policy_error(
            fmt::format("{} should be greater than or equal to {}", limits.name, data::format_timespan(limits.low)));
    if (*ticks > limits.high)
        return policy_error(
            fmt::format("{} should be less than or equal to {}", limits.name, data::format_timespan(limits.high)));
    return *ticks;
}

Result<std::optional<double>> read_rate(const Json& value) {
    if (value.is_null())
        return std::optional<double>();
    std::optional<double> rate;
    if (value.is_number())
        rate = value.get<double>();
    else if (value.is_string())
        rate = data::parse_real(value.get_ref<const std::string&>());
    if (!rate || !std::isfinite(*rate) || *rate < 0)
        return policy_error("HintAllocatedRate should be a finite number of GB per hour greater than or equal to 0");
    return rate;
}

} // namespace

Result<StreamingPolicy> parse_streaming_policy(std::string_view json, const std::optional<StreamingPolicy>& base) {
    SLUICE_TRY(const Json object, parse_object(json, "StreamingIngestionPolicy"));
    StreamingPolicy policy = base.value_or(StreamingPolicy{});
    bool has_enabled = base.has_value();
    for (const auto& [name, value] : object.items()) {
        if (same_name(name, "IsEnabled")) {
            if (value.is_null())
                return policy_error("IsEnabled is mandatory and should be true or false");
            SLUICE_TRY(policy.is_enabled, read_flag(value, "IsEnabled"));
            has_enabled = true;
        } else if (same_name(name, "HintAllocatedRate")) {
            SLUICE_TRY(policy.hint_allocated_rate, read_rate(value));
        } else {
            warn_unknown("StreamingIngestionPolicy", name);
        }
    }
    if (!has_enabled)
        return policy_error("IsEnabled is mandatory and should be true or false");
    return policy;
}

Result<BatchingPolicy> parse_batching_policy(std::string_view json, const std::optional<BatchingPolicy>& base) {
    SLUICE_TRY(const Json object, parse_object(json, "IngestionBatchingPolicy"));
    BatchingPolicy policy = base.value_or(BatchingPolicy{});
    for (const auto& [name, value] : object.items()) {
        // A property that is null counts as not given.
        if (same_name(name, kTimeSpan.name)) {
            if (!value.is_null()) {
                SLUICE_TRY(policy.maximum_batching_time_span, read_time_span(value, kTimeSpan));
            }
        } else if (same_name(name, kItems.name)) {
            if (!value.is_null()) {
                SLUICE_TRY(policy.maximum_number_of_items, read_number(value, kItems));
            }
        } else if (same_name(name, kRawData.name)) {
            if (!value.is_null()) {
                SLUICE_TRY(policy.maximum_raw_data_size_mb, read_number(value, kRawData));
            }
        } else {
            warn_unknown("IngestionBatchingPolicy", name);
        }
    }
    return policy;
}

std::optional<Bytes> max_value_size(std::string_view encoding_policy) {
    const Json object = Json::parse(encoding_policy, nullptr, false);
    if (!object.is_object())
        return std::nullopt;
    for (const auto& [name, value] : object.items())
        if (same_name(name, "MaxValueSize") && value.is_number_unsigned() && value.get<std::uint64_t>() > 0)
            return std::min<Bytes>(value.get<std::uint64_t>(), 32_MiB);
    return std::nullopt;
}

std::string to_json(const StreamingPolicy& policy) {
    Json json;
    json["IsEnabled"] = policy.is_enabled;
    json["HintAllocatedRate"] = policy.hint_allocated_rate ? Json(*policy.hint_allocated_rate) : Json(nullptr);
    return json.dump();
}

std::string to_json(const BatchingPolicy& policy) {
    Json json;
    json[std::string(kTimeSpan.name)] = data::format_timespan(policy.maximum_batching_time_span);
    json[std::string(kItems.name)] = policy.maximum_number_of_items;
    json[std::string(kRawData.name)] = policy.maximum_raw_data_size_mb;
    return json.dump();
}

} // namespace sluice::catalog
