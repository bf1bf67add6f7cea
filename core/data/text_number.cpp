#include "core/data/number_parts.hpp"
#include "core/data/text.hpp"
#include "core/data/text_scan.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace sluice::data {
namespace {

std::optional<std::int64_t> with_sign(std::uint64_t magnitude, bool negative) {
    constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
    if (magnitude > (negative ? kLimit : kLimit - 1))
        return std::nullopt;
    return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

/// [+-]digits in -2^63..2^63-1, or 0x and 1 to `hex_digits` digits, which are taken as they are.
bool read_integer(std::string_view text, int hex_digits, std::int64_t& value) {
    const char* p = text.data();
    const char* const end = p + text.size();
    if (text.size() > 2 && p[0] == '0' && lower(p[1]) == 'x') {
        p += 2;
        if (end - p > hex_digits)
            return false;
        std::uint64_t bits = 0;
        for (; p != end; ++p) {
            const int digit = hex_digit(*p);
            if (digit < 0)
                return false;
            bits = bits << 4 | static_cast<std::uint64_t>(digit);
        }
        value = static_cast<std::int64_t>(bits);
        return true;
    }
    const bool negative = p != end && *p == '-';
    if (p != end && (*p == '-' || *p == '+'))
        ++p;
    if (p == end)
        return false;
    while (end - p > 1 && *p == '0')
        ++p;
    if (end - p > 19)
        return false;
    std::uint64_t magnitude = 0;
    for (; p != end; ++p) {
        if (!is_digit(*p))
            return false;
        magnitude = magnitude * 10 + static_cast<std::uint64_t>(*p - '0');
    }
    const auto in_range = with_sign(magnitude, negative);
    value = in_range.value_or(0);
    return in_range.has_value();
}

constexpr std::array<double, 23> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

std::optional<double> parse_special_real(std::string_view text) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (equals_ignoring_case(text, "nan"))
        return std::numeric_limits<double>::quiet_NaN();
    if (equals_ignoring_case(text, "inf") || equals_ignoring_case(text, "+inf") ||
        equals_ignoring_case(text, "infinity"))
        return kInfinity;
    if (equals_ignoring_case(text, "-inf") || equals_ignoring_case(text, "-infinity"))
        return -kInfinity;
    return std::nullopt;
}

__extension__ using Units = __int128;

constexpr int kIntegerDigits = Decimal::kPrecision - Decimal::kScale;

/// number * 10^scale, rounded half to even to 34 significant digits; nothing when that has more than 38 digits.
std::optional<Units> to_units(const NumberParts& parts, int scale) {
    if (parts.digits == 0)
        return Units{0};
    std::int64_t power = parts.leading_power();
    if (power >= Decimal::kPrecision - scale)
        return std::nullopt;
    // Digits of a smaller power are rounded away, ties to even.
    const std::int64_t last = std::max<std::int64_t>(-scale, power - ScaledDecimal::kSignificant + 1);
    Units units = 0;
    std::int64_t place = -scale;
    int first_dropped = 0;
    bool more_dropped = false, started = false;
    for (const char* p = parts.begin; p != parts.end; ++p) {
        if (*p == '.' || (!started && *p == '0'))
            continue;
        started = true;
        const int digit = *p - '0';
        if (power >= last) {
            units = units * 10 + digit;
            place = power;
        } else if (power == last - 1) {
            first_dropped = digit;
        } else {
            more_dropped |= digit != 0;
        }
        --power;
    }
    if (first_dropped > 5 || (first_dropped == 5 && (more_dropped || units % 2 != 0)))
        ++units;
    for (; place > -scale; --place)
        units *= 10;
    Units limit = 1;
    for (int i = 0; i < Decimal::kPrecision; ++i)
        limit *= 10;
    if (units >= limit)
        return std::nullopt;
    return parts.negative ? -units : units;
}

/// The digits of power 10^-shift and above as a whole number, and whether others that are not zero follow.
bool whole_part(const NumberParts& parts, int shift, std::uint64_t& units, bool& more) {
    units = 0;
    more = false;
    if (parts.digits == 0)
        return true;
    std::int64_t power = parts.leading_power() + shift;
    if (power > 18)
        return false;
    bool started = false;
    for (const char* p = parts.begin; p != parts.end; ++p) {
        if (*p == '.' || (!started && *p == '0'))
            continue;
        started = true;
        if (power >= 0)
            units = units * 10 + static_cast<std::uint64_t>(*p - '0');
        else
            more |= *p != '0';
        --power;
    }
    for (; power >= 0; --power)
        units *= 10;
    return true;
}

} // namespace

