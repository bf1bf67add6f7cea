#include "core/data/text.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

/// The views of the row store (engine 1.11): one for the node, with one key per table.
namespace sluice::engine {
namespace {

using store::Part;
using store::PartState;

constexpr auto kName = "RS_node-0";

struct Key {
    catalog::Snapshot database;
    std::shared_ptr<const catalog::Table> table;
    Part part;

    std::string text() const { return fmt::format("{}:{}:0", data::format_guid(database->guid), table->id); }
};

/// The tables that hold streamed rows now.
Result<std::vector<Key>> keys_of(Context& context, const std::vector<catalog::Snapshot>& databases) {
    std::vector<Key> out;
    for (const auto& database : databases) {
        SLUICE_TRY(auto* writer, context.writer(*database));
        for (const auto& [name, table] : database->tables)
            for (auto& part : writer->parts(table->id))
                if (part.state == PartState::RowStore)
                    out.push_back({database, table, std::move(part)});
    }
    return out;
}

std::string file_of(Context& context, const catalog::Database& database) {
    return (context.databases().options().data_dir / (database.name + ".duckdb")).string();
}

std::int64_t number(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

/// A row store has no id of its own: that of the database, which it is a part of.
data::Guid store_id(const catalog::Database& database) {
    return database.guid;
}

} // namespace

Result<CommandResult> show_rowstores(Context& context, const Arguments& arguments) {
    const auto databases = context.databases().catalog().all();
    SLUICE_TRY(const auto keys, keys_of(context, databases));
    if (arguments.has("name")) {
        if (arguments.text("name") != kName)
            return entity_not_found("RowStore", arguments.text("name"));
        CommandResult result(
            "RowStoreName:string, RowStoreId:guid, RowStoreKey:string, OrdinalFrom:long, OrdinalTo:long, "
            "EstimatedDataSize:long, MinWriteAheadLogOffset:long, LocalStorageSize:long, LocalStorageStartOffset:long, "
            "Status:int, StatusLastUpdatedOn:datetime, DatabaseName:string, TableName:string, AssignedToNode:string, "
            "LatestIngestionTime:datetime");
        for (const Key& key : keys)
            result.add({std::string(kName), store_id(*key.database), key.text(), std::int64_t{0},
                        number(key.part.rows) - 1, number(key.part.original_size), std::int64_t{0},
                        number(key.part.original_size), std::int64_t{0}, std::int32_t{0}, DateTime{context.now()},
                        key.database->name, key.table->name, std::string("node-0"), Null{}});
        return result;
    }
    CommandResult result(
        "RowStoreName:string, RowStoreId:guid, WriteAheadLogStorage:string, PersistentStorage:string, IsActive:bool, "
        "AssignedToNode:string, NumberOfKeys:long, WriteAheadLogSize:long, WriteAheadLogStartOffset:long, "
        "LocalStorageSize:long, WriteAheadDistanceToSizeRatioThreshold:real, InsertsConcurrencyLimit:long, "
        "KeyInsertsConcurrencyLimit:long, UnsealedSizePerKeyLimit:long, NodeInsertsConcurrencyLimit:long, "
        "Status:string, StatusLastUpdatedOn:datetime, UsageTags:string, IsEmpty:bool, IsDataAvailableForQuery:bool");
    for (const auto& database : databases) {
        SLUICE_TRY(auto* writer, context.writer(*database));
        const auto count = std::count_if(keys.begin(), keys.end(),
                                         [&](const Key& key) { return key.database->name == database->name; });
        const std::int64_t size = number(writer->rowstore_bytes());
        const auto& options = context.databases().options();
        result.add({std::string(kName),
                    store_id(*database),
                    file_of(context, *database),
                    file_of(context, *database),
                    options.streaming_enabled,
                    std::string("node-0"),
                    std::int64_t{count},
                    size,
                    std::int64_t{0},
                    size,
                    Null{},
                    std::int64_t{options.cores} * 6,
                    Null{},
                    number(options.writer.rowstore_seal_bytes),
                    std::int64_t{options.cores} * 6,
                    std::string(options.streaming_enabled ? "Active" : "Inactive"),
                    DateTime{context.now()},
                    std::string(),
                    count == 0,
                    true});
    }
    return result;
}

Result<CommandResult> show_table_rowstores(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    SLUICE_TRY(const auto keys, keys_of(context, {target.database}));
    CommandResult result(
        "DatabaseName:string, TableName:string, ExtentId:guid, IsSealed:bool, RowStoreName:string, RowStoreId:string, "
        "RowStoreKey:string, OrdinalFrom:long, OrdinalTo:long, WriteAheadLogSize:long, LocalStorageSize:long, "
        "EstimatedDataSize:long, MinWriteAheadLogOffset:long");
    for (const Key& key : keys)
        if (key.table->id == target.table->id && key.part.rows > 0)
            result.add({target.database->name, target.table->name, data::Guid{}, false, std::string(kName),
                        data::format_guid(store_id(*target.database)), key.text(), std::int64_t{0},
                        number(key.part.rows) - 1, number(key.part.original_size), number(key.part.original_size),
                        number(key.part.original_size), std::int64_t{0}});
    return result;
}

Result<CommandResult> show_rowstore_references(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    const auto policy = target.database->effective_streaming(*target.table);
    const bool enabled = context.databases().options().streaming_enabled && policy && policy->is_enabled;
    const Key key{target.database, target.table, {}};
    CommandResult result("DatabaseName:string, TableName:string, RowstoreReferenceKey:string, RowStoreName:string, "
                         "EnabledForIngestion:bool");
    result.add({target.database->name, target.table->name, key.text(), std::string(kName), enabled});
    return result;
}

/// What was sealed, as long as the extents exist; the latest last.
Result<CommandResult> show_rowstore_seals(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    Argument path;
    path.items = {arguments.has("table") ? arguments.text("table") : arguments.text("name")};
    SLUICE_TRY(const auto target, context.table(path));
    SLUICE_TRY(auto* writer, context.writer(*database));
    auto parts = writer->parts(target.table->id);
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.sealed < b.sealed; });
    const Key key{target.database, target.table, {}};
    CommandResult result("Timestamp:datetime, TableName:string, RowStoreKey:string, RowCount:long, Duration:timespan, "
                         "State:string");
    for (const Part& part : parts)
        if (part.state == PartState::Extent && part.seal_reason.starts_with("RowStore"))
            result.add({DateTime{part.sealed}, target.table->name, key.text(), number(part.rows), Null{},
                        std::string("Completed")});
    return result;
}

} // namespace sluice::engine
