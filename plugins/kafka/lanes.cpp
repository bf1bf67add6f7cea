#include "plugins/kafka/lanes.hpp"

namespace sluice::kafka {

OpenLane::OpenLane(Partition p, std::uint32_t lane_id, std::uint64_t lane_base)
    : partition(std::move(p)), id(lane_id), base(lane_base), writer(lane_base),
      topic_text(std::make_shared<const std::string>(partition.topic)),
      partition_text(std::make_shared<const std::string>(std::to_string(partition.number))) {}

void OpenLane::rebase(std::uint64_t new_base) {
    base = new_base;
    writer = PositionWriter(new_base);
}

OpenLane& Lanes::add(OpenLane lane) {
    last_ = nullptr;
    Partition partition = lane.partition;
    return lanes_.insert_or_assign(std::move(partition), std::move(lane)).first->second;
}

void Lanes::remove(const Partition& partition) {
    last_ = nullptr;
    lanes_.erase(partition);
}

OpenLane* Lanes::find(const Partition& partition) {
    const auto found = lanes_.find(partition);
    return found == lanes_.end() ? nullptr : &found->second;
}

OpenLane* Lanes::find(std::uint32_t id) {
    for (auto& [partition, lane] : lanes_)
        if (lane.id == id)
            return &lane;
    return nullptr;
}

OpenLane* Lanes::find(const rd_kafka_message_t& message) {
    if (last_ && message.rkt == last_topic_ && message.partition == last_partition_)
        return last_;
    OpenLane* lane = find(Partition{rd_kafka_topic_name(message.rkt), message.partition});
    if (lane) {
        last_ = lane;
        last_topic_ = message.rkt;
        last_partition_ = message.partition;
    }
    return lane;
}

} // namespace sluice::kafka
