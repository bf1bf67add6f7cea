#include "core/store/layout.hpp"

#include "core/store/cells.hpp"
#include "core/store/duck.hpp"
#include "core/store/hidden_parts.hpp"
#include "core/store/records.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace sluice::store {
namespace {

using data::ScalarType;

/// Where "$part" may not be read: parts that a query does not see.
std::string hidden_parts(std::string_view schema, catalog::TableId table) {
    return fmt::format(R"((SELECT id FROM {}.parts WHERE "table" = {} AND state IN ({}, {})))", schema, table,
                       stored_state(PartState::Staged), stored_state(PartState::Piece));
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
}

/// A stored column as a stock DuckDB shows it (product 11.8). Years 0001 to 9999 fit a TIMESTAMP, 100 ns do not.
std::string plain_value(const catalog::Column& column) {
    switch (column.type) {
    case ScalarType::DateTime:
        return fmt::format("make_timestamp(c{} // {} - {})", column.id, kTicksPerMicrosecond,
                           kUnixEpochTicks / kTicksPerMicrosecond);
    case ScalarType::TimeSpan:
        return fmt::format("to_microseconds(c{} // {})", column.id, kTicksPerMicrosecond);
    case ScalarType::Dynamic:
        return fmt::format("CAST(c{} AS JSON)", column.id);
    default:
        return fmt::format("c{}", column.id);
    }
}

std::string column_definition(const catalog::Column& column) {
    return fmt::format("c{} {}", column.id, sql_type(column.type, true));
}

std::string latest(std::string_view kind) {
    return fmt::format("(SELECT key, arg_max(body, n) AS body FROM sluice.journal WHERE kind = '{}' GROUP BY key)",
                       kind);
}

} // namespace

int stored_state(PartState state) {
    return static_cast<int>(state);
}

std::string Store::visible_rows(const catalog::Table& table, const std::vector<std::string>& names) {
    std::string columns;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        columns += i < names.size() ? fmt::format("c{} AS {}, ", table.columns[i].id, names[i])
                                    : fmt::format("c{}, ", table.columns[i].id);
    // Rows that came while the table's ingestion-time policy was off have none (engine 5.7).
    return fmt::format(R"(SELECT {}"$part", nullif("$time", 0) AS "$time" FROM {}{})", columns, stored_table(table.id),
                       without_hidden_parts(table.id));
}

std::string Store::visible_count(const catalog::Table& table) {
    // Counters of an open part are newer in the journal than in its row. The sum of integers is a HUGEINT.
    return fmt::format(
        "SELECT CAST(coalesce(sum(coalesce(CAST(j.body->>'rows' AS BIGINT), p.rows)), 0) AS BIGINT) "
        "FROM db.sluice.parts AS p LEFT JOIN (SELECT key, arg_max(body, n) AS body, max(n) AS n FROM db.sluice.journal "
        "WHERE kind = '{}' GROUP BY key) AS j ON j.key = CAST(p.id AS VARCHAR) AND j.n >= p.saved "
        "WHERE p.\"table\" = {} AND p.state NOT IN ({}, {})",
        journal::kPart, table.id, stored_state(PartState::Staged), stored_state(PartState::Piece));
}

std::string Store::numbered_rows(const catalog::Table& table) {
    std::string columns;
    for (const catalog::Column& column : table.columns)
        columns += fmt::format("t.c{}, ", column.id);
    return fmt::format(R"(SELECT {}t.rowid, t."$part" FROM {} AS t ANTI JOIN {} AS hidden ON hidden.id = t."$part")",
                       columns, stored_table(table.id), hidden_parts("db.sluice", table.id));
}

