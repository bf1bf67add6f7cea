#include "core/ingest/writer.hpp"

#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/base/thread.hpp"
#include "core/ingest/commit_group.hpp"
#include "core/ingest/writer_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>

namespace sluice::ingest {

using catalog::Database;
using catalog::Snapshot;
using store::Part;
using store::PartState;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Rows that somebody waits for: a streaming request, `.ingest inline`, `.set-or-append`.
struct RowsRequest {
    TableBatch batch;
    bool replace = false;
    std::promise<Result<StreamOutcome>> answer;
};

/// Anything that wants the writer's thread and a transaction of its own.
using Task = std::function<void()>;

using Job = std::variant<Delivery, RowsRequest, Task>;

constexpr auto kIdle = seconds(1);
constexpr auto kFirstSealRetry = seconds(10); // engine 4.4
constexpr auto kLongestSealRetry = std::chrono::minutes(30);
constexpr auto kIdleCheckpoint = seconds(60);
constexpr auto kCheckpointRetry = seconds(5);
constexpr auto kFirstBackoff = seconds(1);
constexpr auto kLongestBackoff = std::chrono::minutes(5);
/// One commit takes at most this much: a long queue must not make one long transaction, nor a second copy of all of it in the store.
constexpr Bytes kGroupBytes = 16_MiB;

Bytes memory_of(const Job& job) {
    if (const auto* delivery = std::get_if<Delivery>(&job))
        return delivery->memory;
    if (const auto* request = std::get_if<RowsRequest>(&job))
        return request->batch.rows.memory();
    return 0;
}

/// Full disk, I/O, an old reader in the way: waiting may help, and it is nobody's fault in the group.
bool concerns_the_disk(const Error& error) {
    return error.code == ErrorCode::Io || error.code == ErrorCode::Unavailable || error.code == ErrorCode::Throttled;
}

Ticks to_ticks(milliseconds span) { return span.count() * kTicksPerMillisecond; }

} // namespace

struct DatabaseWriter::Impl {
    store::Store& store;
    catalog::Catalog& catalog;
    const Clock& clock;
    const std::string database;
    const WriterOptions options;

    WriterState state;
    Snapshot snapshot; ///< the writer's own; the catalogue publishes it
    std::unordered_map<catalog::TableId, std::shared_ptr<const catalog::Table>> tables;

    Mutex mutex;
    Condition work;
    Condition room;
    std::deque<Job> jobs SLUICE_GUARDED_BY(mutex);
    /// Written ahead one per round, so that a long file does not hold up streamed rows.
    std::deque<Piece> pieces SLUICE_GUARDED_BY(mutex);
    Bytes queued_memory SLUICE_GUARDED_BY(mutex) = 0;
    bool stopping SLUICE_GUARDED_BY(mutex) = false;

    Clock::Steady::time_point last_commit;
    Clock::Steady::time_point next_checkpoint{};
    Clock::Steady::time_point seal_not_before{};
    milliseconds seal_delay{0};
    metrics::Histogram& commit_seconds;
    metrics::Counter& commits;
    std::jthread thread;

    Impl(store::Store& store_, catalog::Catalog& catalog_, const Clock& clock_, std::string database_, WriterOptions options_)
        : store(store_), catalog(catalog_), clock(clock_), database(std::move(database_)), options(options_),
          last_commit(clock_.steady()),
          commit_seconds(metrics::histogram("sluice_store_commit_seconds", "Time of one commit.", {{"database", database}})),
          commits(metrics::counter("sluice_store_commits_total", "Commits.", {{"database", database}})) {}

    Result<> load();
    void publish(Snapshot next);
    void run();
    bool wait_for_work(std::vector<Job>& taken, std::optional<Piece>& piece);
    Clock::Steady::time_point next_due();
    void take_group(std::vector<Job>& group) SLUICE_REQUIRES(mutex);

