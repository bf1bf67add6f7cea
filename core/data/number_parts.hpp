#pragma once

#include "core/data/type.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::data {

/// A decimal or scientific number taken apart: its digits, read as one number, times 10^(exponent - behind_point).
/// Internal to core/data. Does not own the text.
struct NumberParts {
    bool negative = false;
    const char* begin = nullptr; ///< of the digits, among which is at most one '.'
    const char* end = nullptr;   ///< of the digits
    const char* text_end = nullptr;
    std::int64_t exponent = 0;
    std::uint64_t mantissa = 0; ///< all digits as one number, when there are at most 19
    int digits = 0;             ///< significant ones: leading zeros do not count; 0 is the number zero
    int behind_point = 0;

    /// The digits are a whole number that fits 64 bits with its sign.
    bool small_integer() const { return digits <= 18 && behind_point == 0 && exponent == 0; }
    std::int64_t small_value() const {
        const auto value = static_cast<std::int64_t>(mantissa);
        return negative ? -value : value;
    }
    /// Power of ten of the first significant digit.
    std::int64_t leading_power() const { return exponent - behind_point + digits - 1; }
};

/// [+-]digits[.digits][e[+-]digits] with at least one digit before or behind the point.
bool split_number(std::string_view text, NumberParts& parts);

/// The nearest double; out of range: infinity or zero.
double to_real(const NumberParts& parts);
/// Rounded half to even to what a Decimal holds; nothing when the whole part does not fit.
std::optional<Decimal> to_decimal(const NumberParts& parts);
/// Nothing unless the number is whole and fits: 3, 3.0, 1e2.
std::optional<std::int64_t> to_whole(const NumberParts& parts);
/// floor(number * 10^shift).
std::optional<std::int64_t> to_scaled_floor(const NumberParts& parts, int shift);

} // namespace sluice::data
