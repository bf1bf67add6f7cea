#include "core/engine/catalogue_changes.hpp"

#include "core/engine/entity_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::engine::change {
namespace {

constexpr std::size_t kMaxColumns = 10'000;
constexpr std::size_t kMaxTables = 10'000;
/// Dropped tables that can be brought back; of more, the oldest go for good.
constexpr std::ptrdiff_t kMaxDropped = 100;

Result<> check_columns(const TableDefinition& table) {
    if (table.columns.empty())
        return bad_request(fmt::format("Table '{}' needs at least one column, as in ({}:string).", table.name, "a"));
    if (table.columns.size() > kMaxColumns)
        return bad_request(fmt::format("Table '{}' would have {} columns; the limit is {}.", table.name,
                                       table.columns.size(), kMaxColumns));
    std::set<std::string_view> seen;
    for (const auto& column : table.columns) {
        SLUICE_CHECK(catalog::check_entity_name(column.name));
        if (!seen.insert(column.name).second)
            return bad_request(fmt::format("Table '{}': column '{}' is named twice.", table.name, column.name));
    }
    return {};
}

catalog::Column new_column(Database& database, const data::ColumnSchema& column) {
    return {column.name, column.type, database.next_column++};
}

Result<Database> add_table(const Database& before, const TableDefinition& definition, data::Guid guid) {
    SLUICE_CHECK(catalog::check_entity_name(definition.name));
    SLUICE_CHECK(check_columns(definition));
    if (before.tables.size() >= kMaxTables)
        return bad_request(
            fmt::format("Database '{}' has {} tables, which is the limit.", before.name, before.tables.size()));
    Database after = before;
    auto table = std::make_shared<catalog::Table>();
    table->id = after.next_table++;
    table->name = definition.name;
    table->guid = guid;
    table->folder = definition.folder.value_or("");
    table->docstring = definition.docstring.value_or("");
    for (const auto& column : definition.columns)
        table->columns.push_back(new_column(after, column));
    after.tables[table->name] = std::move(table);
    ++after.version;
    return after;
}

Error type_conflict(std::string_view table, const catalog::Column& column, data::ScalarType wanted) {
    return bad_request(fmt::format("Table '{0}': the type of column '{1}' cannot be changed from '{2}' to '{3}' here; "
                                   "'.alter column ['{0}'].['{1}'] type={3}' does it and empties the column.",
                                   table, column.name, data::to_string(column.type), data::to_string(wanted)));
}

catalog::Column* column_of(catalog::Table& table, std::string_view name) {
    const auto found =
        std::find_if(table.columns.begin(), table.columns.end(), [&](const auto& c) { return c.name == name; });
    return found == table.columns.end() ? nullptr : &*found;
}

Result<catalog::Column*> require_column(catalog::Table& table, std::string_view name) {
    if (catalog::Column* column = column_of(table, name))
        return column;
    return entity_not_found("Column", name);
}

void set_texts(catalog::Table& table, const std::optional<std::string>& folder,
               const std::optional<std::string>& docstring) {
    if (folder)
        table.folder = *folder;
    if (docstring)
        table.docstring = *docstring;
}

} // namespace

Error table_not_found(std::string_view name) {
    return entity_not_found("Table", name);
}

Result<Database> create_table(const Database& before, const TableDefinition& table, data::Guid guid) {
    if (before.find_table(table.name))
        return before;
    return add_table(before, table, guid);
}

Result<Database> extend_table(const Database& before, const TableDefinition& definition) {
    SLUICE_CHECK(check_columns(definition));
    return edit_table(before, definition.name, [&](Database& after, catalog::Table& table) -> Result<> {
        const std::size_t columns = table.columns.size();
        for (const auto& column : definition.columns) {
            const catalog::Column* known = column_of(table, column.name);
            if (!known)
                table.columns.push_back(new_column(after, column));
            else if (known->type != column.type)
                return type_conflict(table.name, *known, column.type);
        }
        if (table.columns.size() > kMaxColumns)
            return bad_request(fmt::format("Table '{}' would have {} columns; the limit is {}.", table.name,
                                           table.columns.size(), kMaxColumns));
        if (table.columns.size() != columns)
            ++table.version;
        set_texts(table, definition.folder, definition.docstring);
        return {};
    });
}