    CommitGroup::Context context() { return {*snapshot, tables, options, clock.now()}; }
    void commit_jobs(std::vector<Job> group);
    void commit_piece(Piece piece);
    Result<> try_commit(std::vector<Job>& group, std::vector<std::optional<Error>>& refused, Ticks& at);
    Result<> finish(store::Transaction& transaction);
    Result<> in_transaction(const std::function<Result<>(store::Transaction&, CommitGroup&)>& body);
    void seal_due();
    void checkpoint_if_due();
    void die_if_untrusted(const Error& error);
    bool wait_to_retry(std::chrono::milliseconds delay);
    Result<Snapshot> change(const std::function<Result<Database>(const Database&)>& change);

    /// Runs `body` on the writer's thread and waits for its result.
    template <class T>
    T on_writer(std::function<T()> body) {
        auto promise = std::make_shared<std::promise<T>>();
        auto future = promise->get_future();
        enqueue(Task([promise, body = std::move(body)] { promise->set_value(body()); }), 0);
        return future.get();
    }

    bool enqueue(Job job, Bytes memory) {
        Lock lock(mutex);
        // A full queue is back-pressure; one large job passes when nothing else is queued, else it never could.
        while (!stopping && queued_memory > 0 && queued_memory + memory > options.max_queued_memory)
            room.wait(lock);
        jobs.push_back(std::move(job));
        queued_memory += memory;
        work.notify_one();
        return true;
    }
};

Result<> DatabaseWriter::Impl::load() {
    SLUICE_TRY(auto loaded, store.load());
    loaded.catalogue.name = database;
    if (loaded.catalogue.guid == data::Guid{})
        loaded.catalogue.guid = data::random_guid();
    auto first = std::make_shared<const Database>(std::move(loaded.catalogue));
    state.load(loaded);
    publish(std::move(first));
    return {};
}

void DatabaseWriter::Impl::publish(Snapshot next) {
    snapshot = next;
    tables.clear();
    for (const auto& [name, table] : snapshot->tables)
        tables.emplace(table->id, table);
    catalog.publish(std::move(next));
}

void DatabaseWriter::Impl::run() {
    name_this_thread("write/" + database);
    std::vector<Job> group;
    std::optional<Piece> piece;
    while (wait_for_work(group, piece)) {
        std::vector<Job> rows;
        for (Job& job : group) {
            if (auto* task = std::get_if<Task>(&job)) {
                commit_jobs(std::exchange(rows, {}));
                (*task)();
            } else if (const auto* request = std::get_if<RowsRequest>(&job); request && request->replace) {
                // Alone: what it clears must not have been put in by the same transaction.
                commit_jobs(std::exchange(rows, {}));
                rows.push_back(std::move(job));
                commit_jobs(std::exchange(rows, {}));
            } else {
                rows.push_back(std::move(job));
            }
        }
        commit_jobs(std::move(rows));
        group.clear();
        if (piece)
            commit_piece(std::move(*std::exchange(piece, std::nullopt)));
        seal_due();
        checkpoint_if_due();
    }
}

/// False: stopped and nothing is left to do.
bool DatabaseWriter::Impl::wait_for_work(std::vector<Job>& taken, std::optional<Piece>& piece) {
    const auto due = std::min(next_due(), clock.steady() + kIdle);
    Lock lock(mutex);
    while (jobs.empty() && pieces.empty() && !stopping)
        if (work.wait_until(lock, due) == std::cv_status::timeout)
            break;
    take_group(taken);
    if (!pieces.empty()) {
        piece = std::move(pieces.front());
        pieces.pop_front();
        queued_memory -= std::min(queued_memory, piece->memory);
        room.notify_all();
    }
    return !stopping || !taken.empty() || piece;
}

void DatabaseWriter::Impl::take_group(std::vector<Job>& group) {
    Bytes bytes = 0;
    while (!jobs.empty() && (group.empty() || bytes < kGroupBytes)) {
        const Bytes memory = memory_of(jobs.front());
        bytes += memory;
        queued_memory -= std::min(queued_memory, memory);
        group.push_back(std::move(jobs.front()));
        jobs.pop_front();
    }
    room.notify_all();
}

Result<> DatabaseWriter::Impl::finish(store::Transaction& transaction) {
    SLUICE_CHECK(state.save(transaction));
    SLUICE_CHECK(transaction.commit());
    state.commit();
    commits.add();
    last_commit = clock.steady();
    return {};
}

