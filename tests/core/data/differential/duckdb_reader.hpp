#pragma once

#include <duckdb.h>

#include <string>
#include <vector>

namespace sluice::test {

/// An in-memory DuckDB on one thread. One thread at a time.
class DuckDbReader {
public:
    DuckDbReader();
    ~DuckDbReader();
    DuckDbReader(const DuckDbReader&) = delete;
    DuckDbReader& operator=(const DuckDbReader&) = delete;

    /// The rows of a query as texts, "null" for NULL; columns may be BOOLEAN, INTEGER, BIGINT, DOUBLE and VARCHAR.
    /// Throws with DuckDB's message.
    std::vector<std::vector<std::string>> rows(const std::string& sql);

private:
    duckdb_database database_ = nullptr;
    duckdb_connection connection_ = nullptr;
};

} // namespace sluice::test
