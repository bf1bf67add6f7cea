#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// The notation of durations, sizes and times in configuration files and option tables (configuration 1).
/// Errors are the second half of a sentence: `durations need a unit, such as "5s"`.
namespace sluice::config {

/// "250ms", "1.5h", "7d"; also "us" and "ns". Never negative.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// "64KiB", "10MiB", "4GiB", "1TiB"; KB, MB, GB, TB mean the same powers of two; without unit: bytes.
Result<Bytes> parse_size(std::string_view text);

/// ISO 8601: a date, or date and time with up to seven digits of a second, `Z` or an offset; without zone UTC.
Result<Ticks> parse_time(std::string_view text);

/// "90s", "1500ms": the largest unit that keeps the value whole.
std::string format_duration(std::chrono::nanoseconds duration);
/// "64MiB", "1000": the largest unit that keeps the value whole.
std::string format_size(Bytes size);
/// "2026-01-01T00:00:00Z", with seven digits of a second when there is a fraction.
std::string format_time(Ticks time);

} // namespace sluice::config
