#include "plugins/kafka/records.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::kafka {
namespace {

constexpr std::size_t kMaxSystem = 5;

std::string_view timestamp_type_text(rd_kafka_timestamp_type_t type) {
    switch (type) {
    case RD_KAFKA_TIMESTAMP_CREATE_TIME:
        return "CreateTime";
    case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME:
        return "LogAppendTime";
    default:
        return "NotAvailable";
    }
}

sluice_bytes raw(const void* data, std::size_t size) {
    return {static_cast<const std::uint8_t*>(data), size};
}

/// Headers are parsed by the library only here, and only if the record has some.
void add_headers(const rd_kafka_message_t& message, Batch& batch, sluice_message& out) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const std::size_t count = rd_kafka_header_cnt(headers);
    auto* properties = batch.allocate_array<sluice_property>(count);
    std::size_t n = 0;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (; n < count && rd_kafka_header_get_all(headers, n, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++n)
        properties[n] = {{name, std::strlen(name)}, raw(value, size)};
    out.headers = properties;
    out.header_count = n;
}

void add_system(const rd_kafka_message_t& message, const OpenLane& lane, sluice_bytes offset_text,
                std::string_view type, Batch& batch, sluice_message& out) {
    auto* p = batch.allocate_array<sluice_property>(kMaxSystem);
    std::size_t n = 0;
    p[n++] = {str("kafka.topic"), bytes(*lane.topic_text)};
    p[n++] = {str("kafka.partition"), bytes(*lane.partition_text)};
    p[n++] = {str("kafka.offset"), offset_text};
    p[n++] = {str("kafka.timestamp_type"), bytes(type)};
    if (!message.payload)
        p[n++] = {str("kafka.tombstone"), bytes("true")};
    out.system = p;
    out.system_count = n;
}

} // namespace

/// What a batch keeps alive until its release.
struct Records::Kept {
    std::vector<Entry> entries;
    std::vector<std::shared_ptr<const std::string>> texts;
    ~Kept() {
        for (const Entry& entry : entries)
            rd_kafka_message_destroy(entry.message);
    }
};

std::int64_t timestamp_ms(const rd_kafka_message_t& message) {
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const std::int64_t at = rd_kafka_message_timestamp(&message, &type);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || at < 0 ? -1 : at;
}

Records::~Records() {
    for (const Entry& entry : entries_)
        rd_kafka_message_destroy(entry.message);
}

std::uint64_t Records::size_of(const rd_kafka_message_t& message) {
    return message.len + message.key_len;
}

void Records::add(Message message, const OpenLane& lane) {
    bytes_ += size_of(*message);
    entries_.push_back({message.get(), &lane, lane.id});
    message.release();
}

void Records::drop(std::uint32_t lane_id) {
    const auto kept = std::stable_partition(entries_.begin(), entries_.end(),
                                            [&](const Entry& entry) { return entry.lane_id != lane_id; });
    for (auto it = kept; it != entries_.end(); ++it) {
        bytes_ -= size_of(*it->message);
        rd_kafka_message_destroy(it->message);
    }
    entries_.erase(kept, entries_.end());
}

void Records::hand_over(Batch& batch) {
    if (entries_.empty())
        return;
    batch.reserve(entries_.size());
    auto kept = std::make_unique<Kept>();
    const OpenLane* last = nullptr;
    for (const Entry& entry : entries_) {
        const rd_kafka_message_t& message = *entry.message;
        const OpenLane& lane = *entry.lane;
        if (last != &lane) {
            kept->texts.push_back(lane.topic_text);
            kept->texts.push_back(lane.partition_text);
            last = &lane;
        }
        rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        std::int64_t at = rd_kafka_message_timestamp(&message, &type);
        if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || at < 0)
            at = -1;

        sluice_message out{};
        out.lane = lane.id;
        out.sequence = lane.sequence(message.offset);
        out.timestamp_ns = at < 0 ? kNoTimestamp : at * 1'000'000;
        out.payload = raw(message.payload, message.len);
        out.key = raw(message.key, message.key_len);
        auto* text = reinterpret_cast<char*>(batch.allocate(lane.writer.room()));
        const PositionWriter::Written written = lane.writer.write(text, message.offset, at);
        out.position = raw(text, written.size);
        add_system(message, lane, raw(text + written.offset_at, written.offset_size), timestamp_type_text(type), batch,
                   out);
        add_headers(message, batch, out);
        batch.add(out);
    }
    kept->entries = std::exchange(entries_, {});
    bytes_ = 0;
    batch.keep(kept.get(), [](void* p) { delete static_cast<Kept*>(p); });
    kept.release();
}

} // namespace sluice::kafka