Result<> DatabaseWriter::Impl::in_transaction(const std::function<Result<>(store::Transaction&, CommitGroup&)>& body) {
    auto done = [&]() -> Result<> {
        SLUICE_TRY(auto transaction, store.begin());
        CommitGroup group(context(), transaction, state);
        SLUICE_CHECK(body(transaction, group));
        return finish(transaction);
    }();
    if (!done) {
        state.rollback();
        die_if_untrusted(done.error());
    }
    return done;
}

Result<> DatabaseWriter::Impl::try_commit(std::vector<Job>& group, std::vector<std::optional<Error>>& refused, Ticks& at) {
    SLUICE_TRY(auto transaction, store.begin());
    const CommitGroup::Context now = context();
    at = now.now;
    CommitGroup commit(now, transaction, state);
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (refused[i])
            continue;
        if (auto* delivery = std::get_if<Delivery>(&group[i])) {
            auto added = commit.add(*delivery);
            if (!added && added.error().reason == kLaneFenced)
                refused[i] = std::move(added).error();
            else
                SLUICE_CHECK(std::move(added));
        } else {
            auto& request = std::get<RowsRequest>(group[i]);
            if (request.batch.path == Path::Streaming && state.rowstore_bytes() >= options.rowstore_max_bytes) {
                refused[i] = Error{ErrorCode::Throttled, "The request was throttled: row-store capacity is used up.", "Throttling"};
                continue;
            }
            if (!tables.contains(request.batch.table->id)) {
                refused[i] = Error{ErrorCode::NotFound,
                                   fmt::format("Entity ID '{}' of kind 'Table' was not found.", request.batch.table->name),
                                   "BadRequest_EntityNotFound"};
                continue;
            }
            if (request.replace)
                commit.clear(request.batch.table->id);
            SLUICE_CHECK(commit.add_rows(request.batch, {}));
        }
    }
    commit.seal_filled();
    return finish(transaction);
}

void DatabaseWriter::Impl::commit_jobs(std::vector<Job> group) {
    if (group.empty())
        return;
    std::vector<std::optional<Error>> refused(group.size());
    Ticks at = 0;
    auto delay = milliseconds(kFirstBackoff);
    for (;;) {
        const auto begun = clock.steady();
        state.lanes().begin_commit();
        auto committed = try_commit(group, refused, at);
        if (!committed)
            state.rollback();
        state.lanes().end_commit();
        commit_seconds.observe(std::chrono::duration<double>(clock.steady() - begun).count());
        if (committed)
            break;
        die_if_untrusted(committed.error());
        if (group.size() > 1 && !concerns_the_disk(committed.error())) {
            // Something in one of them: each for itself, so that it does not hold back the others.
            for (Job& job : group) {
                std::vector<Job> alone;
                alone.push_back(std::move(job));
                commit_jobs(std::move(alone));
            }
            return;
        }
        log::error("commit failed, nothing was acknowledged", {{"database", database}, {"error", committed.error().message}});
        // Requests can be told; what came from sources is kept and tried again, which pauses them.
        for (std::size_t i = 0; i < group.size(); ++i)
            if (auto* request = std::get_if<RowsRequest>(&group[i]); request && !refused[i])
                refused[i] = committed.error();
        // A delivery that fails by itself goes back to its source, which starts over from the stored position and shows the reason.
        if (!concerns_the_disk(committed.error()) && !refused.front())
            refused.front() = Error{ErrorCode::Unavailable, committed.error().message, committed.error().reason};
        const bool only_requests = std::all_of(refused.begin(), refused.end(), [](const auto& e) { return e.has_value(); });
        if (only_requests)
            break;
        if (!wait_to_retry(delay)) {
            for (auto& error : refused)
                if (!error)
                    error = Error{ErrorCode::Cancelled, "the bridge stopped before the commit succeeded"};
            break;
        }
        delay = std::min<milliseconds>(delay * 2, kLongestBackoff);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (auto* delivery = std::get_if<Delivery>(&group[i])) {
            if (delivery->done)
                delivery->done(refused[i] ? Result<>(*refused[i]) : Result<>());
        } else {
            auto& request = std::get<RowsRequest>(group[i]);
            if (refused[i])
                request.answer.set_value(*refused[i]);
            else
                request.answer.set_value(StreamOutcome{request.batch.rows.size(), at});
        }
    }
}

