#include "core/kql/sql.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sluice::kql::sql {

std::string text(std::string_view value) {
    std::string out = "'";
    bool zeros = false;
    for (const char c : value) {
        if (c == '\'') {
            out += "''";
        } else if (c == '\0') {
            // SQL text cannot hold a zero byte.
            out += "' || chr(0) || '";
            zeros = true;
        } else {
            out += c;
        }
    }
    out += '\'';
    return zeros ? "(" + out + ")" : out;
}

std::string integer(std::int64_t value) {
    // The sign is not part of an SQL number, so the lowest value has to be spelled as text.
    return value < 0 ? fmt::format("'{}'::BIGINT", value) : fmt::format("{}::BIGINT", value);
}

std::string_view physical_type(ScalarType type) {
    switch (type) {
    case ScalarType::Bool:
        return "BOOLEAN";
    case ScalarType::Int:
        return "INTEGER";
    case ScalarType::Long:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
        return "BIGINT";
    case ScalarType::Real:
        return "DOUBLE";
    case ScalarType::Decimal:
        static_assert(data::Decimal::kPrecision == 38 && data::Decimal::kScale == 18);
        return "DECIMAL(38,18)";
    case ScalarType::Guid:
        return "UUID";
    case ScalarType::String:
    case ScalarType::Dynamic:
        break;
    }
    return "VARCHAR";
}

std::string null_of(ScalarType type) {
    return type == ScalarType::String ? "''" : fmt::format("NULL::{}", physical_type(type));
}

std::string constant(const Constant& value) {
    if (value.null)
        return null_of(value.type);
    switch (value.type) {
    case ScalarType::Bool:
        return value.integer ? "TRUE" : "FALSE";
    case ScalarType::Int:
        return fmt::format("'{}'::INTEGER", value.integer);
    case ScalarType::Long:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
        return integer(value.integer);
    case ScalarType::Real:
        if (std::isnan(value.real))
            return "'nan'::DOUBLE";
        if (std::isinf(value.real))
            return value.real < 0 ? "'-infinity'::DOUBLE" : "'infinity'::DOUBLE";
        return fmt::format("'{}'::DOUBLE", value.real);
    case ScalarType::Decimal:
        return fmt::format("'{}'::DECIMAL(38,{})", data::format_decimal(value.decimal), value.decimal.scale);
    case ScalarType::Guid:
        return fmt::format("'{}'::UUID", data::format_guid(value.guid));
    case ScalarType::String:
    case ScalarType::Dynamic:
        return text(value.text);
    }
    return "NULL";
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0)
            out += between;
        out += parts[i];
    }
    return out;
}

} // namespace sluice::kql::sql
