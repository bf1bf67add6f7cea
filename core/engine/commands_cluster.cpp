#include "core/data/text.hpp"
#include "core/engine/catalogue_changes.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/ingest/streaming.hpp"
#include "core/kql/kql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

/// Commands about the server and the existence of databases (commands 3.1, 3.2).
namespace sluice::engine {
namespace {

using catalog::Database;

/// Plugins and a query that uses each: whether core/kql knows one is asked of core/kql itself.
struct Plugin {
    std::string_view name, probe;
};
constexpr std::array<Plugin, 6> kPlugins{{
    {"bag_unpack", "print d = dynamic({}) | evaluate bag_unpack(d)"},
    {"narrow", "print a = 1 | evaluate narrow()"},
    {"pivot", "datatable(a:string, b:long)[] | evaluate pivot(a)"},
    {"http_request", "evaluate http_request('http://localhost/')"},
    {"python", "print a = 1 | evaluate python(typeof(*), '')"},
    {"sql_request", "evaluate sql_request('', '')"},
}};

struct Capacity {
    std::string_view resource;
    std::int64_t total = 0, consumed = 0;
    std::string_view origin;
};

std::vector<Capacity> capacities(Context& context) {
    const auto& options = context.databases().options();
    // Concurrent ingestion commands = min(512, max(1, cores x 0.75)) (engine Appendix A).
    const auto cores = static_cast<std::int64_t>(options.cores);
    const std::int64_t ingestions = std::max<std::int64_t>(1, cores * 3 / 4);
    std::int64_t ingesting = 0, queries = 0;
    for (const Run& run : context.history().runs()) {
        if (run.state != "InProgress")
            continue;
        queries += run.is_query ? 1 : 0;
        ingesting += run.type.rfind("TableSet", 0) == 0 || run.type.rfind("TableAppend", 0) == 0 ||
                             run.type.rfind("DataIngest", 0) == 0
                         ? 1
                         : 0;
    }
    return {{"ingestions", ingestions, std::min(ingesting, ingestions), "CapacityPolicy/Ingestion"},
            {"extents-merge", 1, 0, "CapacityPolicy/ExtentsMerge"},
            {"table-purge", 1, 0, "CapacityPolicy/ExtentsPurgeRebuild"},
            {"data-export", std::max<std::int64_t>(1, cores / 4), 0, "CapacityPolicy/Export"},
            {"extents-partition", 1, 0, "CapacityPolicy/ExtentsPartition"},
            {"streaming-ingestion-post-processing", 4, 0, "CapacityPolicy/StreamingIngestionPostProcessing"},
            {"materialized-view", 1, 0, "CapacityPolicy/MaterializedViews"},
            {"queries", cores * 10, std::min(queries, cores * 10), "WorkloadGroup/default"},
            {"stored-query-results", 250, 0, "CapacityPolicy/StoredQueryResults"},
            {"purge-storage-artifacts-cleanup", 2, 0, "CapacityPolicy/PurgeStorageArtifactsCleanup"},
            {"periodic-storage-artifacts-cleanup", 2, 0, "CapacityPolicy/PeriodicStorageArtifactsCleanup"},
            {"mirroring", 0, 0, "CapacityPolicy/Mirroring"},
            {"query-acceleration", 0, 0, "CapacityPolicy/QueryAcceleration"},
            {"graph_snapshot", 0, 0, "CapacityPolicy/GraphSnapshots"}};
}

std::string file_of(Context& context, const std::string& database) {
    return (context.databases().options().data_dir / (database + ".duckdb")).string();
}

CommandResult node_status(std::string_view status) {
    return std::move(CommandResult(shape::kNodeStatus).add({std::string("node-0"), std::string(status)}));
}

} // namespace

Result<CommandResult> show_capacity(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"scope"}));
    CommandResult result("Resource:string, Total:long, Consumed:long, Remaining:long, Origin:string");
    const auto& only = arguments.text("resource");
    bool found = only.empty();
    for (const Capacity& entry : capacities(context)) {
        if (!only.empty() && !same_word(only, entry.resource))
            continue;
        found = true;
        result.add({std::string(entry.resource), entry.total, entry.consumed, entry.total - entry.consumed,
                    std::string(entry.origin)});
    }
    if (!found)
        return bad_request(fmt::format("'{}' is no resource; '.show capacity' lists them all.", only));
    return result;
}

