#pragma once

#include "core/base/mutex.hpp"
#include "core/store/duck.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <thread>

/// Queries that run and who may end them. Internal to core/store.
namespace sluice::store {

/// A query while it runs: the one place from which it can be interrupted. Thread-safe.
class RunningQuery {
public:
    enum class Stop { No, Timeout, Cancelled };

    explicit RunningQuery(duckdb_connection connection) : connection_(connection) {}
    /// Interrupts it; the first reason stays. Nothing happens once it ended.
    void stop(Stop why);
    Stop stopped() const;
    /// No interrupt reaches the connection after this returned, so that another query may use it.
    void end();

private:
    mutable Mutex mutex_;
    duckdb_connection connection_ SLUICE_GUARDED_BY(mutex_);
    Stop stop_ SLUICE_GUARDED_BY(mutex_) = Stop::No;
};

/// Stops queries whose time is up. Owns the thread `deadlines`. Thread-safe.
class Deadlines {
public:
    using Steady = std::chrono::steady_clock;

    Deadlines();
    ~Deadlines();
    /// Forgotten when the query is: only a weak reference is kept.
    void add(Steady::time_point when, std::weak_ptr<RunningQuery> query);

private:
    void watch(const std::stop_token& stop);

    Mutex mutex_;
    Condition changed_;
    std::multimap<Steady::time_point, std::weak_ptr<RunningQuery>> waiting_ SLUICE_GUARDED_BY(mutex_);
    std::jthread thread_;
};

/// Behind QueryCancel: the query that it ends, or that it was used before there was one.
struct QueryCancel::State {
    Mutex mutex;
    bool cancelled SLUICE_GUARDED_BY(mutex) = false;
    std::weak_ptr<RunningQuery> query SLUICE_GUARDED_BY(mutex);
};

} // namespace sluice::store
