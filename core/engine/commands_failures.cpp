#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr Ticks kRetention = 14 * kTicksPerDay;

/// SELECTs over the store's own tables, with the columns of the shapes.
std::string failures_sql(Ticks since, std::optional<data::Guid> operation) {
    const std::string one = operation
                                ? fmt::format(" AND operation_id = CAST('{}' AS UUID)", data::format_guid(*operation))
                                : std::string();
    return fmt::format(
        "SELECT operation_id AS \"OperationId\", database AS \"Database\", \"table\" AS \"Table\", failed_on AS "
        "\"FailedOn\", "
        "source_path AS \"IngestionSourcePath\", details AS \"Details\", failure_kind AS \"FailureKind\", "
        "operation_id AS \"RootActivityId\", operation_kind AS \"OperationKind\", "
        "originates_from_update_policy AS \"OriginatesFromUpdatePolicy\", error_code AS \"ErrorCode\", "
        "principal AS \"Principal\", should_retry AS \"ShouldRetry\", '' AS \"User\", "
        "ingestion_properties AS \"IngestionProperties\", CAST(1 AS INTEGER) AS \"NumberOfSources\" "
        "FROM db.sluice.failures WHERE failed_on >= {}{} ORDER BY failed_on",
        since, one);
}

std::string dead_letters_sql() {
    return "SELECT id AS \"Id\", \"time\" AS \"Time\", first_seen AS \"FirstSeen\", \"connection\" AS \"Connection\", "
           "kind AS \"Kind\", "
           "source AS \"Source\", lane AS \"Lane\", CAST(sequence AS BIGINT) AS \"Sequence\", nullif(position, '') AS "
           "\"Position\", "
           "database AS \"Database\", \"table\" AS \"Table\", format AS \"Format\", mapping AS \"Mapping\", error_code "
           "AS \"ErrorCode\", "
           "failure_kind AS \"FailureKind\", details AS \"Details\", CAST(attempts AS INTEGER) AS \"Attempts\", "
           "nullif(properties, '') AS \"Properties\", nullif(system_properties, '') AS \"SystemProperties\", "
           "to_base64(body) AS \"BodyBase64\", "
           "truncated AS \"Truncated\" FROM db.sluice.dead_letters ORDER BY \"time\", \"connection\", lane, sequence";
}

std::string gaps_sql() {
    return "SELECT \"time\" AS \"Time\", \"connection\" AS \"Connection\", lane AS \"Lane\", CAST(\"first\" AS BIGINT) "
           "AS \"First\", "
           "CAST(\"last\" AS BIGINT) AS \"Last\", reason AS \"Reason\" FROM db.sluice.gaps ORDER BY \"time\", "
           "\"connection\", lane, \"first\"";
}

/// One database: the rows stay in the store until they are asked for. Several: read here, one after the other.
Result<CommandResult> from_stores(Context& context, const std::vector<catalog::Snapshot>& databases, const char* shape,
                                  const std::string& sql) {
    if (databases.size() == 1) {
        SLUICE_TRY(auto* writer, context.writer(*databases.front()));
        return CommandResult::stored(shape, {&writer->store(), sql});
    }
    CommandResult result(shape);
    for (const auto& database : databases) {
        SLUICE_TRY(auto* writer, context.writer(*database));
        const auto pull = rows_of(Statement{&writer->store(), sql, {}, result.schema()}, context.deadline());
        for (;;) {
            SLUICE_TRY(auto chunk, pull());
            if (!chunk)
                break;
            result.append(std::move(*chunk));
        }
    }
    return result;
}

/// `[database (D | *)]`
Result<std::vector<catalog::Snapshot>> databases_of(Context& context, const Arguments& arguments) {
    if (arguments.has("every"))
        return context.databases().catalog().all();
    SLUICE_TRY(auto database, context.database(arguments.text("database")));
    return std::vector<catalog::Snapshot>{std::move(database)};
}

Cell guid_or_null(std::string_view text) {
    const auto guid = data::parse_guid(text);
    return guid ? Cell(*guid) : Cell(Null{});
}

/// How an extent came to be.
std::string operation_kind(const store::Part& part) {
    if (part.seal_reason.empty())
        return "SetOrAppend";
    if (part.seal_reason.starts_with(ingest::kDerivedReason))
        return "UpdatePolicy";
    return part.seal_reason.starts_with("RowStore") ? "RowStoreSeal" : "BatchIngest";
}

