#include "core/store/parquet_columns.hpp"

#include "core/store/cells.hpp"

#include <duckdb.h>
#include <fmt/format.h>

namespace sluice::store {
namespace {

using data::ScalarType;
using Form = ParquetColumn::Form;
using Physical = ParquetElement::Physical;

constexpr std::string_view kNull = "NULL";
/// Of the years that a datetime holds, since 1970.
constexpr Ticks kFirstMicrosecond = -kUnixEpochTicks / 10;
constexpr Ticks kLastMicrosecond = (kMaxDateTimeTicks - kUnixEpochTicks) / 10;

std::string take_text(char* text) {
    std::string copy = text ? text : "";
    duckdb_free(text);
    return copy;
}

bool is_json(duckdb_logical_type type) {
    return take_text(duckdb_logical_type_get_alias(type)) == "JSON";
}

bool is_integer(duckdb_type id) {
    switch (id) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
        return true;
    default:
        return false;
    }
}

bool is_floating(duckdb_type id) {
    return id == DUCKDB_TYPE_FLOAT || id == DUCKDB_TYPE_DOUBLE;
}

bool is_timestamp(duckdb_type id) {
    return id == DUCKDB_TYPE_TIMESTAMP || id == DUCKDB_TYPE_TIMESTAMP_S || id == DUCKDB_TYPE_TIMESTAMP_MS ||
           id == DUCKDB_TYPE_TIMESTAMP_NS || id == DUCKDB_TYPE_TIMESTAMP_TZ;
}

bool is_time(duckdb_type id) {
    return id == DUCKDB_TYPE_TIME || id == DUCKDB_TYPE_TIME_TZ || id == DUCKDB_TYPE_TIME_NS;
}

bool is_nested(duckdb_type id) {
    return id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_MAP || id == DUCKDB_TYPE_STRUCT;
}

/// A point in time as microseconds since 1970; NULL when it is none.
std::string microseconds(const std::string& e, duckdb_type id) {
    const bool direct = id == DUCKDB_TYPE_TIMESTAMP || id == DUCKDB_TYPE_TIMESTAMP_TZ;
    return direct ? fmt::format("(CASE WHEN isfinite({0}) THEN epoch_us({0}) END)", e)
                  : fmt::format("(CASE WHEN isfinite({0}) THEN epoch_us(TRY_CAST({0} AS TIMESTAMP)) END)", e);
}

/// Ticks; NULL outside of the years that a datetime holds, before anything can overflow.
std::string ticks(const std::string& e, duckdb_type id) {
    if (id == DUCKDB_TYPE_TIMESTAMP_NS) // its range lies within ours
        return fmt::format("(CASE WHEN isfinite({0}) THEN epoch_ns({0}) // 100 + {1} END)", e, kUnixEpochTicks);
    return fmt::format("(CASE WHEN {0} BETWEEN {1} AND {2} THEN {0} * 10 + {3} END)", microseconds(e, id),
                       kFirstMicrosecond, kLastMicrosecond, kUnixEpochTicks);
}

std::string time_text(const std::string& e, duckdb_type id) {
    if (id == DUCKDB_TYPE_TIMESTAMP_NS)
        return fmt::format("(left(strftime({}, '%Y-%m-%dT%H:%M:%S.%n'), 27) || 'Z')", e);
    // Without the detour a timestamp with zone would be shown in the zone of this machine.
    return fmt::format("(CASE WHEN {0} BETWEEN {1} AND {2} THEN strftime(make_timestamp({0}), '%Y-%m-%dT%H:%M:%S.%f') "
                       "|| '0Z' END)",
                       microseconds(e, id), kFirstMicrosecond, kLastMicrosecond);
}

/// A time of day; files hold it in UTC.
std::string time_of_day(const std::string& e, duckdb_type id) {
    return id == DUCKDB_TYPE_TIME ? e : fmt::format("CAST({} AS TIME)", e);
}

std::string span_text(const std::string& value, duckdb_type id) {
    return fmt::format("(CASE WHEN contains({0}::VARCHAR, '.') THEN rpad({0}::VARCHAR, 16, '0') ELSE {0}::VARCHAR END)",
                       time_of_day(value, id));
}

std::string real_text(const std::string& e) {
    return fmt::format("(CASE WHEN isnan({0}) THEN 'NaN' WHEN isinf({0}) AND {0} > 0 THEN 'Infinity' WHEN isinf({0}) "
                       "THEN '-Infinity' ELSE {0}::VARCHAR END)",
                       e);
}

std::string try_cast(const std::string& e, ScalarType target) {
    return fmt::format("TRY_CAST({} AS {})", e, sql_type(target));
}

/// Only what has no fraction becomes an integer.
std::string whole(const std::string& e, ScalarType target) {
    return fmt::format("(CASE WHEN {0} = trunc({0}) THEN {1} END)", e, try_cast(e, target));
}

std::string integer(const std::string& e, duckdb_type id, ScalarType target) {
    switch (target) {
    case ScalarType::Bool:
        return fmt::format("({} <> 0)", e);
    case ScalarType::Real:
        return id == DUCKDB_TYPE_UBIGINT ? std::string(kNull) : fmt::format("{}::DOUBLE", e);
    case ScalarType::Int:
    case ScalarType::Long:
    case ScalarType::Decimal:
        return try_cast(e, target);
    default:
        return std::string(kNull);
    }
}

std::string floating(const std::string& e, ScalarType target) {
    switch (target) {
    case ScalarType::Bool:
        return fmt::format("({} <> 0)", e);
    case ScalarType::Int:
    case ScalarType::Long:
        return whole(e, target);
    case ScalarType::Real:
        return fmt::format("{}::DOUBLE", e);
    case ScalarType::Decimal:
        return try_cast(e + "::VARCHAR", target); // by its digits: 0.1 is 0.1
    default:
        return std::string(kNull);
    }
}

std::string decimal(const ParquetValue& value, ScalarType target) {
    const bool fixed = value.lies_in(Physical::FixedBytes), bytes = value.lies_in(Physical::Bytes);
    switch (target) {
    case ScalarType::Bool:
        return fixed ? std::string(kNull) : fmt::format("({} <> 0)", value.sql);
    case ScalarType::Int:
        return fixed || bytes ? std::string(kNull) : whole(value.sql, target);
    case ScalarType::Long:
        return whole(value.sql, target);
    case ScalarType::Real:
        return fmt::format("{}::DOUBLE", value.sql);
    case ScalarType::Decimal:
        return try_cast(value.sql, target);
    default:
        return std::string(kNull);
    }
}

ParquetColumn text_column(const std::string& e, ScalarType target) {
    switch (target) {
    case ScalarType::Bool:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
    case ScalarType::Guid:
        return {Form::Stored, std::string(kNull)};
    default:
        return {Form::Text, e + "::VARCHAR"};
    }
}

/// The text of a value for string columns; "NULL": it has none.
std::string text_of(const ParquetValue& value, duckdb_type id) {
    const std::string& e = value.sql;
    if (is_floating(id))
        return real_text(e);
    if (is_timestamp(id))
        return time_text(e, id);
    if (is_time(id))
        return span_text(e, id);
    if (is_integer(id) || id == DUCKDB_TYPE_UBIGINT || id == DUCKDB_TYPE_BOOLEAN || id == DUCKDB_TYPE_DECIMAL ||
        id == DUCKDB_TYPE_DATE || id == DUCKDB_TYPE_UUID)
        return e + "::VARCHAR";
    return std::string(kNull);
}

ParquetValue nothing() {
    return {std::string(kNull), {}, {}};
}

ParquetValue member(const ParquetValue& from, const std::string& name) {
    const duckdb_type id = duckdb_get_type_id(from.type.get());
    ParquetValue found = nothing();
    if (id == DUCKDB_TYPE_STRUCT) {
        // By its exact name: DuckDB itself would take another case too.
        for (idx_t i = 0; i < duckdb_struct_type_child_count(from.type.get()); ++i)
            if (take_text(duckdb_struct_type_child_name(from.type.get(), i)) == name)
                found = {fmt::format("struct_extract({}, {})", from.sql, literal(name)),
                         TypeHandle(duckdb_struct_type_child_type(from.type.get(), i)),
                         from.element ? from.element->child(name) : nullptr};
    } else if (id == DUCKDB_TYPE_MAP) {
        const TypeHandle key(duckdb_map_type_key_type(from.type.get()));
        if (duckdb_get_type_id(key.get()) == DUCKDB_TYPE_VARCHAR)
            found = {fmt::format("map_extract({}, {})[1]", from.sql, literal(name)),
                     TypeHandle(duckdb_map_type_value_type(from.type.get())),
                     from.element ? from.element->map_value() : nullptr};
    }
    return found;
}

} // namespace

