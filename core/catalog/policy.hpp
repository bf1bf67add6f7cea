#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::catalog {

/// Spec engine 1.2.
struct StreamingPolicy {
    bool is_enabled = false;
    std::optional<double> hint_allocated_rate; ///< GB per hour

    friend bool operator==(const StreamingPolicy&, const StreamingPolicy&) = default;
};

/// Spec engine 4.1. Limits at which a queued batch is sealed.
struct BatchingPolicy {
    Ticks maximum_batching_time_span = 5 * kTicksPerMinute;
    std::int32_t maximum_number_of_items = 500;
    std::int32_t maximum_raw_data_size_mb = 1024;

    friend bool operator==(const BatchingPolicy&, const BatchingPolicy&) = default;
};

/// The JSON text of `.alter ... policy` or `.alter-merge`: with `base`, properties that are absent keep its value (alter-merge);
/// without, they get their default. Names are matched case-insensitively. Errors carry the texts of engine 1.2 and 4.1:
/// "Error during execution of a policy operation: ...".
Result<StreamingPolicy> parse_streaming_policy(std::string_view json, const std::optional<StreamingPolicy>& base);
Result<BatchingPolicy> parse_batching_policy(std::string_view json, const std::optional<BatchingPolicy>& base);

/// The text of `.show ... policy`, `{"IsEnabled":true,"HintAllocatedRate":null}`.
/// The MaxValueSize of an encoding policy, 1 byte to 32 MiB (BigObject32); nothing when it does not say one.
std::optional<Bytes> max_value_size(std::string_view encoding_policy);

std::string to_json(const StreamingPolicy& policy);
std::string to_json(const BatchingPolicy& policy);

} // namespace sluice::catalog
