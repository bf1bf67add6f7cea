#include "tests/core/data/shown.hpp"

#include "core/data/text.hpp"

namespace sluice::data::test {

std::string shown(const Column& column, std::size_t row) {
    if (column.is_null(row))
        return "null";
    switch (column.type()) {
    case ScalarType::Bool:
        return column.get<std::uint8_t>(row) ? "true" : "false";
    case ScalarType::Int:
        return std::to_string(column.get<std::int32_t>(row));
    case ScalarType::Long:
        return std::to_string(column.get<std::int64_t>(row));
    case ScalarType::Real:
        return format_real(column.get<double>(row));
    case ScalarType::Decimal:
        return format_decimal(column.decimal(row));
    case ScalarType::DateTime:
        return format_datetime(column.get<Ticks>(row));
    case ScalarType::TimeSpan:
        return format_timespan(column.get<Ticks>(row));
    case ScalarType::Guid:
        return format_guid(column.get<Guid>(row));
    case ScalarType::String:
    case ScalarType::Dynamic:
        return std::string(column.text(row));
    }
    return {};
}

std::string shown(const Rows& rows) {
    std::string out;
    for (const Chunk& chunk : rows.chunks()) {
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            out += out.empty() ? "(" : " (";
            for (std::size_t i = 0; i < chunk.columns(); ++i)
                out += (i == 0 ? "" : ",") + shown(chunk.column(i), row);
            out += ')';
        }
    }
    return out;
}

} // namespace sluice::data::test
