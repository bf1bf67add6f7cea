#include "plugins/kafka/client.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <thread>
#include <utility>

namespace sluice::kafka {
namespace {

constexpr std::chrono::seconds kDestroyPatience{3};

} // namespace

List new_list(std::size_t room) {
    return List(rd_kafka_topic_partition_list_new(static_cast<int>(room)));
}

void ClientDeleter::operator()(rd_kafka_t* client) const {
// Deprecated in favour of the configuration, which cannot be changed once the client runs.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    rd_kafka_set_logger(client, nullptr); // its threads must not call whoever is going away
#pragma GCC diagnostic pop
    std::packaged_task<void()> task([client] { rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); });
    const std::future<void> done = task.get_future();
    std::thread thread(std::move(task));
    if (done.wait_for(kDestroyPatience) == std::future_status::ready)
        thread.join();
    else
        thread.detach(); // a plugin library is never unloaded, so what the thread runs stays there
}

std::string lane_name(const Partition& partition) {
    return partition.topic + "/" + std::to_string(partition.number);
}

ClientConf::ClientConf() : conf_(rd_kafka_conf_new()) {}

void ClientConf::set(const std::string& key, const std::string& value) {
    std::array<char, 512> text{};
    if (rd_kafka_conf_set(conf_.get(), key.c_str(), value.c_str(), text.data(), text.size()) != RD_KAFKA_CONF_OK)
        throw ConfigFailure("client property \"" + key + "\": " + text.data() + " (librdkafka " +
                            rd_kafka_version_str() + ")");
}

Client ClientConf::create(rd_kafka_type_t type) {
    std::array<char, 512> text{};
    rd_kafka_t* client = rd_kafka_new(type, conf_.get(), text.data(), text.size());
    if (!client)
        throw ConfigFailure(std::string("the Kafka client cannot be set up: ") + text.data());
    conf_.release(); // the client owns it now
    return Client(client);
}

void drop_assignment(rd_kafka_t* client) {
    const char* protocol = rd_kafka_rebalance_protocol(client);
    if (std::string_view(protocol ? protocol : "") != "COOPERATIVE") {
        rd_kafka_assign(client, nullptr);
        return;
    }
    rd_kafka_topic_partition_list_t* raw = nullptr;
    if (rd_kafka_assignment(client, &raw) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const List current(raw);
        const Error ignored(rd_kafka_incremental_unassign(client, current.get()));
    }
    // Not to get anything: it is the answer when partitions were given that nobody took yet, and changes nothing
    // otherwise.
    const Error ignored(rd_kafka_incremental_assign(client, new_list(1).get()));
}

sluice_status status_of(rd_kafka_resp_err_t error) {
    switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return SLUICE_E_DENIED;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        return SLUICE_E_CONFIG;
    default:
        return SLUICE_E_UNAVAILABLE;
    }
}

std::string text_of(rd_kafka_resp_err_t error) {
    return rd_kafka_err2str(error);
}

std::vector<TopicSize> topic_sizes(rd_kafka_t* client, const std::vector<std::string>& topics,
                                   std::chrono::milliseconds patience) {
    // One topic is asked for alone; the list of a large cluster is fetched only when it takes more than one name to
    // answer.
    rd_kafka_topic_t* only = nullptr;
    if (topics.size() == 1 && topics.front().front() != '^')
        only = rd_kafka_topic_new(client, topics.front().c_str(), nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(client, only ? 0 : 1, only, &metadata, static_cast<int>(patience.count()));
    if (only)
        rd_kafka_topic_destroy(only);
    if (error)
        throw Failure(status_of(error), text_of(error));
    std::vector<TopicSize> sizes;
    for (const std::string& topic : topics) {
        if (topic.front() == '^')
            continue;
        TopicSize size{topic, 0};
        for (int i = 0; i < metadata->topic_cnt; ++i) {
            const rd_kafka_metadata_topic& found = metadata->topics[i];
            if (topic == found.topic && status_of(found.err) == SLUICE_E_DENIED && found.err) {
                const std::string why = topic + ": " + text_of(found.err);
                rd_kafka_metadata_destroy(metadata);
                throw Denied(why);
            }
            if (topic == found.topic && !found.err)
                size.partitions = found.partition_cnt;
        }
        sizes.push_back(std::move(size));
    }
    rd_kafka_metadata_destroy(metadata);
    return sizes;
}

} // namespace sluice::kafka