std::string Store::rows_of_parts(const catalog::Table& table, const std::vector<PartId>& parts, Ticks time) {
    std::string columns;
    for (const catalog::Column& column : table.columns)
        columns += fmt::format("c{}, ", column.id);
    return fmt::format(R"(SELECT {}CAST({} AS BIGINT) AS "$time", CAST(0 AS BIGINT) AS "$part" FROM {} WHERE {})",
                       columns, time, stored_table(table.id),
                       parts.empty() ? std::string("false")
                                     : fmt::format(R"("$part" IN ({}))", fmt::join(parts, ", ")));
}

const std::vector<SystemTable>& system_tables() {
    static const std::vector<SystemTable> tables = {
        {kJournalSlot,
         "journal",
         {{{"n", ScalarType::Long},
           {"kind", ScalarType::String},
           {"key", ScalarType::String},
           {"body", ScalarType::String}}},
         {}},
        {kPartsSlot,
         "parts",
         {{{"id", ScalarType::Long},
           {"table", ScalarType::Long},
           {"state", ScalarType::Int},
           {"extent", ScalarType::Guid},
           {"batch_key", ScalarType::String},
           {"opened", ScalarType::Long},
           {"sealed", ScalarType::Long},
           {"created", ScalarType::Long},
           {"rows", ScalarType::Long},
           {"original_size", ScalarType::Long},
           {"items", ScalarType::Long},
           {"tags", ScalarType::String},
           {"seal_reason", ScalarType::String},
           {"events", ScalarType::String},
           {"saved", ScalarType::Long}}},
         {}},
        {kDeadLetterSlot,
         "dead_letters",
         {{{"id", ScalarType::Guid},
           {"time", ScalarType::Long},
           {"first_seen", ScalarType::Long},
           {"connection", ScalarType::String},
           {"kind", ScalarType::String},
           {"source", ScalarType::String},
           {"lane", ScalarType::String},
           {"sequence", ScalarType::Long},
           {"position", ScalarType::String},
           {"database", ScalarType::String},
           {"table", ScalarType::String},
           {"format", ScalarType::String},
           {"mapping", ScalarType::String},
           {"error_code", ScalarType::String},
           {"failure_kind", ScalarType::String},
           {"details", ScalarType::String},
           {"attempts", ScalarType::Long},
           {"properties", ScalarType::String},
           {"system_properties", ScalarType::String},
           {"body", ScalarType::String},
           {"truncated", ScalarType::Bool}}},
         {19}},
        {kGapSlot,
         "gaps",
         {{{"connection", ScalarType::String},
           {"lane", ScalarType::String},
           {"first", ScalarType::Long},
           {"last", ScalarType::Long},
           {"reason", ScalarType::String},
           {"time", ScalarType::Long}}},
         {}},
        {kFileSlot,
         "file_log",
         {{{"n", ScalarType::Long},
           {"key", ScalarType::Long},
           {"connection", ScalarType::String},
           {"url", ScalarType::String},
           {"etag", ScalarType::String},
           {"outcome", ScalarType::String},
           {"pending_action", ScalarType::String},
           {"time", ScalarType::Long}}},
         {}},
        {kFailureSlot,
         "failures",
         {{{"operation_id", ScalarType::Guid},
           {"database", ScalarType::String},
           {"table", ScalarType::String},
           {"failed_on", ScalarType::Long},
           {"source_path", ScalarType::String},
           {"details", ScalarType::String},
           {"failure_kind", ScalarType::String},
           {"operation_kind", ScalarType::String},
           {"error_code", ScalarType::String},
           {"principal", ScalarType::String},
           {"originates_from_update_policy", ScalarType::Bool},
           {"should_retry", ScalarType::Bool},
           {"ingestion_properties", ScalarType::String}}},
         {}},
    };
    return tables;
}

const SystemTable& system_table(SystemSlot slot) {
    const auto& tables = system_tables();
    return *std::find_if(tables.begin(), tables.end(), [&](const SystemTable& table) { return table.slot == slot; });
}

