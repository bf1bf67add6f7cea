#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <thread>

namespace sluice::engine {
namespace {

constexpr auto kDiagnostics =
    "IsHealthy:bool, EnvironmentDescription:string, IsScaleOutRequired:bool, MachinesTotal:int, MachinesOffline:int, "
    "NodeLastRestartedOn:datetime, AdminLastElectedOn:datetime, ExtentsTotal:int, DiskColdAllocationPercentage:int, "
    "InstancesTargetBasedOnDataCapacity:int, TotalOriginalDataSize:real, TotalExtentSize:real, "
    "IngestionsLoadFactor:real, "
    "IngestionsInProgress:long, IngestionsSuccessRate:real, MergesInProgress:long, BuildVersion:string, "
    "BuildTime:datetime, "
    "ClusterDataCapacityFactor:real, IsDataWarmingRequired:bool, DataWarmingLastRunOn:datetime, "
    "MergesSuccessRate:real, "
    "NotHealthyReason:string, IsAttentionRequired:bool, AttentionRequiredReason:string, ProductVersion:string, "
    "FailedIngestOperations:int, FailedMergeOperations:int, MaxExtentsInSingleTable:int, TableWithMaxExtents:string, "
    "MergesLoadFactor:real, WarmExtentSize:real, NumberOfDatabases:int, PurgeExtentsRebuildLoadFactor:real, "
    "PurgeExtentsRebuildInProgress:long, PurgesInProgress:long, RowStoreLocalStorageCapacityFactor:real, "
    "ExportsLoadFactor:real, "
    "ExportsInProgress:long, PendingContinuousExports:long, MaxContinuousExportLatenessMinutes:long, "
    "RowStoreSealsInProgress:long, "
    "IsRowStoreUnhealthy:bool, MachinesSuspended:int, DataPartitioningLoadFactor:real, "
    "DataPartitioningOperationsInProgress:long, "
    "MinPartitioningPercentageInSingleTable:real, TableWithMinPartitioningPercentage:string, "
    "V3DataCapacityFactor:real, "
    "MaterializedViewsInProgress:long, IngestionCapacityUtilization:real, ShardsWarmingStatus:string, "
    "ShardsWarmingTemperature:real, "
    "ShardsWarmingDetails:string, StoredQueryResultsInProgress:long, HotDataDiskSpaceUsage:real";

/// "Engine", or "DataManagement" when the client talks to the name `ingest-...` (engine 0.1).
std::string service_type(std::string_view host) {
    return host.size() >= 7 && same_word(host.substr(0, 7), "ingest-") ? "DataManagement" : "Engine";
}

Cell time_or_null(Ticks ticks) {
    return ticks == 0 ? Cell(Null{}) : Cell(DateTime{ticks});
}

/// kB of a line of /proc/meminfo, as bytes.
Cell memory_line(std::string_view name) {
    std::ifstream file("/proc/meminfo");
    std::string word;
    std::int64_t kilobytes = 0;
    while (file >> word) {
        if (word == name && file >> kilobytes)
            return kilobytes * 1024;
        file.ignore(256, '\n');
    }
    return Null{};
}

struct Totals {
    std::int32_t extents = 0, most_extents = 0;
    std::string table_with_most;
    double original_size = 0, file_size = 0, rowstore_fill = 0;
};

Totals totals_of(Context& context) {
    Totals totals;
    const double limit = static_cast<double>(context.databases().options().writer.rowstore_max_bytes);
    for (const auto& database : context.databases().catalog().all()) {
        auto* writer = context.databases().writer(database->name);
        if (!writer)
            continue;
        totals.file_size += static_cast<double>(writer->store().file_bytes());
        if (limit > 0)
            totals.rowstore_fill =
                std::max(totals.rowstore_fill, static_cast<double>(writer->rowstore_bytes()) / limit);
        std::map<catalog::TableId, std::int32_t> extents;
        for (const auto& part : writer->parts()) {
            if (part.state != store::PartState::Extent)
                continue;
            ++totals.extents;
            ++extents[part.table];
            totals.original_size += static_cast<double>(part.original_size);
        }
        for (const auto& [name, table] : database->tables)
            if (extents[table->id] > totals.most_extents) {
                totals.most_extents = extents[table->id];
                totals.table_with_most = entity_name(*database, *table);
            }
    }
    return totals;
}

/// Tables that streamed more in the last hour than the reference recommends (engine 1.4).
std::vector<std::string> busy_tables(Context& context) {
    constexpr Bytes kRecommended = 4_GiB;
    std::map<std::pair<std::string, std::string>, std::uint64_t> streamed;
    for (const auto& bucket : context.databases().streaming_statistics().buckets())
        if (bucket.first.status == "Success" && bucket.end >= context.now() - kTicksPerHour)
            streamed[{bucket.first.database, bucket.first.table}] += bucket.total_size;
    std::vector<std::string> out;
    for (const auto& [table, bytes] : streamed)
        if (bytes > kRecommended)
            out.push_back(
                fmt::format("Table '{}.{}' streamed {:.1f} GB in the last hour; above 4 GB queued ingestion is the "
                            "better path.",
                            table.first, table.second, static_cast<double>(bytes) / static_cast<double>(1_GiB)));
    return out;
}

struct Ingestions {
    std::int64_t running = 0;
    std::int32_t failed = 0;
};
Ingestions ingestions_of(Context& context) {
    Ingestions out;
    for (const Run& run : context.history().runs()) {
        const bool ingests =
            run.type.rfind("DataIngest", 0) == 0 || run.type == "TableAppend" || run.type.rfind("TableSet", 0) == 0;
        out.running += ingests && run.state == "InProgress" ? 1 : 0;
        out.failed += ingests && run.state == "Failed" ? 1 : 0;
    }
    return out;
}

} // namespace

Result<CommandResult> show_version(Context& context, const Arguments&) {
    const EngineOptions& options = context.options();
    nlohmann::ordered_json offering{{"Type", "Sluice"}};
    if (!options.service_id.empty())
        offering["Id"] = options.service_id;
    return std::move(CommandResult("BuildVersion:string, BuildTime:datetime, ServiceType:string, "
                                   "ProductVersion:string, ServiceOffering:string")
                         .add({options.version, time_or_null(options.build_time), service_type(context.request().host),
                               fmt::format("sluice {}", options.version), offering.dump()}));
}

Result<CommandResult> show_cluster(Context& context, const Arguments& arguments) {
    const EngineOptions& options = context.options();
    const std::string node = "node-0";
    std::string shape =
        "NodeId:string, Address:string, Name:string, StartTime:datetime, IsAdmin:bool, MachineTotalMemory:long, "
        "MachineAvailableMemory:long, ProcessorCount:int, EnvironmentDescription:string";
    std::vector<Cell> row{node,
                          options.address,
                          node,
                          time_or_null(options.started),
                          true,
                          memory_line("MemTotal:"),
                          memory_line("MemAvailable:"),
                          static_cast<std::int32_t>(context.databases().options().cores),
                          std::string("standalone")};
    if (arguments.said("details")) {
        shape += ", NetAndClsVersion:string";
        row.emplace_back(fmt::format("sluice {}", options.version));
    }
    return std::move(CommandResult(shape).add(row));
}

Result<CommandResult> show_diagnostics(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"scope"}));
    const EngineOptions& options = context.options();
    const Totals totals = totals_of(context);
    std::vector<std::string> reasons = options.attention ? options.attention() : std::vector<std::string>();
    for (auto& busy : busy_tables(context))
        reasons.push_back(std::move(busy));
    const Ingestions ingestions = ingestions_of(context);
    if (totals.rowstore_fill >= 0.9)
        reasons.push_back(fmt::format("The row store is {:.0f}% full.", totals.rowstore_fill * 100));
    // What is known; everything else stays null, because an invented figure is worse than none.
    const std::map<std::string, Cell, std::less<>> known{
        {"IsHealthy", true},
        {"EnvironmentDescription", std::string("standalone")},
        {"MachinesTotal", std::int32_t{1}},
        {"MachinesOffline", std::int32_t{0}},
        {"NodeLastRestartedOn", time_or_null(options.started)},
        {"ExtentsTotal", totals.extents},
        {"TotalOriginalDataSize", totals.original_size},
        {"TotalExtentSize", totals.file_size},
        {"IngestionsInProgress", ingestions.running},
        {"FailedIngestOperations", ingestions.failed},
        {"BuildVersion", options.version},
        {"BuildTime", time_or_null(options.build_time)},
        {"IsAttentionRequired", !reasons.empty()},
        {"AttentionRequiredReason", reasons.empty() ? Cell(Null{}) : Cell(fmt::format("{}", fmt::join(reasons, " ")))},
        {"ProductVersion", fmt::format("sluice {}", options.version)},
        {"MaxExtentsInSingleTable", totals.most_extents},
        {"TableWithMaxExtents", totals.table_with_most},
        {"NumberOfDatabases", static_cast<std::int32_t>(context.databases().names().size())},
        {"RowStoreLocalStorageCapacityFactor", totals.rowstore_fill},
        {"RowStoreSealsInProgress", std::int64_t{0}}, // a seal is part of a commit here, never under way in between
        {"IsRowStoreUnhealthy", totals.rowstore_fill >= 1.0},
        {"MachinesSuspended", std::int32_t{0}},
    };
    CommandResult result(kDiagnostics);
    std::vector<Cell> row;
    for (const auto& column : result.schema().columns) {
        const auto found = known.find(column.name);
        row.push_back(found == known.end() ? Cell(Null{}) : found->second);
    }
    result.add(row);
    return result;
}

/// Asked by the Kafka sink before it starts; it casts the fourth column to a bool (rest-api 12).
Result<CommandResult> show_principal_access(Context& context, const Arguments& arguments) {
    const Properties& with = arguments.properties();
    SLUICE_CHECK(with.only({"principal", "accesstype", "database", "table"}));
    const std::string principal = with.get("principal").value_or(context.request().principal);
    const std::string access = with.get("accesstype").value_or("ingest");
    SLUICE_TRY(const auto database, context.database(with.get("database").value_or("")));
    std::string entity = entity_name(*database);
    if (const auto table = with.get("table")) {
        const auto found = database->find_table(*table);
        if (!found)
            return entity_not_found("Table", *table);
        entity = entity_name(*database, *found);
    }
    const Role role = same_word(access, "ingest")  ? Role::TableIngestor
                      : same_word(access, "admin") ? Role::DatabaseAdmin
                                                   : Role::Viewer;
    const auto& holds = context.options().holds;
    return std::move(CommandResult("Principal:string, AccessType:string, Entity:string, IsAllowed:bool")
                         .add({principal, access, entity, !holds || holds(principal, role)}));
}

} // namespace sluice::engine
