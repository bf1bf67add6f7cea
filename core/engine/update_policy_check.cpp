#include "core/engine/update_policy_check.hpp"

#include "core/catalog/row_level_security.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/entity_error.hpp"
#include "core/ingest/policy_graph.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace sluice::engine {
namespace {

using catalog::Database;
using catalog::UpdatePolicy;
using ingest::PolicyEdge;

/// Plugins that reach beyond the cluster: never inside of an ingestion (V10).
constexpr std::array<std::string_view, 9> kCallOuts{"http_request_post",
                                                    "http_request",
                                                    "sql_request",
                                                    "mysql_request",
                                                    "postgresql_request",
                                                    "cosmosdb_sql_request",
                                                    "azure_digital_twins_query_request",
                                                    "ai_embeddings",
                                                    "ai_chat_completion"};

/// A snapshot that is not published anywhere: the checks only look.
catalog::Snapshot borrowed(const Database& database) {
    return {catalog::Snapshot(), &database};
}

Result<ingest::PolicyPlan> plan_of(const PolicyEdge& edge, const Database& database) {
    // The source's SQL is never run here.
    return ingest::plan_policy(edge, borrowed(database), "SELECT", 0);
}

Error explain(const Error& error) {
    for (const std::string_view plugin : kCallOuts)
        if (error.message.find(plugin) != std::string::npos)
            return policy_error(fmt::format("Plugin '{}' is not allowed in an update policy: it calls out.", plugin));
    if (error.message.find("externaldata") != std::string::npos ||
        error.message.find("external_table") != std::string::npos)
        return policy_error(fmt::format("External data is not allowed in an update policy. {}", error.message));
    if (error.reason == "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema")
        return policy_error(error.message);
    return policy_error(fmt::format("Caught exception while validating query for Update Policy: {}", error.message));
}

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

/// V12: an identity is taken when the managed identity policy of the database allows it for automated flows.
bool allows_identity(const Database& database, const std::string& identity) {
    const auto policy = database.policies.other.find("managed_identity");
    if (policy == database.policies.other.end())
        return false;
    const auto json = nlohmann::json::parse(policy->second, nullptr, false);
    if (!json.is_array())
        return false;
    return std::any_of(json.begin(), json.end(), [&](const auto& entry) {
        const auto text = [&](const char* name) {
            return entry.is_object() && entry.contains(name) && entry[name].is_string()
                       ? entry[name].template get<std::string>()
                       : std::string();
        };
        const std::string usages = to_lower(text("AllowedUsages"));
        return same_word(text("ObjectId"), identity) &&
               (usages == "all" || usages.find("automatedflows") != std::string::npos);
    });
}

bool is_secured(const catalog::Table& table) {
    const auto policy = catalog::row_level_security(table.policies);
    return policy && policy->is_enabled;
}

Result<> check_reads(const Database& database, const PolicyEdge& edge, const kql::Reads& reads, bool unreferenced) {
    if (reads.cluster)
        return policy_error("Cross-cluster references are not allowed in an update policy.");
    if (reads.tables.contains(edge.source->name) && !reads.extra_tables.contains(edge.source->name))
        return policy_error(fmt::format(
            "Source table '{}' has to be named without database(...): it stands for the new rows.", edge.source->name));
    for (const std::string& name : reads.tables)
        if (!database.find_table(name))
            return policy_error(
                edge.policy.managed_identity
                    ? fmt::format("The query reads '{}'; update policies that read other databases are not offered by "
                                  "this server.",
                                  name)
                    : fmt::format("The query reads '{}'; reading another database requires a managed identity.", name));
    if (!edge.policy.managed_identity) // V11
        for (const auto& [name, table] : database.tables)
            if ((name == edge.source->name || reads.tables.contains(name)) && is_secured(*table))
                return policy_error(fmt::format("Table '{}' is not accessible to an update policy without a managed "
                                                "identity: it has a row level security policy.",
                                                name));
    if (reads.extra_tables.empty() && !unreferenced)
        return policy_error(
            fmt::format("Update policy query does not reference source table '{}'.", edge.source->name));
    return {};
}

/// The enabled entry as edges, one for each source.
Result<std::vector<PolicyEdge>> edges_of(const Database& database, const std::shared_ptr<const catalog::Table>& target,
                                         const UpdatePolicy& entry) {
    std::vector<PolicyEdge> edges;
    for (const auto& [name, table] : database.tables)
        if (is_triggered_by(entry, target->name, name))
            edges.push_back({table, target, entry});
    if (!edges.empty() || entry.source_is_wildcard)
        return edges;
    if (entry.source.starts_with("database(") || entry.source.starts_with("cluster(") ||
        entry.source.starts_with(database.name + "."))
        return policy_error(fmt::format("Source must be a table of database '{}'.", database.name));
    return policy_error(fmt::format("Entity ID '{}' of kind 'Table' was not found.", entry.source));
}

Result<> check_edge(const Database& database, const PolicyEdge& edge, bool unreferenced) {
    auto plan = plan_of(edge, database);
    if (!plan)
        return explain(plan.error());
    SLUICE_CHECK(check_reads(database, edge, plan->reads, unreferenced));
    if (edge.source->keeps_no_rows() && !edge.policy.is_transactional)
        return policy_error(fmt::format(
            "Source table '{}' has zero retention, the update policy must be transactional.", edge.source->name));
    return {};
}

std::vector<std::string> out_of_scope(const Database& database, const PolicyEdge& edge) {
    const auto plan = plan_of(edge, database);
    return plan ? ingest::additional_tables(plan->reads) : std::vector<std::string>();
}

/// C1: what can be reached from the target is streamed too as soon as one of its sources is.
Result<> check_scope(const Database& database, const catalog::Table& target) {
    const ingest::PolicyGraph graph(borrowed(database));
    std::set<catalog::TableId> reached{target.id};
    std::vector<catalog::TableId> next{target.id};
    while (!next.empty()) {
        const catalog::TableId source = next.back();
        next.pop_back();
        for (const PolicyEdge& edge : graph.from(source))
            if (reached.insert(edge.target->id).second)
                next.push_back(edge.target->id);
    }
    for (const auto& [name, table] : database.tables) {
        if (!database.is_streaming_fed(*table))
            continue;
        for (const PolicyEdge& edge : graph.from(table->id)) {
            if (edge.target->id != target.id && !reached.contains(table->id))
                continue;
            if (const auto others = out_of_scope(database, edge); !others.empty())
                return policy_error(
                    fmt::format("Referencing additional tables from update policy is not allowed when the source table "
                                "has a StreamingIngestion policy defined. Additional tables: {}.",
                                listed(others)));
        }
    }
    return {};
}

} // namespace

