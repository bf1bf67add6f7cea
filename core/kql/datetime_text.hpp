#pragma once

#include "core/base/clock.hpp"

#include <optional>
#include <string_view>

namespace sluice::kql {

/// A point in time as people write it in a query: everything that ingestion reads (data::parse_datetime), and besides
/// that a year or a year and month alone, one-digit months and days, month before day with slashes or dashes, names of
/// months, and commas between the parts.
std::optional<Ticks> parse_datetime_text(std::string_view text);

/// A time of day alone ("8:00"): ticks since midnight. In a query it means that time of the current day.
std::optional<Ticks> parse_time_of_day(std::string_view text);

} // namespace sluice::kql