/// False: the writer is to stop.
bool DatabaseWriter::Impl::wait_to_retry(milliseconds delay) {
    const auto until = clock.steady() + delay;
    Lock lock(mutex);
    while (!stopping)
        if (work.wait_until(lock, until) == std::cv_status::timeout)
            return true;
    return false;
}

void DatabaseWriter::Impl::commit_piece(Piece piece) {
    auto done = std::move(piece.done);
    auto delay = milliseconds(kFirstBackoff);
    Result<> committed;
    for (;;) {
        committed = in_transaction([&](store::Transaction&, CommitGroup& group) { return group.add_piece(piece); });
        if (committed || !concerns_the_disk(committed.error()))
            break;
        log::error("writing ahead failed, will be tried again", {{"database", database}, {"error", committed.error().message}});
        if (!wait_to_retry(delay)) {
            committed = Error{ErrorCode::Cancelled, "the bridge stopped before the file was written"};
            break;
        }
        delay = std::min<milliseconds>(delay * 2, kLongestBackoff);
    }
    piece.rows = data::Rows(piece.table->schema());
    if (done)
        done(committed);
}

Clock::Steady::time_point DatabaseWriter::Impl::next_due() {
    Ticks soonest = std::numeric_limits<Ticks>::max();
    state.parts().each_open([&](const Part& part) {
        const auto table = tables.find(part.table);
        if (table == tables.end())
            return;
        const Ticks span = part.state == PartState::RowStore
                               ? to_ticks(options.rowstore_seal_after)
                               : snapshot->effective_batching(*table->second).maximum_batching_time_span;
        soonest = std::min(soonest, part.opened + span);
    });
    if (soonest == std::numeric_limits<Ticks>::max())
        return clock.steady() + std::chrono::hours(1);
    const Ticks wait = std::max<Ticks>(0, soonest - clock.now());
    return std::max(seal_not_before, clock.steady() + std::chrono::microseconds(wait / kTicksPerMicrosecond + 1));
}

void DatabaseWriter::Impl::seal_due() {
    struct Due {
        catalog::TableId table;
        std::string batch_key;
        store::PartId rowstore = 0;
    };
    if (clock.steady() < seal_not_before)
        return;
    std::vector<Due> due;
    const Ticks now = clock.now();
    state.parts().each_open([&](const Part& part) {
        const auto table = tables.find(part.table);
        if (table == tables.end())
            return;
        if (part.state == PartState::RowStore) {
            if (now - part.opened >= to_ticks(options.rowstore_seal_after))
                due.push_back({part.table, {}, part.id});
        } else if (now - part.opened >= snapshot->effective_batching(*table->second).maximum_batching_time_span) {
            due.push_back({part.table, part.batch_key, 0});
        }
    });
    if (due.empty())
        return;
    const auto sealed = in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
        for (const Due& entry : due) {
            if (entry.rowstore)
                group.seal_part(entry.rowstore, "Time");
            else
                group.seal_batch(entry.table, entry.batch_key, "Time");
        }
        return {};
    });
    // Without a pause the batch would be due again at once, and a full disk would keep a core busy.
    seal_delay = sealed ? milliseconds(0) : std::min<milliseconds>(std::max<milliseconds>(seal_delay * 2, kFirstSealRetry), kLongestSealRetry);
    seal_not_before = clock.steady() + seal_delay;
    if (!sealed)
        log::error("sealing failed, will be tried again", {{"database", database}, {"error", sealed.error().message}});
}

