#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/extent_rules.hpp"
#include "core/engine/policy_text.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::engine {
namespace {

/// What the parts of a table add up to.
struct Totals {
    std::int64_t extents = 0, rows = 0, hot_extents = 0, hot_rows = 0;
    double original_size = 0, hot_size = 0;
    std::optional<Ticks> oldest, newest;
};

Totals totals_of(const TableTarget& target, const std::vector<store::Part>& parts, Ticks now) {
    Totals totals;
    for (const auto& part : parts) {
        const bool extent = part.state == store::PartState::Extent;
        if (extent || part.state == store::PartState::RowStore)
            totals.rows += static_cast<std::int64_t>(part.rows);
        // Streamed rows count as hot (engine 2.1 L8).
        const bool hot = extent ? is_hot(*target.database, *target.table, part.created, now)
                                : part.state == store::PartState::RowStore;
        totals.hot_rows += hot ? static_cast<std::int64_t>(part.rows) : 0;
        if (!extent)
            continue;
        ++totals.extents;
        totals.hot_extents += hot ? 1 : 0;
        totals.original_size += static_cast<double>(part.original_size);
        totals.hot_size += hot ? static_cast<double>(part.original_size) : 0;
        totals.oldest = std::min(totals.oldest.value_or(part.opened), part.opened);
        totals.newest = std::max(totals.newest.value_or(part.created), part.created);
    }
    return totals;
}

Cell time_cell(std::optional<Ticks> ticks) {
    return ticks ? Cell(DateTime{*ticks}) : Cell(Null{});
}

Result<std::string> effective(const TableTarget& target, std::string_view keyword) {
    SLUICE_TRY(const auto* kind, find_policy(keyword));
    return effective_policy_text(*target.database, *target.table, *kind).value_or("null");
}

/// AuthorizedPrincipals of the table itself; "null" when commands gave none.
std::string principals_text(const catalog::Table& table) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& principal : table.principals)
        list.push_back({{"Role", principal.role}, {"FullyQualifiedName", principal.fqn}, {"Notes", principal.notes}});
    return list.empty() ? "null" : list.dump();
}

Result<> add_details(Context& context, CommandResult& result, const TableTarget& target) {
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    const Totals totals = totals_of(target, writer->parts(target.table->id), context.now());
    std::vector<std::string> policies;
    for (const char* keyword :
         {"retention", "caching", "sharding", "merge", "streamingingestion", "ingestionbatching", "roworder"}) {
        SLUICE_TRY(auto text, effective(target, keyword));
        policies.push_back(std::move(text));
    }
    const catalog::Table& table = *target.table;
    // Sizes on disk are known for the file, not for one table, so they are null.
    result.add({table.name,
                target.database->name,
                table.folder,
                table.docstring,
                totals.extents,
                Null{},
                totals.original_size,
                totals.rows,
                totals.hot_extents,
                Null{},
                totals.hot_size,
                totals.hot_rows,
                principals_text(table),
                policies[0],
                policies[1],
                policies[2],
                policies[3],
                policies[4],
                policies[5],
                time_cell(totals.oldest),
                time_cell(totals.newest),
                policies[6],
                table.guid});
    return {};
}

} // namespace

Result<CommandResult> show_tables(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto tables, context.tables(arguments.get("tables")));
    CommandResult result(shape::kTables);
    for (const auto& target : tables)
        result.add({target.table->name, target.database->name, target.table->folder, target.table->docstring});
    return result;
}

Result<CommandResult> show_table(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    CommandResult result(
        "AttributeName:string, AttributeType:string, ExtentSize:long, CompressionRatio:real, IndexSize:long, "
        "IndexSizePercent:real, OriginalSize:long, AttributeId:guid, SharedIndexSize:long, "
        "StorageEngineVersion:string");
    for (const auto& column : target.table->columns) {
        // The id of an attribute is the table's with the column's number in its last place: stable, and new after a
        // change of type.
        data::Guid id = target.table->guid;
        id.low ^= column.id;
        result.add({column.name, std::string(data::v1_name(column.type)), Null{}, Null{}, Null{}, Null{}, Null{}, id,
                    Null{}, std::string("3")});
    }
    return result;
}

Result<CommandResult> show_table_details(Context& context, const Arguments& arguments) {
    CommandResult result(shape::kTableDetails);
    if (arguments.has("table")) {
        SLUICE_TRY(const auto target, context.table(arguments.get("table")));
        SLUICE_CHECK(add_details(context, result, target));
        return result;
    }
    SLUICE_TRY(const auto tables, context.tables(arguments.get("tables")));
    for (const auto& target : tables) {
        SLUICE_CHECK(add_details(context, result, target));
    }
    return result;
}

Result<CommandResult> show_table_schema(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    const catalog::Table& table = *target.table;
    CommandResult result(shape::kTableSchema);
    result.add({table.name, arguments.said("json") ? json_schema(table) : csl_schema(table), target.database->name,
                table.folder, table.docstring});
    return result;
}

} // namespace sluice::engine
