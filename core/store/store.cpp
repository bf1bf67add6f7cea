#include "core/store/store.hpp"

#include "core/store/cells.hpp"
#include "core/store/damage.hpp"
#include "core/store/impl.hpp"
#include "core/store/records.hpp"
#include "core/store/register_function.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

namespace sluice::store {
namespace {

/// Kept free, so that what was begun can end whatever else fills the disk meanwhile.
constexpr Bytes kLeastRoom = 16_MiB;

/// Files that this process holds: DuckDB's lock on a file keeps out other processes, not a second instance in this one.
class OpenFiles {
public:
    static bool add(const std::string& file) {
        Lock lock(mutex_);
        return files_.insert(file).second;
    }
    static void remove(const std::string& file) {
        Lock lock(mutex_);
        files_.erase(file);
    }

private:
    static inline Mutex mutex_;
    static inline std::set<std::string> files_ SLUICE_GUARDED_BY(mutex_);
};

Result<DatabaseHandle> open_engine(const StoreOptions& options) {
    ConfigHandle config;
    if (duckdb_create_config(config.address()) != DuckDBSuccess)
        return Error{ErrorCode::Internal, "DuckDB could not be configured"};
    const std::string temporary = options.file.string() + ".tmp";
    const std::pair<const char*, std::string> settings[] = {
        {"temp_directory", temporary},
        {"threads", std::to_string(options.threads)},
        // All of them are ours: whoever runs a statement, and QueryHelp.
        {"external_threads", std::to_string(options.threads)},
        {"memory_limit", fmt::format("{}B", options.memory_limit)},
        // The bridge checkpoints when it suits it (configuration 2.4): a checkpoint within a commit stalls it for half
        // a second.
        {"checkpoint_threshold", "1TB"},
        {"preserve_insertion_order", "true"}, // of queries; the writer's session does without
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
    };
    for (const auto& [name, value] : settings)
        if (duckdb_set_config(config.get(), name, value.c_str()) != DuckDBSuccess)
            return Error{ErrorCode::Internal, fmt::format("DuckDB refused its setting {} = '{}'", name, value)};
    DatabaseHandle database;
    char* message = nullptr;
    if (duckdb_open_ext(nullptr, database.address(), config.get(), &message) != DuckDBSuccess) {
        Error error{ErrorCode::Internal,
                    fmt::format("DuckDB could not be started: {}", message ? message : "no reason given")};
        duckdb_free(message);
        return error;
    }
    return database;
}

Error open_error(const StoreOptions& options, const Error& error) {
    if (error.message.find("lock on file") != std::string::npos)
        return {ErrorCode::Conflict,
                fmt::format("database file '{}' is in use by another process; end that process, or choose another "
                            "server.data_dir ({})",
                            options.file.string(), error.message)};
    if (is_damage(error))
        return explained(options.file, error);
    return {ErrorCode::Io,
            fmt::format("database file '{}' cannot be opened: {}", options.file.string(), error.message)};
}

Result<> check_log(const CommitMark& mark, const StoreOptions& options) {
    if (const auto missing = mark.missing())
        return Error{
            ErrorCode::Io,
            fmt::format(
                "database file '{0}' is damaged: its write-ahead log lacks {1} bytes that were committed. To go on "
                "without them, remove '{2}'",
                options.file.string(), *missing, commit_mark_of(options.file).string()),
            std::string(kStoreDamaged)};
    return {};
}

/// Attaches the file as `db` and shuts all other doors: from here on SQL reaches nothing but this file. It
/// is not opened under its own name: a database called "sluice" or "main" would make names in SQL ambiguous.
Result<> attach(duckdb_connection connection, const StoreOptions& options) {
    // When the file is closed the log stays as it is: the bridge has folded it in before, and a damaged file is not to
    // be changed.
    SLUICE_CHECK(run(connection, "PRAGMA disable_checkpoint_on_shutdown"));
    SLUICE_CHECK(run(connection, fmt::format("ATTACH {} AS db", literal(options.file.string()))));
    SLUICE_CHECK(run(connection, "USE db"));
    SLUICE_CHECK(run(connection, "SET enable_external_access = false"));
    return {};
}

Result<bool> ask(duckdb_connection connection, const std::string& sql) {
    SLUICE_TRY(const auto rows, read_all(connection, sql, {}, data::Schema{{{"answer", data::ScalarType::Bool}}}));
    return rows.at(0).column(0).get<std::uint8_t>(0) != 0;
}

/// Brings a file of an earlier version up to ours, all or nothing.
Result<> upgrade(duckdb_connection connection) {
    std::vector<std::string> statements;
    for (const std::string& query : upgrade_queries()) {
        SLUICE_TRY(const auto chunks,
                   read_all(connection, query, {}, data::Schema{{{"statement", data::ScalarType::String}}}));
        for (const data::Chunk& chunk : chunks)
            for (std::size_t row = 0; row < chunk.rows(); ++row)
                statements.emplace_back(chunk.column(0).text(row));
    }
    SLUICE_CHECK(run(connection, "BEGIN TRANSACTION"));
    for (const std::string& statement : statements)
        SLUICE_CHECK(run(connection, statement));
    return run(connection, "COMMIT");
}

/// Lays out a new file and brings an old one up to date; refuses one that is not ours or is too new.
Result<> prepare_layout(duckdb_connection connection, const StoreOptions& options) {
    SLUICE_TRY(const bool ours,
               ask(connection, "SELECT count(*) > 0 FROM duckdb_tables() WHERE database_name = 'db' AND "
                               "schema_name = 'sluice' AND table_name = 'format'"));
    if (ours) {
        SLUICE_TRY(const bool known, ask(connection, fmt::format("SELECT count(*) = 1 AND max(version) <= {} FROM "
                                                                 "db.sluice.format",
                                                                 kFormatVersion)));
        if (!known)
            return Error{
                ErrorCode::Unsupported,
                fmt::format("database file '{}' was written by a newer sluice; use that version or a copy of the "
                            "file from before the upgrade",
                            options.file.string())};
        SLUICE_TRY(const bool current,
                   ask(connection, fmt::format("SELECT max(version) = {} FROM db.sluice.format", kFormatVersion)));
        return current ? Result<>() : upgrade(connection);
    }
    SLUICE_TRY(const bool foreign,
               ask(connection, "SELECT count(*) > 0 FROM duckdb_tables() WHERE database_name = 'db'"));
    if (foreign)
        return Error{
            ErrorCode::Conflict,
            fmt::format("'{}' is a DuckDB file that holds tables of somebody else; move it away or choose another "
                        "server.data_dir",
                        options.file.string())};
    SLUICE_CHECK(run(connection, "BEGIN TRANSACTION"));
    for (const std::string& statement : system_layout())
        SLUICE_CHECK(run(connection, statement));
    return run(connection, "COMMIT");
}

FileRecord read_file(const data::Chunk& chunk, std::size_t row) {
    const auto text = [&](std::size_t column) { return std::string(chunk.column(column).text(row)); };
    return {.connection = text(2),
            .url = text(3),
            .etag = text(4),
            .outcome = text(5),
            .pending_action = text(6),
            .time = chunk.column(7).get<std::int64_t>(row)};
}

Bytes size_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

} // namespace

Result<Statement*> StatementCache::get(duckdb_connection connection, const std::string& sql) {
    if (const auto found = entries_.find(sql); found != entries_.end()) {
        found->second.used = ++uses_;
        return &found->second.statement;
    }
    if (entries_.size() >= kKept) {
        const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
            return a.second.used < b.second.used;
        });
        entries_.erase(oldest);
    }
    SLUICE_TRY(Statement statement, Statement::prepare(connection, sql));
    return &entries_.emplace(sql, Entry{std::move(statement), ++uses_}).first->second.statement;
}