Result<> check_update_policy(const Database& after, std::string_view name, bool unreferenced) {
    const auto target = after.find_table(name);
    for (const UpdatePolicy& entry : target->policies.update) {
        if (!entry.is_enabled)
            continue;
        if (entry.managed_identity && !allows_identity(after, *entry.managed_identity))
            return policy_error(fmt::format("Managed identity '{}' is not allowed for usage 'AutomatedFlows'",
                                            *entry.managed_identity));
        SLUICE_TRY(const auto edges, edges_of(after, target, entry));
        for (const PolicyEdge& edge : edges)
            SLUICE_CHECK(check_edge(after, edge, unreferenced));
    }
    return check_scope(after, *target);
}

Result<> check_row_level_security(const Database& after, const std::string& name) {
    const auto table = after.find_table(name);
    const auto restricted = table->policies.other.find("restricted_view_access");
    if (restricted != table->policies.other.end() && restricted->second == "true")
        return policy_error(
            fmt::format("Table '{}' has a restricted view access policy; a table has one of the two.", name));
    const ingest::PolicyGraph graph(borrowed(after));
    for (const auto& [source, candidate] : after.tables)
        for (const PolicyEdge& edge : graph.from(candidate->id)) {
            if (edge.policy.managed_identity)
                continue;
            const auto plan = plan_of(edge, after);
            if (source == name || (plan && plan->reads.tables.contains(name)))
                return policy_error(fmt::format("Table '{}' is read by the update policy of table '{}', which has no "
                                                "managed identity.",
                                                name, edge.target->name));
        }
    kql::CompileOptions options;
    options.database = borrowed(after);
    if (const auto plan = kql::compile(fmt::format("table('{}')", name), options); !plan)
        return policy_error(plan.error().message);
    return {};
}

Result<> check_streaming_change(const Database& before, const Database& after, std::string_view entity) {
    const ingest::PolicyGraph graph(borrowed(after));
    for (const auto& [name, table] : after.tables) {
        const auto old = before.find_table(name);
        if (graph.from(table->id).empty() || !after.is_streaming_fed(*table) || (old && before.is_streaming_fed(*old)))
            continue;
        for (const PolicyEdge& edge : graph.from(table->id))
            if (const auto others = out_of_scope(after, edge); !others.empty())
                return policy_error(fmt::format("Streaming ingestion cannot be turned on for {}: update policy on '{}' "
                                                "references additional tables: {}.",
                                                entity, edge.target->name, listed(others)));
    }
    return {};
}

std::vector<PolicyViolation> find_policy_violations(const Database& database) {
    std::vector<PolicyViolation> found;
    for (const auto& [name, table] : database.tables)
        for (const UpdatePolicy& entry : table->policies.update) {
            if (!entry.is_enabled)
                continue;
            const auto edges = edges_of(database, table, entry);
            if (!edges) {
                found.push_back({name, fmt::format("source table '{}' does not exist", entry.source)});
                continue;
            }
            for (const PolicyEdge& edge : *edges) {
                const auto plan = plan_of(edge, database);
                if (!plan)
                    found.push_back({name, plan.error().message});
                else if (const auto others = ingest::additional_tables(plan->reads);
                         !others.empty() && database.is_streaming_fed(*edge.source))
                    found.push_back({name, "references additional tables: " + listed(others)});
            }
        }
    return found;
}

} // namespace sluice::engine