bool split_number(std::string_view text, NumberParts& parts) {
    const char* p = text.data();
    const char* const end = p + text.size();
    parts = {};
    parts.text_end = end;
    if (p != end && (*p == '-' || *p == '+'))
        parts.negative = *p++ == '-';
    parts.begin = p;
    bool point = false, any = false;
    for (; p != end; ++p) {
        if (is_digit(*p)) {
            any = true;
            parts.behind_point += point;
            if (parts.digits > 0 || *p != '0')
                ++parts.digits;
            if (parts.digits <= 19)
                parts.mantissa = parts.mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
        } else if (*p == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    parts.end = p;
    if (!any)
        return false;
    if (p == end)
        return true;
    if (lower(*p) != 'e')
        return false;
    ++p;
    const bool negative = p != end && *p == '-';
    if (p != end && (*p == '-' || *p == '+'))
        ++p;
    if (p == end)
        return false;
    for (; p != end; ++p) {
        if (!is_digit(*p))
            return false;
        // Beyond any number that has a value; kept from running over.
        parts.exponent = std::min<std::int64_t>(parts.exponent * 10 + (*p - '0'), 1'000'000'000);
    }
    if (negative)
        parts.exponent = -parts.exponent;
    return true;
}

double to_real(const NumberParts& parts) {
    const std::int64_t power = parts.exponent - parts.behind_point;
    // Both factors are exact in a double, so the one rounding of the product or quotient is the right one.
    if (parts.digits <= 19 && parts.mantissa <= (std::uint64_t{1} << 53) && power >= -22 && power <= 22) {
        const double mantissa = static_cast<double>(parts.mantissa);
        const double value = power < 0 ? mantissa / kPowersOfTen[static_cast<std::size_t>(-power)]
                                       : mantissa * kPowersOfTen[static_cast<std::size_t>(power)];
        return parts.negative ? -value : value;
    }
    double value = 0;
    const auto read = std::from_chars(parts.begin, parts.text_end, value);
    if (read.ec == std::errc::result_out_of_range)
        value = parts.leading_power() > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    return parts.negative ? -value : value;
}

std::optional<std::int64_t> to_whole(const NumberParts& parts) {
    std::uint64_t units = 0;
    bool more = false;
    if (!whole_part(parts, 0, units, more) || more)
        return std::nullopt;
    return with_sign(units, parts.negative);
}

std::optional<std::int64_t> to_scaled_floor(const NumberParts& parts, int shift) {
    std::uint64_t units = 0;
    bool more = false;
    if (!whole_part(parts, shift, units, more))
        return std::nullopt;
    return with_sign(units + (parts.negative && more), parts.negative);
}

std::optional<bool> parse_bool(std::string_view text) {
    text = trim(text);
    if (equals_ignoring_case(text, "true"))
        return true;
    if (equals_ignoring_case(text, "false"))
        return false;
    std::int64_t value = 0;
    if (!read_integer(text, 16, value))
        return std::nullopt;
    return value != 0;
}

std::optional<std::int32_t> parse_int(std::string_view text) {
    std::int64_t value = 0;
    // Fifteen hexadecimal digits keep their sign, so that 0xFFFFFFFF is out of range here and not -1.
    if (!read_integer(trim(text), 15, value) || value < std::numeric_limits<std::int32_t>::min() ||
        value > std::numeric_limits<std::int32_t>::max())
        return std::nullopt;
    return static_cast<std::int32_t>(value);
}

std::optional<std::int64_t> parse_long(std::string_view text) {
    std::int64_t value = 0;
    if (!read_integer(trim(text), 16, value))
        return std::nullopt;
    return value;
}

std::optional<double> parse_real(std::string_view text) {
    text = trim(text);
    NumberParts parts;
    return split_number(text, parts) ? to_real(parts) : parse_special_real(text);
}

std::optional<Decimal> parse_decimal(std::string_view text) {
    NumberParts parts;
    if (!split_number(trim(text), parts))
        return std::nullopt;
    return to_decimal(parts);
}

std::optional<ScaledDecimal> parse_scaled_decimal(std::string_view text) {
    NumberParts parts;
    if (!split_number(trim(text), parts))
        return std::nullopt;
    if (parts.digits == 0)
        return ScaledDecimal();
    const std::int64_t before_point = parts.leading_power() + 1;
    const std::int64_t behind_point = std::max<std::int64_t>(parts.behind_point - parts.exponent, 0);
    if (before_point > ScaledDecimal::kSignificant)
        return std::nullopt;
    int scale = Decimal::kScale;
    if (before_point > kIntegerDigits || behind_point > scale)
        scale = static_cast<int>(
            std::min<std::int64_t>(behind_point, Decimal::kPrecision - std::max<std::int64_t>(before_point, 0)));
    const auto units = to_units(parts, scale);
    // Rounding may have carried into a digit that has no place beside so many behind the point.
    return units ? std::optional(ScaledDecimal(*units, scale)) : std::nullopt;
}

std::optional<Decimal> to_decimal(const NumberParts& parts) {
    const auto units = to_units(parts, Decimal::kScale);
    return units ? std::optional(Decimal{*units}) : std::nullopt;
}

} // namespace sluice::data