Result<CommandResult> show_plugins(Context& context, const Arguments&) {
    SLUICE_TRY(const auto database, context.database());
    CommandResult result("PluginName:string, IsEnabled:bool");
    for (const auto& plugin : kPlugins) {
        kql::CompileOptions options;
        options.database = database;
        result.add({std::string(plugin.name), kql::compile(plugin.probe, options).has_value()});
    }
    return result;
}

Result<CommandResult> show_cluster_services(Context& context, const Arguments&) {
    return std::move(CommandResult("NodeId:string, IsClusterAdmin:bool, IsFabricManager:bool, IsDatabaseAdmin:bool, "
                                   "IsWeakConsistencyNode:bool, IsRowStoreHostNode:bool, IsDataNode:bool")
                         .add({std::string("node-0"), true, true, true, false,
                               context.databases().options().streaming_enabled, true}));
}

/// Nothing is cached that could be stale; clients send these before tests.
Result<CommandResult> clear_cache(Context&, const Arguments&) {
    return node_status("Succeeded");
}

Result<CommandResult> query_results_cache(Context&, const Arguments& arguments) {
    if (arguments.said("clear"))
        return std::move(CommandResult("NodeId:string, Count:long").add({std::string("node-0"), std::int64_t{0}}));
    return std::move(CommandResult("NodeId:string, Hits:long, Misses:long, CacheCapacityInBytes:long, UsedBytes:long, "
                                   "Count:long")
                         .add({std::string("node-0"), std::int64_t{0}, std::int64_t{0}, std::int64_t{0},
                               std::int64_t{0}, std::int64_t{0}}));
}

Result<CommandResult> create_database(Context& context, const Arguments& arguments) {
    const std::string& name = arguments.text("database");
    const bool exists = context.databases().catalog().find(name) != nullptr;
    if (exists && !arguments.said("ifnotexists"))
        return entity_exists("Database", name);
    if (!exists) {
        SLUICE_CHECK(context.databases().create(name, arguments.said("volatile")));
    }
    return std::move(CommandResult("DatabaseName:string, PersistentPath:string, Created:string, StoresMetadata:bool, "
                                   "StoresData:bool")
                         .add({name, arguments.said("volatile") ? Cell(Null{}) : Cell(file_of(context, name)),
                               std::string(exists ? "false" : "true"), true, true}));
}

Result<CommandResult> drop_database(Context& context, const Arguments& arguments) {
    CommandResult result("Table:string, NumberOfRemovedExtents:string");
    const auto database = context.databases().catalog().find(arguments.text("database"));
    if (!database)
        return arguments.said("ifexists") ? Result<CommandResult>(std::move(result))
                                          : Result<CommandResult>(database_not_found(arguments.text("database")));
    const auto& fixed = context.options().is_configured;
    if (fixed && fixed(database->name))
        return not_supported(fmt::format("Database '{}' is named in the server's configuration; remove it and the "
                                         "connections that use it there first.",
                                         database->name));
    SLUICE_TRY(auto* writer, context.writer(*database));
    for (const auto& [name, table] : database->tables) {
        const auto parts = writer->parts(table->id);
        result.add({name, fmt::format("{}", std::count_if(parts.begin(), parts.end(), [](const auto& part) {
                                          return part.state == store::PartState::Extent;
                                      }))});
    }
    SLUICE_CHECK(context.databases().drop(database->name));
    return result;
}

/// While it is on, streaming requests to the database get an answer that makes clients queue instead.
Result<CommandResult> set_maintenance_mode(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database(arguments.text("database")));
    SLUICE_TRY(auto* writer, context.writer(*database));
    const bool enable = arguments.said("enable");
    SLUICE_CHECK(writer->save_setting(ingest::kStreamingMaintenance, enable ? "true" : ""));
    return std::move(CommandResult("DatabaseName:string, IsEnabled:bool").add({database->name, enable}));
}

