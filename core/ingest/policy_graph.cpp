#include "core/ingest/policy_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::ingest {
namespace {

template <class Columns> std::string types_of(const Columns& columns) {
    std::string out;
    for (const auto& column : columns)
        out += fmt::format("{}{}", out.empty() ? "" : ",", data::to_string(column.type));
    return out;
}

} // namespace

PolicyGraph::PolicyGraph(catalog::Snapshot database) : database_(std::move(database)) {
    for (const auto& [name, table] : database_->tables) {
        if (table->keeps_no_rows())
            passing_.insert(table->id);
        for (const catalog::UpdatePolicy& entry : table->policies.update) {
            if (!entry.is_enabled)
                continue;
            const auto add = [&, target = table](const std::shared_ptr<const catalog::Table>& source) {
                edges_[source->id].push_back({source, target, entry, size_++});
            };
            if (!entry.source_is_wildcard) {
                if (const auto source = database_->find_table(entry.source))
                    add(source);
                continue;
            }
            for (const auto& [other, source] : database_->tables)
                if (is_triggered_by(entry, name, other))
                    add(source);
        }
    }
}

const std::vector<PolicyEdge>& PolicyGraph::from(catalog::TableId source) const {
    static const std::vector<PolicyEdge> none;
    const auto found = edges_.find(source);
    return found == edges_.end() ? none : found->second;
}

Result<PolicyPlan> plan_policy(const PolicyEdge& edge, const catalog::Snapshot& database, const std::string& source_sql,
                               Ticks now) {
    kql::CompileOptions options;
    options.database = database;
    options.now = now;
    for (const std::string& name : {edge.source->name, std::string(kSourceTable)})
        options.extra_tables.push_back({name, source_sql, *edge.source->schema(), true});
    auto compiled = kql::compile(edge.policy.query, options);
    if (!compiled)
        return Error{ErrorCode::Invalid, compiled.error().message, "UpdatePolicy_BadRequest"};
    if (compiled->results.size() != 1)
        return Error{
            ErrorCode::Invalid,
            fmt::format("The query of an update policy has one tabular statement, not {}.", compiled->results.size()),
            "UpdatePolicy_BadRequest"};
    kql::ResultPlan& result = compiled->results.front();
    const auto& columns = edge.target->columns;
    const bool fits = std::equal(result.schema.columns.begin(), result.schema.columns.end(), columns.begin(),
                                 columns.end(), [](const auto& a, const auto& b) { return a.type == b.type; });
    if (!fits)
        return Error{ErrorCode::Invalid,
                     fmt::format("Query schema does not match table schema. QuerySchema=('{}'), TableSchema=('{}')",
                                 types_of(result.schema.columns), types_of(columns)),
                     "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema"};
    return PolicyPlan{std::move(result.sql), std::move(result.parameters), std::move(result.schema),
                      std::move(compiled->reads)};
}

std::vector<std::string> additional_tables(const kql::Reads& reads) {
    return {reads.tables.begin(), reads.tables.end()};
}

} // namespace sluice::ingest
