#include "core/engine/statement_options.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

Error wrong_value(std::string_view name, const Json& value, std::string_view wanted) {
    return Error{ErrorCode::Invalid,
                 fmt::format("Semantic error: SEM0027: The option '{}' is {}; {} is expected, such as: set {} = {};",
                             name, value.dump(-1, ' ', false, Json::error_handler_t::replace), wanted, name,
                             wanted == "a bool"       ? "true"
                             : wanted == "a timespan" ? "5m"
                                                      : "1000"),
                 "General_BadRequest"};
}

/// Numbers and bools may also stand in quotes, as in request properties.
Json unquoted(const Json& value) {
    if (!value.is_string())
        return value;
    const Json inner = Json::parse(value.get_ref<const std::string&>(), nullptr, false);
    return inner.is_number() || inner.is_boolean() ? inner : value;
}

Result<bool> flag(std::string_view name, const Json& value) {
    const Json plain = unquoted(value);
    if (plain.is_boolean())
        return plain.get<bool>();
    if (plain.is_number_integer())
        return plain.get<std::int64_t>() != 0;
    return wrong_value(name, value, "a bool");
}

Result<std::uint64_t> count(std::string_view name, const Json& value) {
    const Json plain = unquoted(value);
    if (plain.is_number_unsigned())
        return plain.get<std::uint64_t>();
    return wrong_value(name, value, "a number that is not negative");
}

Result<std::chrono::milliseconds> timespan(std::string_view name, const Json& value) {
    if (value.is_string())
        if (const auto ticks = data::parse_timespan(value.get_ref<const std::string&>()); ticks && *ticks >= 0)
            return std::chrono::milliseconds(*ticks / kTicksPerMillisecond);
    return wrong_value(name, value, "a timespan");
}

} // namespace

Result<RequestOptions> with_statement_options(RequestOptions asked,
                                              const std::map<std::string, std::string>& statements) {
    for (const auto& [name, text] : statements) {
        const Json value = Json::parse(text, nullptr, false);
        if (name == "notruncation") {
            SLUICE_TRY(asked.no_truncation, flag(name, value));
        } else if (name == "truncationmaxrecords") {
            SLUICE_TRY(asked.truncation_max_records, count(name, value));
        } else if (name == "truncationmaxsize") {
            SLUICE_TRY(asked.truncation_max_size, count(name, value));
        } else if (name == "query_take_max_records") {
            SLUICE_TRY(asked.take_max_records, count(name, value));
        } else if (name == "servertimeout") {
            SLUICE_TRY(asked.server_timeout, timespan(name, value));
        } else if (name == "norequesttimeout") {
            SLUICE_TRY(const bool set, flag(name, value));
            if (set)
                asked.server_timeout = std::chrono::hours(1);
        }
    }
    return asked;
}

} // namespace sluice::engine
