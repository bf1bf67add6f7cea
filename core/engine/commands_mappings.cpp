#include "core/engine/catalogue_changes.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sluice::engine {
namespace {

using catalog::Database;

std::string kind_text(data::MappingKind kind) {
    std::string text(data::to_string(kind));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

Result<data::MappingKind> kind_of(const std::string& word) {
    if (const auto kind = data::parse_mapping_kind(word))
        return *kind;
    return bad_request(
        fmt::format("'{}' is no kind of mapping; the kinds are csv, json, avro, parquet, orc, w3clogfile.", word));
}

/// Where a mapping command works: a table, or the database.
struct Place {
    catalog::Snapshot database;
    change::Scope table;
};
Result<Place> place_of(Context& context, const Arguments& arguments) {
    if (arguments.has("table")) {
        SLUICE_TRY(auto target, context.table(arguments.get("table")));
        return Place{std::move(target.database), target.table->name};
    }
    SLUICE_TRY(auto database, context.database(arguments.text("database")));
    return Place{std::move(database), std::nullopt};
}

const catalog::Mappings& mappings_of(const Database& database, const change::Scope& table) {
    return table ? database.find_table(*table)->mappings : database.mappings;
}

void add_row(CommandResult& result, const Database& database, const change::Scope& table,
             const catalog::StoredMapping& stored) {
    std::vector<Cell> row{stored.mapping.name, kind_text(stored.mapping.kind), data::to_json(stored.mapping),
                          DateTime{stored.last_updated}, database.name};
    if (result.schema().size() == 6)
        row.emplace_back(table.value_or(""));
    result.add(row);
}

/// The mappings of a place, of one kind and name or of all.
CommandResult rows_of(const Database& database, const change::Scope& table, std::optional<data::MappingKind> kind,
                      std::optional<std::string> name = {}) {
    CommandResult result(table ? shape::kTableMapping : shape::kDatabaseMapping);
    for (const auto& [key, stored] : mappings_of(database, table))
        if ((!kind || key.first == *kind) && (!name || key.second == *name))
            add_row(result, database, table, stored);
    return result;
}

change::MappingVerb verb_of(const Arguments& arguments) {
    if (arguments.said("create"))
        return change::MappingVerb::Create;
    if (arguments.said("create-or-alter"))
        return change::MappingVerb::CreateOrAlter;
    return arguments.said("alter") ? change::MappingVerb::Alter : change::MappingVerb::AlterMerge;
}

} // namespace

Result<CommandResult> put_mapping(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto place, place_of(context, arguments));
    SLUICE_TRY(const auto kind, kind_of(arguments.text("kind")));
    // removeOldestIfRequired belongs to a limit on the number of mappings that this server does not have.
    SLUICE_CHECK(arguments.properties().only({"removeOldestIfRequired"}));
    SLUICE_TRY(const auto mapping, data::parse_mapping(arguments.text("mapping"), kind, arguments.text("json")));
    SLUICE_TRY(const auto after, context.change(*place.database, [&](const Database& before) {
        return change::put_mapping(before, place.table, mapping, verb_of(arguments), context.now());
    }));
    return rows_of(*after, place.table, kind, mapping.name);
}

Result<CommandResult> show_mapping(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto place, place_of(context, arguments));
    SLUICE_TRY(const auto kind, kind_of(arguments.text("kind")));
    auto result = rows_of(*place.database, place.table, kind, arguments.text("mapping"));
    if (result.rows().empty())
        return entity_not_found("MappingPersistent", arguments.text("mapping"));
    return result;
}

Result<CommandResult> show_mappings(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto place, place_of(context, arguments));
    std::optional<data::MappingKind> kind;
    if (arguments.has("kind")) {
        SLUICE_TRY(kind, kind_of(arguments.text("kind")));
    }
    if (!arguments.has("mapping"))
        return rows_of(*place.database, place.table, kind);
    auto result = rows_of(*place.database, place.table, kind, arguments.text("mapping"));
    if (result.rows().empty())
        return entity_not_found("MappingPersistent", arguments.text("mapping"));
    return result;
}

Result<CommandResult> show_cluster_mappings(Context& context, const Arguments& arguments) {
    std::optional<data::MappingKind> kind;
    if (arguments.has("kind")) {
        SLUICE_TRY(kind, kind_of(arguments.text("kind")));
    }
    CommandResult result(shape::kTableMapping);
    for (const auto& database : context.databases().catalog().all()) {
        std::vector<change::Scope> places{std::nullopt};
        for (const auto& [name, table] : database->tables)
            places.emplace_back(name);
        for (const auto& place : places)
            for (const auto& [key, stored] : mappings_of(*database, place))
                if (!kind || key.first == *kind)
                    add_row(result, *database, place, stored);
    }
    return result;
}

Result<CommandResult> drop_mapping(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto place, place_of(context, arguments));
    SLUICE_TRY(const auto kind, kind_of(arguments.text("kind")));
    SLUICE_TRY(const auto after, context.change(*place.database, [&](const Database& before) {
        return change::drop_mapping(before, place.table, kind, arguments.text("mapping"));
    }));
    return rows_of(*after, place.table, std::nullopt);
}

} // namespace sluice::engine
