#pragma once

#include "plugins/kafka/settings.hpp"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kafka {

using Clock = std::chrono::steady_clock;

struct ListDeleter {
    void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;
List new_list(std::size_t room = 8);

struct MessageDeleter {
    void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

struct ErrorDeleter {
    void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using Error = std::unique_ptr<rd_kafka_error_t, ErrorDeleter>;

struct QueueDeleter {
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using Queue = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;

/// Ends the client without leaving the group: whoever wants to leave does so before. Waits at most three seconds:
/// librdkafka 2.0.2 may wait for ever once a topic was deleted under it, and then its threads are left behind, silent.
struct ClientDeleter {
    void operator()(rd_kafka_t* client) const;
};
using Client = std::unique_ptr<rd_kafka_t, ClientDeleter>;

struct Partition {
    std::string topic;
    std::int32_t number = 0;
    bool operator==(const Partition&) const = default;
    auto operator<=>(const Partition&) const = default;
};
std::string lane_name(const Partition& partition); ///< "topic/3"

/// A configuration in the making. Throws ConfigFailure that names the property when librdkafka does not take it.
class ClientConf {
public:
    ClientConf();
    void set(const std::string& key, const std::string& value);
    rd_kafka_conf_t* raw() { return conf_.get(); }
    /// Consumes the configuration. Throws ConfigFailure.
    Client create(rd_kafka_type_t type);

private:
    struct Deleter {
        void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
    };
    std::unique_ptr<rd_kafka_conf_t, Deleter> conf_;
};

/// Lets go of all partitions and answers a rebalance that waits for an answer: a client that waits for one never ends.
/// A cooperative group takes only incremental calls, any other only whole ones.
void drop_assignment(rd_kafka_t* client);

/// What kind of trouble an error of the client is: SLUICE_E_DENIED, SLUICE_E_CONFIG or SLUICE_E_UNAVAILABLE.
sluice_status status_of(rd_kafka_resp_err_t error);
std::string text_of(rd_kafka_resp_err_t error);

/// Number of partitions of each topic the cluster has of those asked for; 0: there is no such topic.
/// Throws Unavailable or Denied.
struct TopicSize {
    std::string topic;
    int partitions = 0;
};
std::vector<TopicSize> topic_sizes(rd_kafka_t* client, const std::vector<std::string>& topics,
                                   std::chrono::milliseconds patience);

} // namespace sluice::kafka
