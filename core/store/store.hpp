#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"
#include "core/data/chunk.hpp"
#include "core/store/scalar_function.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// One DuckDB file per database (spec engine 8). Sole user of duckdb.h.
///
/// How rows are kept: each table has one stored table `sluice.t<id>` with a column `c<id>` per column, plus `"$part"`
/// (which part the row belongs to) and `"$time"` (ticks of its commit, what ingestion_time() shows). A *part* is a set
/// of rows that become visible, get sealed and are dropped together: the open row-store part of a table, a staged
/// batch, an extent, or pieces of long work that nothing refers to yet. `sluice.parts` says what each part is. So
/// sealing a batch, or turning the row store into an extent, changes one row of `sluice.parts` and moves no data; a
/// query reads the rows whose part is visible.
namespace sluice::store {

using PartId = std::int64_t;

/// Reason of an Internal error after which the file cannot be trusted any more: the process should end (engine 8.2).
inline constexpr std::string_view kStoreBroken = "StoreBroken";

/// Rows that DuckDB compresses and stores together.
inline constexpr std::size_t kRowGroupRows = 122'880;

enum class PartState : std::uint8_t {
    RowStore, ///< streamed rows, visible, not yet an extent
    Staged,   ///< queued rows, invisible until the batch is sealed
    Extent,   ///< visible
    Piece,    ///< written ahead, invisible; removed at start unless something adopted it
};

/// One row of `sluice.parts`.
struct Part {
    PartId id = 0;
    catalog::TableId table = 0;
    PartState state = PartState::Extent;
    data::Guid extent;          ///< ExtentId, given when the part is opened
    std::string batch_key = {}; ///< staged: what may share the batch (engine 4.2)
    Ticks opened = 0;           ///< first row; of an extent: its earliest creation time
    Ticks sealed = 0;           ///< became an extent
    Ticks created = 0;          ///< latest creation time of the extent (engine 5.2)
    std::uint64_t rows = 0;
    Bytes original_size = 0; ///< estimated raw size (engine 1.4.1 rule 4)
    std::uint32_t items = 0; ///< staged: files or chunks of events (engine 4.2)
    std::vector<std::string> tags = {};
    std::string seal_reason = {};
    std::map<std::string, std::uint64_t> events = {}; ///< staged events by connection, counted as stored when sealed
};

/// Position of a lane in this database (engine 8.3).
struct LanePosition {
    std::string connection, lane;
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    std::string position = {}; ///< the plugin's own token, any bytes
    Ticks committed_at = 0;
};

/// `received = stored + dead_lettered + skipped + staged + waiting` per connection (product 7).
struct ConnectionTotals {
    std::uint64_t received = 0, stored = 0, dead_lettered = 0, staged = 0, waiting = 0, gap = 0, received_bytes = 0;
    std::map<std::string, std::uint64_t> skipped = {}; ///< by reason
};

/// A parked event; members of data-connections 1.8.
struct DeadLetter {
    data::Guid id;
    Ticks time = 0, first_seen = 0;
    std::string connection, kind, source, lane;
    std::uint64_t sequence = 0;
    std::string position_json, database, table, format, mapping;
    std::string error_code, failure_kind, details;
    std::uint32_t attempts = 1;
    std::string properties_json = "{}", system_properties_json = "{}", body;
    bool truncated = false;
};

/// A range of a lane that the source no longer had.
struct Gap {
    std::string connection, lane;
    std::uint64_t first = 0, last = 0;
    std::string reason;
    Ticks time = 0;
};

/// A file or blob that an EventGrid connection decided about (data-connections 4.9.6).
struct FileRecord {
    std::string connection, url, etag, outcome;
    std::string pending_action = {}; ///< file action still to do, JSON; empty: none
    Ticks time = 0;
};

/// A failed ingestion, as `.show ingestion failures` shows it (engine 7.1).
struct IngestionFailure {
    data::Guid operation_id;
    std::string database, table;
    Ticks failed_on = 0;
    std::string source_path, details, failure_kind, operation_kind, error_code, principal;
    bool originates_from_update_policy = false, should_retry = false;
    std::string ingestion_properties;
};

/// A blob that a client announced (engine 8.5), as `sluice.queue_items` keeps it.
struct QueueItem {
    data::Guid id;
    data::Guid operation;     ///< what all blobs of one request have in common
    std::string state;        ///< "Pending", "Staged", "Succeeded", "Failed" or "Canceled"
    std::string announcement; ///< JSON object: what the client said, and what became of it
};

/// A value bound to a `?` of a statement.
using Parameter = std::variant<std::monostate, bool, std::int64_t, double, std::string, data::Guid>;

/// Ends a running query from another thread. Thread-safe; may be used before, while and after the query runs.
class QueryCancel {
public:
    QueryCancel();
    ~QueryCancel();
    void cancel();

private:
    friend class Store;
    friend class QueryResult;
    struct State;
    std::shared_ptr<State> state_;
};

struct QueryOptions {
    std::chrono::milliseconds timeout{240'000};
    QueryCancel* cancel = nullptr;
};

/// Rows of a query, chunk by chunk, as they are computed. One thread at a time; holds a connection until destroyed.
class QueryResult {
public:
    struct Impl;
    explicit QueryResult(std::unique_ptr<Impl> impl);
    QueryResult(QueryResult&&) noexcept;
    QueryResult& operator=(QueryResult&&) noexcept;
    ~QueryResult();

