#include "core/app/http_envelope.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>

namespace sluice::app {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kLongestTimeout = std::chrono::hours(1);

Error bad_envelope(const std::string& what) {
    return Error{ErrorCode::Invalid, what, "General_BadRequest"};
}

Json parse(std::string_view text) {
    return Json::parse(text.begin(), text.end(), nullptr, false);
}

const Json* member(const Json& object, std::string_view name) {
    for (const auto& [key, value] : object.items())
        if (equals_ignoring_case(key, name))
            return value.is_null() ? nullptr : &value;
    return nullptr;
}

std::optional<bool> flag(const Json& value) {
    if (value.is_boolean())
        return value.get<bool>();
    if (value.is_string() && equals_ignoring_case(value.get_ref<const std::string&>(), "true"))
        return true;
    if (value.is_string() && equals_ignoring_case(value.get_ref<const std::string&>(), "false"))
        return false;
    if (value.is_number())
        return value.get<double>() != 0;
    return std::nullopt;
}

std::optional<std::uint64_t> count(const Json& value) {
    if (value.is_number_unsigned())
        return value.get<std::uint64_t>();
    if (value.is_number_float() && value.get<double>() >= 0 && value.get<double>() < 1e18)
        return static_cast<std::uint64_t>(value.get<double>());
    if (!value.is_string())
        return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void read_option(std::string_view name, const Json& value, Envelope& envelope) {
    engine::RequestOptions& options = envelope.request.options;
    const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
    if (is("servertimeout"))
        options.server_timeout = options.server_timeout ? options.server_timeout : parse_server_timeout(text_of(value));
    else if (is("norequesttimeout") && flag(value).value_or(false))
        options.server_timeout = kLongestTimeout;
    else if (is("notruncation"))
        options.no_truncation = flag(value).value_or(false);
    else if (is("truncationmaxrecords"))
        options.truncation_max_records = count(value);
    else if (is("truncationmaxsize"))
        options.truncation_max_size = count(value);
    else if (is("query_take_max_records"))
        options.take_max_records = count(value);
    else if (is("request_readonly"))
        options.read_only = flag(value).value_or(false);
    else if (is("deferpartialqueryfailures"))
        envelope.v2.defer_failures = flag(value).value_or(false);
    else if (is("results_v2_fragment_primary_tables"))
        envelope.v2.fragmented = flag(value).value_or(false);
    else if (is("results_v2_newlines_between_frames"))
        envelope.v2.newlines = flag(value).value_or(false);
    else if (is("validate_permissions"))
        envelope.validate_permissions = flag(value).value_or(false);
}

Result<> read_properties(const Json& value, Envelope& envelope) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (text.empty())
            return {};
        const Json inner = parse(text);
        if (!inner.is_object() && !inner.is_null())
            return bad_envelope("'properties' is a string that holds no JSON object.");
        return inner.is_null() ? Result<>() : read_properties(inner, envelope);
    }
    if (!value.is_object())
        return bad_envelope("'properties' has to be a JSON object, or a string that holds one.");
    if (const Json* options = member(value, "Options"); options && options->is_object())
        for (const auto& [name, option] : options->items())
            if (!option.is_null())
                read_option(name, option, envelope);
    if (const Json* parameters = member(value, "Parameters"); parameters && parameters->is_object())
        for (const auto& [name, parameter] : parameters->items())
            envelope.request.options.parameters.emplace(name,
                                                        parameter.dump(-1, ' ', false, Json::error_handler_t::replace));
    return {};
}

/// What stands in front of a text without being part of it.
std::string_view without_mark(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    return text;
}

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

/// "[d.]h:m:s[.f]" as seconds.
std::optional<double> clock_seconds(std::string_view text) {
    double days = 0;
    const std::size_t colon = text.find(':');
    if (const std::size_t point = text.find('.'); point < colon) {
        const auto read = number(text.substr(0, point));
        if (!read)
            return std::nullopt;
        days = *read;
        text.remove_prefix(point + 1);
    }
    double sum = 0;
    for (int part = 0; part < 3; ++part) {
        const std::size_t end = part < 2 ? text.find(':') : text.size();
        if (end == std::string_view::npos)
            return std::nullopt;
        const auto read = number(text.substr(0, end));
        if (!read || *read < 0)
            return std::nullopt;
        sum = sum * 60 + *read;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return days * 86'400 + sum;
}

/// "50m", "1.5h", "500ms", "30"
std::optional<double> unit_seconds(std::string_view text) {
    static constexpr std::pair<std::string_view, double> kUnits[] = {{"ms", 0.001}, {"d", 86'400}, {"h", 3600},
                                                                     {"m", 60},     {"s", 1},      {"", 1}};
    for (const auto& [unit, seconds] : kUnits)
        if (text.ends_with(unit))
            if (const auto read = number(text.substr(0, text.size() - unit.size())))
                return *read * seconds;
    return std::nullopt;
}

} // namespace

Result<Envelope> read_envelope(std::string_view json) {
    const Json document = parse(json);
    if (!document.is_object())
        return bad_envelope("The request body is not a JSON object; expected {\"db\":\"...\",\"csl\":\"...\"}.");
    Envelope envelope;
    if (const Json* database = member(document, "db")) {
        if (!database->is_string())
            return bad_envelope("'db' has to be a string.");
        envelope.request.database = database->get<std::string>();
    }
    const Json* text = member(document, "csl");
    if (!text || !text->is_string())
        return bad_envelope("The request body has no 'csl', the text of the query or command.");
    envelope.request.text = without_mark(text->get_ref<const std::string&>());
    if (const Json* properties = member(document, "properties"))
        SLUICE_CHECK(read_properties(*properties, envelope));
    return envelope;
}

Result<Envelope> read_envelope(const Target& target) {
    Envelope envelope;
    if (const std::string* database = target.parameter("db"))
        envelope.request.database = *database;
    const std::string* text = target.parameter("csl");
    if (!text)
        return bad_envelope("The address has no 'csl', the text of the query: ?db=...&csl=...");
    envelope.request.text = without_mark(*text);
    if (const std::string* properties = target.parameter("properties"))
        SLUICE_CHECK(read_properties(Json(*properties), envelope));
    return envelope;
}

std::optional<milliseconds> parse_server_timeout(std::string_view text) {
    double days = 0;
    // Python's timedelta as text: "1 day, 0:00:00".
    if (const std::size_t day = text.find(" day"); day != std::string_view::npos) {
        const std::size_t comma = text.find(", ");
        const auto read = number(text.substr(0, day));
        if (!read || comma == std::string_view::npos)
            return std::nullopt;
        days = *read;
        text.remove_prefix(comma + 2);
    }
    const auto seconds = text.find(':') != std::string_view::npos ? clock_seconds(text) : unit_seconds(text);
    if (!seconds || !std::isfinite(*seconds) || *seconds + days * 86'400 <= 0)
        return std::nullopt;
    const double whole = *seconds + days * 86'400;
    if (whole >= std::chrono::duration<double>(kLongestTimeout).count())
        return kLongestTimeout;
    return std::max(milliseconds(1), milliseconds(static_cast<std::int64_t>(whole * 1000)));
}

bool is_command_text(std::string_view text) {
    text = without_mark(text);
    while (true) {
        const std::size_t begin = text.find_first_not_of(" \t\r\n\f\v");
        if (begin == std::string_view::npos)
            return false;
        text.remove_prefix(begin);
        if (!text.starts_with("//"))
            return text.front() == '.';
        text.remove_prefix(std::min(text.find('\n'), text.size()));
    }
}

} // namespace sluice::app
