#pragma once

#include "core/base/mutex.hpp"
#include "core/store/commit_mark.hpp"
#include "core/store/feed.hpp"
#include "core/store/layout.hpp"
#include "core/store/query_help.hpp"
#include "core/store/running_query.hpp"
#include "core/store/store.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What Store, Transaction and QueryResult share. Internal to core/store.
namespace sluice::store {

/// A connection for reading.
struct Reader {
    ConnectionHandle connection;
    std::optional<Statement> hidden_parts = {}; ///< asks for them; prepared when first needed
};

/// Connections for reading, kept for the next query. Thread-safe.
class ReadPool {
public:
    explicit ReadPool(duckdb_database database) : database_(database) {}
    Result<Reader> take();
    /// Only a connection whose last result was read to its end: another one would keep its snapshot alive.
    void give_back(Reader reader);
    void clear();

private:
    static constexpr std::size_t kKept = 16;

    duckdb_database database_;
    Mutex mutex_;
    std::vector<Reader> idle_ SLUICE_GUARDED_BY(mutex_);
};

/// Prepared statements of the writer, the least used of which go when there are many. The writer's thread only.
class StatementCache {
public:
    Result<Statement*> get(duckdb_connection connection, const std::string& sql);
    void clear() { entries_.clear(); }

private:
    static constexpr std::size_t kKept = 512;
    struct Entry {
        Statement statement;
        std::uint64_t used;
    };
    std::map<std::string, Entry, std::less<>> entries_;
    std::uint64_t uses_ = 0;
};

struct Store::Impl {
    explicit Impl(StoreOptions given) : options(std::move(given)) {}
    ~Impl();

    StoreOptions options;
    std::optional<CommitMark> mark; ///< since the file is to be opened; whoever holds the writing turn
    std::string registered;         ///< path under which this process holds the file; empty: not yet
    Feed feed;
    DatabaseHandle database;
    ConnectionHandle writer;
    ConnectionHandle row_reader;        ///< of RowQuery; opened when first needed. The writer's thread
    std::int64_t next_row_slot = -1000; ///< slots of RowQuery count down from here, below those of system tables
    StatementCache statements;          ///< of `writer`
    std::unique_ptr<ReadPool> pool;
    std::unique_ptr<QueryHelp> help;
    Deadlines deadlines;

    // The next members belong to whoever holds the writing turn: the open Transaction, a checkpoint, or load().
    std::map<PartId, Part> open_parts;                 ///< as stored; without extents
    std::map<catalog::TableId, catalog::Table> tables; ///< as stored: what rows are fed into
    PartId highest_part = 0;                           ///< ids above it were never saved
    std::int64_t next_entry = 1;                       ///< number of the next transaction's journal entries

    Mutex turn_mutex;
    Condition turn_changed;
    enum class Turn { Free, Transaction, Maintenance } turn SLUICE_GUARDED_BY(turn_mutex) = Turn::Free;

    /// Io: the disk has less room than this and a reserve. DuckDB is not to meet a full disk: a commit or checkpoint
    /// that it has to give up half-way may leave it unusable. Thread-safe.
    Result<> check_room(Bytes needed) const;

    /// Waits for maintenance to end. Conflict when a transaction is open already.
    Result<> take_turn_for_transaction();
    /// Waits until nobody writes.
    void take_turn_for_maintenance();
    void give_turn_back();

    /// Makes the feed's slots those of the given tables; statements prepared for others are forgotten.
    void set_slots(const std::map<catalog::TableId, catalog::Table>& wanted);

    /// Drops what newer entries of the journal replaced, and folds the counters of parts into their rows.
    Result<> compact();
    Result<> load(Loaded& loaded);
    Result<std::vector<Part>> load_parts();
    Result<> load_journal(Loaded& loaded);
    Result<> drop_pieces(std::vector<Part>& parts);
    Result<catalog::Database> load_catalogue();
    /// Rows of a query on a pooled connection.
    Result<std::vector<data::Chunk>> read(const std::string& sql, const std::vector<Parameter>& parameters,
                                          const data::Schema& types);
};

/// Holds the writing turn for a scope.
class MaintenanceTurn {
public:
    explicit MaintenanceTurn(Store::Impl& store) : store_(store) { store_.take_turn_for_maintenance(); }
    ~MaintenanceTurn() { store_.give_turn_back(); }
    MaintenanceTurn(const MaintenanceTurn&) = delete;
    MaintenanceTurn& operator=(const MaintenanceTurn&) = delete;

private:
    Store::Impl& store_;
};

/// A row of `sluice.parts`, read with select_all.
Result<Part> read_part(const data::Chunk& chunk, std::size_t row);

/// The statement that reads all columns of a system table.
std::string select_all(const SystemTable& table, std::string_view condition);

} // namespace sluice::store
