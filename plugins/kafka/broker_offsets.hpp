#pragma once

#include "plugins/kafka/client.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace sluice::kafka {

/// What the cluster says about partitions, asked for many at a time. A partition that could not be answered is missing
/// from the map; an answer that none could get throws (Unavailable, Denied). Each call waits at most `patience`.
class BrokerOffsets {
public:
    BrokerOffsets(rd_kafka_t* client, std::chrono::milliseconds patience) : client_(client), patience_(patience) {}

    using Map = std::map<Partition, std::int64_t>;
    Map low(const std::vector<Partition>& partitions) const;
    /// The offset after the last record that can be read now.
    Map high(const std::vector<Partition>& partitions) const;
    /// First offset whose record is at or after the time; -1: there is none.
    struct At {
        Partition partition;
        std::int64_t time_ms;
    };
    Map at_time(const std::vector<At>& wanted) const;
    /// What the group committed; partitions without a commit are missing.
    Map committed(const std::vector<Partition>& partitions) const;

private:
    Map list_offsets(const List& list) const;

    rd_kafka_t* client_;
    std::chrono::milliseconds patience_;
};

} // namespace sluice::kafka