std::vector<std::string> system_layout() {
    std::vector<std::string> statements = {
        "CREATE SCHEMA db.sluice", "CREATE TABLE db.sluice.format (version INTEGER)",
        fmt::format("INSERT INTO db.sluice.format VALUES ({})", kFormatVersion),
        "CREATE TABLE db.sluice.catalogue (kind VARCHAR, name VARCHAR, text VARCHAR)"};
    for (const SystemTable& table : system_tables()) {
        std::vector<std::string> columns;
        for (std::size_t i = 0; i < table.schema.size(); ++i) {
            const bool blob = std::find(table.blobs.begin(), table.blobs.end(), i) != table.blobs.end();
            columns.push_back(
                fmt::format("{} {}", identifier(table.schema[i].name), blob ? "BLOB" : sql_type(table.schema[i].type)));
        }
        statements.push_back(fmt::format("CREATE TABLE db.sluice.{} ({})", table.name, fmt::join(columns, ", ")));
    }
    statements.push_back(
        "CREATE TABLE db.sluice.waiting (connection VARCHAR, lane VARCHAR, sequence BIGINT, event BLOB, "
        "next_try BIGINT, attempts BIGINT, last_error VARCHAR)");
    statements.push_back(
        "CREATE TABLE db.sluice.queue_items (id UUID, announcement VARCHAR, operation_id UUID, state VARCHAR)");
    // Views give the fixed names of engine 8.1 their one row per thing; the journal below them is only ever appended
    // to.
    statements.push_back(fmt::format(
        "CREATE VIEW db.sluice.lane_positions AS SELECT body->>'connection' AS connection, body->>'lane' AS lane, "
        "CAST(body->>'epoch' AS UBIGINT) AS epoch, CAST(body->>'sequence' AS UBIGINT) AS sequence, "
        "unhex(body->>'position') AS position, CAST(body->>'committed_at' AS BIGINT) AS committed_at FROM {}",
        latest("lane")));
    statements.push_back(fmt::format(
        "CREATE VIEW db.sluice.connection_totals AS SELECT key AS connection, CAST(body->>'received' AS UBIGINT) AS "
        "received, "
        "CAST(body->>'stored' AS UBIGINT) AS stored, CAST(body->>'dead_lettered' AS UBIGINT) AS dead_lettered, "
        "CAST(body->'skipped' AS JSON) AS skipped, CAST(body->>'staged' AS UBIGINT) AS staged, "
        "CAST(body->>'waiting' AS UBIGINT) AS waiting, CAST(body->>'gap' AS UBIGINT) AS gap, "
        "CAST(body->>'received_bytes' AS UBIGINT) AS received_bytes FROM {}",
        latest("totals")));
    statements.push_back(
        fmt::format("CREATE VIEW db.sluice.settings AS SELECT key, body AS value FROM {}", latest("setting")));
    statements.push_back(
        fmt::format("CREATE VIEW db.sluice.staging_batches AS SELECT p.id AS batch_id, p.\"table\", p.batch_key AS "
                    "batching_key, p.opened, "
                    "coalesce(CAST(j.body->>'items' AS BIGINT), p.items) AS items, "
                    "coalesce(CAST(j.body->>'original_size' AS BIGINT), p.original_size) AS raw_size, "
                    "coalesce(CAST(j.body->>'rows' AS BIGINT), p.rows) AS rows, p.seal_reason, 'open' AS state "
                    "FROM sluice.parts AS p LEFT JOIN {} AS j ON j.key = CAST(p.id AS VARCHAR) WHERE p.state = {}",
                    latest("part"), stored_state(PartState::Staged)));
    statements.push_back("CREATE VIEW db.sluice.files AS SELECT connection, url, etag, arg_max(outcome, n) AS outcome, "
                         "arg_max(pending_action, n) AS pending_action, max(time) AS time FROM sluice.file_log GROUP "
                         "BY connection, url, etag");
    return statements;
}

