#pragma once

#include "core/catalog/catalog.hpp"
#include "core/store/store.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What a query does not see of a stored table: rows of staged batches and of pieces written ahead. Internal to
/// core/store.
namespace sluice::store {

/// Behind `FROM <stored table>`: leaves out the parts that are hidden in the snapshot of whoever runs it. An anti join
/// against the few hidden parts costs 1 ns a row; a semi join against all visible ones costs 3.
std::string without_hidden_parts(catalog::TableId table);

/// Ids of hidden parts, by table.
using HiddenParts = std::map<catalog::TableId, std::vector<PartId>>;
/// All hidden parts of the snapshot; two columns, "table" and id. Made for a statement that is kept (Statement).
std::string hidden_parts_query();
std::vector<Parameter> hidden_parts_parameters();

/// `sql` contains without_hidden_parts of some table. Text of a user cannot make it look so.
bool leaves_out_parts(std::string_view sql);
/// `sql` with each without_hidden_parts replaced by what `hidden` says: by nothing for a table without any, which is
/// the rule, so that DuckDB scans it like a table of its own; with many it stays a join.
std::string with_known_parts(std::string_view sql, const HiddenParts& hidden);

} // namespace sluice::store
