#pragma once

#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What commands do to the catalogue, as pure functions: a database in, the changed copy out. Each change raises the
/// database's version; what leaves everything as it was answers a copy with the same version. Nothing here knows a
/// store, a clock or a user.
namespace sluice::engine::change {

using catalog::Database;

struct TableDefinition {
    std::string name;
    std::vector<data::ColumnSchema> columns;
    std::optional<std::string> folder = {}, docstring = {};
};

/// `.create table`: an existing table stays as it is, whatever its columns (commands 2.1).
Result<Database> create_table(const Database& before, const TableDefinition& table, data::Guid guid);
/// `.create-merge table`: creates, or adds the missing columns at the end.
Result<Database> create_or_extend_table(const Database& before, const TableDefinition& table, data::Guid guid);
/// `.alter-merge table`: as above for a table that exists.
Result<Database> extend_table(const Database& before, const TableDefinition& table);
/// `.alter table`: exactly these columns in this order; folder and docstring are emptied when not given.
Result<Database> alter_table(const Database& before, const TableDefinition& table);
/// `.set-or-replace ... with (recreate_schema=true)`: exactly these columns, types may change; their old values are
/// gone anyway.
Result<Database> recreate_table(const Database& before, const TableDefinition& table);
/// `.create table N based-on T`: columns, mappings and policies but the update policy.
Result<Database> copy_table(const Database& before, const TableDefinition& copy, std::string_view original,
                            bool if_not_exists, data::Guid guid);
/// The tables can be brought back for a while.
Result<Database> drop_tables(const Database& before, const std::vector<std::string>& names, bool if_exists, Ticks now);
struct UndoDrop {
    std::string table, as;     ///< `as`: another name; empty: its own
    std::uint64_t version = 0; ///< of the database before the drop
};
/// `.undo drop table`: the latest drop of that name.
Result<Database> undo_drop(const Database& before, const UndoDrop& undo);
/// Dropped tables older than that go for good, with their rows.
Result<Database> forget_dropped(const Database& before, Ticks dropped_before);

struct Rename {
    std::string from, to;
    bool if_exists = false;
};
/// All at once, so that tables can swap names.
Result<Database> rename_tables(const Database& before, const std::vector<Rename>& renames);
Result<Database> set_table_text(const Database& before, std::string_view table, std::optional<std::string> folder,
                                std::optional<std::string> docstring);
/// With `merge`, columns that are not named keep their docstring.
Result<Database> set_column_docstrings(const Database& before, std::string_view table,
                                       const std::map<std::string, std::string>& docstrings, bool merge);

/// The column gets a new id, because its old values read null for ever.
Result<Database> change_column_type(const Database& before, std::string_view table, std::string_view column,
                                    data::ScalarType type);
Result<Database> rename_column(const Database& before, std::string_view table, std::string_view column,
                               std::string_view to);
/// `.rename columns a=T.b, b=T.a`.
Result<Database> swap_columns(const Database& before, std::string_view table, std::string_view a, std::string_view b);
Result<Database> drop_columns(const Database& before, std::string_view table, const std::vector<std::string>& columns,
                              bool if_exists);

/// Table scope when `table` is given, else database scope.
using Scope = std::optional<std::string>;

enum class MappingVerb { Create, CreateOrAlter, Alter, AlterMerge };
Result<Database> put_mapping(const Database& before, const Scope& table, data::Mapping mapping, MappingVerb verb,
                             Ticks now);
Result<Database> drop_mapping(const Database& before, const Scope& table, data::MappingKind kind,
                              std::string_view name);

/// Changes the policies of a table or of the database.
template <class Edit> Result<Database> edit_policies(const Database& before, const Scope& table, Edit edit);

enum class FunctionVerb { Create, CreateIfNotExists, CreateOrAlter, Alter };
struct FunctionDefinition {
    std::string name, parameters, body;
    std::optional<std::string> folder = {}, docstring = {};
};
Result<Database> put_function(const Database& before, const FunctionDefinition& function, FunctionVerb verb);
Result<Database> set_function_text(const Database& before, std::string_view name, std::optional<std::string> folder,
                                   std::optional<std::string> docstring);
Result<Database> drop_functions(const Database& before, const std::vector<std::string>& names, bool if_exists);

/// Copies the table, lets `edit` change the copy, and puts it in its place. Entity error when there is none.
template <class Edit> Result<Database> edit_table(const Database& before, std::string_view name, Edit edit);

Error table_not_found(std::string_view name);

template <class Edit> Result<Database> edit_table(const Database& before, std::string_view name, Edit edit) {
    const auto table = before.find_table(name);
    if (!table)
        return table_not_found(name);
    Database after = before;
    auto copy = std::make_shared<catalog::Table>(*table);
    SLUICE_CHECK(edit(after, *copy));
    after.tables[copy->name] = std::move(copy);
    ++after.version;
    return after;
}

template <class Edit> Result<Database> edit_policies(const Database& before, const Scope& table, Edit edit) {
    if (table)
        return edit_table(before, *table, [&](Database&, catalog::Table& copy) { return edit(copy.policies); });
    Database after = before;
    SLUICE_CHECK(edit(after.policies));
    ++after.version;
    return after;
}

} // namespace sluice::engine::change
