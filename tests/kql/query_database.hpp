#pragma once

#include "core/kql/kql.hpp"
#include "core/store/store.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sluice::testing {

/// A database in a temporary folder, for queries without HTTP. One thread at a time.
class QueryDatabase {
public:
    QueryDatabase();
    ~QueryDatabase();
    QueryDatabase(const QueryDatabase&) = delete;
    QueryDatabase& operator=(const QueryDatabase&) = delete;

    /// Creates an empty table from `Name (column:type, ...)`.
    Result<> create_table(std::string_view declaration);
    void add_function(std::string name, std::string parameters, std::string body);
    /// V2-like: {"tables": [{"name", "columns": [{"ColumnName", "ColumnType"}], "rows": [[...]]}], "visualization":
    /// {...}}
    Result<nlohmann::ordered_json> run(std::string_view query,
                                       const std::map<std::string, std::string>& parameters = {});
    /// The SQL of each result.
    Result<std::vector<std::string>> translate(std::string_view query);
    /// The columns of the last result, without running the query: [{"ColumnName", "ColumnType"}].
    Result<nlohmann::ordered_json> columns(std::string_view query);
    void set_rewrites(bool on) { rewrites_ = on; }

private:
    kql::CompileOptions options(const std::map<std::string, std::string>& parameters) const;

    std::filesystem::path folder_;
    std::unique_ptr<store::Store> store_;
    catalog::Database catalogue_;
    catalog::Catalog catalog_;
    bool rewrites_ = true;
};

} // namespace sluice::testing