Result<Database> create_or_extend_table(const Database& before, const TableDefinition& table, data::Guid guid) {
    const auto known = before.find_table(table.name);
    if (!known)
        return add_table(before, table, guid);
    const bool complete = std::all_of(table.columns.begin(), table.columns.end(), [&](const auto& wanted) {
        const auto* column = known->find_column(wanted.name);
        return column && column->type == wanted.type;
    });
    const bool same_texts =
        (!table.folder || *table.folder == known->folder) && (!table.docstring || *table.docstring == known->docstring);
    // Set-up scripts run at every start; without this each start would make a new version of every table.
    if (complete && same_texts && !table.columns.empty())
        return before;
    return extend_table(before, table);
}

Result<Database> alter_table(const Database& before, const TableDefinition& definition) {
    SLUICE_CHECK(check_columns(definition));
    return edit_table(before, definition.name, [&](Database& after, catalog::Table& table) -> Result<> {
        std::vector<catalog::Column> columns;
        for (const auto& column : definition.columns) {
            const catalog::Column* known = column_of(table, column.name);
            if (known && known->type != column.type)
                return type_conflict(table.name, *known, column.type);
            columns.push_back(known ? *known : new_column(after, column));
        }
        table.columns = std::move(columns);
        table.folder = definition.folder.value_or("");
        table.docstring = definition.docstring.value_or("");
        ++table.version;
        return {};
    });
}

Result<Database> recreate_table(const Database& before, const TableDefinition& definition) {
    SLUICE_CHECK(check_columns(definition));
    return edit_table(before, definition.name, [&](Database& after, catalog::Table& table) -> Result<> {
        std::vector<catalog::Column> columns;
        for (const auto& column : definition.columns) {
            const catalog::Column* known = column_of(table, column.name);
            columns.push_back(known && known->type == column.type ? *known : new_column(after, column));
        }
        table.columns = std::move(columns);
        set_texts(table, definition.folder, definition.docstring);
        ++table.version;
        return {};
    });
}

Result<Database> copy_table(const Database& before, const TableDefinition& copy, std::string_view original,
                            bool if_not_exists, data::Guid guid) {
    const auto source = before.find_table(original);
    if (!source)
        return table_not_found(original);
    if (before.find_table(copy.name)) {
        if (if_not_exists)
            return before;
        return entity_exists("Table", copy.name);
    }
    TableDefinition definition = copy;
    definition.columns = source->schema()->columns;
    definition.folder = copy.folder.value_or(source->folder);
    definition.docstring = copy.docstring.value_or(fmt::format("Created based on {}", original));
    SLUICE_TRY(auto created, add_table(before, definition, guid));
    const std::uint64_t version = created.version;
    SLUICE_TRY(auto after, edit_table(created, copy.name, [&](Database&, catalog::Table& table) -> Result<> {
                   table.mappings = source->mappings;
                   table.policies = source->policies;
                   table.policies.update.clear();
                   for (std::size_t i = 0; i < table.columns.size(); ++i)
                       table.columns[i].docstring = source->columns[i].docstring;
                   return {};
               }));
    after.version = version;
    return after;
}

Result<Database> undo_drop(const Database& before, const UndoDrop& undo) {
    const std::string& name = undo.as.empty() ? undo.table : undo.as;
    const auto latest = std::find_if(before.dropped.rbegin(), before.dropped.rend(),
                                     [&](const auto& entry) { return entry.table->name == undo.table; });
    if (latest == before.dropped.rend())
        return entity_not_found("Table", undo.table);
    if (latest->version != undo.version)
        return bad_request(
            fmt::format("Table '{}' can be brought back as of version v{}.0, the one before its latest drop "
                        "('.show journal'), not v{}.",
                        undo.table, latest->version, undo.version));
    if (before.find_table(name))
        return entity_exists("Table", name);
    SLUICE_CHECK(catalog::check_entity_name(name));
    Database after = before;
    auto table = std::make_shared<catalog::Table>(*latest->table);
    table->name = name;
    after.tables[name] = std::move(table);
    after.dropped.erase(std::next(latest).base() - before.dropped.begin() + after.dropped.begin());
    ++after.version;
    return after;
}

Result<Database> forget_dropped(const Database& before, Ticks dropped_before) {
    Database after = before;
    std::erase_if(after.dropped, [&](const auto& entry) { return entry.time < dropped_before; });
    if (after.dropped.size() != before.dropped.size())
        ++after.version;
    return after;
}

Result<Database> drop_tables(const Database& before, const std::vector<std::string>& names, bool if_exists, Ticks now) {
    Database after = before;
    for (const auto& name : names) {
        const auto found = after.tables.find(name);
        if (found == after.tables.end()) {
            if (!if_exists)
                return table_not_found(name);
            continue;
        }
        after.dropped.push_back({found->second, before.version, now});
        after.tables.erase(found);
    }
    if (std::ssize(after.dropped) > kMaxDropped)
        after.dropped.erase(after.dropped.begin(), after.dropped.end() - kMaxDropped);
    if (after.tables.size() != before.tables.size())
        ++after.version;
    return after;
}