ParquetValue follow(ParquetValue from, const data::Path& path, std::size_t first_step) {
    for (std::size_t i = first_step; i < path.steps.size() && from.type; ++i) {
        const data::PathStep& step = path.steps[i];
        if (!step.is_index) {
            from = member(from, step.name);
        } else if (duckdb_get_type_id(from.type.get()) == DUCKDB_TYPE_LIST) {
            TypeHandle type(duckdb_list_type_child_type(from.type.get()));
            from = {fmt::format("list_extract({}, {})", from.sql, std::uint64_t{step.index} + 1), std::move(type),
                    from.element ? from.element->item() : nullptr};
        } else {
            from = nothing();
        }
    }
    return from;
}

std::string json_text(const std::string& json) {
    return fmt::format("to_json({})::VARCHAR", json);
}

std::string json_value(const std::string& e, duckdb_logical_type type, int depth) {
    const duckdb_type id = duckdb_get_type_id(type);
    const std::string x = fmt::format("x{}", depth); // lambdas inside lambdas need names of their own
    if (id == DUCKDB_TYPE_STRUCT) {
        std::string members;
        for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
            const std::string name = take_text(duckdb_struct_type_child_name(type, i));
            const TypeHandle child(duckdb_struct_type_child_type(type, i));
            members +=
                fmt::format("{}{} := {}", i ? ", " : "", identifier(name),
                            json_value(fmt::format("struct_extract({}, {})", e, literal(name)), child.get(), depth));
        }
        return fmt::format("(CASE WHEN {} IS NOT NULL THEN struct_pack({}) END)", e, members);
    }
    if (id == DUCKDB_TYPE_LIST) {
        const TypeHandle child(duckdb_list_type_child_type(type));
        return fmt::format("list_transform({}, lambda {}: {})", e, x, json_value(x, child.get(), depth + 1));
    }
    if (id == DUCKDB_TYPE_MAP) {
        const TypeHandle key(duckdb_map_type_key_type(type)), value(duckdb_map_type_value_type(type));
        const bool texts = duckdb_get_type_id(key.get()) == DUCKDB_TYPE_VARCHAR;
        const std::string entries =
            fmt::format("list_transform(map_entries({}), lambda {}: struct_pack(key := {}, value := {}))", e, x,
                        json_value(x + ".key", key.get(), depth + 1), json_value(x + ".value", value.get(), depth + 1));
        return texts ? fmt::format("map_from_entries({})", entries) : entries;
    }
    if (is_floating(id))
        return fmt::format("(CASE WHEN isfinite({0}) THEN to_json({0}) ELSE to_json({1}) END)", e, real_text(e));
    if (is_timestamp(id))
        return time_text(e, id);
    if (is_time(id))
        return span_text(e, id);
    if (id == DUCKDB_TYPE_DECIMAL) // narrower ones would go through a double
        return fmt::format("CAST({} AS DECIMAL(38,{}))", e, int{duckdb_decimal_scale(type)});
    if (id == DUCKDB_TYPE_BLOB)
        return fmt::format("TRY(decode({}))", e);
    if (is_json(type))
        return fmt::format("TRY_CAST({} AS JSON)", e);
    return e;
}

