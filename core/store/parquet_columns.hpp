#pragma once

#include "core/data/mapping.hpp"
#include "core/data/path.hpp"
#include "core/store/duck.hpp"
#include "core/store/parquet_footer.hpp"

#include <string>

/// The conversion matrix of formats-and-mappings 6 as SQL expressions. Internal to core/store.
namespace sluice::store {

/// A value of a row: an expression, its type, and how it lies in the file, which DuckDB's types do not tell.
struct ParquetValue {
    std::string sql;
    TypeHandle type;
    const ParquetElement* element = nullptr; ///< of the footer; null: unknown

    bool lies_in(ParquetElement::Physical physical) const { return element && element->physical == physical; }
};

/// What a path leads to from `from`; no type: nothing.
ParquetValue follow(ParquetValue from, const data::Path& path, std::size_t first_step);

struct ParquetColumn {
    /// Stored: the cell as the store has it. Text: for Cells::text. Json: compact JSON.
    enum class Form { Stored, Text, Json } form = Form::Stored;
    std::string sql; ///< "NULL": the matrix knows no way
};
/// `value` as a column of type `target`.
ParquetColumn convert(const ParquetValue& value, data::ScalarType target);
/// `value` as JSON for DropMappedFields and PropertyBagArrayToDictionary into a column of type `target`; empty: it has
/// no parts that they could work on.
std::string transformed_json(const ParquetValue& value, data::ScalarType target, data::Transform transform);
/// `value` as text that a DateTimeFromUnix transform takes; "NULL": it is neither number nor text.
std::string unix_time_text(const ParquetValue& value);
/// A value as one whose JSON is right. It is made JSON once, for the whole: JSON inside of other JSON would be read
/// again, and its numbers become doubles.
std::string json_value(const std::string& sql, duckdb_logical_type type, int depth = 0);
/// The JSON of what json_value gave.
std::string json_text(const std::string& json);

} // namespace sluice::store