Store::Impl::~Impl() {
    statements.clear();
    help.reset();
    if (pool)
        pool->clear();
    writer = ConnectionHandle();
    database = DatabaseHandle();
    if (!registered.empty())
        OpenFiles::remove(registered);
}

Result<> Store::Impl::check_room(Bytes needed) const {
    std::error_code failed;
    const auto room = std::filesystem::space(options.file.parent_path(), failed);
    if (failed || room.available >= needed + kLeastRoom)
        return {};
    return Error{ErrorCode::Io, fmt::format("the disk that holds database '{}' is full: {} bytes are left, {} are "
                                            "wanted at least; nothing is written until "
                                            "there is room",
                                            options.database, room.available, needed + kLeastRoom)};
}

Result<> Store::Impl::take_turn_for_transaction() {
    Lock lock(turn_mutex);
    while (turn == Turn::Maintenance)
        turn_changed.wait(lock);
    if (turn == Turn::Transaction)
        return Error{ErrorCode::Conflict,
                     fmt::format("database '{}' has a transaction open already", options.database)};
    turn = Turn::Transaction;
    return {};
}

void Store::Impl::take_turn_for_maintenance() {
    Lock lock(turn_mutex);
    while (turn != Turn::Free)
        turn_changed.wait(lock);
    turn = Turn::Maintenance;
}

