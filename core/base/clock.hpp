#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

/// Kusto's unit of time: 100 ns. Points count from 0001-01-01T00:00:00Z, so they fit 0001..9999 in 64 bits (spec engine 6.1).
using Ticks = std::int64_t;
constexpr Ticks kTicksPerMicrosecond = 10;
constexpr Ticks kTicksPerMillisecond = 10'000;
constexpr Ticks kTicksPerSecond = 10'000'000;
constexpr Ticks kTicksPerMinute = 60 * kTicksPerSecond;
constexpr Ticks kTicksPerHour = 60 * kTicksPerMinute;
constexpr Ticks kTicksPerDay = 24 * kTicksPerHour;
/// 1970-01-01T00:00:00Z.
constexpr Ticks kUnixEpochTicks = 621'355'968'000'000'000;
/// 9999-12-31T23:59:59.9999999Z, the last point in time.
constexpr Ticks kMaxDateTimeTicks = 3'155'378'975'999'999'999;

constexpr Ticks ticks_from_unix_ns(std::int64_t ns) {
    // Floor, so that times before 1970 do not round up.
    const std::int64_t ticks = ns / 100 - (ns % 100 < 0 ? 1 : 0);
    return kUnixEpochTicks + ticks;
}
constexpr std::int64_t unix_ns_from_ticks(Ticks ticks) { return (ticks - kUnixEpochTicks) * 100; }

/// Where time comes from, so that tests can own it. Thread-safe.
class Clock {
public:
    using Steady = std::chrono::steady_clock;

    virtual ~Clock() = default;
    /// Wall-clock time, UTC. May jump.
    virtual Ticks now() const = 0;
    /// For deadlines and durations. Never jumps.
    virtual Steady::time_point steady() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
public:
    Ticks now() const override {
        const auto since = std::chrono::system_clock::now().time_since_epoch();
        return ticks_from_unix_ns(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
    }
    Steady::time_point steady() const override { return Steady::now(); }
};

} // namespace sluice
