#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/catalog/catalog.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace sluice::ingest {

/// The state of databases as streaming requests see it. Usually the present one; with a delay an older one, for as long
/// as the reference keeps what its nodes have cached, so that tests can meet a stale schema (engine 1.8). Thread-safe.
class SchemaCache {
public:
    /// A zero delay: nothing is kept.
    SchemaCache(const catalog::Catalog& catalog, const Clock& clock, std::chrono::milliseconds delay)
        : catalog_(catalog), clock_(clock), delay_(delay) {}

    /// As Catalog::find.
    catalog::Snapshot find(std::string_view database);
    /// `.clear ... cache streamingingestion schema`: the next request sees the present state.
    void clear(std::string_view database);

private:
    struct Entry {
        catalog::Snapshot database;
        Clock::Steady::time_point until;
    };
    const catalog::Catalog& catalog_;
    const Clock& clock_;
    const std::chrono::milliseconds delay_;
    Mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_ SLUICE_GUARDED_BY(mutex_); ///< by exact name
};

} // namespace sluice::ingest