Result<Database> rename_tables(const Database& before, const std::vector<Rename>& renames) {
    Database after = before;
    std::vector<std::shared_ptr<catalog::Table>> moved;
    std::set<std::string_view> taken;
    for (const auto& rename : renames) {
        const auto table = before.find_table(rename.from);
        if (!table && rename.if_exists)
            continue;
        if (!table)
            return table_not_found(rename.from);
        SLUICE_CHECK(catalog::check_entity_name(rename.to));
        if (!taken.insert(rename.to).second)
            return bad_request(fmt::format("Two tables would be named '{}'.", rename.to));
        if (after.tables.erase(rename.from) == 0)
            return bad_request(fmt::format("Table '{}' is renamed twice.", rename.from));
        auto copy = std::make_shared<catalog::Table>(*table);
        copy->name = rename.to;
        ++copy->version;
        moved.push_back(std::move(copy));
    }
    for (auto& table : moved) {
        const std::string name = table->name;
        if (!after.tables.emplace(name, std::move(table)).second)
            return entity_exists("Table", name);
    }
    if (!moved.empty())
        ++after.version;
    return after;
}

Result<Database> set_table_text(const Database& before, std::string_view name, std::optional<std::string> folder,
                                std::optional<std::string> docstring) {
    return edit_table(before, name, [&](Database&, catalog::Table& table) -> Result<> {
        set_texts(table, folder, docstring);
        return {};
    });
}

Result<Database> set_column_docstrings(const Database& before, std::string_view name,
                                       const std::map<std::string, std::string>& docstrings, bool merge) {
    return edit_table(before, name, [&](Database&, catalog::Table& table) -> Result<> {
        for (const auto& [column, text] : docstrings) {
            SLUICE_CHECK(require_column(table, column));
        }
        for (auto& column : table.columns) {
            const auto given = docstrings.find(column.name);
            if (given != docstrings.end())
                column.docstring = given->second;
            else if (!merge)
                column.docstring.clear();
        }
        return {};
    });
}

Result<Database> change_column_type(const Database& before, std::string_view name, std::string_view column,
                                    data::ScalarType type) {
    return edit_table(before, name, [&](Database& after, catalog::Table& table) -> Result<> {
        SLUICE_TRY(catalog::Column * target, require_column(table, column));
        if (target->type == type)
            return {};
        target->type = type;
        target->id = after.next_column++;
        ++table.version;
        return {};
    });
}

Result<Database> rename_column(const Database& before, std::string_view name, std::string_view column,
                               std::string_view to) {
    return edit_table(before, name, [&](Database&, catalog::Table& table) -> Result<> {
        SLUICE_TRY(catalog::Column * target, require_column(table, column));
        SLUICE_CHECK(catalog::check_entity_name(to));
        if (column_of(table, to))
            return entity_exists("Column", to);
        target->name = to;
        ++table.version;
        return {};
    });
}

Result<Database> swap_columns(const Database& before, std::string_view name, std::string_view a, std::string_view b) {
    return edit_table(before, name, [&](Database&, catalog::Table& table) -> Result<> {
        SLUICE_TRY(catalog::Column * first, require_column(table, a));
        SLUICE_TRY(catalog::Column * second, require_column(table, b));
        std::swap(first->name, second->name);
        ++table.version;
        return {};
    });
}

Result<Database> drop_columns(const Database& before, std::string_view name, const std::vector<std::string>& columns,
                              bool if_exists) {
    return edit_table(before, name, [&](Database&, catalog::Table& table) -> Result<> {
        for (const auto& column : columns) {
            const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                            [&](const auto& c) { return c.name == column; });
            if (found == table.columns.end()) {
                if (!if_exists)
                    return entity_not_found("Column", column);
                continue;
            }
            table.columns.erase(found);
        }
        if (table.columns.empty())
            return bad_request(
                fmt::format("Table '{}' would have no column left; '.drop table' removes it.", table.name));
        ++table.version;
        return {};
    });
}

