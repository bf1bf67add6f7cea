#include "core/base/thread.hpp"
#include "core/ingest/writer_impl.hpp"

#include <algorithm>

namespace sluice::ingest {

using catalog::Database;
using catalog::Snapshot;

namespace {

constexpr auto kIdle = std::chrono::seconds(1);

} // namespace

DatabaseWriter::Impl::Impl(store::Store& store_, catalog::Catalog& catalog_, const Clock& clock_, std::string database_,
                           WriterOptions options_)
    : store(store_), catalog(catalog_), clock(clock_), database(std::move(database_)), options(options_),
      queue(options_.max_queued_memory),
      commit_seconds(
          metrics::histogram("sluice_store_commit_seconds", "Time of one commit.", {{"database", database}})),
      commits(metrics::counter("sluice_store_commits_total", "Commits.", {{"database", database}})),
      last_commit(clock_.steady()),
      policies(store_, {options_.policy_max_depth, options_.strict_policy_cycles}, options_.max_streaming_request) {}

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
    policies.refresh(std::make_shared<const PolicyGraph>(snapshot));
    catalog.publish(std::move(next));
}

void DatabaseWriter::Impl::run() {
    name_this_thread("write/" + database);
    for (;;) {
        WriterQueue::Round round = queue.take(std::min(next_due(), clock.steady() + kIdle));
        if (round.stopped)
            return;
        std::vector<Job> rows;
        for (Job& job : round.jobs) {
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
        round.jobs.clear();
        if (!round.pieces.empty())
            commit_pieces(std::exchange(round.pieces, {}));
        queue.release();
        seal_due();
        checkpoint_if_due();
    }
}

} // namespace sluice::ingest
