#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace sluice::ingest {

/// `.show streamingingestion statistics` and `failures`: streaming requests summed up per minute (engine 7.2). Kept in
/// memory, at most 14 days and kMaxBuckets buckets. Thread-safe.
class StreamingStatistics {
public:
    static constexpr std::size_t kMaxBuckets = 20'000;

    struct Call {
        std::string database, table, principal,
            properties_json; ///< properties: {"Mapping":..,"Format":..,"Compressed":..,"IngestionSource":..}
        Ticks at = 0, duration = 0;
        std::uint64_t data_size = 0, rows = 0;
        std::uint64_t calls = 1;        ///< a commit of a connection may stand for many micro-batches
        std::string status = "Success"; ///< Success, FailureBadRequest, FailureInternalError, FailureUpdatePolicy
        std::string failure_kind = {}, error_code = {}, details = {}, activity_id = {}; ///< of a failure
    };
    struct Bucket {
        Call first;
        Ticks start = 0, end = 0, min_duration = 0, max_duration = 0, sum_duration = 0;
        std::uint64_t count = 0, total_size = 0, min_size = 0, max_size = 0, total_rows = 0, min_rows = 0, max_rows = 0;
    };

    void add(const Call& call);
    /// In order of time.
    std::vector<Bucket> buckets() const;

private:
    mutable Mutex mutex_;
    std::deque<Bucket> buckets_ SLUICE_GUARDED_BY(mutex_);
    /// Number of each bucket since the start, by window and key.
    std::map<std::tuple<Ticks, std::string>, std::size_t> open_ SLUICE_GUARDED_BY(mutex_);
    std::size_t dropped_ SLUICE_GUARDED_BY(mutex_) = 0;
};

/// `IngestionProperties` of the two views:
/// {"Mapping":"m1"|null,"Format":"Csv","Compressed":true,"IngestionSource":"Stream"}.
std::string streaming_properties_json(std::string_view mapping, std::string_view format, bool compressed);

} // namespace sluice::ingest
