#pragma once

#include "core/base/mutex.hpp"
#include "core/store/duck.hpp"

#include <thread>
#include <vector>

namespace sluice::store {

/// Threads that take over tasks of queries which run longer than a moment, and of insertions of several row groups.
/// DuckDB's own threads would also take those of small insertions: the writer is then woken for each of its few tasks,
/// and waits where it could work (docs/decisions/0008). Thread-safe; owns the threads `query help`. Internal to
/// core/store.
class QueryHelp {
public:
    /// `database` must be open, with all of its threads external ones, until this is gone.
    QueryHelp(duckdb_database database, unsigned threads);
    ~QueryHelp();

    /// Help for a query or a large insertion as long as this exists.
    class [[nodiscard]] Ticket {
    public:
        explicit Ticket(QueryHelp& help) : help_(help) { help_.enter(); }
        ~Ticket() { help_.leave(); }
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;

    private:
        QueryHelp& help_;
    };

private:
    void enter();
    void leave();
    void help(const std::stop_token& stop);

    duckdb_database database_;
    Mutex mutex_;
    Condition changed_;
    unsigned running_ SLUICE_GUARDED_BY(mutex_) = 0; ///< queries
    std::vector<std::jthread> threads_;
};

} // namespace sluice::store
