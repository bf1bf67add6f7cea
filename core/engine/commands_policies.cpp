#include "core/catalog/row_level_security.hpp"
#include "core/engine/catalogue_changes.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/extent_rules.hpp"
#include "core/engine/policy_text.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/engine/update_policy_check.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::engine {
namespace {

using catalog::Database;

Cell text_or_null(std::optional<std::string> text) {
    return text ? Cell(std::move(*text)) : Cell(Null{});
}

void add_table_policy(CommandResult& result, const Database& database, const catalog::Table& table,
                      const PolicyKind& kind) {
    auto text = policy_text(table.policies, kind);
    // On unless somebody turned it off (engine 5.7).
    if (!text && kind.keyword == "ingestiontime")
        text = R"({"IsEnabled":true})";
    result.add({std::string(kind.name), entity_name(database, table), text_or_null(std::move(text)), Null{},
                std::string("Table")});
}

void add_database_policy(CommandResult& result, const Database& database, const PolicyKind& kind) {
    nlohmann::json children = nlohmann::json::array();
    for (const auto& [name, table] : database.tables)
        children.push_back(name);
    result.add({std::string(kind.name), entity_name(database), text_or_null(policy_text(database.policies, kind)),
                children.dump(), std::string("Database")});
}

/// The entities that a policy command is about.
struct Targets {
    catalog::Snapshot database;
    std::vector<std::string> tables; ///< empty: the database itself
};

Result<Targets> targets_of(Context& context, const Arguments& arguments) {
    if (arguments.has("table")) {
        SLUICE_TRY(auto target, context.table(arguments.get("table")));
        return Targets{target.database, {target.table->name}};
    }
    if (arguments.has("tables")) {
        SLUICE_TRY(const auto found, context.tables(arguments.get("tables")));
        Targets targets{found.front().database, {}};
        for (const auto& target : found)
            targets.tables.push_back(target.table->name);
        return targets;
    }
    SLUICE_TRY(auto database, context.database(arguments.text("database")));
    return Targets{std::move(database), {}};
}

Result<> check_level(const PolicyKind& kind, const Targets& targets) {
    if (kind.cluster_only)
        return policy_error(fmt::format("{} is a policy of the cluster", kind.name));
    if (targets.tables.empty() && !kind.on_database)
        return policy_error(fmt::format("{} is a policy of tables; it cannot be set on a database", kind.name));
    return {};
}

/// Rows of the policy after a change, one per entity.
CommandResult rows_of(const Database& database, const std::vector<std::string>& tables, const PolicyKind& kind) {
    CommandResult result(shape::kPolicy);
    if (tables.empty())
        add_database_policy(result, database, kind);
    for (const auto& name : tables)
        if (const auto table = database.find_table(name))
            add_table_policy(result, database, *table, kind);
    return result;
}

template <class Edit>
Result<CommandResult> change_policy(Context& context, const Targets& targets, const PolicyKind& kind, Edit edit) {
    SLUICE_TRY(const auto after, context.change(*targets.database, [&](const Database& before) -> Result<Database> {
        Database next = before;
        if (targets.tables.empty()) {
            SLUICE_TRY(next, change::edit_policies(before, std::nullopt,
                                                   [&](catalog::Policies& p) { return edit(p, false); }));
        }
        for (const auto& name : targets.tables) {
            SLUICE_TRY(next, change::edit_policies(next, name, [&](catalog::Policies& p) { return edit(p, true); }));
        }
        if (kind.keyword == "streamingingestion")
            SLUICE_CHECK(check_streaming_change(before, next,
                                                targets.tables.empty()
                                                    ? fmt::format("database '{}'", before.name)
                                                    : fmt::format("table '{}'", fmt::join(targets.tables, "', '"))));
        return next;
    }));
    return rows_of(*after, targets.tables, kind);
}

} // namespace

Result<CommandResult> show_policy(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto* kind, find_policy(arguments.text("policy")));
    if (arguments.text("database") == "*") {
        CommandResult result(shape::kPolicy);
        for (const auto& database : context.databases().catalog().all())
            add_database_policy(result, *database, *kind);
        return result;
    }
    if (arguments.has("every")) {
        SLUICE_TRY(const auto database, context.database());
        CommandResult result(shape::kPolicy);
        for (const auto& [name, table] : database->tables)
            if (policy_text(table->policies, *kind))
                add_table_policy(result, *database, *table, *kind);
        return result;
    }
    SLUICE_TRY(const auto targets, targets_of(context, arguments));
    SLUICE_CHECK(check_level(*kind, targets));
    return rows_of(*targets.database, targets.tables, *kind);
}

