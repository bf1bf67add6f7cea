// Texts of scalar values: what parses can be written and parses back as the same value, blanks around it do not count,
// and numbers are those of the standard library.
#include "core/data/json_reader.hpp"
#include "core/data/number_parts.hpp"
#include "core/data/text.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

namespace sluice::fuzz {
namespace {

bool same(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}
template <class T> bool same(const T& a, const T& b) {
    return a == b;
}

template <class T, class Format>
void round_trip(std::string_view text, std::optional<T> (*parse)(std::string_view), Format format) {
    const auto value = parse(text);
    const auto padded = parse(" \t\r\n" + std::string(text) + "\n ");
    require(value.has_value() == padded.has_value() && (!value || same(*value, *padded)),
            "blanks around a value do not count", text);
    if (!value)
        return;
    const std::string written = format(*value);
    const auto again = parse(written);
    require(again && same(*again, *value), "what is written reads back as the same value", text, written);
}

void check_real(std::string_view text) {
    double expected = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), expected);
    const bool number =
        !text.empty() &&
        (text[0] == '-' ? text.size() > 1 && text[1] != 'i' && text[1] != 'n' && text[1] != 'I' && text[1] != 'N'
                        : text[0] != 'i' && text[0] != 'n' && text[0] != 'I' && text[0] != 'N');
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && number) {
        const auto value = data::parse_real(text);
        require(value && same(*value, expected), "a real is the nearest double", text);
    }
}

void check_long(std::string_view text) {
    std::int64_t expected = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), expected);
    if (read.ptr != text.data() + text.size() || text.empty())
        return;
    const auto value = data::parse_long(text);
    require(value.has_value() == (read.ec == std::errc()) && (!value || *value == expected),
            "a long is its digits, in its range", text);
}

/// The number of the JSON reader and that of a text are the same.
void check_json_number(std::string_view text) {
    data::JsonReader reader(text, data::JsonDialect::Strict);
    data::JsonNumber number;
    if (reader.done() || !reader.number(number) || !reader.done())
        return;
    const auto real = data::parse_real(text);
    require(real && same(*real, data::to_real(number.parts)), "JSON and text agree on reals", text);
    const auto decimal = data::parse_decimal(text);
    require(decimal == data::to_decimal(number.parts), "JSON and text agree on decimals", text);
}

} // namespace

void fuzz_one(std::string_view input) {
    Choices choices(input);
    const std::size_t type = choices.next(8);
    const std::string_view text = choices.rest();
    if (text.find('\0') != text.npos)
        return;
    switch (type) {
    case 0:
        return round_trip(text, data::parse_datetime, data::format_datetime);
    case 1:
        return round_trip(text, data::parse_timespan, data::format_timespan);
    case 2:
        check_real(text);
        check_json_number(text);
        return round_trip(text, data::parse_real, data::format_real);
    case 3:
        return round_trip(text, data::parse_decimal, data::format_decimal);
    case 4:
        return round_trip(text, data::parse_guid, data::format_guid);
    case 5:
        check_long(text);
        return round_trip(text, data::parse_long, [](std::int64_t value) { return std::to_string(value); });
    case 6:
        return round_trip(text, data::parse_int, [](std::int32_t value) { return std::to_string(value); });
    default:
        return round_trip(text, data::parse_bool, [](bool value) { return std::string(value ? "true" : "false"); });
    }
}

} // namespace sluice::fuzz
