#include "core/engine/sql_literal.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

namespace sluice::engine {

std::string_view sql_type(data::ScalarType type) {
    using data::ScalarType;
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
        return "DECIMAL(38,20)";
    case ScalarType::Guid:
        return "UUID";
    case ScalarType::String:
    case ScalarType::Dynamic:
        break;
    }
    return "VARCHAR";
}

std::string sql_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"')
            out += '"';
        out += c;
    }
    return out + '"';
}

std::string sql_text(std::string_view text) {
    std::string out = "'";
    bool has_zero = false;
    for (const char c : text) {
        if (c == '\0') {
            // A zero byte would end the statement's text.
            out += "' || chr(0) || '";
            has_zero = true;
        } else {
            if (c == '\'')
                out += '\'';
            out += c;
        }
    }
    out += '\'';
    return has_zero ? "(" + out + ")" : out;
}

std::string sql_literal(const data::Column& column, std::size_t row) {
    using data::ScalarType;
    const std::string_view type = sql_type(column.type());
    if (column.is_null(row))
        return fmt::format("CAST(NULL AS {})", type);
    switch (column.type()) {
    case ScalarType::Bool:
        return column.get<std::uint8_t>(row) ? "true" : "false";
    case ScalarType::Int:
        return fmt::format("CAST({} AS INTEGER)", column.get<std::int32_t>(row));
    case ScalarType::Long:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
        return fmt::format("CAST({} AS BIGINT)", column.get<std::int64_t>(row));
    case ScalarType::Real:
        return fmt::format("CAST('{}' AS DOUBLE)", data::format_real(column.get<double>(row)));
    case ScalarType::Decimal:
        return fmt::format("CAST('{}' AS {})", data::format_decimal(column.get<data::Decimal>(row)), type);
    case ScalarType::Guid:
        return fmt::format("CAST('{}' AS UUID)", data::format_guid(column.get<data::Guid>(row)));
    case ScalarType::String:
    case ScalarType::Dynamic:
        break;
    }
    return fmt::format("CAST({} AS {})", sql_text(column.text(row)), type);
}

} // namespace sluice::engine
