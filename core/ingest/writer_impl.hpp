#pragma once

#include "core/base/metrics.hpp"
#include "core/ingest/batch_sealer.hpp"
#include "core/ingest/commit_group.hpp"
#include "core/ingest/writer.hpp"
#include "core/ingest/writer_queue.hpp"
#include "core/ingest/writer_state.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

/// The inside of a DatabaseWriter: its loop (writer_loop.cpp), commits (writer_commit.cpp), what it does when time
/// passes or the catalogue changes (writer_upkeep.cpp), and what requests do on their own threads (writer_request.cpp).
/// Internal to core/ingest.
namespace sluice::ingest {

struct DatabaseWriter::Impl {
    Impl(store::Store& store_, catalog::Catalog& catalog_, const Clock& clock_, std::string database_,
         WriterOptions options_);

    store::Store& store;
    catalog::Catalog& catalog;
    const Clock& clock;
    const std::string database;
    const WriterOptions options;
    WriterQueue queue;
    WriterState state;
    metrics::Histogram& commit_seconds;
    metrics::Counter& commits;

    // The writer's thread only.
    catalog::Snapshot snapshot; ///< the writer's own; the catalogue publishes it
    std::unordered_map<catalog::TableId, std::shared_ptr<const catalog::Table>> tables;
    Clock::Steady::time_point last_commit;
    Clock::Steady::time_point next_checkpoint{};
    Clock::Steady::time_point seal_not_before{};
    std::chrono::milliseconds seal_delay{0};

    StreamedPolicies policies;
    std::vector<ClosedBatch> closed;            ///< by the transaction under way
    std::atomic<unsigned> checkpoint_holds = 0; ///< changed by any thread

    std::jthread thread;
    std::unique_ptr<BatchSealer> sealer; ///< uses the thread above, so it goes first

    Result<> load();
    void publish(catalog::Snapshot next);
    void run();

    /// Writes rows of a part that nobody sees yet; waits for the commit. Not for the writer's thread.
    Result<> write_ahead(store::PartId part, std::shared_ptr<const catalog::Table> table, data::Rows rows);
    /// Runs the update policies of rows of a command, in the calling thread; what they made is written ahead and joins
    /// the batch.
    Result<> derive(TableBatch& batch);
    /// The policies of `root.table` on rows that are stored. An error: the ingestion fails, and the failures are
    /// recorded. Otherwise what they wrote ahead is the caller's to adopt or discard.
    Result<Derived> derive(const PolicyGraph& graph, const NewRows& root, const std::string& principal);
    Result<std::vector<store::Part>> edit_with_policies(const Arrival& arrival, const DatabaseWriter::PartEdit& edit);
    Result<StreamOutcome> commit_request(TableBatch batch, bool replace);

    /// Commits deliveries and requests together and answers them; each alone when one of them spoils it for the others.
    void commit_jobs(std::vector<Job> group);
    void commit_pieces(std::vector<Piece> pieces);
    /// Runs `body` in a transaction of its own; for work that has no deliveries.
    Result<> in_transaction(const std::function<Result<>(store::Transaction&, CommitGroup&)>& body);

    /// When seal_due has something to do next.
    Clock::Steady::time_point next_due();
    void seal_due();
    void checkpoint_if_due();
    Result<catalog::Snapshot> change(const std::function<Result<catalog::Database>(const catalog::Database&)>& change);

    /// Runs `body` on the writer's thread and waits for its result.
    template <class T> T on_writer(std::function<T()> body) {
        auto promise = std::make_shared<std::promise<T>>();
        auto future = promise->get_future();
        queue.push(Job(Task([promise, body = std::move(body)] { promise->set_value(body()); })));
        return future.get();
    }

private:
    CommitGroup::Context context() {
        closed.clear();
        return {*snapshot, tables, options, policies, closed, clock.now()};
    }
    Result<> try_commit(std::vector<Job>& group, std::vector<std::optional<Error>>& refused, Ticks& at);
    /// Nothing: taken into the group. Otherwise the request alone is refused.
    Result<std::optional<Error>> add_request(CommitGroup& commit, RowsRequest& request);
    /// `of_jobs`: it holds deliveries or requests.
    Result<> finish(store::Transaction& transaction, bool of_jobs = false);
    StreamOutcome outcome_of(const TableBatch& batch, Ticks at) const;
    void answer(std::vector<Job>& group, const std::vector<std::optional<Error>>& refused, Ticks at);
    /// False: the writer is to stop.
    bool wait_to_retry(std::chrono::milliseconds delay) { return queue.sleep_until(clock.steady() + delay); }
    void die_if_untrusted(const Error& error);
};

} // namespace sluice::ingest
