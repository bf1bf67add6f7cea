#include "core/engine/catalogue_changes.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using catalog::Database;

enum class SchemaForm { Csl, Json };

CommandResult table_row(const Database& database, std::string_view name, SchemaForm form) {
    CommandResult result(shape::kTableSchema);
    if (const auto table = database.find_table(name))
        result.add({table->name, form == SchemaForm::Json ? json_schema(*table) : csl_schema(*table), database.name,
                    table->folder, table->docstring});
    return result;
}

void add_table_row(CommandResult& result, const Database& database, const catalog::Table& table) {
    result.add({table.name, database.name, table.folder, table.docstring});
}

CommandResult column_row(const Database& database, std::string_view table, std::string_view column) {
    CommandResult result(shape::kColumn);
    if (const auto found = database.find_table(table))
        if (const auto* c = found->find_column(column))
            result.add({fmt::format("{}.[{}]", entity_name(database, *found), c->name),
                        std::string(data::net_name(c->type)), Null{}});
    return result;
}

Result<change::TableDefinition> definition_of(const std::string& name, const std::vector<data::ColumnSchema>& columns,
                                              const Properties& with) {
    SLUICE_CHECK(with.only({"docstring", "folder"}));
    return change::TableDefinition{name, columns, with.get("folder"), with.get("docstring")};
}

/// `[D.]T` of a table that need not exist.
struct NewTable {
    catalog::Snapshot database;
    std::string name;
};
Result<NewTable> new_table(Context& context, const Argument& path) {
    if (path.items.size() > 2)
        return bad_request(fmt::format("'{}' is no name of a table; write T or D.T, and names with a dot as ['a.b'].",
                                       fmt::join(path.items, ".")));
    SLUICE_TRY(auto database, path.items.size() == 2 ? context.database(path.items[0]) : context.database());
    return NewTable{std::move(database), path.items.back()};
}

/// `[D.]T.c`.
struct ColumnTarget {
    catalog::Snapshot database;
    std::string table, column;
};
Result<ColumnTarget> column_of(Context& context, const std::vector<std::string>& path) {
    if (path.size() < 2 || path.size() > 3)
        return bad_request(fmt::format("'{}' is no name of a column; write T.c or D.T.c.", fmt::join(path, ".")));
    SLUICE_TRY(auto database, path.size() == 3 ? context.database(path[0]) : context.database());
    return ColumnTarget{std::move(database), path[path.size() - 2], path.back()};
}

} // namespace

Result<CommandResult> create_table(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, new_table(context, arguments.get("table")));
    SLUICE_TRY(const auto definition,
               definition_of(target.name, arguments.get("columns").columns, arguments.properties()));
    const bool extend = !arguments.said("create");
    SLUICE_TRY(const auto after, context.change(*target.database, [&](const Database& before) {
        return extend ? change::create_or_extend_table(before, definition, data::random_guid())
                      : change::create_table(before, definition, data::random_guid());
    }));
    return table_row(*after, target.name, SchemaForm::Json);
}

Result<CommandResult> create_tables(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    std::vector<change::TableDefinition> definitions;
    for (const auto& table : arguments.get("tables").tables) {
        SLUICE_TRY(auto definition, definition_of(table.name, table.columns, arguments.properties()));
        definitions.push_back(std::move(definition));
    }
    const bool extend = !arguments.said("create");
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) -> Result<Database> {
        Database next = before;
        for (const auto& definition : definitions) {
            SLUICE_TRY(next, extend ? change::create_or_extend_table(next, definition, data::random_guid())
                                    : change::create_table(next, definition, data::random_guid()));
        }
        return next;
    }));
    CommandResult result(shape::kTables);
    for (const auto& definition : definitions)
        add_table_row(result, *after, *after->find_table(definition.name));
    return result;
}

Result<CommandResult> copy_table(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    SLUICE_TRY(const auto definition, definition_of(arguments.text("table"), {}, arguments.properties()));
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::copy_table(before, definition, arguments.text("original"), arguments.said("ifnotexists"),
                                  data::random_guid());
    }));
    return table_row(*after, definition.name, SchemaForm::Json);
}

Result<CommandResult> alter_table(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(const auto definition,
               definition_of(target.table->name, arguments.get("columns").columns, arguments.properties()));
    const bool merge = arguments.said("alter-merge");
    SLUICE_TRY(const auto after, context.change(*target.database, [&](const Database& before) {
        return merge ? change::extend_table(before, definition) : change::alter_table(before, definition);
    }));
    return table_row(*after, definition.name, SchemaForm::Json);
}

Result<CommandResult> alter_table_text(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    const std::optional<std::string> text = arguments.text("text"), none;
    SLUICE_TRY(const auto after, context.change(*target.database, [&](const Database& before) {
        return arguments.said("folder") ? change::set_table_text(before, target.table->name, text, none)
                                        : change::set_table_text(before, target.table->name, none, text);
    }));
    return table_row(*after, target.table->name, SchemaForm::Csl);
}

