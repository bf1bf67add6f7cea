#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

struct ParameterType {
    std::string_view name;
    bool optional = false, repeats = false;
};

std::vector<ParameterType> split_types(std::string_view list) {
    std::vector<ParameterType> types;
    while (!list.empty()) {
        const std::size_t blank = list.find(' ');
        ParameterType type{list.substr(0, blank)};
        list.remove_prefix(blank == std::string_view::npos ? list.size() : blank + 1);
        if (type.name.ends_with('?')) {
            type.optional = true;
            type.name.remove_suffix(1);
        } else if (type.name.ends_with('*')) {
            type.repeats = true;
            type.name.remove_suffix(1);
        }
        types.push_back(type);
    }
    return types;
}

bool is_number(ScalarType type) {
    return type == ScalarType::Int || type == ScalarType::Long || type == ScalarType::Real ||
           type == ScalarType::Decimal;
}

/// $1, ${2|default}, $*, $+ and $t (the physical type of the result).
std::string fill(std::string_view text, const std::vector<Scalar>& args, std::string_view order, ScalarType type) {
    std::string out;
    const auto list = [&](std::size_t from) {
        std::vector<std::string> parts;
        for (std::size_t i = from; i < args.size(); ++i)
            parts.push_back(args[i].sql);
        return sql::join(parts);
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char next = text[++i];
        if (next == '*') {
            out += list(0);
        } else if (next == '+') {
            out += list(1);
        } else if (next == 'o') {
            out += order;
        } else if (next == 't') {
            out += sql::physical_type(type);
        } else if (next == '{') {
            const std::size_t close = text.find('}', i);
            const std::size_t number = static_cast<std::size_t>(text[i + 1] - '1');
            out += number < args.size() ? args[number].sql : std::string(text.substr(i + 3, close - i - 3));
            i = close;
        } else if (next >= '1' && next <= '9') {
            const std::size_t number = static_cast<std::size_t>(next - '1');
            out += number < args.size() ? args[number].sql : "NULL";
        } else {
            out += '$';
            out += next;
        }
    }
    return out;
}

} // namespace

/// The arguments converted to what the overload takes; nothing when it does not take them.
std::optional<std::vector<Scalar>> Binder::match(const FunctionRow& row, const std::vector<Scalar>& args, Fit fit) {
    const std::vector<ParameterType> types = split_types(row.arguments);
    std::vector<Scalar> result;
    std::optional<ScalarType> common;
    if (row.arguments.find("common") != std::string_view::npos)
        common = common_type(args);
    for (std::size_t i = 0; i < args.size() || i < types.size(); ++i) {
        const ParameterType* type = i < types.size()                         ? &types[i]
                                    : !types.empty() && types.back().repeats ? &types.back()
                                                                             : nullptr;
        if (!type)
            return std::nullopt;
        if (i >= args.size()) {
            if (type->optional || type->repeats)
                break;
            return std::nullopt;
        }
        Scalar value = args[i];
        const ScalarType is = value.type;
        const bool null = value.constant && value.constant->null && is != ScalarType::String;
        if (type->name == "scalar") {
        } else if (type->name == "text") {
            value = convert(std::move(value), ScalarType::String);
        } else if (type->name == "json") {
            value = to_dynamic(std::move(value));
        } else if (type->name == "common") {
            if (!common)
                return std::nullopt;
            value = convert(std::move(value), *common);
        } else if (type->name == "number") {
            if (is == ScalarType::Dynamic)
                value = convert(std::move(value), ScalarType::Real);
            else if (is == ScalarType::Bool)
                value = convert(std::move(value), ScalarType::Long);
            else if (!is_number(is))
                return std::nullopt;
        } else if (type->name == "summable") {
            if (is == ScalarType::Dynamic)
                value = convert(std::move(value), ScalarType::Real);
            else if (is == ScalarType::Bool)
                value = convert(std::move(value), ScalarType::Long);
            else if (!is_number(is) && is != ScalarType::TimeSpan && is != ScalarType::DateTime)
                return std::nullopt;
        } else {
            const auto wanted = data::parse_scalar_type(type->name);
            if (!wanted)
                return std::nullopt;
            const bool widens = is_number(is) && is_number(*wanted) && is < *wanted;
            const bool fits = is == ScalarType::Dynamic || null || widens ||
                              (fit == Fit::Any && is_number(*wanted) && (is_number(is) || is == ScalarType::Bool));
            if (is != *wanted && (fit == Fit::Exact || !fits))
                return std::nullopt;
            value = convert(std::move(value), *wanted);
        }
        result.push_back(std::move(value));
    }
    return result;
}

template <class Overload>
std::optional<std::pair<const Overload*, std::vector<Scalar>>> Binder::choose(std::span<const Overload* const> rows,
                                                                              const std::vector<Scalar>& args) {
    for (const Fit fit : {Fit::Exact, Fit::Widening, Fit::Any})
        for (const Overload* row : rows)
            if (auto matched = match({row->name, row->arguments, row->result, row->sql}, args, fit))
                return std::pair(row, std::move(*matched));
    return std::nullopt;
}

template std::optional<std::pair<const FunctionRow*, std::vector<Scalar>>>
Binder::choose(std::span<const FunctionRow* const> rows, const std::vector<Scalar>& args);
template std::optional<std::pair<const AggregateRow*, std::vector<Scalar>>>
Binder::choose(std::span<const AggregateRow* const> rows, const std::vector<Scalar>& args);

