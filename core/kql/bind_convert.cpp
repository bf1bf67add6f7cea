#include "core/data/text.hpp"
#include "core/kql/bind.hpp"
#include "core/kql/datetime_text.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sluice::kql {

using enum ScalarType;

namespace {

bool is_number(ScalarType type) {
    return type == Int || type == Long || type == Real || type == Decimal;
}

std::string_view word(ScalarType type) {
    switch (type) {
    case Bool:
        return "bool";
    case Int:
        return "int";
    case Long:
        return "long";
    case Real:
        return "real";
    case Decimal:
        return "decimal";
    case DateTime:
        return "datetime";
    case TimeSpan:
        return "timespan";
    case Guid:
        return "guid";
    case String:
        return "string";
    case Dynamic:
        return "dynamic";
    }
    return "";
}

/// Folding of what literals of other types need: long to real and the like.
std::optional<Constant> convert_constant(const Constant& value, ScalarType to) {
    Constant result = value;
    result.type = to;
    if (value.null)
        return value.type == String ? std::nullopt : std::optional(result);
    if ((value.type == Int || value.type == Long) && to == Long)
        return result;
    if (value.type == Long && to == Int && value.integer == static_cast<std::int32_t>(value.integer))
        return result;
    if ((value.type == Int || value.type == Long) && to == Real) {
        result.real = static_cast<double>(value.integer);
        return result;
    }
    if (value.type == String && to == DateTime) {
        const auto ticks = parse_datetime_text(value.text);
        if (!ticks)
            return std::nullopt;
        result.integer = *ticks;
        result.text.clear();
        return result;
    }
    if (to == String) {
        switch (value.type) {
        case Int:
        case Long:
            result.text = fmt::format("{}", value.integer);
            return result;
        case Bool:
            result.text = value.integer ? "true" : "false";
            return result;
        case Guid:
            result.text = data::format_guid(value.guid);
            return result;
        default:
            return std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace

Scalar Binder::convert(Scalar value, ScalarType to) {
    if (value.type == to)
        return value;
    if (value.constant)
        if (auto folded = convert_constant(*value.constant, to))
            return literal(*folded);
    Scalar result{.type = to, .sql = {}, .never_null = to == String, .name = value.name};
    const std::string& v = value.sql;
    if (to == Dynamic)
        return to_dynamic(std::move(value));
    if (value.type == Dynamic) {
        result.sql = fmt::format("kql_dynamic_to_{}({})", word(to), v);
        return result;
    }
    if (value.type == String) {
        result.sql = fmt::format("kql_to_{}({})", word(to), v);
        return result;
    }
    switch (to) {
    case String:
        if (value.type == Decimal)
            result.sql = fmt::format("kql_decimal_to_string(CAST({} AS VARCHAR))", v);
        else if (value.type == Real || value.type == DateTime || value.type == TimeSpan)
            result.sql = fmt::format("kql_{}_to_string({})", word(value.type), v);
        else
            result.sql = fmt::format("COALESCE(CAST({} AS VARCHAR), '')", v);
        return result;
    case Bool:
        if (!is_number(value.type))
            break;
        result.sql = fmt::format("({} <> 0)", v);
        return result;
    case Int:
    case Long:
        // A point in time or a timespan counts ticks; a number loses its fraction, as a cast in C does.
        if (value.type == Real || value.type == Decimal)
            result.sql = fmt::format("TRY_CAST(trunc({}) AS {})", v, sql::physical_type(to));
        else if (value.type != Guid)
            result.sql = fmt::format("TRY_CAST({} AS {})", v, sql::physical_type(to));
        else
            break;
        result.never_null = value.never_null && to == Long && value.type != Real && value.type != Decimal;
        return result;
    case Real:
    case Decimal:
        if (value.type == Guid)
            break;
        // The text of a real has the digits that people see: 1.1 is not 1.100000000000000128.
        result.sql = to == Decimal && value.type == Real
                         ? fmt::format("TRY_CAST(CAST({} AS VARCHAR) AS {})", v, sql::physical_type(to))
                         : fmt::format("TRY_CAST({} AS {})", v, sql::physical_type(to));
        result.never_null = value.never_null && to == Real;
        return result;
    case DateTime:
        if (value.type == Int || value.type == Long) {
            result.sql = fmt::format("CAST({} AS BIGINT)", v);
            return result;
        }
        if (value.type == TimeSpan) {
            result.sql = v;
            return result;
        }
        break;
    case TimeSpan:
        if (is_number(value.type)) {
            result.sql = value.type == Int || value.type == Long
                             ? fmt::format("CAST({} AS BIGINT)", v)
                             : fmt::format("TRY_CAST(trunc(CAST({} AS DOUBLE) * 864000000000) AS BIGINT)", v);
            return result;
        }
        if (value.type == DateTime) {
            result.sql = v;
            return result;
        }
        break;
    default:
        break;
    }
    result.sql = sql::null_of(to);
    return result;
}

/// A value as JSON text, the way dynamic columns hold it.
Scalar Binder::to_dynamic(Scalar value) {
    Scalar result{.type = Dynamic, .sql = {}, .never_null = value.never_null, .name = value.name};
    switch (value.type) {
    case Dynamic:
        return value;
    case Bool:
    case Int:
    case Long:
        result.sql = fmt::format("CAST({} AS VARCHAR)", value.sql);
        break;
    case Guid:
        result.sql = fmt::format("('\"' || CAST({} AS VARCHAR) || '\"')", value.sql);
        break;
    case String:
        result.sql = fmt::format("kql_json_string({})", value.sql);
        break;
    case Real:
        result.sql = fmt::format("kql_real_to_dynamic({})", value.sql);
        break;
    case Decimal:
        result.sql = fmt::format("CAST({} AS VARCHAR)", value.sql);
        break;
    case DateTime:
    case TimeSpan:
        result.sql = fmt::format("kql_json_string(kql_{}_to_string({}))", word(value.type), value.sql);
        if (!value.never_null)
            result.sql = fmt::format("CASE WHEN {} IS NOT NULL THEN {} END", value.sql, result.sql);
        break;
    }
    return result;
}

/// What the language converts by itself: between numbers, and from dynamic.
Scalar Binder::coerce(Scalar value, ScalarType to, Offset at, std::string_view where) {
    if (value.type == to)
        return value;
    const bool fits = value.type == Dynamic || to == Dynamic || (is_number(value.type) && is_number(to)) ||
                      (value.type == Bool && is_number(to)) || (to == Bool && is_number(value.type)) ||
                      (value.constant && value.constant->null && value.type != String);
    if (!fits)
        fail_semantic(at,
                      fmt::format("{} has the type {}, the type {} is expected", where, data::to_string(value.type),
                                  data::to_string(to)),
                      "SEM0064");
    return convert(std::move(value), to);
}

std::optional<ScalarType> Binder::common_type(const std::vector<Scalar>& values) const {
    std::optional<ScalarType> type;
    bool dynamic = false;
    for (const Scalar& value : values) {
        if (value.constant && value.constant->null && value.type != String && type)
            continue;
        if (value.type == Dynamic) {
            dynamic = true;
            continue;
        }
        if (!type || *type == value.type) {
            type = value.type;
        } else if (is_number(*type) && is_number(value.type)) {
            const auto rank = [](ScalarType t) { return t == Int ? 0 : t == Long ? 1 : t == Real ? 2 : 3; };
            if (rank(value.type) > rank(*type))
                type = value.type;
        } else {
            return std::nullopt;
        }
    }
    if (!type && dynamic)
        return Dynamic;
    return type;
}

} // namespace sluice::kql
