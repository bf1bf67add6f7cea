#pragma once

#include "plugins/kafka/client.hpp"

#include <map>
#include <string>

namespace sluice::kafka {

/// Remembers, across restarts, how many partitions a topic had when this connection first saw it. What came later holds
/// only events that are newer than the connection, whatever their timestamps say.
class KnownTopics {
public:
    /// Reads the file if there is one. Throws Failure when it cannot be read.
    explicit KnownTopics(std::string file);

    /// Nothing was remembered yet: what is seen now was there before the connection.
    bool first_run() const { return first_run_; }
    bool knows(const std::string& topic) const { return partitions_.count(topic) != 0; }
    /// Remembers the topic unless it is known. Durable when it returns.
    void remember(const std::string& topic, int partitions);
    bool added_later(const Partition& partition) const;

private:
    void save() const;

    std::string file_;
    bool first_run_ = true;
    std::map<std::string, int> partitions_;
};

} // namespace sluice::kafka
