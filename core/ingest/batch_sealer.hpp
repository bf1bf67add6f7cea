#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/ingest/commit_group.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::ingest {

class StoredPolicies;

/// When a batch whose policies failed is tried again (engine 4.4); nothing: it is given up. `jitter` in 0..1.
/// A query whose output does not fit its target is retried for an hour, because the schema may be in the middle of a
/// change; other permanent failures are not.
std::optional<std::chrono::milliseconds> next_attempt(const Error& error, unsigned attempts,
                                                      std::chrono::milliseconds since_first,
                                                      std::chrono::milliseconds retry_for, double jitter);

/// Seals closed batches: runs the update policies of their tables on them and makes all of it visible with one commit,
/// or tries again later, or makes dead letters of them. Owns the thread `seal/<database>`; calls are thread-safe.
class BatchSealer {
public:
    explicit BatchSealer(DatabaseWriter::Impl& writer);
    ~BatchSealer() { stop(); }

    /// Ends what is under way; closed batches are taken up again at the next start. The writer's thread must still run:
    /// it may be waited for, and may go on to add batches.
    void stop();

    void add(std::vector<ClosedBatch> batches);
    /// Waits until no batch is due; those that wait for their next attempt keep waiting. Not for the writer's thread.
    void drain();

private:
    struct Waiting {
        ClosedBatch batch;
        unsigned attempts = 0;
        Clock::Steady::time_point next{};
        std::optional<Clock::Steady::time_point> first_failure = {};
    };
    void run();
    /// The batch that is to be tried now, taken out.
    std::optional<Waiting> take() SLUICE_REQUIRES(mutex_);
    /// False: try again, at `waiting.next`.
    bool attempt(Waiting& waiting);
    Result<> commit(const ClosedBatch& batch, const std::vector<DerivedPart>& derived,
                    const std::vector<PolicyFailure>& failures);
    bool give_up_or_wait(Waiting& waiting, const Error& error, const std::vector<store::Part>& parts,
                         const catalog::Table& table, const std::vector<PolicyFailure>& failures);

    DatabaseWriter::Impl& writer_;
    store::QueryCancel cancel_;
    Mutex mutex_;
    Condition changed_;
    std::vector<Waiting> waiting_ SLUICE_GUARDED_BY(mutex_);
    bool busy_ SLUICE_GUARDED_BY(mutex_) = false;
    bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

} // namespace sluice::ingest
