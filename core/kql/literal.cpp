#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "core/kql/datetime_text.hpp"
#include "core/kql/lexer.hpp"

#include <fmt/format.h>

#include <cctype>
#include <limits>

namespace sluice::kql {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
        text.remove_suffix(1);
    return text;
}

std::string json_string(std::string_view text) {
    std::string out;
    data::append_json_string(out, text);
    return out;
}

constexpr int kMaxDynamicDepth = 128;

/// JSON over KQL's tokens, so that strings, numbers and typed literals read the same inside and outside of
/// dynamic(...).
class DynamicReader {
public:
    DynamicReader(std::string_view text, Offset at) : tokens_(tokenize(text)), at_(at) {}

    std::string run() {
        std::string out;
        value(out, 0);
        if (tokens_[next_].kind != TokenKind::End)
            fail();
        return out;
    }

private:
    [[noreturn]] void fail() const {
        fail_syntax(at_, "Query could not be parsed: the text of a dynamic literal is not well-formed JSON");
    }
    const Token& peek() const { return tokens_[next_]; }
    bool accept(std::string_view mark) {
        if (!peek().is(mark))
            return false;
        ++next_;
        return true;
    }

    void value(std::string& out, int depth) {
        if (depth > kMaxDynamicDepth)
            fail();
        if (accept("[")) {
            out += '[';
            for (bool first = true; !accept("]"); first = false) {
                if (!first && !accept(","))
                    fail();
                if (!first && peek().is("]"))
                    continue;
                if (!first)
                    out += ',';
                value(out, depth + 1);
            }
            out += ']';
        } else if (accept("{")) {
            out += '{';
            for (bool first = true; !accept("}"); first = false) {
                if (!first && !accept(","))
                    fail();
                if (!first)
                    out += ',';
                const Token& key = tokens_[next_++];
                if (!key.is_string() || !accept(":"))
                    fail();
                out += json_string(key.value.text);
                out += ':';
                value(out, depth + 1);
            }
            out += '}';
        } else {
            scalar(out);
        }
    }

    void scalar(std::string& out) {
        const bool negative = accept("-");
        if (!negative)
            accept("+");
        const Token& token = tokens_[next_];
        if (token.kind == TokenKind::Name && token.text == "null") {
            out += "null";
        } else if (token.kind == TokenKind::Literal) {
            if (negative)
                out += '-';
            out += constant_json(token.value);
        } else {
            fail();
        }
        ++next_;
    }

    std::vector<Token> tokens_;
    std::size_t next_ = 0;
    Offset at_;
};

[[noreturn]] void fail_literal(ScalarType type, std::string_view text, Offset at) {
    fail_semantic(at, fmt::format("'{}' is not a literal of the type {}", text, data::to_string(type)), "SEM0001");
}

std::optional<double> special_real(std::string_view text) {
    std::string lower;
    for (const char c : text)
        lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower == "nan")
        return std::numeric_limits<double>::quiet_NaN();
    if (lower == "inf" || lower == "+inf")
        return std::numeric_limits<double>::infinity();
    if (lower == "-inf")
        return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

std::optional<Ticks> timespan_of(std::string_view text) {
    if (const auto ticks = data::parse_timespan(text))
        return ticks;
    // "1:2" and "00:60:00": parts may have one digit.
    if (const auto clock = parse_time_of_day(text))
        return clock;
    // "15 seconds", "1.5 h": a number and a unit that the ingestion texts do not have.
    std::size_t digits = 0;
    while (digits < text.size() && (std::isdigit(static_cast<unsigned char>(text[digits])) || text[digits] == '.' ||
                                    text[digits] == '-' || text[digits] == 'e'))
        ++digits;
    const auto number = data::parse_real(text.substr(0, digits));
    const std::string_view unit = trim(text.substr(digits));
    if (!number)
        return std::nullopt;
    const auto scaled = [&](double per_unit) -> std::optional<Ticks> {
        constexpr double kEnd = 9223372036854775808.0; // of what ticks can count
        const double ticks = *number * per_unit;
        return ticks > -kEnd && ticks < kEnd ? std::optional(static_cast<Ticks>(ticks)) : std::nullopt;
    };
    if (unit.empty() || unit == "d" || unit == "day" || unit == "days")
        return scaled(kTicksPerDay);
    if (unit == "h" || unit == "hr" || unit == "hrs" || unit == "hour" || unit == "hours")
        return scaled(kTicksPerHour);
    if (unit == "m" || unit == "min" || unit == "minute" || unit == "minutes")
        return scaled(kTicksPerMinute);
    if (unit == "s" || unit == "sec" || unit == "second" || unit == "seconds")
        return scaled(kTicksPerSecond);
    if (unit == "ms" || unit == "milli" || unit == "millis" || unit == "millisec" || unit == "millisecond" ||
        unit == "milliseconds")
        return scaled(kTicksPerMillisecond);
    if (unit.starts_with("micro"))
        return scaled(kTicksPerMicrosecond);
    if (unit.starts_with("nano"))
        return scaled(0.01);
    if (unit == "tick" || unit == "ticks")
        return scaled(1);
    return std::nullopt;
}

} // namespace

