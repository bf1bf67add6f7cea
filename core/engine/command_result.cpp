#include "core/engine/command_result.hpp"

#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <memory>

namespace sluice::engine {
namespace {

/// Puts one cell into row `row`. The chunk's arena owns the texts.
struct Put {
    data::Chunk& chunk;
    std::size_t column, row;

    data::Column& target() const { return chunk.column(column); }
    void operator()(const Null&) const { target().set_null(row); }
    void operator()(bool value) const { target().set<std::uint8_t>(row, value ? 1 : 0); }
    void operator()(std::int32_t value) const { target().set<std::int32_t>(row, value); }
    void operator()(std::int64_t value) const { target().set<std::int64_t>(row, value); }
    void operator()(double value) const { target().set<double>(row, value); }
    void operator()(const DateTime& value) const { target().set<Ticks>(row, value.ticks); }
    void operator()(const TimeSpan& value) const { target().set<Ticks>(row, value.ticks); }
    void operator()(const data::Guid& value) const { target().set<data::Guid>(row, value); }
    void operator()(const std::string& value) const { target().set<data::StringCell>(row, chunk.arena().cell(value)); }
    void operator()(const Dynamic& value) const { target().set<data::StringCell>(row, chunk.arena().cell(value.json)); }
};

[[maybe_unused]] bool fits(const Cell& cell, data::ScalarType type) {
    using data::ScalarType;
    switch (cell.index()) {
    case 0:
        return true;
    case 1:
        return type == ScalarType::Bool;
    case 2:
        return type == ScalarType::Int;
    case 3:
        return type == ScalarType::Long;
    case 4:
        return type == ScalarType::Real;
    case 5:
        return type == ScalarType::DateTime;
    case 6:
        return type == ScalarType::TimeSpan;
    case 7:
        return type == ScalarType::String;
    case 8:
        return type == ScalarType::Guid;
    default:
        return type == ScalarType::Dynamic;
    }
}

/// A quoted name: the columns of a command's rows are called what the specification calls them.
std::string column_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"')
            out += '"';
        out += c;
    }
    return out + '"';
}

Cell cell_of(const data::Column& column, std::size_t row) {
    using data::ScalarType;
    if (column.is_null(row))
        return Null{};
    switch (column.type()) {
    case ScalarType::Bool:
        return column.get<std::uint8_t>(row) != 0;
    case ScalarType::Int:
        return column.get<std::int32_t>(row);
    case ScalarType::Long:
        return column.get<std::int64_t>(row);
    case ScalarType::Real:
        return column.get<double>(row);
    case ScalarType::DateTime:
        return DateTime{column.get<Ticks>(row)};
    case ScalarType::TimeSpan:
        return TimeSpan{column.get<Ticks>(row)};
    case ScalarType::Guid:
        return column.get<data::Guid>(row);
    case ScalarType::Dynamic:
        return Dynamic{std::string(column.text(row))};
    case ScalarType::Decimal: // no command answers with one
    case ScalarType::String:
        break;
    }
    return std::string(column.text(row));
}

std::string literal(const data::Column& column, std::size_t row) {
    using data::ScalarType;
    kql::Constant value{.type = column.type(), .null = column.is_null(row)};
    if (value.null)
        return kql::sql::constant(value);
    switch (column.type()) {
    case ScalarType::Bool:
        value.integer = column.get<std::uint8_t>(row);
        break;
    case ScalarType::Int:
        value.integer = column.get<std::int32_t>(row);
        break;
    case ScalarType::Long:
    case ScalarType::DateTime:
    case ScalarType::TimeSpan:
        value.integer = column.get<std::int64_t>(row);
        break;
    case ScalarType::Real:
        value.real = column.get<double>(row);
        break;
    case ScalarType::Decimal:
        value.decimal = column.decimal(row);
        break;
    case ScalarType::Guid:
        value.guid = column.get<data::Guid>(row);
        break;
    case ScalarType::String:
    case ScalarType::Dynamic:
        value.text = std::string(column.text(row));
        break;
    }
    return kql::sql::constant(value);
}

} // namespace

data::Schema schema_of(std::string_view shape) {
    data::Schema schema;
    std::size_t at = 0;
    while (at < shape.size()) {
        const std::size_t end = std::min(shape.find(',', at), shape.size());
        const std::string_view column = shape.substr(at, end - at);
        const std::size_t colon = column.find(':');
        assert(colon != std::string_view::npos);
        const auto type = data::parse_scalar_type(trimmed(column.substr(colon + 1)));
        assert(type);
        schema.columns.push_back({trimmed(column.substr(0, colon)), *type});
        at = end + 1;
    }
    return schema;
}

CommandResult::CommandResult(std::string_view shape) : CommandResult(schema_of(shape)) {}

CommandResult::CommandResult(data::Schema schema)
    : schema_(std::make_shared<const data::Schema>(std::move(schema))), rows_(schema_) {}

CommandResult& CommandResult::add(const std::vector<Cell>& cells) {
    assert(cells.size() == schema_->size());
    data::Chunk& chunk = rows_.next_row();
    const std::size_t row = chunk.rows();
    for (std::size_t i = 0; i < cells.size(); ++i) {
        assert(fits(cells[i], (*schema_)[i].type));
        std::visit(Put{chunk, i, row}, cells[i]);
        const bool null_text = std::holds_alternative<Null>(cells[i]) && (*schema_)[i].type == data::ScalarType::String;
        if (null_text && std::find(null_texts_.begin(), null_texts_.end(), i) == null_texts_.end())
            null_texts_.push_back(i);
    }
    rows_.finish_row();
    return *this;
}

CommandResult CommandResult::stored(std::string_view shape, Stored stored) {
    CommandResult result(shape);
    result.stored_ = std::move(stored);
    return result;
}

CommandResult CommandResult::copy() const {
    CommandResult result(*schema_);
    for (const data::Chunk& chunk : rows_.chunks())
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            std::vector<Cell> cells;
            for (std::size_t i = 0; i < chunk.columns(); ++i)
                cells.push_back(cell_of(chunk.column(i), row));
            result.add(cells);
        }
    return result;
}

ResultTable CommandResult::table() && {
    ResultTable table;
    table.schema = *schema_;
    table.null_texts = null_texts_;
    auto chunks = std::make_shared<std::vector<data::Chunk>>(std::move(rows_.chunks()));
    table.next = [chunks, at = std::size_t{0}]() mutable -> Result<std::optional<data::Chunk>> {
        if (at == chunks->size())
            return std::optional<data::Chunk>();
        return std::optional(std::move((*chunks)[at++]));
    };
    return table;
}

std::string CommandResult::select() const {
    if (stored_)
        return stored_->sql;
    std::string list;
    for (const auto& column : schema_->columns)
        list += (list.empty() ? "" : ", ") + column_name(column.name);
    if (rows_.empty()) {
        std::string nulls;
        for (const auto& column : schema_->columns)
            nulls += fmt::format("{}{} AS {}", nulls.empty() ? "" : ", ", kql::sql::null_of(column.type),
                                 column_name(column.name));
        return "SELECT " + nulls + " WHERE false";
    }
    std::string values;
    for (const data::Chunk& chunk : rows_.chunks()) {
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            values += values.empty() ? "(" : ", (";
            for (std::size_t i = 0; i < chunk.columns(); ++i)
                values += (i == 0 ? "" : ", ") + literal(chunk.column(i), row);
            values += ')';
        }
    }
    return fmt::format("SELECT * FROM (VALUES {}) AS \"$command\"({})", values, list);
}

} // namespace sluice::engine
