#include "core/store/running_query.hpp"

#include <duckdb.h>
#include <pthread.h>

#include <vector>

namespace sluice::store {

void RunningQuery::stop(Stop why) {
    Lock lock(mutex_);
    if (!connection_)
        return;
    if (stop_ == Stop::No)
        stop_ = why;
    // Under the lock, because end() promises that no interrupt comes later. It only sets a flag.
    duckdb_interrupt(connection_);
}

RunningQuery::Stop RunningQuery::stopped() const {
    Lock lock(mutex_);
    return stop_;
}

void RunningQuery::end() {
    Lock lock(mutex_);
    connection_ = nullptr;
}

Deadlines::Deadlines() : thread_([this](const std::stop_token& stop) { watch(stop); }) {
    pthread_setname_np(thread_.native_handle(), "deadlines");
}

Deadlines::~Deadlines() {
    thread_.request_stop();
    {
        Lock lock(mutex_);
        changed_.notify_all();
    }
    thread_.join();
}

void Deadlines::add(Steady::time_point when, std::weak_ptr<RunningQuery> query) {
    Lock lock(mutex_);
    // Queries end long before their time: what is gone is dropped here, or the list would grow for minutes.
    constexpr std::size_t kSweepAt = 64;
    if (waiting_.size() >= kSweepAt)
        std::erase_if(waiting_, [](const auto& entry) { return entry.second.expired(); });
    waiting_.emplace(when, std::move(query));
    changed_.notify_all();
}

void Deadlines::watch(const std::stop_token& stop) {
    Lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (waiting_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto first = waiting_.begin();
        if (first->second.expired()) {
            waiting_.erase(first);
            continue;
        }
        if (first->first > Steady::now()) {
            const auto when = first->first;
            changed_.wait_until(lock, when);
            continue;
        }
        if (const auto query = first->second.lock())
            query->stop(RunningQuery::Stop::Timeout);
        waiting_.erase(first);
    }
}

QueryCancel::QueryCancel() : state_(std::make_shared<State>()) {}
QueryCancel::~QueryCancel() = default;

void QueryCancel::cancel() {
    std::shared_ptr<RunningQuery> query;
    {
        Lock lock(state_->mutex);
        state_->cancelled = true;
        query = state_->query.lock();
    }
    if (query)
        query->stop(RunningQuery::Stop::Cancelled);
}

} // namespace sluice::store
