#pragma once

#include "core/data/chunk.hpp"
#include "core/store/duck.hpp"

/// Between the cells of our columns and DuckDB's vectors. Internal to core/store.
namespace sluice::store {

/// How a Kusto type is stored: datetime and timespan are BIGINT ticks, which keeps 100 ns and the whole range of years;
/// dynamic is its JSON text; see sql_type for the rest.
TypeHandle logical_type(data::ScalarType type);
/// "BIGINT"; with the default that keeps strings from being NULL where `with_default`.
std::string sql_type(data::ScalarType type, bool with_default = false);

/// Copies `rows` cells into a fresh flat vector of the stored type, or of BLOB for a string column. Long texts are not
/// copied: the vector refers to them. Decimals get the scale of stored ones; those that do not fit become null.
void write_vector(const data::Column& column, std::size_t rows, duckdb_vector vector);
/// One guid; DuckDB's cell differs from ours.
void write_guid(data::Guid guid, void* cells, std::size_t row);
data::Guid read_guid(const void* cells, std::size_t row);

/// Turns chunks of a result into ours, by the Kusto types that the caller wants.
class ResultReader {
public:
    /// Internal, naming the column, when the number of columns differs or a type found cannot be read as the type
    /// wanted.
    static Result<ResultReader> make(const RawResult& result, data::Schema types);

    /// Texts are copied, so the chunk may go. Decimals keep the scale that the query gave them (Column::scale).
    /// Invalid: a number does not fit the type wanted.
    Result<data::Chunk> read(duckdb_data_chunk chunk) const;
    const data::Schema& schema() const { return types_; }

private:
    struct Found {
        int type;     ///< duckdb_type of the column
        int physical; ///< duckdb_type of its cells; differs for DECIMAL
        int scale;    ///< of a DECIMAL
    };
    Result<> read_column(std::size_t index, duckdb_vector vector, std::size_t rows, data::Chunk& out) const;

    data::Schema types_;
    std::vector<Found> found_;
};

} // namespace sluice::store
