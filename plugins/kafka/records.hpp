#pragma once

#include "plugins/kafka/lanes.hpp"

#include <sluice/source.hpp>

#include <vector>

namespace sluice::kafka {

/// Records on their way into one batch. Payload, key and headers stay where the client library has them: the batch
/// keeps the library's messages and frees them when the host releases it.
class Records {
public:
    Records() = default;
    Records(Records&&) noexcept = default;
    Records& operator=(Records&&) noexcept = default;
    ~Records();

    void add(Message message, const OpenLane& lane);
    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    std::uint64_t bytes() const { return bytes_; }
    /// Drops the records of a lane that was given up before they were handed over.
    void drop(std::uint32_t lane_id);
    /// Moves everything into the batch.
    void hand_over(Batch& batch);

    /// What a message counts against the credit.
    static std::uint64_t size_of(const rd_kafka_message_t& message);

private:
    struct Entry {
        rd_kafka_message_t* message;
        const OpenLane* lane;
        std::uint32_t lane_id;
    };
    struct Kept;

    std::vector<Entry> entries_;
    std::uint64_t bytes_ = 0;
};

/// Milliseconds, or -1 when the record has no usable timestamp.
std::int64_t timestamp_ms(const rd_kafka_message_t& message);

} // namespace sluice::kafka
