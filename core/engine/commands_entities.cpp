#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/engine/update_policy_check.hpp"
#include "core/kql/kql.hpp"

#include <fmt/format.h>

#include <algorithm>

/// Lists of entities across databases, and what is wrong with them (commands 3.2).
namespace sluice::engine {
namespace {

using catalog::Database;

void add_table(CommandResult& result, const Database& database, const catalog::Table& table) {
    const std::string none;
    result.add({database.name, std::string("Table"), table.name, table.docstring, table.folder, none, none,
                csl_schema(table), Null{}});
}

void add_function(CommandResult& result, const Database& database, const catalog::Function& function) {
    result.add({database.name, std::string("Function"), function.name, function.docstring, function.folder,
                function.parameters, function.body, std::string(), Null{}});
}

/// Why the text does not bind in the database; nothing when it does.
std::optional<std::string> complaint_of(Context& context, const catalog::Snapshot& database, const std::string& text) {
    kql::CompileOptions options;
    options.database = database;
    options.catalog = &context.databases().catalog();
    options.now = context.now();
    const auto plan = kql::compile(text, options);
    return plan ? std::nullopt : std::optional(plan.error().message);
}

} // namespace

Result<CommandResult> show_entities(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"resolveFunctionSchema", "showObfuscatedStrings"}));
    CommandResult result(shape::kEntities);
    const std::string& only = arguments.text("entity");
    std::vector<catalog::Snapshot> databases;
    if (arguments.has("entity")) {
        SLUICE_TRY(auto database, context.database(arguments.text("database")));
        if (!database->find_table(only) && database->functions.count(only) == 0)
            return entity_not_found("Entity", only);
        databases.push_back(std::move(database));
    } else {
        databases = context.databases().catalog().all();
    }
    for (const auto& database : databases) {
        for (const auto& [name, table] : database->tables)
            if (only.empty() || only == name)
                add_table(result, *database, *table);
        for (const auto& [name, function] : database->functions)
            if (only.empty() || only == name)
                add_function(result, *database, function);
    }
    return result;
}

/// `.show entity E schema as json [in databases ('D*')] [except 'f']`: the databases that have it, with it alone.
Result<CommandResult> show_entity_schema(Context& context, const Arguments& arguments) {
    const auto& path = arguments.get("entity").items;
    const std::string& name = path.back();
    const auto& wanted = arguments.get("databases").items;
    const auto admits = [&](const Database& database) {
        if (path.size() == 2 && !same_word(path.front(), database.name))
            return false;
        return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& pattern) {
                   const bool prefix = !pattern.empty() && pattern.back() == '*';
                   const auto size = pattern.size() - (prefix ? 1 : 0);
                   return same_word(std::string_view(pattern).substr(0, size),
                                    std::string_view(database.name).substr(0, prefix ? size : std::string::npos));
               });
    };
    std::vector<catalog::Snapshot> found;
    for (const auto& database : context.databases().catalog().all()) {
        if (!admits(*database))
            continue;
        auto only = std::make_shared<Database>();
        only->name = database->name;
        only->version = database->version;
        if (const auto table = database->find_table(name))
            only->tables.emplace(name, table);
        if (const auto function = database->functions.find(name);
            function != database->functions.end() && arguments.text("except") != name)
            only->functions.insert(*function);
        if (!only->tables.empty() || !only->functions.empty())
            found.push_back(std::move(only));
    }
    if (found.empty())
        return entity_not_found("Entity", name);
    return std::move(CommandResult("DatabaseSchema:string").add({json_schema(found)}));
}

Result<CommandResult> show_schema_violations(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database(arguments.text("database")));
    CommandResult result("EntityKind:string, EntityName:string, Property:string, Reason:string");
    for (auto& violation : find_policy_violations(*database))
        result.add({std::string("Table"), std::move(violation.table), std::string("UpdatePolicy"),
                    std::move(violation.text)});
    for (const auto& [name, function] : database->functions) {
        // Others bind where they are called; `$source_table` exists only inside an update policy.
        if (function.parameters != "()" || function.body.find("$source_table") != std::string::npos)
            continue;
        const std::string body = function.body.substr(1, function.body.size() - 2);
        if (auto reason = complaint_of(context, database, body))
            result.add({std::string("Function"), name, std::string("Body"), std::move(*reason)});
    }
    return result;
}

/// Kinds of entities that a database here never has: clients ask for their lists before they draw a tree.
Result<CommandResult> show_none(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    if (arguments.said("materialized-views"))
        return CommandResult(arguments.said("details") ? shape::kViewDetails : shape::kViews);
    if (arguments.said("entity_groups"))
        return CommandResult("Name:string, Entities:string");
    if (arguments.said("stored_query_results"))
        return CommandResult("StoredQueryResultId:guid, Name:string, DatabaseName:string, PrincipalIdentity:string, "
                             "SizeInBytes:long, RowCount:long, CreatedOn:datetime, ExpiresOn:datetime");
    if (arguments.said("continuous-exports"))
        return CommandResult("Name:string, ExternalTableName:string, Query:string, ForcedLatency:timespan, "
                             "IntervalBetweenRuns:timespan, CursorScopedTables:string, ExportProperties:string, "
                             "LastRunTime:datetime, StartCursor:string, IsDisabled:bool, LastRunResult:string, "
                             "ExportedTo:datetime, IsRunning:bool");
    if (arguments.said("blockedprincipals"))
        return CommandResult("PrincipalType:string, PrincipalDisplayName:string, PrincipalObjectId:string, "
                             "PrincipalFQN:string, Application:string, User:string, BlockedUntil:datetime, "
                             "Reason:string");
    return CommandResult("TableName:string, TableType:string, Folder:string, DocString:string, Properties:string, "
                         "ConnectionStrings:dynamic, Partitions:dynamic, PathFormat:string");
}

} // namespace sluice::engine