Result<CommandResult> alter_policy(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto* kind, find_policy(arguments.text("policy")));
    // The switch comes before everything else: an application that cannot stream is told so, whatever else is wrong
    // (commands 2.2).
    if (kind->keyword == "streamingingestion" && !context.databases().options().streaming_enabled)
        return bad_request("Admin command cannot be executed as streaming ingestion is not enabled");
    SLUICE_TRY(const auto targets, targets_of(context, arguments));
    SLUICE_CHECK(check_level(*kind, targets));
    if (kind->keyword == "restricted_view_access" && context.options().holds)
        return not_supported("With authentication on, this server does not offer the policy 'restricted_view_access'.");
    const PolicyValue value{arguments.text("value"), arguments.get("value").literal};
    const bool merge = arguments.said("alter-merge");
    return change_policy(context, targets, *kind, [&](catalog::Policies& policies, bool on_table) -> Result<> {
        SLUICE_CHECK(set_policy(policies, *kind, value, merge, on_table));
        if (kind->keyword == "restricted_view_access" && value.text == "true")
            if (const auto rows = catalog::row_level_security(policies); rows && rows->is_enabled)
                return policy_error("The table has a row level security policy; a table has one of the two.");
        if (kind->keyword == "auto_delete" && auto_delete(policies)->expiry <= context.now())
            return policy_error("AutoDeletePolicy: ExpiryDate should be in the future");
        return {};
    });
}

Result<CommandResult> delete_policy(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto* kind, find_policy(arguments.text("policy")));
    if (kind->keyword == "streamingingestion" && !context.databases().options().streaming_enabled)
        return bad_request("Admin command cannot be executed as streaming ingestion is not enabled");
    SLUICE_TRY(const auto targets, targets_of(context, arguments));
    SLUICE_CHECK(check_level(*kind, targets));
    return change_policy(context, targets, *kind, [&](catalog::Policies& policies, bool) -> Result<> {
        clear_policy(policies, *kind);
        return {};
    });
}

namespace {

std::string cluster_key(const PolicyKind& kind) {
    return fmt::format("cluster_policy.{}", kind.keyword);
}

/// Policies of the cluster lie in the first database that has one; empty: deleted.
std::optional<std::string> stored_cluster_policy(Context& context, const PolicyKind& kind) {
    for (const auto& name : context.databases().names())
        if (auto* writer = context.databases().writer(name))
            if (auto text = writer->setting(cluster_key(kind)); text && !text->empty())
                return text;
    return default_cluster_policy(kind);
}

CommandResult cluster_row(Context& context, const PolicyKind& kind) {
    nlohmann::json children = nlohmann::json::array();
    for (const auto& name : context.databases().names())
        children.push_back(name);
    Cell policy = text_or_null(stored_cluster_policy(context, kind));
    if (kind.keyword == "streamingingestion")
        policy = std::string(context.databases().options().streaming_enabled ? R"({"IsEnabled":true})"
                                                                             : R"({"IsEnabled":false})");
    CommandResult result(shape::kPolicy);
    result.add({std::string(kind.name), Null{}, policy, children.dump(), std::string("Cluster")});
    return result;
}

Result<> store_cluster_policy(Context& context, const PolicyKind& kind, const std::string& text) {
    bool stored = false;
    for (const auto& name : context.databases().names()) {
        auto* writer = context.databases().writer(name);
        // Everywhere the same, so that a database that goes takes nothing along.
        if (writer && writer->setting(cluster_key(kind)).value_or("") != text) {
            SLUICE_CHECK(writer->save_setting(cluster_key(kind), text));
        }
        stored = stored || writer;
    }
    return stored ? Result<>() : Result<>(database_not_found("NetDefaultDB"));
}

} // namespace

Result<CommandResult> show_cluster_policy(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto* kind, find_policy(arguments.text("policy")));
    return cluster_row(context, *kind);
}

