#include "tests/core/data/differential/duckdb_reader.hpp"

#include "core/data/text.hpp"

#include <stdexcept>

namespace sluice::test {
namespace {

std::string cell(duckdb_vector vector, duckdb_type type, idx_t row) {
    const std::uint64_t* const validity = duckdb_vector_get_validity(vector);
    if (validity != nullptr && !duckdb_validity_row_is_valid(const_cast<std::uint64_t*>(validity), row))
        return "null";
    void* const data = duckdb_vector_get_data(vector);
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return static_cast<bool*>(data)[row] ? "true" : "false";
    case DUCKDB_TYPE_INTEGER:
        return std::to_string(static_cast<std::int32_t*>(data)[row]);
    case DUCKDB_TYPE_BIGINT:
        return std::to_string(static_cast<std::int64_t*>(data)[row]);
    case DUCKDB_TYPE_DOUBLE:
        return data::format_real(static_cast<double*>(data)[row]);
    case DUCKDB_TYPE_VARCHAR: {
        auto* const text = static_cast<duckdb_string_t*>(data) + row;
        return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
    }
    default:
        throw std::runtime_error("a column of a type that this reader does not know");
    }
}

} // namespace

DuckDbReader::DuckDbReader() {
    if (duckdb_open(nullptr, &database_) != DuckDBSuccess || duckdb_connect(database_, &connection_) != DuckDBSuccess)
        throw std::runtime_error("DuckDB does not open");
    rows("SET threads=1");
    rows("SET TimeZone='UTC'");
}

DuckDbReader::~DuckDbReader() {
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
}

std::vector<std::vector<std::string>> DuckDbReader::rows(const std::string& sql) {
    std::vector<std::vector<std::string>> rows;
    duckdb_result result;
    if (duckdb_query(connection_, sql.c_str(), &result) != DuckDBSuccess) {
        const std::string message = duckdb_result_error(&result);
        duckdb_destroy_result(&result);
        throw std::runtime_error(message + "\n" + sql);
    }
    const idx_t columns = duckdb_column_count(&result);
    while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
        const idx_t size = duckdb_data_chunk_get_size(chunk);
        for (idx_t row = 0; row < size; ++row) {
            std::vector<std::string>& cells = rows.emplace_back();
            for (idx_t i = 0; i < columns; ++i)
                cells.push_back(cell(duckdb_data_chunk_get_vector(chunk, i), duckdb_column_type(&result, i), row));
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return rows;
}

} // namespace sluice::test