    const data::Schema& schema() const;
    /// The next chunk; nothing at the end. Timeout, Cancelled, or the error that the engine met.
    Result<std::optional<data::Chunk>> next();

private:
    std::unique_ptr<Impl> impl_;
};

/// The one writing transaction of a database. Everything in it becomes durable at commit() together, or nothing does.
/// Belongs to the database's writer thread; destroying it without commit rolls back.
class Transaction {
public:
    struct Impl;
    explicit Transaction(std::unique_ptr<Impl> impl);
    Transaction(Transaction&&) noexcept;
    ~Transaction();

    /// Rows of one table into one part, all with ingestion time `time`; 0: they have none. The rows' schema is that of
    /// the table's columns. The caller accounts for them with save_part.
    Result<> append(const catalog::Table& table, PartId part, Ticks time, const data::Rows& rows);

    /// The same with the rows of one part put in together, at commit() at the latest: an insertion of more than
    /// kRowGroupRows rows goes compressed into the file instead of through the log. `rows` is borrowed until then.
    Result<> append_later(const catalog::Table& table, PartId part, Ticks time, const data::Rows& rows);

    /// Inserts or replaces the part's row of `sluice.parts`.
    Result<> save_part(const Part& part);
    /// Deletes the part and its rows.
    Result<> drop_part(const Part& part);
    /// Deletes every row and part of the table; with `keep_staged`, batches not yet sealed stay.
    Result<> clear_table(catalog::TableId table, bool keep_staged);

    /// Gives all rows of some parts to another part of the same table: merging extents. The caller saves the part that
    /// grew and drops the others.
    Result<> merge_rows(catalog::TableId table, const std::vector<PartId>& from, PartId to);
    /// The same with those rows of one part that stand in the first `places` places from its first row on; answers how
    /// many they were, 0 when it has none. The caller saves both parts.
    Result<std::uint64_t> merge_slice(catalog::TableId table, PartId from, PartId to, std::uint64_t places);

    struct Place {
        const catalog::Table& table;
        PartId part;
    };
    /// Numbers of rows in a stored table, from the first to before the last. They hold until the next checkpoint.
    struct RowRange {
        std::uint64_t first = 0, last = 0;
    };
    /// The shortest range that holds the part's rows.
    Result<RowRange> range_of(Place place);
    /// Copies the rows of a part that stand in the range into a part of another table that has the columns of the
    /// first, matched by name, null in the others; answers how many. They keep their ingestion time unless `time` is
    /// given. The caller accounts for them with save_part.
    Result<std::uint64_t> copy_rows(Place from, Place to, std::optional<Ticks> time, RowRange rows);
    /// Deletes rows that `sql` selects: a SELECT of `columns` columns over numbered_rows() in which the row's number
    /// and its part stand at the given places. Answers how many rows each part lost; with `count_only` none is deleted.
    /// The caller accounts for them with save_part.
    struct RowSelection {
        std::string sql;
        std::size_t columns = 0, row = 0, part = 0;
        bool count_only = false;
    };
    Result<std::map<PartId, std::uint64_t>> delete_rows(catalog::TableId table, const RowSelection& selection);