Cell operation_properties(const store::Part& part) {
    if (part.seal_reason.empty())
        return Null{};
    std::string json = "{";
    if (part.seal_reason.starts_with(ingest::kDerivedReason)) {
        json += R"("SourceTable":)";
        data::append_json_string(json, std::string_view(part.seal_reason).substr(ingest::kDerivedReason.size()));
    } else {
        json += R"("SealReason":)";
        data::append_json_string(json, part.seal_reason);
    }
    return Dynamic{json + "}"};
}

Cell number(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

} // namespace

Result<CommandResult> show_ingestion_failures(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"OperationId"}));
    std::optional<data::Guid> operation;
    if (const auto text = arguments.properties().get("OperationId")) {
        operation = data::parse_guid(*text);
        if (!operation)
            return bad_request(fmt::format("OperationId '{}' is no id.", *text));
    }
    SLUICE_TRY(const auto database, context.database());
    return from_stores(context, {database}, shape::kIngestionFailures,
                       failures_sql(context.now() - kRetention, operation));
}

Result<CommandResult> show_dead_letters(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto databases, databases_of(context, arguments));
    return from_stores(context, databases, shape::kDeadLetters, dead_letters_sql());
}

Result<CommandResult> show_gaps(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto databases, databases_of(context, arguments));
    return from_stores(context, databases, shape::kGaps, gaps_sql());
}

Result<CommandResult> show_streaming_failures(Context& context, const Arguments&) {
    CommandResult result(shape::kStreamingFailures);
    for (const auto& bucket : context.databases().streaming_statistics().buckets()) {
        const auto& first = bucket.first;
        if (first.status == "Success")
            continue;
        result.add({first.database, first.table, first.principal, guid_or_null(first.activity_id),
                    Dynamic{first.properties_json}, number(bucket.count), DateTime{bucket.start}, DateTime{bucket.end},
                    first.failure_kind, first.error_code, first.details});
    }
    return result;
}

Result<CommandResult> show_streaming_statistics(Context& context, const Arguments&) {
    CommandResult result(shape::kStreamingStatistics);
    for (const auto& bucket : context.databases().streaming_statistics().buckets()) {
        const auto& first = bucket.first;
        const Ticks average = bucket.count == 0 ? 0 : bucket.sum_duration / static_cast<Ticks>(bucket.count);
        const Ticks rounded = (average + kTicksPerMillisecond / 2) / kTicksPerMillisecond * kTicksPerMillisecond;
        result.add({first.database, first.table, DateTime{bucket.start}, DateTime{bucket.end}, number(bucket.count),
                    TimeSpan{bucket.min_duration}, TimeSpan{bucket.max_duration}, TimeSpan{rounded},
                    number(bucket.total_size), number(bucket.min_size), number(bucket.max_size),
                    number(bucket.total_rows), number(bucket.min_rows), number(bucket.max_rows), first.status,
                    std::int32_t{1}, first.principal, std::string("node-0"), Dynamic{first.properties_json}});
    }
    return result;
}

/// What made the extents that exist, oldest first (engine 7.4). Read from the extents themselves, so it agrees with the
/// data; the operations whose extents are gone are not listed.
Result<CommandResult> show_data_operations(Context& context, const Arguments&) {
    struct Entry {
        store::Part part;
        std::string database, table;
    };
    std::vector<Entry> entries;
    for (const auto& database : context.databases().catalog().all()) {
        SLUICE_TRY(auto* writer, context.writer(*database));
        for (const auto& [name, table] : database->tables)
            for (auto& part : writer->parts(table->id))
                if (part.state == store::PartState::Extent)
                    entries.push_back({std::move(part), database->name, name});
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.part.sealed < b.part.sealed; });
    CommandResult result(shape::kDataOperations);
    for (const auto& [part, database, table] : entries)
        result.add(
            {DateTime{part.sealed}, database, table, std::string(), operation_kind(part), number(part.original_size),
             Null{}, number(part.rows), Null{}, Null{}, std::int64_t{1}, std::string(),
             operation_properties(part)});
    return result;
}

} // namespace sluice::engine
