#pragma once

#include "core/base/clock.hpp"
#include "core/data/avro_schema.hpp"

#include <cstdint>
#include <optional>

/// Internal to core/data: Avro's logical types of time as ticks.
namespace sluice::data {

inline bool is_avro_date(AvroType::Logical logical) {
    return logical == AvroType::Logical::Date ||
           (logical >= AvroType::Logical::TimestampMillis && logical <= AvroType::Logical::TimestampNanos);
}
inline bool is_avro_time(AvroType::Logical logical) {
    return logical == AvroType::Logical::TimeMillis || logical == AvroType::Logical::TimeMicros;
}

/// Ticks since 0001-01-01; nothing outside of 0001..9999.
inline std::optional<Ticks> avro_datetime(std::int64_t value, AvroType::Logical logical) {
    using Logical = AvroType::Logical;
    Ticks ticks = 0;
    if (logical == Logical::TimestampNanos) {
        ticks = value / 100 - (value % 100 < 0 ? 1 : 0);
    } else {
        const Ticks unit = logical == Logical::Date              ? 86'400 * kTicksPerSecond
                           : logical == Logical::TimestampMillis ? kTicksPerSecond / 1000
                                                                 : 10;
        if (__builtin_mul_overflow(value, unit, &ticks))
            return std::nullopt;
    }
    if (ticks < -kUnixEpochTicks || ticks > kMaxDateTimeTicks - kUnixEpochTicks)
        return std::nullopt;
    return kUnixEpochTicks + ticks;
}

inline std::optional<Ticks> avro_timespan(std::int64_t value, AvroType::Logical logical) {
    Ticks ticks = 0;
    if (__builtin_mul_overflow(value, logical == AvroType::Logical::TimeMillis ? kTicksPerSecond / 1000 : 10, &ticks))
        return std::nullopt;
    return ticks;
}

} // namespace sluice::data
