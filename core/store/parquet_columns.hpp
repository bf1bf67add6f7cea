#pragma once

#include "core/data/mapping.hpp"
#include "core/data/path.hpp"
#include "core/store/duck.hpp"

#include <map>
#include <string>

/// The conversion matrix of formats-and-mappings 6 as SQL expressions. Internal to core/store.
namespace sluice::store {

/// How a decimal or a byte array lies in the file; DuckDB's types do not tell.
enum class ParquetPhysical { Other, FixedBytes, Bytes };

/// A value of a row: an expression and its type.
struct ParquetValue {
    std::string sql;
    TypeHandle type;
    ParquetPhysical physical = ParquetPhysical::Other;
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
/// `value` as text that a DateTimeFromUnix transform takes; "NULL": it is neither number nor text.
std::string unix_time_text(const ParquetValue& value);
/// `value` as JSON.
std::string json_of(const std::string& sql, duckdb_logical_type type, int depth = 0);

} // namespace sluice::store
