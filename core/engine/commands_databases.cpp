#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/policy_text.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using catalog::Database;
constexpr auto kReadWrite = "ReadWrite";

/// `D` or `D*`, without regard to case as names of databases are compared in commands.
bool named_by(std::string_view pattern, std::string_view name) {
    if (!pattern.empty() && pattern.back() == '*')
        return name.size() + 1 >= pattern.size() &&
               same_word(pattern.substr(0, pattern.size() - 1), name.substr(0, pattern.size() - 1));
    return same_word(pattern, name);
}

/// The databases a command is about: listed ones, or all.
Result<std::vector<catalog::Snapshot>> databases_of(Context& context, const Argument& list) {
    const auto all = context.databases().catalog().all();
    if (list.items.empty())
        return all;
    std::vector<catalog::Snapshot> out;
    for (const auto& pattern : list.items) {
        const std::size_t before = out.size();
        for (const auto& database : all)
            if (named_by(pattern, database->name))
                out.push_back(database);
        if (out.size() == before && pattern.back() != '*')
            return database_not_found(pattern);
    }
    return out;
}

std::string storage_of(Context& context, const Database& database) {
    return (context.databases().options().data_dir / (database.name + ".duckdb")).string();
}

bool is_current(Context& context, const Database& database) {
    const auto current = context.database();
    return current && (*current)->name == database.name;
}

std::string policy_or_null(const Database& database, std::string_view keyword) {
    const auto kind = find_policy(keyword);
    return kind ? policy_text(database.policies, **kind).value_or("null") : "null";
}

enum class Form { Plain, Details, Identity, Policies, Statistics, Metadata };

Form form_of(const Arguments& arguments, Form usual) {
    if (arguments.said("details") || arguments.said("verbose"))
        return Form::Details;
    if (arguments.said("identity"))
        return Form::Identity;
    if (arguments.said("policies"))
        return Form::Policies;
    if (arguments.said("datastats"))
        return Form::Statistics;
    return arguments.said("metadata") ? Form::Metadata : usual;
}

const char* shape_of(Form form) {
    switch (form) {
    case Form::Plain:
        return shape::kDatabases;
    case Form::Details:
        return shape::kDatabaseDetails;
    case Form::Identity:
        return shape::kDatabaseIdentity;
    case Form::Policies:
        return shape::kDatabasePolicies;
    case Form::Statistics:
        return shape::kDatabaseStatistics;
    case Form::Metadata:
        break;
    }
    return shape::kDatabaseMetadata;
}

Result<> add_row(Context& context, CommandResult& result, const Database& database, Form form) {
    SLUICE_TRY(auto* writer, context.writer(database));
    const std::string storage = storage_of(context, database), none;
    std::vector<Cell> row{database.name,           storage,
                          version_of(database),    is_current(context, database),
                          std::string(kReadWrite), database.pretty_name};
    const auto policy = [&](std::string_view keyword) { return policy_or_null(database, keyword); };
    switch (form) {
    case Form::Plain:
        row.insert(row.end(), {false, database.guid, none, none});
        break;
    case Form::Identity:
        row.insert(row.end(), {true, database.guid, none, none});
        break;
    case Form::Details:
        row.insert(row.end(), {std::string("null"), policy("retention"), policy("merge"), none, policy("caching"),
                               policy("sharding"), policy("streamingingestion"), policy("ingestionbatching"),
                               static_cast<double>(writer->store().file_bytes()), database.guid, none});
        break;
    case Form::Policies:
        row.insert(row.end(),
                   {database.guid, std::string("null"), policy("retention"), policy("merge"), policy("caching"),
                    policy("sharding"), policy("streamingingestion"), policy("ingestionbatching")});
        break;
    case Form::Statistics: {
        double original = 0;
        std::int64_t rows = 0, extents = 0;
        for (const auto& part : writer->parts()) {
            if (part.state != store::PartState::Extent)
                continue;
            original += static_cast<double>(part.original_size);
            rows += static_cast<std::int64_t>(part.rows);
            ++extents;
        }
        const auto file = static_cast<double>(writer->store().file_bytes());
        row.insert(row.end(),
                   {database.guid, original, file, file, 0.0, rows, original, file, file, 0.0, rows, extents, extents});
        break;
    }
    case Form::Metadata:
        row = {database.name, version_of(database), storage, storage, std::string(kReadWrite)};
        break;
    }
    result.add(row);
    return {};
}

