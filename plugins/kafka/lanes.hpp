#pragma once

#include "plugins/kafka/client.hpp"
#include "plugins/kafka/position.hpp"

#include <sluice/source.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kafka {

/// A partition that is ours, with everything that is the same for all its records.
struct OpenLane {
    OpenLane(Partition partition, std::uint32_t id, std::uint64_t base);

    Partition partition;
    std::uint32_t id;
    std::uint64_t base;
    std::int64_t next_offset = 0;              ///< records below it were delivered, or are not wanted
    std::optional<std::int64_t> verify_offset; ///< the record there is in the store: look at its timestamp only
    std::int64_t verify_timestamp_ms = -1;
    std::uint64_t last_sequence = 0; ///< of what the store or the host has; 0 and `known` false: nothing
    bool known = false;
    bool moving = false;                    ///< a new start is being looked up; records until then are of the old place
    std::optional<std::int64_t> damaged_at; ///< first offset that the client library could not read
    std::int64_t acked_offset = -1;     ///< what may be committed to the group: next offset to read; -1: nothing yet
    std::int64_t committed_offset = -1; ///< what was committed by us
    PositionWriter writer;
    std::shared_ptr<const std::string> topic_text, partition_text; ///< batches may outlive the lane

    std::uint64_t sequence(std::int64_t offset) const { return base + static_cast<std::uint64_t>(offset); }
    /// The topic turned out to be another one: sequences go on above the old ones.
    void rebase(std::uint64_t new_base);
};

/// The open lanes, found by partition, by id, and fast by the handle that a message carries.
class Lanes {
public:
    OpenLane& add(OpenLane lane);
    void remove(const Partition& partition);
    OpenLane* find(const Partition& partition);
    OpenLane* find(std::uint32_t id);
    /// Runs of records of one partition are the rule, so the last answer is tried first.
    OpenLane* find(const rd_kafka_message_t& message);
    bool empty() const { return lanes_.empty(); }
    std::size_t size() const { return lanes_.size(); }

    auto begin() { return lanes_.begin(); }
    auto end() { return lanes_.end(); }

private:
    std::map<Partition, OpenLane> lanes_;
    const rd_kafka_topic_t* last_topic_ = nullptr;
    std::int32_t last_partition_ = -1;
    OpenLane* last_ = nullptr;
};

} // namespace sluice::kafka