void DatabaseWriter::Impl::checkpoint_if_due() {
    const Bytes wal = store.wal_bytes();
    const bool idle = wal > 0 && clock.steady() - last_commit >= kIdleCheckpoint;
    if ((wal < options.checkpoint_bytes && !idle) || clock.steady() < next_checkpoint)
        return;
    if (const auto done = store.checkpoint(); !done) {
        // A long query may hold on to an older state of the file; trying at every round would only cost commits their time.
        next_checkpoint = clock.steady() + kCheckpointRetry;
        log::debug("checkpoint put off", {{"database", database}, {"reason", done.error().message}});
    }
    last_commit = clock.steady();
}

void DatabaseWriter::Impl::die_if_untrusted(const Error& error) {
    if (error.reason != store::kStoreBroken)
        return;
    // Going on could acknowledge what is not stored; after a restart the sources deliver again from the stored positions.
    log::error("the database file cannot be trusted any more, giving up", {{"database", database}, {"error", error.message}});
    std::_Exit(1);
}

Result<Snapshot> DatabaseWriter::Impl::change(const std::function<Result<Database>(const Database&)>& change) {
    SLUICE_TRY(Database next, change(*snapshot));
    next.version = snapshot->version + 1;
    auto published = std::make_shared<const Database>(std::move(next));
    SLUICE_CHECK(in_transaction([&](store::Transaction& transaction, CommitGroup& group) -> Result<> {
        std::map<catalog::TableId, std::shared_ptr<const catalog::Table>> left;
        for (const auto& [name, table] : published->tables)
            left.emplace(table->id, table);
        std::vector<store::PartId> dropped;
        std::vector<store::PartId> disabled;
        state.parts().each([&](const Part& part) {
            const auto table = left.find(part.table);
            if (table == left.end()) {
                dropped.push_back(part.id);
            } else if (part.state == PartState::RowStore) {
                const auto policy = published->effective_streaming(*table->second);
                if (!policy || !policy->is_enabled)
                    disabled.push_back(part.id); // rearrangement (engine 1.9): the rows stay queryable, as an extent
            }
        });
        for (store::PartId id : dropped) {
            for (const auto& [connection, events] : state.parts().find(id)->events) {
                store::ConnectionTotals& totals = state.change_totals(connection);
                totals.staged -= events;
                totals.skipped["table_dropped"] += events;
            }
            state.parts().remove(id);
        }
        for (store::PartId id : disabled)
            group.seal_part(id, "RowStoreSeal");
        return transaction.save_catalogue(*snapshot, *published);
    }));
    publish(published);
    return published;
}

// --- the public face: everything that writes goes to the writer's thread ---

DatabaseWriter::DatabaseWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<DatabaseWriter>> DatabaseWriter::start(store::Store& store, catalog::Catalog& catalog, const Clock& clock,
                                                              std::string database, WriterOptions options) {
    auto impl = std::make_unique<Impl>(store, catalog, clock, std::move(database), options);
    SLUICE_CHECK(impl->load());
    Impl* running = impl.get();
    impl->thread = std::jthread([running] { running->run(); });
    return std::unique_ptr<DatabaseWriter>(new DatabaseWriter(std::move(impl)));
}

DatabaseWriter::~DatabaseWriter() {
    {
        Lock lock(impl_->mutex);
        impl_->stopping = true;
        impl_->work.notify_all();
        impl_->room.notify_all();
    }
    impl_->thread.join();
    if (impl_->store.wal_bytes() > 0)
        if (const auto done = impl_->store.checkpoint(); !done)
            log::warn("checkpoint at the end failed", {{"database", impl_->database}, {"error", done.error().message}});
}

const std::string& DatabaseWriter::database() const { return impl_->database; }
store::Store& DatabaseWriter::store() { return impl_->store; }

void DatabaseWriter::submit(Delivery delivery) {
    const Bytes memory = delivery.memory;
    impl_->enqueue(std::move(delivery), memory);
}

store::PartId DatabaseWriter::reserve_part() {
    return impl_->state.parts().reserve();
}

void DatabaseWriter::submit_piece(Piece piece) {
    Lock lock(impl_->mutex);
    while (!impl_->stopping && impl_->queued_memory > 0 && impl_->queued_memory + piece.memory > impl_->options.max_queued_memory)
        impl_->room.wait(lock);
    impl_->queued_memory += piece.memory;
    impl_->pieces.push_back(std::move(piece));
    impl_->work.notify_one();
}

