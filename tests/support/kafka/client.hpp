#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct rd_kafka_s;

/// A small Kafka client for tests and tools. Everything waits for the broker's answer and throws std::runtime_error
/// with its text.
namespace sluice::testing::kafka {

using Properties = std::map<std::string, std::string>;

struct Record {
    std::optional<std::string> value; ///< nothing: a tombstone
    std::optional<std::string> key;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
    std::int32_t partition = -1;   ///< -1: by the key
    std::int64_t timestamp_ms = 0; ///< 0: now
};

/// One thread at a time.
class Client {
public:
    explicit Client(const std::string& servers, const Properties& more = {});
    ~Client();

    struct Topic {
        std::string name;
        int partitions = 1;
        Properties config{};
    };
    /// A topic that exists already is left as it is.
    void create_topic(const Topic& topic);
    void delete_topic(const std::string& name);
    /// Partitions in all, not to add.
    void grow_topic(const std::string& name, int partitions);
    /// Drops the records below the offset, as retention does.
    void delete_records(const std::string& topic, std::int32_t partition, std::int64_t before);
    /// The next offset the group would read, or nothing.
    std::optional<std::int64_t> committed(const std::string& group, const std::string& topic, std::int32_t partition);
    void commit(const std::string& group, const std::string& topic, std::int32_t partition, std::int64_t offset);
    struct Watermarks {
        std::int64_t low, high;
    };
    Watermarks watermarks(const std::string& topic, std::int32_t partition);

    /// Queues a record; blocks while the client's queue is full. Delivered after flush().
    void produce(const std::string& topic, const Record& record);
    /// Waits until every record is in the log; throws if one could not be delivered.
    void flush(std::chrono::milliseconds patience = std::chrono::seconds(60));

    struct Drained {
        std::uint64_t messages = 0, bytes = 0;
        double seconds = 0; ///< from the first message to the last
    };
    /// The reference for throughput: reads `count` records of a topic from its beginning and does nothing with them.
    static Drained drain(const std::string& servers, const std::string& topic, std::uint64_t count,
                         std::chrono::milliseconds patience, const std::function<void(const Record&)>& use = {});

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Line `number` of a made-up fleet of devices: about 190 bytes of JSON with nine members; the same for the same seed
/// and number.
std::string generated_line(std::uint64_t seed, std::uint64_t number);

} // namespace sluice::testing::kafka
