#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::mqtt {

/// A message as the spool keeps it. Borrows: its bytes belong to whoever made it.
struct SpoolMessage {
    std::uint64_t sequence = 0;
    std::int64_t received_ns = 0; ///< ns since 1970, UTC: kept, so that a replay has the same time
    std::uint8_t qos = 0;
    bool retained = false;
    std::string_view topic{};
    std::string_view payload{};
    std::optional<std::string_view> content_type{};
    std::optional<std::string_view> correlation_data{};
    std::vector<std::pair<std::string_view, std::string_view>> user_properties{};
};

// A record: marker, length and CRC32C of the body, then the body. The marker lets a reader find the next record behind
// a damaged one.
inline constexpr std::size_t kRecordHeader = 12;

/// Appends the record to `out`. Parts longer than MQTT allows (65,535 bytes; payload 4 GiB) are a broken invariant.
void encode_record(const SpoolMessage& message, std::string& out);

enum class RecordState : std::uint8_t {
    Whole,
    Short,  ///< more bytes are needed than there are; `size` says how many, as far as known
    Damaged ///< no record begins here, or its checksum is wrong
};
struct DecodedRecord {
    RecordState state = RecordState::Damaged;
    std::size_t size = 0; ///< of the whole record
    SpoolMessage message{};
};
/// Reads the record at the beginning of `bytes`; the message borrows from them.
DecodedRecord decode_record(std::string_view bytes);

/// What each record begins with.
std::string_view record_marker();

} // namespace sluice::mqtt
