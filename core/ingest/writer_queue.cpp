#include "core/ingest/writer_queue.hpp"

#include <algorithm>

namespace sluice::ingest {
namespace {

/// One commit takes at most this much: a long queue must not make one long transaction, nor a second copy of all of it
/// in the store.
constexpr Bytes kGroupBytes = 48_MiB;
/// Rows of a flood gather until they are just more than a row group, so that they need not go through the log.
constexpr std::size_t kEnoughRows = store::kRowGroupRows;
/// Two row groups that wait already go in together, one on each thread. A flood is not kept waiting for the second.
constexpr std::size_t kMostRows = 2 * store::kRowGroupRows;
constexpr std::size_t kMostPieces = 2; ///< each is about a row group

Bytes memory_of(const Job& job) {
    if (const auto* delivery = std::get_if<Delivery>(&job))
        return delivery->memory;
    if (const auto* request = std::get_if<RowsRequest>(&job))
        return request->batch.rows.memory();
    return 0;
}

/// How long rows of a flood wait for their neighbours, and for the next of them: all of them share what a commit costs.
constexpr auto kFloodPatience = std::chrono::milliseconds(100);
constexpr auto kNextPatience = std::chrono::milliseconds(20);

bool more_follows(const Job& job) {
    const auto* delivery = std::get_if<Delivery>(&job);
    return delivery && delivery->more_follows;
}

std::size_t rows_of(const Job& job) {
    std::size_t rows = 0;
    if (const auto* delivery = std::get_if<Delivery>(&job))
        for (const TableBatch& batch : delivery->tables)
            rows += batch.rows.size();
    else if (const auto* request = std::get_if<RowsRequest>(&job))
        rows = request->batch.rows.size();
    return rows;
}

} // namespace

void WriterQueue::wait_for_room(Lock& lock, Bytes memory) {
    while (!stopping_ && memory_ + taken_ > 0 && memory_ + taken_ + memory > limit_)
        room_.wait(lock);
}

void WriterQueue::push(Job job) {
    const Bytes memory = memory_of(job);
    Lock lock(mutex_);
    wait_for_room(lock, memory);
    memory_ += memory;
    rows_ += rows_of(job);
    hurried_ += more_follows(job) ? 0 : 1;
    jobs_.push_back(std::move(job));
    work_.notify_one();
}

void WriterQueue::push(Piece piece) {
    Lock lock(mutex_);
    wait_for_room(lock, piece.memory);
    memory_ += piece.memory;
    pieces_.push_back(std::move(piece));
    work_.notify_one();
}

/// More of the same is on its way, there is room for it, and nobody waits for anything else.
bool WriterQueue::is_flooded() const {
    if (stopping_ || !pieces_.empty() || hurried_ > 0 || memory_ >= std::min(limit_, kGroupBytes))
        return false;
    return rows_ <= kEnoughRows;
}

WriterQueue::Round WriterQueue::take(Clock::Steady::time_point due) {
    Round round;
    Lock lock(mutex_);
    while (jobs_.empty() && pieces_.empty() && !stopping_)
        if (work_.wait_until(lock, due) == std::cv_status::timeout)
            break;
    if (!jobs_.empty()) {
        const auto begun = Clock::Steady::now();
        for (auto now = begun; is_flooded() && now < begun + kFloodPatience; now = Clock::Steady::now())
            if (work_.wait_until(lock, now + kNextPatience) == std::cv_status::timeout)
                break;
    }
    const std::size_t wanted = rows_ > kMostRows ? kMostRows : kEnoughRows; // and at most one job beyond
    Bytes taken = 0;
    std::size_t rows = 0;
    while (!jobs_.empty() && (round.jobs.empty() || (taken < kGroupBytes && rows <= wanted))) {
        const std::size_t more = rows_of(jobs_.front());
        rows += more;
        rows_ -= more;
        hurried_ -= more_follows(jobs_.front()) ? 0 : 1;
        taken += memory_of(jobs_.front());
        round.jobs.push_back(std::move(jobs_.front()));
        jobs_.pop_front();
    }
    while (!pieces_.empty() && round.pieces.size() < kMostPieces &&
           (round.pieces.empty() || round.pieces.front().part == pieces_.front().part)) {
        taken += pieces_.front().memory;
        round.pieces.push_back(std::move(pieces_.front()));
        pieces_.pop_front();
    }
    memory_ -= std::min(memory_, taken);
    taken_ += taken;
    round.stopped = stopping_ && round.jobs.empty() && round.pieces.empty();
    return round;
}

void WriterQueue::release() {
    Lock lock(mutex_);
    taken_ = 0;
    room_.notify_all();
}

void WriterQueue::stop() {
    Lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    room_.notify_all();
}

bool WriterQueue::sleep_until(Clock::Steady::time_point until) {
    Lock lock(mutex_);
    while (!stopping_)
        if (work_.wait_until(lock, until) == std::cv_status::timeout)
            return true;
    return false;
}

} // namespace sluice::ingest
