#include "core/data/text.hpp"

#include "core/data/text_scan.hpp"

#include <charconv>
#include <cmath>

namespace sluice::data {
namespace {

/// `count` hexadecimal digits at `text`; false when one of them is something else.
bool read_hex(const char* text, int count, std::uint64_t& value) {
    for (int i = 0; i < count; ++i) {
        const int digit = hex_digit(text[i]);
        if (digit < 0)
            return false;
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    return true;
}

void append_two(std::string& out, int value) {
    out += static_cast<char>('0' + value / 10);
    out += static_cast<char>('0' + value % 10);
}

/// '.' and seven digits, or nothing for zero.
void append_fraction(std::string& out, std::uint64_t fraction) {
    if (fraction == 0)
        return;
    char digits[8] = {'.'};
    for (int i = 7; i > 0; --i) {
        digits[i] = static_cast<char>('0' + fraction % 10);
        fraction /= 10;
    }
    out.append(digits, 8);
}

} // namespace

std::optional<Guid> parse_guid(std::string_view text) {
    text = trim(text);
    if (text.size() == 34 || text.size() == 38) {
        const bool braces = text.front() == '{' && text.back() == '}';
        const bool parentheses = text.front() == '(' && text.back() == ')';
        if (!braces && !parentheses)
            return std::nullopt;
        text = text.substr(1, text.size() - 2);
    }
    const char* p = text.data();
    Guid guid;
    if (text.size() == 32) {
        if (read_hex(p, 16, guid.high) && read_hex(p + 16, 16, guid.low))
            return guid;
        return std::nullopt;
    }
    if (text.size() != 36 || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
        return std::nullopt;
    if (read_hex(p, 8, guid.high) && read_hex(p + 9, 4, guid.high) && read_hex(p + 14, 4, guid.high) &&
        read_hex(p + 19, 4, guid.low) && read_hex(p + 24, 12, guid.low))
        return guid;
    return std::nullopt;
}

std::string format_guid(Guid guid) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(36);
    for (int i = 0; i < 32; ++i) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out += '-';
        const std::uint64_t half = i < 16 ? guid.high : guid.low;
        out += kDigits[half >> (60 - 4 * (i % 16)) & 15];
    }
    return out;
}

std::string format_datetime(Ticks ticks) {
    const CivilTime civil = to_civil(ticks);
    std::string out;
    out.reserve(28);
    append_two(out, civil.year / 100);
    append_two(out, civil.year % 100);
    out += '-';
    append_two(out, civil.month);
    out += '-';
    append_two(out, civil.day);
    out += 'T';
    append_two(out, civil.hour);
    out += ':';
    append_two(out, civil.minute);
    out += ':';
    append_two(out, civil.second);
    append_fraction(out, static_cast<std::uint64_t>(civil.fraction));
    out += 'Z';
    return out;
}

std::string format_timespan(Ticks ticks) {
    std::string out;
    out.reserve(27);
    if (ticks < 0)
        out += '-';
    // Unsigned, because the magnitude of the smallest value has no signed form.
    std::uint64_t rest = ticks < 0 ? 0 - static_cast<std::uint64_t>(ticks) : static_cast<std::uint64_t>(ticks);
    if (const std::uint64_t days = rest / kTicksPerDay; days != 0) {
        out += std::to_string(days);
        out += '.';
    }
    rest %= kTicksPerDay;
    append_two(out, static_cast<int>(rest / kTicksPerHour));
    out += ':';
    append_two(out, static_cast<int>(rest % kTicksPerHour / kTicksPerMinute));
    out += ':';
    append_two(out, static_cast<int>(rest % kTicksPerMinute / kTicksPerSecond));
    append_fraction(out, rest % kTicksPerSecond);
    return out;
}

std::string format_decimal(ScaledDecimal value) {
    using Unsigned = unsigned __int128;
    const bool negative = value.units < 0;
    Unsigned rest = negative ? -static_cast<Unsigned>(value.units) : static_cast<Unsigned>(value.units);
    char digits[48];
    char* const end = digits + sizeof digits;
    char* at = end;
    char* last = end; // behind the last digit that is shown
    for (int place = 0; place < value.scale; ++place, rest /= 10) {
        const char digit = static_cast<char>('0' + static_cast<int>(rest % 10));
        *--at = digit;
        if (digit == '0' && last == at + 1)
            last = at;
    }
    if (last != at)
        *--at = '.';
    else
        last = at;
    do {
        *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (negative)
        *--at = '-';
    return std::string(at, last);
}

std::string format_real(double value) {
    if (std::isnan(value))
        return "NaN";
    if (std::isinf(value))
        return value < 0 ? "-Infinity" : "Infinity";
    // The plain form as far as people read it without counting zeros; to_chars alone would write 100000 as 1e+05.
    const double magnitude = std::abs(value);
    const bool plain = value == 0 || (magnitude >= 1e-5 && magnitude < 1e15);
    char digits[64];
    const auto written = std::to_chars(digits, digits + sizeof digits, value,
                                       plain ? std::chars_format::fixed : std::chars_format::scientific);
    std::string out(digits, written.ptr);
    if (plain && out.find('.') == std::string::npos)
        out += ".0";
    return out;
}

void append_tsv_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
        case '\t':
            out += "\\t";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            out += c;
        }
    }
}

std::string base64(std::string_view bytes) {
    constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? kLetters[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

} // namespace sluice::data