    Result<> save_lane(const LanePosition& lane);
    Result<> save_totals(std::string_view connection, const ConnectionTotals& totals);
    Result<> add_dead_letter(const DeadLetter& letter);
    Result<> drop_dead_letter(data::Guid id);
    Result<> add_gap(const Gap& gap);
    Result<> save_file(const FileRecord& file);
    Result<> add_failure(const IngestionFailure& failure);
    /// Inserts or replaces the item.
    Result<> save_queue_item(const QueueItem& item);
    Result<> drop_queue_item(data::Guid id);
    /// Gives the staged items whose announcement names `part` as its member "Part" the state, and adds the members of
    /// the JSON object `outcome` to their announcements.
    Result<> settle_queue_items(PartId part, std::string_view state, std::string_view outcome);
    /// A small durable fact, such as the creation time of a connection.
    Result<> save_setting(std::string_view key, std::string_view value);

    /// Stores the new catalogue and brings stored tables and the views of schema `main` in line with it: new tables and
    /// columns are created, those that are gone are dropped with their rows.
    Result<> save_catalogue(const catalog::Database& before, const catalog::Database& after);

    /// Makes it durable: it is on disk. After an error nothing was stored and the store can be used again,
    /// unless the error is ErrorCode::Internal: then the file cannot be trusted and the process should end.
    Result<> commit();

private:
    std::unique_ptr<Impl> impl_;
};

class RowQuery;

struct StoreOptions {
    std::filesystem::path file;
    std::string database;         ///< name of the database
    Bytes memory_limit = 256_MiB; ///< DuckDB's
    unsigned threads = 2;
    /// What SQL can call besides DuckDB's own functions.
    std::vector<ScalarFunction> functions = {};
};

/// One database file. Queries from any thread; one Transaction at a time.
class Store {
public:
    struct Impl;
    ~Store();

    /// Opens or creates the file. An unusable file is an error that names it and the ways out; nothing is changed.
    static Result<std::unique_ptr<Store>> open(StoreOptions options);

    /// What the file held when it was opened. `catalogue` is empty for a new file.
    struct Loaded {
        catalog::Database catalogue;
        std::vector<Part> parts;
        std::vector<LanePosition> lanes;
        std::map<std::string, ConnectionTotals> totals;
        std::map<std::string, std::string> settings;
        PartId next_part = 1;
    };
    /// Also removes pieces that nothing refers to.
    Result<Loaded> load();

    Result<Transaction> begin();

    /// Runs SQL (made by core/kql or written in this project; never text of a user) on a snapshot that later commits do
    /// not change. `types`: the Kusto type of each result column, which decides how stored values are read; its size
    /// must match the result. Thread-safe.
    Result<QueryResult> query(std::string_view sql, const std::vector<Parameter>& parameters, data::Schema types,
                              const QueryOptions& options);

    /// A query over rows in memory, still to be prepared; see row_query.hpp. For the writer's thread.
    std::unique_ptr<RowQuery> query_rows(const data::Schema& rows);

    /// What a query reads as the table: all visible rows, its columns in order (called `c<id>`, or as `names` says),
    /// `"$part"`, `"$time"`. SQL text.
    static std::string visible_rows(const catalog::Table& table, const std::vector<std::string>& names = {});
    /// How many rows visible_rows gives, as one column of one row; it reads none of them. SQL text.
    static std::string visible_count(const catalog::Table& table);
    /// All visible rows of the table: its columns in order, then the row's number, which holds within one transaction,
    /// and its part. SQL text for delete_rows.
    static std::string numbered_rows(const catalog::Table& table);

    /// What a query of rows that are not visible yet reads: those of the given parts, with `time` as "$time" and no
    /// part. SQL text.
    static std::string rows_of_parts(const catalog::Table& table, const std::vector<PartId>& parts, Ticks time);

    std::optional<FileRecord> find_file(std::string_view connection, std::string_view url, std::string_view etag);
    std::vector<FileRecord> files_with_pending_action(std::string_view connection);
    std::optional<DeadLetter> find_dead_letter(data::Guid id);

    /// Folds the write-ahead log into the file. Blocks commits meanwhile; the bridge chooses when (configuration 2.4).
    /// Unavailable: a query still reads a state from before the latest change; try again later.
    Result<> checkpoint();
    Bytes wal_bytes() const;
    Bytes file_bytes() const;

private:
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::store
