#pragma once

#include "core/catalog/catalog.hpp"
#include "core/kql/kql.hpp"

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sluice::ingest {

/// An enabled entry of an update policy with the two tables it connects.
struct PolicyEdge {
    std::shared_ptr<const catalog::Table> source, target;
    catalog::UpdatePolicy policy;
    std::size_t number = 0; ///< of this edge within its graph
};

/// Which update policies run on rows of which table, in one version of the catalogue. Immutable.
class PolicyGraph {
public:
    explicit PolicyGraph(catalog::Snapshot database);

    const catalog::Snapshot& database() const { return database_; }
    /// In the order of the targets' names.
    const std::vector<PolicyEdge>& from(catalog::TableId source) const;
    std::size_t size() const { return size_; }
    bool keeps_no_rows(catalog::TableId table) const { return passing_.contains(table); }
    /// Rows of the table cannot just become an extent: policies run on them, or they are not kept.
    bool concerns(catalog::TableId table) const { return !from(table).empty() || keeps_no_rows(table); }

private:
    catalog::Snapshot database_;
    std::unordered_map<catalog::TableId, std::vector<PolicyEdge>> edges_;
    std::unordered_set<catalog::TableId> passing_;
    std::size_t size_ = 0;
};

/// The query of an update policy, ready to run over new rows of its source.
struct PolicyPlan {
    std::string sql;
    std::vector<store::Parameter> parameters;
    data::Schema schema;
    kql::Reads reads;
};

/// Name under which a policy's query finds its source, whatever that is called (engine 3.7).
inline constexpr std::string_view kSourceTable = "$source_table";

/// Binds the query with the source, by its name and as $source_table, standing for what `source_sql` selects: its
/// columns, "$time",
/// "$part". Reason UpdatePolicy_BadRequest: the text is wrong. UpdatePolicy_QuerySchemaDoesNotMatchTableSchema: the
/// output does not fit the target in number, type and order (engine 3.2 V5).
Result<PolicyPlan> plan_policy(const PolicyEdge& edge, const catalog::Snapshot& database, const std::string& source_sql,
                               Ticks now);

/// Everything that the query reads besides its source, sorted: what a policy on streamed data may not do (engine 2.2).
std::vector<std::string> additional_tables(const kql::Reads& reads);

} // namespace sluice::ingest