std::vector<std::string> upgrade_queries() {
    // Version 1 had decimals with 20 digits behind the point. A view does not survive that its columns change their
    // types, so all views are made again.
    const std::string tables = fmt::format(
        "SELECT format('ALTER TABLE db.sluice.{{}} ALTER COLUMN {{}} TYPE {}', table_name, column_name) FROM "
        "duckdb_columns() WHERE database_name = 'db' AND schema_name = 'sluice' AND data_type = 'DECIMAL(38,20)'",
        sql_type(data::ScalarType::Decimal));
    return {
        tables,
        "SELECT 'CREATE OR REPLACE' || substr(sql, length('CREATE') + 1) FROM duckdb_views() "
        "WHERE database_name = 'db' AND schema_name = 'main' AND NOT internal",
        fmt::format("SELECT 'UPDATE db.sluice.format SET version = {}'", kFormatVersion),
    };
}

std::string insert_rows(const SystemTable& table) {
    return fmt::format("INSERT INTO db.sluice.{} SELECT * FROM sluice_feed({})", table.name, table.slot);
}

std::string stored_table(catalog::TableId table) {
    return fmt::format("db.sluice.t{}", table);
}

std::string create_table(const catalog::Table& table) {
    std::string columns;
    for (const catalog::Column& column : table.columns)
        columns += column_definition(column) + ", ";
    return fmt::format(R"(CREATE TABLE {} ({}"$part" BIGINT, "$time" BIGINT))", stored_table(table.id), columns);
}

std::string insert_rows(const catalog::Table& table) {
    std::string columns;
    for (const catalog::Column& column : table.columns)
        columns += fmt::format("c{}, ", column.id);
    return fmt::format(R"(INSERT INTO {} ({}"$part", "$time") SELECT * FROM sluice_feed({}))", stored_table(table.id),
                       columns, table.id);
}

std::vector<std::string> alter_table(const catalog::Table& before, const catalog::Table& after) {
    const auto has = [](const catalog::Table& table, catalog::ColumnId id) {
        return std::any_of(table.columns.begin(), table.columns.end(),
                           [&](const catalog::Column& column) { return column.id == id; });
    };
    std::vector<std::string> statements;
    for (const catalog::Column& column : before.columns)
        if (!has(after, column.id))
            statements.push_back(fmt::format("ALTER TABLE {} DROP COLUMN c{}", stored_table(after.id), column.id));
    for (const catalog::Column& column : after.columns)
        if (!has(before, column.id))
            statements.push_back(
                fmt::format("ALTER TABLE {} ADD COLUMN {}", stored_table(after.id), column_definition(column)));
    return statements;
}

std::map<catalog::TableId, std::string> view_names(const catalog::Database& database) {
    std::map<catalog::TableId, std::string> names;
    for (const auto& [name, table] : database.tables)
        names[table->id] = name;
    std::set<std::string> taken;
    for (auto& [id, name] : names) {
        if (!taken.insert(lower(name)).second) {
            name += fmt::format("#{}", id);
            taken.insert(lower(name));
        }
    }
    return names;
}

View plain_view(const catalog::Table& table, std::string name) {
    std::vector<std::string> columns;
    std::set<std::string> taken;
    for (const catalog::Column& column : table.columns) {
        const bool first = taken.insert(lower(column.name)).second;
        const std::string shown = first ? column.name : fmt::format("{}#{}", column.name, column.id);
        columns.push_back(fmt::format("{} AS {}", plain_value(column), identifier(shown)));
    }
    // A table may have lost all its columns; its view then shows the commit time of its rows.
    if (columns.empty())
        columns.push_back(R"(make_timestamp("$time" // 10 - 62135596800000000) AS "$time")");
    View view{std::move(name), {}};
    view.create = fmt::format(
        R"(CREATE VIEW db.main.{} AS SELECT {} FROM sluice.t{} ANTI JOIN {} AS hidden ON hidden.id = "$part")",
        identifier(view.name), fmt::join(columns, ", "), table.id, hidden_parts("sluice", table.id));
    return view;
}

} // namespace sluice::store
