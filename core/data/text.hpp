#pragma once

#include "core/base/clock.hpp"
#include "core/data/type.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Texts of scalar values: what ingestion accepts (spec formats-and-mappings 8) and what the wire shows (rest-api 7).
/// Parsing is exact and allocates nothing; what does not parse is nothing, never a guess. Blanks, tabs and line ends
/// around a value do not count.
namespace sluice::data {

std::optional<bool> parse_bool(std::string_view text);
std::optional<std::int32_t> parse_int(std::string_view text);
std::optional<std::int64_t> parse_long(std::string_view text);
std::optional<double> parse_real(std::string_view text);
std::optional<Decimal> parse_decimal(std::string_view text);
/// The same with the scale that the number needs: at most 34 digits before the point, rounded to 34 in all. Numbers
/// that a Decimal holds exactly get its scale.
std::optional<ScaledDecimal> parse_scaled_decimal(std::string_view text);
/// All families of formats-and-mappings 8.1: ISO 8601, RFC 822, RFC 850, sortable, Unix times as the page says. UTC
/// ticks.
std::optional<Ticks> parse_datetime(std::string_view text);
std::optional<Ticks> parse_timespan(std::string_view text);
std::optional<Guid> parse_guid(std::string_view text);

/// "2025-03-01T10:00:00Z", or with exactly 7 fractional digits when they are not zero.
std::string format_datetime(Ticks ticks);
/// "[-][d.]hh:mm:ss[.fffffff]"
std::string format_timespan(Ticks ticks);
/// Lower case with hyphens.
std::string format_guid(Guid guid);
/// Shortest text without exponent: "1.5", "0".
std::string format_decimal(ScaledDecimal value);
/// The fewest digits that read back as the same value, always with '.' or an exponent: "1.0", "1e+300"; "NaN",
/// "Infinity",
/// "-Infinity".
std::string format_real(double value);

/// Appends `text` with the escapes of tsve (formats-and-mappings 3.2): \t, \n, \r and \\.
void append_tsv_escaped(std::string& out, std::string_view text);

/// RFC 4648 with padding.
std::string base64(std::string_view bytes);

/// A calendar date and time of day, for code that needs the parts of a point in time.
struct CivilTime {
    int year, month, day, hour, minute, second;
    Ticks fraction; ///< below one second
};
CivilTime to_civil(Ticks ticks);
/// Nothing when a part is out of range or the date does not exist.
std::optional<Ticks> from_civil(const CivilTime& civil);

} // namespace sluice::data
