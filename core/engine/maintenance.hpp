#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/engine/history.hpp"
#include "core/ingest/databases.hpp"

#include <chrono>
#include <thread>

namespace sluice::engine {

/// What happens to extents by itself (engine 5.3 to 5.5): rows older than the retention policy go, tags older than
/// theirs too, small extents are merged, tables expire. Each step is one short transaction of the database's writer,
/// and one merge moves a bounded number of rows, so that commits never wait long. Thread-safe.
class Maintenance {
public:
    Maintenance(ingest::Databases& databases, History& history) : databases_(databases), history_(history) {}
    ~Maintenance();
    Maintenance(const Maintenance&) = delete;
    Maintenance& operator=(const Maintenance&) = delete;

    /// One pass over all tables; failures are logged, and what is due then is due in the next pass again.
    void pass();
    /// From now on a pass per interval, on a thread of its own.
    void start(std::chrono::milliseconds interval);

private:
    void pass(const catalog::Snapshot& database, ingest::DatabaseWriter& writer);
    void merge(const catalog::Database& database, const catalog::Table& table, ingest::DatabaseWriter& writer);
    void run(std::chrono::milliseconds interval);

    ingest::Databases& databases_;
    History& history_;
    Mutex mutex_;
    Condition changed_;
    bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
    std::jthread thread_;
};

} // namespace sluice::engine