ParquetColumn convert(const ParquetValue& value, ScalarType target) {
    if (!value.type || (value.element && value.element->misread))
        return {Form::Stored, std::string(kNull)};
    const std::string& e = value.sql;
    const duckdb_type id = duckdb_get_type_id(value.type.get());
    if (is_json(value.type.get())) {
        const bool takes = target == ScalarType::String || target == ScalarType::Dynamic;
        return takes ? ParquetColumn{Form::Text, e + "::VARCHAR"} : ParquetColumn{Form::Stored, std::string(kNull)};
    }
    if (id == DUCKDB_TYPE_VARCHAR || id == DUCKDB_TYPE_ENUM)
        return text_column(e, target);
    if (id == DUCKDB_TYPE_BLOB && value.lies_in(Physical::Bytes))
        return text_column(fmt::format("TRY(decode({}))", e), target);
    if (target == ScalarType::String) {
        const std::string text = text_of(value, id);
        return {text == kNull ? Form::Stored : Form::Text, text};
    }
    if (target == ScalarType::Dynamic) {
        const bool takes = is_nested(id) || (id == DUCKDB_TYPE_DECIMAL && value.lies_in(Physical::Bytes));
        return takes ? ParquetColumn{Form::Json, json_text(json_value(e, value.type.get()))}
                     : ParquetColumn{Form::Stored, std::string(kNull)};
    }
    std::string sql(kNull);
    if (is_integer(id) || id == DUCKDB_TYPE_UBIGINT)
        sql = integer(e, id, target);
    else if (is_floating(id))
        sql = floating(e, target);
    else if (id == DUCKDB_TYPE_DECIMAL)
        sql = decimal(value, target);
    else if (id == DUCKDB_TYPE_BOOLEAN && target == ScalarType::Bool)
        sql = e;
    else if (id == DUCKDB_TYPE_BOOLEAN && target == ScalarType::Decimal)
        sql = try_cast(e + "::INTEGER", target);
    else if ((is_timestamp(id) || id == DUCKDB_TYPE_DATE) && target == ScalarType::DateTime)
        sql = ticks(e, id);
    else if (is_time(id) && target == ScalarType::TimeSpan)
        sql = fmt::format("(epoch_us({}) * 10)", time_of_day(e, id));
    else if (id == DUCKDB_TYPE_UUID && target == ScalarType::Guid)
        sql = e;
    return {Form::Stored, sql};
}

std::string transformed_json(const ParquetValue& value, ScalarType target, data::Transform transform) {
    const bool works_on_parts =
        transform == data::Transform::DropMappedFields || transform == data::Transform::PropertyBagArrayToDictionary;
    if (!value.type || !works_on_parts || (value.element && value.element->misread))
        return {};
    if (is_json(value.type.get()) && (target == ScalarType::Dynamic || target == ScalarType::String))
        return value.sql + "::VARCHAR";
    if (is_nested(duckdb_get_type_id(value.type.get())) && target == ScalarType::Dynamic)
        return json_text(json_value(value.sql, value.type.get()));
    return {};
}

std::string unix_time_text(const ParquetValue& value) {
    if (!value.type || (value.element && value.element->misread))
        return std::string(kNull);
    const duckdb_type id = duckdb_get_type_id(value.type.get());
    const bool takes = is_integer(id) || id == DUCKDB_TYPE_UBIGINT || is_floating(id) || id == DUCKDB_TYPE_DECIMAL ||
                       id == DUCKDB_TYPE_VARCHAR;
    return takes ? value.sql + "::VARCHAR" : std::string(kNull);
}

} // namespace sluice::store