/// One row for the database, one per table, one per column (commands 3.2).
void add_schema_rows(CommandResult& result, const Database& database) {
    const std::string none;
    result.add({database.name, none, none, none, false, false, none, version_of(database), none, none});
    for (const auto& [name, table] : database.tables) {
        result.add({database.name, name, none, none, true, false, none, none, table->folder, table->docstring});
        for (const auto& column : table->columns)
            result.add({database.name, name, column.name, std::string(data::net_name(column.type)), true, false, none,
                        none, none, column.docstring});
    }
}

/// `if_later_than "v1.0"` of the command, or of one database of a list.
std::string later_text(const Arguments& arguments, const Argument& list, const Database& database) {
    for (const auto& condition : list.assignments)
        if (named_by(condition.name, database.name))
            return condition.path.front();
    return arguments.text("version");
}

/// The databases that are newer than what the client has.
Result<std::vector<catalog::Snapshot>> later_databases(Context& context, const Arguments& arguments) {
    const Argument& list = arguments.get("databases");
    std::vector<catalog::Snapshot> candidates;
    if (arguments.said("database") || arguments.has("database")) {
        SLUICE_TRY(auto database, context.database(arguments.text("database")));
        candidates.push_back(std::move(database));
    } else {
        SLUICE_TRY(candidates, databases_of(context, list));
    }
    std::erase_if(candidates, [&](const auto& database) {
        const std::string version = later_text(arguments, list, *database);
        return !version.empty() && !later_than(*database, version);
    });
    return candidates;
}

} // namespace

Result<CommandResult> show_databases(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto databases, databases_of(context, arguments.get("databases")));
    const Form form = form_of(arguments, Form::Plain);
    CommandResult result(shape_of(form));
    for (const auto& database : databases) {
        SLUICE_CHECK(add_row(context, result, *database, form));
    }
    return result;
}

Result<CommandResult> show_database(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    const Form form = form_of(arguments, Form::Identity);
    CommandResult result(shape_of(form));
    SLUICE_CHECK(add_row(context, result, *database, form));
    return result;
}

Result<CommandResult> show_schema(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto databases, later_databases(context, arguments));
    CommandResult result(shape::kDatabaseSchema);
    for (const auto& database : databases)
        add_schema_rows(result, *database);
    return result;
}

Result<CommandResult> show_schema_json(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"Tables", "ExternalTables", "MaterializedViews", "Functions"}));
    SLUICE_TRY(const auto databases, later_databases(context, arguments));
    CommandResult result("DatabaseSchema:string");
    const bool asked_for_changes = arguments.has("version") || !arguments.get("databases").assignments.empty();
    if (!databases.empty() || !asked_for_changes)
        result.add({json_schema(databases)});
    return result;
}

Result<CommandResult> show_schema_script(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only(
        {"IncludeEncodingPolicies", "IncludeSecuritySettings", "IncludeIngestionMappings", "ShowObfuscatedStrings"}));
    SLUICE_TRY(const auto database, context.database(arguments.text("database")));
    ScriptParts parts;
    if (arguments.properties().find("IncludeIngestionMappings")) {
        SLUICE_TRY(parts.mappings, arguments.properties().flag("IncludeIngestionMappings"));
    }
    if (arguments.properties().find("IncludeEncodingPolicies")) {
        SLUICE_TRY(parts.encodings, arguments.properties().flag("IncludeEncodingPolicies"));
    }
    CommandResult result("DatabaseSchemaScript:string");
    for (auto& command : schema_script(*database, parts))
        result.add({std::move(command)});
    return result;
}

Result<CommandResult> show_database_tables_schema(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto databases, later_databases(context, arguments));
    CommandResult result(shape::kTableSchema);
    for (const auto& database : databases)
        for (const auto& [name, table] : database->tables)
            result.add({name, csl_schema(*table), database->name, table->folder, table->docstring});
    return result;
}

} // namespace sluice::engine