void Store::Impl::give_turn_back() {
    Lock lock(turn_mutex);
    turn = Turn::Free;
    turn_changed.notify_all();
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
    auto impl = std::make_unique<Impl>(std::move(options));
    const std::string path = std::filesystem::absolute(impl->options.file).lexically_normal().string();
    if (!OpenFiles::add(path))
        return Error{ErrorCode::Conflict, fmt::format("database file '{}' is open in this process already", path)};
    impl->registered = path;

    impl->mark.emplace(impl->options.file);
    SLUICE_CHECK(check_log(*impl->mark, impl->options));
    SLUICE_TRY(impl->database, open_engine(impl->options));
    if (duckdb_connect(impl->database.get(), impl->writer.address()) != DuckDBSuccess)
        return Error{ErrorCode::Internal, "no connection to the database could be opened"};
    const duckdb_connection writer = impl->writer.get();
    if (const auto attached = attach(writer, impl->options); !attached)
        return open_error(impl->options, attached.error());
    SLUICE_CHECK(check_log(*impl->mark, impl->options)); // what looks like a torn end was cut off
    if (auto prepared = prepare_layout(writer, impl->options); !prepared)
        return explained(impl->options.file, std::move(prepared).error());

    SLUICE_CHECK(impl->feed.install(writer));
    for (const SystemTable& table : system_tables())
        impl->feed.set_slot(table.slot, std::make_unique<FeedSlot>(table.schema, false, table.blobs));
    for (const ScalarFunction& function : impl->options.functions)
        SLUICE_CHECK(register_function(writer, function));
    // Or an insertion would run on one thread (decisions/0008).
    SLUICE_CHECK(run(writer, "SET SESSION preserve_insertion_order = false"));
    SLUICE_CHECK(run(writer, "SET lock_configuration = true"));
    impl->pool = std::make_unique<ReadPool>(impl->database.get());
    impl->help = std::make_unique<QueryHelp>(impl->database.get(), impl->options.threads - 1);
    return std::unique_ptr<Store>(new Store(std::move(impl)));
}

std::optional<FileRecord> Store::find_file(std::string_view connection, std::string_view url, std::string_view etag) {
    const SystemTable& table = system_table(kFileSlot);
    const auto chunks = impl_->read(
        select_all(table, "WHERE key = ? AND connection = ? AND url = ? AND etag = ? ORDER BY n DESC LIMIT 1"),
        {file_key(connection, url, etag), std::string(connection), std::string(url), std::string(etag)}, table.schema);
    if (!chunks || chunks->empty())
        return std::nullopt;
    return read_file(chunks->front(), 0);
}

std::vector<FileRecord> Store::files_with_pending_action(std::string_view connection) {
    const SystemTable& table = system_table(kFileSlot);
    std::vector<FileRecord> files;
    const auto chunks = impl_->read(
        "SELECT * FROM (" +
            select_all(table, "WHERE connection = ? QUALIFY n = max(n) OVER (PARTITION BY connection, url, etag)") +
            ") WHERE pending_action <> '' ORDER BY n",
        {std::string(connection)}, table.schema);
    if (chunks)
        for (const data::Chunk& chunk : *chunks)
            for (std::size_t row = 0; row < chunk.rows(); ++row)
                files.push_back(read_file(chunk, row));
    return files;
}

std::optional<DeadLetter> Store::find_dead_letter(data::Guid id) {
    const SystemTable& table = system_table(kDeadLetterSlot);
    const auto chunks = impl_->read(select_all(table, "WHERE id = ?"), {id}, table.schema);
    if (!chunks || chunks->empty())
        return std::nullopt;
    const data::Chunk& row = chunks->front();
    const auto text = [&](std::size_t column) { return std::string(row.column(column).text(0)); };
    const auto number = [&](std::size_t column) { return row.column(column).get<std::int64_t>(0); };
    return DeadLetter{.id = row.column(0).get<data::Guid>(0),
                      .time = number(1),
                      .first_seen = number(2),
                      .connection = text(3),
                      .kind = text(4),
                      .source = text(5),
                      .lane = text(6),
                      .sequence = static_cast<std::uint64_t>(number(7)),
                      .position_json = text(8),
                      .database = text(9),
                      .table = text(10),
                      .format = text(11),
                      .mapping = text(12),
                      .error_code = text(13),
                      .failure_kind = text(14),
                      .details = text(15),
                      .attempts = static_cast<std::uint32_t>(number(16)),
                      .properties_json = text(17),
                      .system_properties_json = text(18),
                      .body = text(19),
                      .truncated = row.column(20).get<std::uint8_t>(0) != 0};
}

Result<> Store::checkpoint() {
    const MaintenanceTurn turn(*impl_);
    // What the log holds goes into the file before the log goes; it becomes smaller on the way.
    if (const auto room = impl_->check_room(wal_bytes() / 2); !room)
        return Error{ErrorCode::Unavailable, room.error().message};
    SLUICE_CHECK(impl_->compact());
    impl_->mark->clear();
    // Prepared, because that waits for DuckDB's threads without keeping a core busy.
    SLUICE_TRY(Statement statement, Statement::prepare(impl_->writer.get(), "CHECKPOINT db"));
    if (auto done = statement.execute(); !done) {
        if (done.error().message.find("fsync failed") == std::string::npos)
            impl_->mark->note(); // the log is still there
        if (done.error().message.find("Cannot CHECKPOINT") != std::string::npos)
            return Error{ErrorCode::Unavailable,
                         fmt::format("database '{}' cannot be checkpointed while a query reads a state from before the "
                                     "latest change; try again when it ended",
                                     impl_->options.database)};
        if (done.error().message.find("fsync failed") != std::string::npos)
            return Error{ErrorCode::Internal, done.error().message, std::string(kStoreBroken)};
        return std::move(done).error();
    }
    return {};
}

Bytes Store::wal_bytes() const {
    return size_of(impl_->options.file.string() + ".wal");
}

Bytes Store::file_bytes() const {
    return size_of(impl_->options.file);
}

} // namespace sluice::store