Result<CommandResult> alter_column_docstrings(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    std::map<std::string, std::string> docstrings;
    for (const auto& entry : arguments.get("docs").assignments)
        docstrings[entry.name] = entry.path.front();
    SLUICE_TRY(const auto after, context.change(*target.database, [&](const Database& before) {
        return change::set_column_docstrings(before, target.table->name, docstrings, arguments.said("alter-merge"));
    }));
    return table_row(*after, target.table->name, SchemaForm::Csl);
}

Result<CommandResult> drop_tables(Context& context, const Arguments& arguments) {
    catalog::Snapshot database;
    std::vector<std::string> names = arguments.get("tables").items;
    if (arguments.has("table")) {
        SLUICE_TRY(auto target, new_table(context, arguments.get("table")));
        database = std::move(target.database);
        names = {target.name};
    } else {
        SLUICE_TRY(database, context.database());
    }
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::drop_tables(before, names, arguments.said("ifexists"), context.now());
    }));
    CommandResult result(shape::kDroppedTables);
    for (const auto& [name, table] : after->tables)
        result.add({name, after->name});
    return result;
}

Result<CommandResult> rename_tables(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    SLUICE_CHECK(arguments.properties().only({"updateMaterializedViews"}));
    std::vector<change::Rename> renames;
    if (arguments.has("table"))
        renames.push_back({arguments.text("table"), arguments.text("to")});
    const Argument& list = arguments.get("renames");
    for (const auto& entry : list.assignments)
        renames.push_back(
            {entry.path.back(), entry.name, std::count(list.items.begin(), list.items.end(), entry.name) > 0});
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::rename_tables(before, renames);
    }));
    CommandResult result(shape::kTables);
    for (const auto& rename : renames)
        if (const auto table = after->find_table(rename.to))
            add_table_row(result, *after, *table);
    return result;
}

Result<CommandResult> clear_table(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    SLUICE_CHECK(writer->clear_table(target.table->id));
    return std::move(CommandResult("Status:string").add({std::string("Succeeded")}));
}

Result<CommandResult> alter_column_type(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, column_of(context, arguments.get("column").items));
    const auto type = data::parse_scalar_type(arguments.text("type"));
    if (!type)
        return bad_request(fmt::format(
            "'{}' is no type; the types are bool, datetime, decimal, dynamic, guid, int, long, real, string, timespan.",
            arguments.text("type")));
    SLUICE_TRY(const auto after, context.change(*target.database, [&](const Database& before) {
        return change::change_column_type(before, target.table, target.column, *type);
    }));
    return column_row(*after, target.table, target.column);
}

Result<CommandResult> rename_column(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, column_of(context, arguments.get("column").items));
    SLUICE_TRY(const auto after, context.change(*target.database, [&](const Database& before) {
        return change::rename_column(before, target.table, target.column, arguments.text("to"));
    }));
    return column_row(*after, target.table, arguments.text("to"));
}

Result<CommandResult> swap_columns(Context& context, const Arguments& arguments) {
    const auto& entries = arguments.get("renames").assignments;
    if (entries.size() != 2)
        return bad_request("'.rename columns' swaps two columns: .rename columns a=T.b, b=T.a");
    SLUICE_TRY(const auto first, column_of(context, entries[0].path));
    SLUICE_TRY(const auto second, column_of(context, entries[1].path));
    if (first.table != second.table || first.database->name != second.database->name ||
        entries[0].name != second.column || entries[1].name != first.column)
        return bad_request("'.rename columns' swaps two columns of one table: .rename columns a=T.b, b=T.a");
    SLUICE_TRY(const auto after, context.change(*first.database, [&](const Database& before) {
        return change::swap_columns(before, first.table, first.column, second.column);
    }));
    CommandResult result(shape::kColumn);
    const auto table = after->find_table(first.table);
    for (const auto& entry : entries) {
        const auto* column = table->find_column(entry.name);
        result.add({fmt::format("{}.[{}]", entity_name(*after, *table), entry.name),
                    std::string(data::net_name(column->type)), Null{}});
    }
    return result;
}

Result<CommandResult> drop_columns(Context& context, const Arguments& arguments) {
    catalog::Snapshot database;
    std::string table;
    std::vector<std::string> columns = arguments.get("columns").items;
    if (arguments.has("column")) {
        SLUICE_TRY(auto target, column_of(context, arguments.get("column").items));
        database = target.database;
        table = target.table;
        columns = {target.column};
    } else {
        SLUICE_TRY(auto target, context.table(arguments.get("table")));
        database = target.database;
        table = target.table->name;
    }
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::drop_columns(before, table, columns, arguments.said("ifexists"));
    }));
    return table_row(*after, table, SchemaForm::Json);
}

} // namespace sluice::engine