Result<CommandResult> alter_cluster_policy(Context& context, const Arguments& arguments) {
    if (same_word(arguments.text("policy"), "streamingingestion"))
        return bad_request(
            "Streaming ingestion of the cluster is switched by 'streaming.enabled' in the server's configuration.");
    SLUICE_TRY(const auto* kind, find_policy(arguments.text("policy")));
    if (!kind->cluster_only && kind->keyword != "caching" && kind->keyword != "sharding" &&
        kind->keyword != "managed_identity")
        return not_supported(
            fmt::format("The policy '{}' of the cluster is not offered by this server; set it on a database or table.",
                        kind->keyword));
    std::string text;
    if (arguments.has("value")) {
        const PolicyValue value{arguments.text("value"), arguments.get("value").literal};
        const auto before = arguments.said("alter-merge") ? stored_cluster_policy(context, *kind) : std::nullopt;
        SLUICE_TRY(text, cluster_policy_text(*kind, value, before));
    }
    SLUICE_CHECK(store_cluster_policy(context, *kind, text));
    return cluster_row(context, *kind);
}

namespace {

struct ColumnTarget {
    TableTarget table;
    const catalog::Column* column = nullptr;
};
Result<ColumnTarget> column_of(Context& context, const Argument& path) {
    Argument table = path;
    if (table.items.size() < 2)
        return bad_request(fmt::format("'{}' is no name of a column; write T.c or D.T.c.", path.text));
    table.items.pop_back();
    ColumnTarget target;
    SLUICE_TRY(target.table, context.table(table));
    target.column = target.table.table->find_column(path.items.back());
    if (!target.column)
        return entity_not_found("Column", path.items.back());
    return target;
}

CommandResult column_policy_row(const catalog::Database& database, const catalog::Table& table,
                                const catalog::Column& column, const PolicyKind& kind) {
    CommandResult result(shape::kPolicy);
    result.add({std::string(kind.name), fmt::format("{}.[{}]", entity_name(database, table), column.name),
                column.encoding.empty() ? Cell(Null{}) : Cell(column.encoding), Null{}, std::string("Column")});
    return result;
}

} // namespace

/// `.show/.alter/.delete column T.c policy encoding`: what it says of the size of values holds for new rows; how values
/// are stored is the store's business.
Result<CommandResult> column_policy(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, column_of(context, arguments.get("column")));
    SLUICE_TRY(const auto* kind, find_policy(arguments.text("policy")));
    if (kind->keyword != "encoding")
        return not_supported(fmt::format("This server does not offer the policy '{}' of columns.", kind->keyword));
    const catalog::Table& table = *target.table.table;
    if (arguments.said("show"))
        return column_policy_row(*target.table.database, table, *target.column, *kind);
    std::string text;
    if (arguments.has("value")) {
        catalog::Policies scratch;
        if (arguments.said("alter-merge") && !target.column->encoding.empty())
            scratch.other["encoding"] = target.column->encoding;
        SLUICE_CHECK(set_policy(scratch, *kind, {arguments.text("value"), arguments.get("value").literal},
                                arguments.said("alter-merge"), true));
        text = scratch.other["encoding"];
    }
    const catalog::ColumnId id = target.column->id;
    SLUICE_TRY(const auto after, context.change(*target.table.database, [&](const Database& before) {
        return change::edit_table(before, table.name, [&](Database&, catalog::Table& copy) -> Result<> {
            for (auto& column : copy.columns)
                if (column.id == id)
                    column.encoding = text;
            return {};
        });
    }));
    const auto changed = after->find_table(table.name);
    return column_policy_row(*after, *changed, *changed->find_column(target.column->name), *kind);
}

/// Changes are visible at once unless the delay of the reference is emulated; clients send this after creating a table.
Result<CommandResult> clear_schema_cache(Context& context, const Arguments& arguments) {
    catalog::Snapshot database;
    if (arguments.has("table")) {
        SLUICE_TRY(const auto target, context.table(arguments.get("table")));
        database = target.database;
    } else {
        SLUICE_TRY(database, context.database());
    }
    context.databases().schema_cache().clear(database->name);
    return std::move(CommandResult(shape::kNodeStatus).add({std::string("node-0"), std::string("Succeeded")}));
}

} // namespace sluice::engine
