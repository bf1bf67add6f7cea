#include "core/data/text.hpp"
#include "core/kql/datetime_text.hpp"
#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <cmath>

namespace sluice::kql {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() &&
           (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' || text.front() == '\r'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

std::optional<bool> to_bool(std::string_view text) {
    text = trim(text);
    if (const auto value = data::parse_bool(text))
        return value;
    if (const auto number = data::parse_long(text))
        return *number != 0;
    return std::nullopt;
}

std::optional<std::int64_t> to_long(std::string_view text) {
    text = trim(text);
    if (text.empty())
        return std::nullopt;
    if (const auto value = data::parse_long(text))
        return value;
    return std::nullopt;
}

std::optional<std::int32_t> to_int(std::string_view text) {
    const auto value = to_long(text);
    if (!value || *value != static_cast<std::int32_t>(*value))
        return std::nullopt;
    return static_cast<std::int32_t>(*value);
}

std::optional<double> to_real(std::string_view text) {
    text = trim(text);
    if (text.empty())
        return std::nullopt;
    if (const auto value = data::parse_real(text))
        return value;
    if (const auto value = data::parse_long(text))
        return static_cast<double>(*value);
    return std::nullopt;
}

std::optional<Ticks> to_timespan(std::string_view text) {
    return data::parse_timespan(trim(text));
}

bool is_number(std::string_view json) {
    return !json.empty() && (json.front() == '-' || (json.front() >= '0' && json.front() <= '9'));
}

/// The conversions of dynamic values: texts as those of strings, numbers and bools by value, the rest not at all.
template <class T, class Parse> std::optional<T> from_dynamic(std::string_view json, Parse parse) {
    if (json.empty() || json.front() == '{' || json.front() == '[' || json == "null")
        return std::nullopt;
    if (json.front() == '"')
        return parse(std::string_view(dynamic_to_string(json)));
    return parse(json);
}

std::optional<std::int64_t> truncated(std::optional<double> number) {
    constexpr double kEnd = 9223372036854775808.0;
    if (!number || !(*number > -kEnd && *number < kEnd))
        return std::nullopt;
    return static_cast<std::int64_t>(*number);
}

std::optional<std::int64_t> dynamic_to_long(std::string_view json) {
    if (json == "true" || json == "false")
        return json == "true";
    const auto exact = from_dynamic<std::int64_t>(json, to_long);
    return exact || !is_number(json) ? exact : truncated(data::parse_real(json));
}

std::optional<double> dynamic_to_real(std::string_view json) {
    if (json == "true" || json == "false")
        return json == "true" ? 1.0 : 0.0;
    return from_dynamic<double>(json, to_real);
}

std::optional<Ticks> dynamic_to_timespan(std::string_view json) {
    if (is_number(json))
        return dynamic_to_long(json);
    return from_dynamic<Ticks>(json, to_timespan);
}

std::optional<Ticks> dynamic_to_datetime(std::string_view json) {
    if (is_number(json))
        return dynamic_to_long(json);
    return from_dynamic<Ticks>(json, [](std::string_view text) { return parse_datetime_text(trim(text)); });
}

std::string datetime_text(Ticks ticks) {
    std::string text = data::format_datetime(ticks);
    if (text.find('.') == std::string::npos) // tostring() always shows the fraction
        text.insert(text.size() - 1, ".0000000");
    return text;
}

/// A dynamic text that is JSON itself becomes the value it writes; other texts stay.
std::string parsed(std::string_view text) {
    const std::string_view bare = trim(text);
    if (bare.empty())
        return {};
    const Json value = parse_json(bare);
    return value.is_discarded() ? json_string(text) : dump_json(value);
}

/// Order of dynamic values: numbers by value before texts.
std::string sort_key(std::string_view json) {
    if (!is_number(json))
        return "z" + dynamic_to_string(json);
    const double number = dynamic_to_real(json).value_or(0);
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof number);
    std::memcpy(&bits, &number, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | 1ULL << 63;
    char text[18];
    std::snprintf(text, sizeof text, "n%016llx", static_cast<unsigned long long>(bits));
    return text;
}

} // namespace

void add_conversion_functions(FunctionList& list) {
    const auto add = [&](std::string name, std::string_view args, std::string_view result, RowFunction function,
                         Nulls nulls = Nulls::Skip) {
        list.push_back(row_function(std::move(name), args, result, function, nulls));
    };
    add("kql_to_bool", "string", "bool",
        [](const In& in, Out& out) { out.optional(to_bool(in.text(0)), &Out::boolean); });
    add("kql_to_int", "string", "int", [](const In& in, Out& out) { out.optional(to_int(in.text(0)), &Out::int32); });
    add("kql_to_long", "string", "long",
        [](const In& in, Out& out) { out.optional(to_long(in.text(0)), &Out::integer); });
    add("kql_to_real", "string", "real", [](const In& in, Out& out) { out.optional(to_real(in.text(0)), &Out::real); });
    add("kql_to_decimal", "string", "decimal",
        [](const In& in, Out& out) { out.optional(data::parse_decimal(trim(in.text(0))), &Out::decimal); });
    add("kql_to_datetime", "string", "long",
        [](const In& in, Out& out) { out.optional(parse_datetime_text(trim(in.text(0))), &Out::integer); });
    add("kql_to_timespan", "string", "long",
        [](const In& in, Out& out) { out.optional(to_timespan(in.text(0)), &Out::integer); });
    add("kql_to_guid", "string", "guid",
        [](const In& in, Out& out) { out.optional(data::parse_guid(trim(in.text(0))), &Out::guid); });
    add("kql_to_dynamic", "string", "string", [](const In& in, Out& out) { out.text(json_string(in.text(0))); });

    add("kql_dynamic_to_bool", "dynamic", "bool", [](const In& in, Out& out) {
        if (is_number(in.text(0)))
            out.boolean(dynamic_to_real(in.text(0)).value_or(0) != 0);
        else
            out.optional(from_dynamic<bool>(in.text(0), to_bool), &Out::boolean);
    });
    add("kql_dynamic_to_int", "dynamic", "int", [](const In& in, Out& out) {
        const auto value = dynamic_to_long(in.text(0));
        if (value && *value == static_cast<std::int32_t>(*value))
            out.int32(static_cast<std::int32_t>(*value));
        else
            out.null();
    });
    add("kql_dynamic_to_long", "dynamic", "long",
        [](const In& in, Out& out) { out.optional(dynamic_to_long(in.text(0)), &Out::integer); });
    add("kql_dynamic_to_real", "dynamic", "real",
        [](const In& in, Out& out) { out.optional(dynamic_to_real(in.text(0)), &Out::real); });
    add("kql_dynamic_to_decimal", "dynamic", "decimal", [](const In& in, Out& out) {
        out.optional(from_dynamic<data::Decimal>(in.text(0), data::parse_decimal), &Out::decimal);
    });
    add("kql_dynamic_to_datetime", "dynamic", "long",
        [](const In& in, Out& out) { out.optional(dynamic_to_datetime(in.text(0)), &Out::integer); });
    add("kql_dynamic_to_timespan", "dynamic", "long",
        [](const In& in, Out& out) { out.optional(dynamic_to_timespan(in.text(0)), &Out::integer); });
    add("kql_dynamic_to_guid", "dynamic", "guid", [](const In& in, Out& out) {
        out.optional(from_dynamic<data::Guid>(in.text(0), data::parse_guid), &Out::guid);
    });
    add("kql_dynamic_to_string", "dynamic", "string",
        [](const In& in, Out& out) { out.text(dynamic_to_string(in.text(0))); });
    add("kql_dynamic_sort_key", "dynamic", "dynamic", [](const In& in, Out& out) { out.text(sort_key(in.text(0))); });

    add("kql_real_to_string", "real", "string",
        [](const In& in, Out& out) { out.text(data::format_real(in.real(0))); });
    add("kql_real_to_dynamic", "real", "dynamic", [](const In& in, Out& out) {
        const std::string text = data::format_real(in.real(0));
        out.text(std::isfinite(in.real(0)) ? text : "\"" + text + "\"");
    });
    // SQL's text of a decimal of any scale, without the zeros behind.
    add("kql_decimal_to_string", "string", "string", [](const In& in, Out& out) {
        std::string_view text = in.text(0);
        if (text.find('.') != text.npos) {
            text = text.substr(0, text.find_last_not_of('0') + 1);
            if (text.ends_with('.'))
                text.remove_suffix(1);
        }
        out.text(text);
    });
    add("kql_datetime_to_string", "long", "string", [](const In& in, Out& out) {
        if (in.integer(0) < 0 || in.integer(0) > kMaxDateTimeTicks)
            out.text("");
        else
            out.text(datetime_text(in.integer(0)));
    });
    add("kql_timespan_to_string", "long", "string",
        [](const In& in, Out& out) { out.text(data::format_timespan(in.integer(0))); });
    add("kql_json_string", "string", "dynamic", [](const In& in, Out& out) { out.text(json_string(in.text(0))); });
    add("kql_parse_json", "string", "dynamic", [](const In& in, Out& out) {
        const std::string text = parsed(in.text(0));
        if (text.empty() || text == "null")
            out.null();
        else
            out.text(text);
    });
    add("kql_parse_json_dynamic", "dynamic", "dynamic", [](const In& in, Out& out) {
        const std::string_view json = in.text(0);
        const std::string text =
            !json.empty() && json.front() == '"' ? parsed(dynamic_to_string(json)) : std::string(json);
        if (text.empty() || text == "null")
            out.null();
        else
            out.text(text);
    });
}

} // namespace sluice::kql