Result<> DatabaseWriter::discard_piece(store::PartId part) {
    return impl_->on_writer<Result<>>([this, part] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            if (impl_->state.parts().find(part))
                impl_->state.parts().remove(part);
            return {};
        });
    });
}

Result<StreamOutcome> DatabaseWriter::commit_rows(TableBatch batch) {
    RowsRequest request{std::move(batch), false, {}};
    auto future = request.answer.get_future();
    const Bytes memory = request.batch.rows.memory();
    impl_->enqueue(std::move(request), memory);
    return future.get();
}

Result<StreamOutcome> DatabaseWriter::replace_rows(TableBatch batch) {
    RowsRequest request{std::move(batch), true, {}};
    auto future = request.answer.get_future();
    const Bytes memory = request.batch.rows.memory();
    impl_->enqueue(std::move(request), memory);
    return future.get();
}

Result<Snapshot> DatabaseWriter::change_catalogue(std::function<Result<Database>(const Database&)> change) {
    return impl_->on_writer<Result<Snapshot>>([this, &change] { return impl_->change(change); });
}

Result<> DatabaseWriter::clear_table(catalog::TableId table) {
    return impl_->on_writer<Result<>>([this, table] {
        return impl_->in_transaction([table](store::Transaction&, CommitGroup& group) -> Result<> {
            group.clear(table);
            return {};
        });
    });
}

Result<std::vector<Part>> DatabaseWriter::drop_extents(const std::function<bool(const Part&)>& select) {
    return impl_->on_writer<Result<std::vector<Part>>>([this, &select]() -> Result<std::vector<Part>> {
        std::vector<Part> dropped;
        SLUICE_CHECK(impl_->in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            impl_->state.parts().each([&](const Part& part) {
                if (part.state == PartState::Extent && select(part))
                    dropped.push_back(part);
            });
            for (const Part& part : dropped)
                impl_->state.parts().remove(part.id);
            return {};
        }));
        return dropped;
    });
}

Result<> DatabaseWriter::seal_now(std::optional<catalog::TableId> table, std::string reason) {
    return impl_->on_writer<Result<>>([this, table, reason] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            std::vector<store::PartId> open;
            impl_->state.parts().each_open([&](const Part& part) {
                if (!table || part.table == *table)
                    open.push_back(part.id);
            });
            for (store::PartId id : open)
                group.seal_part(id, reason);
            return {};
        });
    });
}

Result<> DatabaseWriter::transact(std::function<Result<>(store::Transaction&)> work) {
    return impl_->on_writer<Result<>>([this, &work] {
        return impl_->in_transaction([&](store::Transaction& transaction, CommitGroup&) { return work(transaction); });
    });
}

Result<> DatabaseWriter::save_setting(const std::string& key, const std::string& value) {
    return impl_->on_writer<Result<>>([this, &key, &value] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            impl_->state.change_setting(key, value);
            return {};
        });
    });
}

DatabaseWriter::OpenedLane DatabaseWriter::open_lane(const std::string& connection, const std::string& lane) {
    return impl_->state.lanes().open(connection, lane);
}

std::optional<store::LanePosition> DatabaseWriter::lane_position(const std::string& connection, const std::string& lane) const {
    return impl_->state.lanes().position(connection, lane);
}

std::vector<store::LanePosition> DatabaseWriter::lane_positions(const std::string& connection) const {
    return impl_->state.lanes().positions(connection);
}

store::ConnectionTotals DatabaseWriter::totals(const std::string& connection) const {
    return impl_->state.committed_totals(connection);
}

std::optional<std::string> DatabaseWriter::setting(const std::string& key) const { return impl_->state.committed_setting(key); }

std::vector<Part> DatabaseWriter::parts(std::optional<catalog::TableId> table) const { return impl_->state.committed_parts(table); }
Bytes DatabaseWriter::staged_bytes() const { return impl_->state.staged_bytes(); }
Bytes DatabaseWriter::rowstore_bytes() const { return impl_->state.rowstore_bytes(); }

} // namespace sluice::ingest
