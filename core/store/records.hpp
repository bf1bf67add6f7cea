#pragma once

#include "core/store/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Small facts as texts of `sluice.journal` and back. The latest entry of a (kind, key) holds; older ones are removed
/// at a checkpoint. Names of members are part of the file format. Internal to core/store.
namespace sluice::store {

namespace journal {
inline constexpr std::string_view kLane = "lane";       ///< key: see lane_key
inline constexpr std::string_view kTotals = "totals";   ///< key: connection
inline constexpr std::string_view kSetting = "setting"; ///< key: key; the body is the value
inline constexpr std::string_view kPart = "part"; ///< key: id in decimal; counters newer than the row of sluice.parts
} // namespace journal

/// What changes with every batch that a part takes.
struct PartCounters {
    std::uint64_t rows = 0;
    Bytes original_size = 0;
    std::uint32_t items = 0;
    std::map<std::string, std::uint64_t> events;
};

/// Two different lanes never share a key, whatever bytes their names hold.
std::string lane_key(std::string_view connection, std::string_view lane);
std::string encode(const LanePosition& lane);
std::string encode(const ConnectionTotals& totals);
std::string encode_counters(const Part& part);
std::string encode_tags(const std::vector<std::string>& tags);
std::string encode_events(const std::map<std::string, std::uint64_t>& events);

/// Internal with the text when it is not what encode() writes.
Result<LanePosition> decode_lane(std::string_view body);
Result<ConnectionTotals> decode_totals(std::string_view body);
Result<PartCounters> decode_counters(std::string_view body);
Result<std::vector<std::string>> decode_tags(std::string_view text);
Result<std::map<std::string, std::uint64_t>> decode_events(std::string_view text);

/// A number that equal files share, so that one is found by comparing numbers first. Part of the file format (64-bit
/// FNV-1a).
std::int64_t file_key(std::string_view connection, std::string_view url, std::string_view etag);

} // namespace sluice::store
