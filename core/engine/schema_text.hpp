#pragma once

#include "core/catalog/catalog.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Texts that describe tables and databases to clients.
namespace sluice::engine {

/// "At:datetime,Gauge:string": column names that are no plain identifiers are quoted.
std::string csl_schema(const catalog::Table& table);
/// `{"Name":"T","OrderedColumns":[{"Name","Type","CslType"}]}`.
std::string json_schema(const catalog::Table& table);
/// The document of rest-api 13, for one or more databases.
std::string json_schema(const std::vector<catalog::Snapshot>& databases);
/// "v7.0"; minor is always 0 here, see `version_of`.
std::string version_of(const catalog::Database& database);
/// `given` is "v7.12" or "7.12": whether the database is newer.
bool later_than(const catalog::Database& database, std::string_view given);

/// A name as it stands in a command: plain, or ['with blank'].
std::string quoted_name(std::string_view name);
std::string quoted_text(std::string_view text);
/// "[Harbor].[GaugeRaw]"
std::string entity_name(const catalog::Database& database);
std::string entity_name(const catalog::Database& database, const catalog::Table& table);

/// "(a: long,b:string = 'x')" -> "(a:long, b:string='x')".
std::string tidy_parameters(std::string_view parameters);
/// The commands that make the database's tables, mappings, policies and functions again.
struct ScriptParts {
    bool mappings = true, encodings = true;
};
std::vector<std::string> schema_script(const catalog::Database& database, const ScriptParts& parts = {});

} // namespace sluice::engine