std::string constant_json(const Constant& value) {
    if (value.null)
        return "null";
    switch (value.type) {
    case ScalarType::Bool:
        return value.integer ? "true" : "false";
    case ScalarType::Int:
    case ScalarType::Long:
        return fmt::format("{}", value.integer);
    case ScalarType::Real:
        return data::format_real(value.real);
    case ScalarType::Decimal:
        return json_string(data::format_decimal(value.decimal));
    case ScalarType::DateTime:
        return json_string(data::format_datetime(value.integer));
    case ScalarType::TimeSpan:
        return json_string(data::format_timespan(value.integer));
    case ScalarType::Guid:
        return json_string(data::format_guid(value.guid));
    case ScalarType::String:
        return json_string(value.text);
    case ScalarType::Dynamic:
        return value.text;
    }
    return "null";
}

std::string parse_dynamic_literal(std::string_view text, Offset at) {
    if (trim(text).empty() || trim(text) == "null")
        return "null";
    return DynamicReader(text, at).run();
}

Constant parse_typed_literal(ScalarType type, std::string_view raw, Offset at) {
    Constant value;
    value.type = type;
    std::string_view text = trim(raw);
    if (text == "null" || (text.empty() && type != ScalarType::DateTime)) {
        value.null = true;
        return value;
    }
    // long("5") and datetime("2025-03-01") carry their text in quotes.
    const auto quoted = type == ScalarType::Dynamic ? std::nullopt : parse_quoted_string(text);
    if (quoted)
        text = *quoted;
    switch (type) {
    case ScalarType::Bool:
        if (const auto parsed = data::parse_bool(text)) {
            value.integer = *parsed;
            return value;
        }
        break;
    case ScalarType::Int:
        if (const auto parsed = data::parse_int(text)) {
            value.integer = *parsed;
            return value;
        }
        break;
    case ScalarType::Long:
        if (const auto parsed = data::parse_long(text)) {
            value.integer = *parsed;
            return value;
        }
        break;
    case ScalarType::Real:
        if (const auto special = special_real(text)) {
            value.real = *special;
            return value;
        }
        if (const auto parsed = data::parse_real(text)) {
            value.real = *parsed;
            return value;
        }
        break;
    case ScalarType::Decimal:
        if (const auto parsed = data::parse_scaled_decimal(text)) {
            value.decimal = *parsed;
            return value;
        }
        break;
    case ScalarType::DateTime:
        if (text.empty() || text == "now") {
            value.text = "now";
            return value;
        }
        if (const auto parsed = parse_datetime_text(text)) {
            value.integer = *parsed;
            return value;
        }
        if (const auto parsed = parse_time_of_day(text)) {
            value.integer = *parsed;
            value.text = "today";
            return value;
        }
        break;
    case ScalarType::TimeSpan:
        if (const auto parsed = timespan_of(text)) {
            value.integer = *parsed;
            return value;
        }
        break;
    case ScalarType::Guid:
        if (const auto parsed = data::parse_guid(text)) {
            value.guid = *parsed;
            return value;
        }
        break;
    case ScalarType::Dynamic:
        value.text = parse_dynamic_literal(text, at);
        value.null = value.text == "null";
        return value;
    case ScalarType::String:
        value.text = text;
        return value;
    }
    fail_literal(type, raw, at);
}

} // namespace sluice::kql