namespace {

/// The mappings of a scope in a copy of the database, changed by `edit`.
template <class Edit> Result<Database> edit_mappings(const Database& before, const Scope& table, Edit edit) {
    if (table)
        return edit_table(before, *table, [&](Database&, catalog::Table& copy) -> Result<> {
            SLUICE_CHECK(edit(copy.mappings));
            ++copy.version;
            return {};
        });
    Database after = before;
    SLUICE_CHECK(edit(after.mappings));
    // Rows that were prepared with the old mapping are planned again, in every table that may have used it.
    for (auto& [name, shared] : after.tables) {
        auto copy = std::make_shared<catalog::Table>(*shared);
        ++copy->version;
        shared = std::move(copy);
    }
    ++after.version;
    return after;
}

/// Elements of the same column are replaced, others are appended (commands 2.3).
void merge_elements(data::Mapping& into, std::vector<data::MappingElement> elements) {
    for (auto& element : elements) {
        const auto same = std::find_if(into.elements.begin(), into.elements.end(),
                                       [&](const auto& e) { return e.column == element.column; });
        if (same == into.elements.end())
            into.elements.push_back(std::move(element));
        else
            *same = std::move(element);
    }
}

bool known_mapping(const Database& database, const Scope& table, data::MappingKind kind, const std::string& name) {
    if (!table)
        return database.mappings.count({kind, name}) != 0;
    const auto found = database.find_table(*table);
    return found && found->mappings.count({kind, name}) != 0;
}

} // namespace

Result<Database> put_mapping(const Database& before, const Scope& table, data::Mapping mapping, MappingVerb verb,
                             Ticks now) {
    if (table && !before.find_table(*table))
        return table_not_found(*table);
    if (mapping.name.empty())
        return bad_request("A mapping needs a name.");
    const bool known = known_mapping(before, table, mapping.kind, mapping.name);
    if (verb == MappingVerb::Create && known)
        return entity_exists("MappingPersistent", mapping.name);
    if ((verb == MappingVerb::Alter || verb == MappingVerb::AlterMerge) && !known)
        return entity_not_found("MappingPersistent", mapping.name);
    // A set-up script that says what is there already changes nothing.
    if (verb == MappingVerb::CreateOrAlter && known) {
        const auto& mappings = table ? before.find_table(*table)->mappings : before.mappings;
        if (data::to_json(mappings.at({mapping.kind, mapping.name}).mapping) == data::to_json(mapping))
            return before;
    }
    return edit_mappings(before, table, [&](catalog::Mappings& mappings) -> Result<> {
        catalog::StoredMapping& stored = mappings[{mapping.kind, mapping.name}];
        if (verb == MappingVerb::AlterMerge)
            merge_elements(stored.mapping, std::move(mapping.elements));
        else
            stored.mapping = std::move(mapping);
        stored.last_updated = now;
        return {};
    });
}

Result<Database> drop_mapping(const Database& before, const Scope& table, data::MappingKind kind,
                              std::string_view name) {
    return edit_mappings(before, table, [&](catalog::Mappings& mappings) -> Result<> {
        if (mappings.erase({kind, std::string(name)}) == 0)
            return entity_not_found("MappingPersistent", name);
        return {};
    });
}

Result<Database> put_function(const Database& before, const FunctionDefinition& function, FunctionVerb verb) {
    SLUICE_CHECK(catalog::check_entity_name(function.name));
    const auto known = before.functions.find(function.name);
    const bool exists = known != before.functions.end();
    if (exists && verb == FunctionVerb::Create)
        return entity_exists("Function", function.name);
    if (exists && verb == FunctionVerb::CreateIfNotExists)
        return before;
    if (!exists && verb == FunctionVerb::Alter)
        return entity_not_found("Function", function.name);
    catalog::Function next{function.name, function.parameters, function.body};
    next.folder = function.folder.value_or(exists ? known->second.folder : "");
    next.docstring = function.docstring.value_or(exists ? known->second.docstring : "");
    if (exists && next.parameters == known->second.parameters && next.body == known->second.body &&
        next.folder == known->second.folder && next.docstring == known->second.docstring)
        return before;
    Database after = before;
    after.functions[function.name] = std::move(next);
    ++after.version;
    return after;
}

Result<Database> set_function_text(const Database& before, std::string_view name, std::optional<std::string> folder,
                                   std::optional<std::string> docstring) {
    Database after = before;
    const auto found = after.functions.find(name);
    if (found == after.functions.end())
        return entity_not_found("Function", name);
    if (folder)
        found->second.folder = *folder;
    if (docstring)
        found->second.docstring = *docstring;
    ++after.version;
    return after;
}

Result<Database> drop_functions(const Database& before, const std::vector<std::string>& names, bool if_exists) {
    Database after = before;
    for (const auto& name : names)
        if (after.functions.erase(name) == 0 && !if_exists)
            return entity_not_found("Function", name);
    if (after.functions.size() != before.functions.size())
        ++after.version;
    return after;
}

} // namespace sluice::engine::change