std::string Binder::result_name(std::string_view naming, std::string_view function,
                                const std::vector<Scalar>& args) const {
    if (naming.empty())
        return {};
    if (naming.starts_with('!')) // the whole name
        return std::string(naming.substr(1));
    const std::string argument = args.empty() ? "" : args.front().name;
    if (naming == "1")
        return argument;
    if (naming.starts_with('_'))
        return argument.empty() ? "array0" + std::string(naming) : argument + std::string(naming);
    if (naming == "=")
        return fmt::format("{}_{}", function, argument);
    return fmt::format("{}_{}", naming, argument);
}

Scalar Binder::call_row(const FunctionRow& row, const Expr& expr, std::vector<Scalar> args) {
    std::string_view result = row.result;
    const bool strict = result.ends_with('!');
    if (strict)
        result.remove_suffix(1);
    Scalar value;
    if (result == "$1") {
        value.type = args.at(0).type;
    } else if (result == "$2") {
        value.type = args.at(1).type;
    } else if (result == "widest") {
        value.type = common_type(args).value_or(ScalarType::Real);
    } else {
        value.type = data::parse_scalar_type(result).value_or(ScalarType::Dynamic);
    }
    value.name = result_name(row.naming, expr.text, args);
    value.never_null = strict;
    for (const Scalar& arg : args)
        value.never_null = value.never_null && arg.never_null;
    value.sql = fill(row.sql, args, "", value.type);
    if (value.type == ScalarType::String) {
        if (!strict)
            value.sql = fmt::format("COALESCE({}, '')", value.sql);
        value.never_null = true;
    }
    check_size(value.sql, expr.at);
    return value;
}

Scalar Binder::call(const Expr& expr) {
    if (row_.graph)
        if (auto value = graph_call(expr))
            return *value;
    if (auto value = bind_entity_call(expr)) {
        if (auto* scalar = std::get_if<Scalar>(&*value))
            return *scalar;
        fail_semantic(expr.at,
                      fmt::format("Function '{}' gives a table and is used where a value is expected", expr.text),
                      "SEM0021");
    }
    if (row_.aggregates)
        if (auto value = aggregate(expr))
            return *value;
    if (const auto special = specials().find(expr.text); special != specials().end())
        return (this->*special->second)(expr);
    // Where one value is wanted, a function of several gives its first.
    if (auto columns = several(expr))
        return std::move(columns->front().second);
    const auto rows = find_function(expr.text);
    if (rows.empty()) {
        if (!find_aggregate(expr.text).empty())
            fail_semantic(
                expr.at,
                fmt::format("Function '{}' cannot be invoked in current context: it aggregates rows", expr.text),
                "SEM0270");
        if (is_missing_function(expr.text))
            fail_semantic(expr.at, fmt::format("Function '{}' is not supported", expr.text), "SEM0219");
        fail_semantic(expr.at, fmt::format("Unknown function: '{}'", expr.text), "SEM0260");
    }
    std::vector<Scalar> args;
    for (const ast::ExprPtr& arg : expr.args)
        args.push_back(scalar(*arg));
    if (auto chosen = choose(rows, args))
        return call_row(*chosen->first, expr, std::move(chosen->second));
    fail_arguments(expr, args, rows);
}

void Binder::fail_arguments(const Expr& expr, const std::vector<Scalar>& args,
                            std::span<const FunctionRow* const> rows) const {
    std::string types, expected;
    for (const Scalar& arg : args)
        types += fmt::format("{}{}", types.empty() ? "" : ", ", data::to_string(arg.type));
    for (const FunctionRow* row : rows)
        expected += fmt::format("{}({})", expected.empty() ? "" : " or ", row->arguments);
    fail_semantic(expr.at, fmt::format("{}(): the arguments ({}) do not fit; it takes {}", expr.text, types, expected),
                  "SEM0219");
}

Scalar Binder::aggregate_call(const Expr& expr, const AggregateRow& row, std::vector<Scalar> args) {
    std::string_view result = row.result;
    const bool strict = result.ends_with('!');
    if (strict)
        result.remove_suffix(1);
    Scalar value;
    if (result == "$1")
        value.type = args.at(0).type;
    else if (result == "promoted")
        value.type = args.at(0).type == ScalarType::Int ? ScalarType::Long : args.at(0).type;
    else
        value.type = data::parse_scalar_type(result).value_or(ScalarType::Dynamic);
    const std::string order = row_.relation ? row_.relation->order_by() : "";
    value.sql = fill(row.sql, args, order.empty() ? "" : " ORDER BY " + order, value.type);
    value.never_null = strict;
    if (value.type == ScalarType::String) {
        value.sql = fmt::format("COALESCE({}, '')", value.sql);
        value.never_null = true;
    } else if (row.sql.starts_with("bit_") || row.sql.starts_with('\'')) {
        value.sql = "(" + value.sql + ")";
    }
    const std::string argument = args.empty() || expr.args.empty() ? "" : args.front().name;
    value.name = row.prefix == "-" ? argument : fmt::format("{}_{}", row.prefix, argument);
    return value;
}

} // namespace sluice::kql
