#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/ingest/batch.hpp"
#include "core/ingest/writer.hpp"

#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <variant>
#include <vector>

namespace sluice::ingest {

/// Rows that somebody waits for: a streaming request, `.ingest inline`, `.set-or-append`.
struct RowsRequest {
    TableBatch batch;
    bool replace = false;
    std::promise<Result<StreamOutcome>> answer;
};

/// Anything that wants the writer's thread and a transaction of its own.
using Task = std::function<void()>;

using Job = std::variant<Delivery, RowsRequest, Task>;

/// What waits for the writer of a database, bounded by memory. Thread-safe; one thread takes.
class WriterQueue {
public:
    explicit WriterQueue(Bytes limit) : limit_(limit) {}

    /// Wait while the queue is full (back-pressure); one large job passes when nothing else is queued, else it never
    /// could.
    void push(Job job);
    void push(Piece piece);

    /// What is committed next: jobs up to about kGroupBytes, and at most two pieces of one part (one for each thread of
    /// the insertion), so that a long file does not hold up streamed rows.
    struct Round {
        std::vector<Job> jobs;
        std::vector<Piece> pieces;
        bool stopped = false; ///< and nothing is left to do
    };
    /// Waits for something to do, until `due` at the longest.
    Round take(Clock::Steady::time_point due);
    /// The memory of what was taken is free again. Until then it counts as if it waited.
    void release();

    /// What waits is still taken; nobody waits for room any more.
    void stop();
    /// Sleeps until `until`, or until the queue is stopped: then false.
    bool sleep_until(Clock::Steady::time_point until);

private:
    bool is_flooded() const SLUICE_REQUIRES(mutex_);
    void wait_for_room(Lock& lock, Bytes memory) SLUICE_REQUIRES(mutex_);

    const Bytes limit_;
    Mutex mutex_;
    Condition work_;
    Condition room_;
    std::deque<Job> jobs_ SLUICE_GUARDED_BY(mutex_);
    std::deque<Piece> pieces_ SLUICE_GUARDED_BY(mutex_);
    Bytes memory_ SLUICE_GUARDED_BY(mutex_) = 0;        ///< of jobs_ and pieces_
    Bytes taken_ SLUICE_GUARDED_BY(mutex_) = 0;         ///< and of what was taken and not released
    std::size_t rows_ SLUICE_GUARDED_BY(mutex_) = 0;    ///< of jobs_
    std::size_t hurried_ SLUICE_GUARDED_BY(mutex_) = 0; ///< of jobs_: those that nothing follows at once
    bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
};

} // namespace sluice::ingest
