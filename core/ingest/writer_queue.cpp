#include "core/ingest/writer_queue.hpp"

#include <algorithm>

namespace sluice::ingest {
namespace {

/// One commit takes at most this much: a long queue must not make one long transaction, nor a second copy of all of it
/// in the store.
constexpr Bytes kGroupBytes = 16_MiB;

Bytes memory_of(const Job& job) {
    if (const auto* delivery = std::get_if<Delivery>(&job))
        return delivery->memory;
    if (const auto* request = std::get_if<RowsRequest>(&job))
        return request->batch.rows.memory();
    return 0;
}

} // namespace

void WriterQueue::wait_for_room(Lock& lock, Bytes memory) {
    while (!stopping_ && memory_ > 0 && memory_ + memory > limit_)
        room_.wait(lock);
}

void WriterQueue::push(Job job) {
    const Bytes memory = memory_of(job);
    Lock lock(mutex_);
    wait_for_room(lock, memory);
    memory_ += memory;
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

WriterQueue::Round WriterQueue::take(Clock::Steady::time_point due) {
    Round round;
    Lock lock(mutex_);
    while (jobs_.empty() && pieces_.empty() && !stopping_)
        if (work_.wait_until(lock, due) == std::cv_status::timeout)
            break;
    Bytes taken = 0;
    while (!jobs_.empty() && (round.jobs.empty() || taken < kGroupBytes)) {
        taken += memory_of(jobs_.front());
        round.jobs.push_back(std::move(jobs_.front()));
        jobs_.pop_front();
    }
    if (!pieces_.empty()) {
        taken += pieces_.front().memory;
        round.piece = std::move(pieces_.front());
        pieces_.pop_front();
    }
    memory_ -= std::min(memory_, taken);
    room_.notify_all();
    round.stopped = stopping_ && round.jobs.empty() && !round.piece;
    return round;
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