Result<CommandResult> set_pretty_name(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database(arguments.text("database")));
    const std::string name = arguments.said("drop") ? "" : arguments.text("text");
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) -> Result<Database> {
        Database next = before;
        next.pretty_name = name;
        ++next.version;
        return next;
    }));
    return std::move(CommandResult("DatabaseName:string, PrettyName:string, Status:string")
                         .add({after->name, after->pretty_name, std::string("Success")}));
}

Result<CommandResult> undo_drop_table(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    std::string_view version = arguments.text("version");
    if (!version.empty() && (version.front() == 'v' || version.front() == 'V'))
        version.remove_prefix(1);
    const auto major = data::parse_long(version.substr(0, version.find('.')));
    if (!major || *major < 0)
        return bad_request(
            fmt::format("'{}' is no version; '.show journal' has them, such as v7.0.", arguments.text("version")));
    const change::UndoDrop undo{arguments.text("table"), arguments.text("as"), static_cast<std::uint64_t>(*major)};
    SLUICE_TRY(const auto after,
               context.change(*database, [&](const Database& before) { return change::undo_drop(before, undo); }));
    SLUICE_TRY(auto* writer, context.writer(*after));
    CommandResult result("ExtentId:guid, NumberOfRecords:long, Status:string, FailureReason:string");
    const auto table = after->find_table(undo.as.empty() ? undo.table : undo.as);
    for (const auto& part : writer->parts(table->id))
        if (part.state == store::PartState::Extent)
            result.add({part.extent, static_cast<std::int64_t>(part.rows), std::string("Recovered"), Null{}});
    return result;
}

/// Size and presence of each column's values, computed from the extents.
Result<CommandResult> show_data_statistics(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"samplepercent", "scope", "from", "to"}));
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    std::string columns;
    data::Schema schema;
    for (const auto& column : target.table->columns) {
        columns += fmt::format("{0}coalesce(sum(strlen(CAST(c{1} AS VARCHAR))), 0)::BIGINT, count(c{1})",
                               columns.empty() ? "" : ", ", column.id);
        schema.columns.push_back({"size" + column.name, data::ScalarType::Long});
        schema.columns.push_back({"count" + column.name, data::ScalarType::Long});
    }
    const auto pull = rows_of(Statement{&writer->store(),
                                        fmt::format("SELECT {} FROM ({}) WHERE \"$part\" IN (SELECT id FROM "
                                                    "db.sluice.parts WHERE \"table\" = {} AND state = {})",
                                                    columns, store::Store::visible_rows(*target.table),
                                                    target.table->id, static_cast<int>(store::PartState::Extent)),
                                        {},
                                        schema},
                              context.deadline());
    SLUICE_TRY(const auto chunk, pull());
    CommandResult result("ColumnName:string, ColumnType:string, ColumnId:guid, OriginalSize:long, ExtentSize:long, "
                         "CompressionRatio:real, "
                         "DataCompressionSize:long, SharedIndexSize:long, IndexSize:long, IndexSizePercent:real, "
                         "StorageEngineVersion:string, PresentRowCount:long, DeletedRowCount:long, SamplePercent:real, "
                         "IncludeColdData:bool");
    std::size_t i = 0;
    for (const auto& column : target.table->columns) {
        data::Guid id = target.table->guid;
        id.low ^= column.id;
        const auto number = [&](std::size_t at) { return chunk ? chunk->column(at).get<std::int64_t>(0) : 0; };
        result.add({column.name, std::string(data::to_string(column.type)), id, number(i), Null{}, Null{}, Null{},
                    Null{}, Null{}, Null{}, std::string("3"), number(i + 1), std::int64_t{0}, 100.0,
                    !same_word(arguments.properties().get("scope").value_or("all"), "hotcache")});
        i += 2;
    }
    return result;
}

} // namespace sluice::engine
