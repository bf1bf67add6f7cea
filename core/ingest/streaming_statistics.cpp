#include "core/ingest/streaming_statistics.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace sluice::ingest {
namespace {

constexpr Ticks kWindow = kTicksPerMinute;
constexpr Ticks kRetention = 14 * kTicksPerDay;

std::string bucket_key(const StreamingStatistics::Call& call) {
    std::string key;
    for (const std::string* part : {&call.database, &call.table, &call.principal, &call.properties_json, &call.status,
                                    &call.failure_kind, &call.error_code})
        key.append(*part).push_back('\x1f');
    return key;
}

} // namespace

void StreamingStatistics::add(const Call& call) {
    const Ticks window = call.at / kWindow * kWindow;
    Lock lock(mutex_);
    while (!buckets_.empty() && (buckets_.size() >= kMaxBuckets || buckets_.front().start < call.at - kRetention)) {
        const Bucket& oldest = buckets_.front();
        open_.erase({oldest.start / kWindow * kWindow, bucket_key(oldest.first)});
        buckets_.pop_front();
        ++dropped_;
    }
    const auto [entry, is_new] = open_.try_emplace({window, bucket_key(call)}, dropped_ + buckets_.size());
    if (is_new) {
        Bucket bucket;
        bucket.first = call;
        bucket.start = bucket.end = call.at;
        bucket.min_duration = call.duration;
        bucket.min_size = call.data_size;
        bucket.min_rows = call.rows;
        buckets_.push_back(std::move(bucket));
    }
    Bucket& bucket = buckets_[entry->second - dropped_];
    bucket.end = std::max(bucket.end, call.at);
    bucket.count += call.calls;
    bucket.min_duration = std::min(bucket.min_duration, call.duration);
    bucket.max_duration = std::max(bucket.max_duration, call.duration);
    bucket.sum_duration += call.duration * static_cast<Ticks>(call.calls);
    bucket.total_size += call.data_size;
    bucket.min_size = std::min(bucket.min_size, call.data_size);
    bucket.max_size = std::max(bucket.max_size, call.data_size);
    bucket.total_rows += call.rows;
    bucket.min_rows = std::min(bucket.min_rows, call.rows);
    bucket.max_rows = std::max(bucket.max_rows, call.rows);
}

std::vector<StreamingStatistics::Bucket> StreamingStatistics::buckets() const {
    Lock lock(mutex_);
    return {buckets_.begin(), buckets_.end()};
}

std::string streaming_properties_json(std::string_view mapping, std::string_view format, bool compressed) {
    nlohmann::ordered_json object;
    if (mapping.empty())
        object["Mapping"] = nullptr;
    else
        object["Mapping"] = mapping;
    std::string shown(format);
    if (!shown.empty())
        shown[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(shown[0])));
    object["Format"] = shown;
    object["Compressed"] = compressed;
    object["IngestionSource"] = "Stream";
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace sluice::ingest
