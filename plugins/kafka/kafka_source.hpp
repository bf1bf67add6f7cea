#pragma once

#include "plugins/kafka/client.hpp"
#include "plugins/kafka/known_topics.hpp"
#include "plugins/kafka/lanes.hpp"
#include "plugins/kafka/options.hpp"
#include "plugins/kafka/records.hpp"
#include "plugins/kafka/settings.hpp"
#include "plugins/kafka/start_position.hpp"

#include <sluice/source.hpp>

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kafka {

class DeadLetterTopic;

/// Reads topics as a member of a consumer group. A lane is a partition, its sequence the offset (plus a base once the
/// topic was created again). The position in the store decides where a partition starts; what the group has committed
/// is a mirror of it.
///
/// A rebalance arrives in a callback inside poll. What is taken away is closed right there; what is given is only noted
/// and assigned by the next step of poll, because its start takes questions to the brokers that may fail and be asked
/// again.
class KafkaSource final : public Source {
public:
    static constexpr const sluice_option (&options)[kOptionCount] = kOptions;
    static constexpr std::uint32_t keepalive_ms = 150'000; // half of max.poll.interval.ms
    static const void* extension(const char* id);

    KafkaSource(const sluice_host* host, const sluice_value* by_option);
    ~KafkaSource() override;

    void check() override;
    void start() override;
    bool poll(Credit credit, Batch& out) override;
    void pause(bool paused) override;
    void ack(const sluice_ack& ack) override;
    void stop() override;

private:
    /// A partition that was given to us and has no start yet.
    struct Pending {
        Partition partition;
        std::optional<Lane> lane; ///< open at the host
    };
    /// An open lane that has to go on elsewhere in its partition.
    struct Move {
        Partition partition;
        bool another_topic; ///< the records there are not those the store knows; otherwise the offset is out of range
    };
    struct Start {
        Partition partition;
        StartFacts facts;
        StartDecision decision;
    };

    // kafka_source.cpp: the life of the client and the way of a record
    Client connect(bool with_callbacks);
    std::vector<TopicSize> wait_for_brokers(rd_kafka_t* client);
    void collect(Credit credit, Clock::time_point end);
    void serve_while_paused(Clock::time_point end);
    Message next_message(std::chrono::milliseconds wait);
    /// The client's queue ran empty: makes it fetch now if there is more to fetch.
    void wake_fetcher();
    /// False: the batch is full and the message waits for the next one.
    bool accept(Message message, const Credit& credit);
    bool is_wanted(const rd_kafka_message_t& message, OpenLane& lane);
    void on_message_error(const rd_kafka_message_t& message);
    void on_client_error(rd_kafka_resp_err_t error, const std::string& reason);
    bool leave_group(Clock::time_point end); ///< whether it was left in time
    void rethrow_callback_failure();
    void report_gap(std::uint32_t lane, const Gap& gap, const std::string& why);
    void watch_health();
    void set_health(std::int32_t state, const std::string& detail);
    sluice_status lag(std::uint32_t lane, std::uint64_t& messages);

    // rebalance.cpp: partitions come and go
    static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* self);
    void on_assign(const rd_kafka_topic_partition_list_t& partitions);
    void on_revoke(const rd_kafka_topic_partition_list_t& partitions, bool lost);
    void give_up_everything();
    void unassign(const std::vector<Partition>& partitions);
    void start_pending();
    std::vector<Start> find_starts(std::vector<Pending>& pending, const std::vector<Move>& moves);
    void remember_topics(const std::vector<Pending>& pending);
    void look_up_times(std::vector<Start>& starts);
    void take_up(const std::vector<Pending>& pending, const std::vector<Start>& starts);
    void assign(const std::vector<Partition>& added, const std::vector<Partition>& moved);
    void set_paused(bool paused);

    // commit.cpp: the group's offsets as a mirror
    List committable();
    void commit_when_due();
    void commit_and_wait(const List& offsets);
    static void on_commit(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* self);

    const Settings settings_;
    std::optional<KnownTopics> known_topics_;
    Client client_;
    Lanes lanes_;
    std::deque<Pending> pending_;
    std::vector<Move> moves_;
    Records records_;           ///< collected, not handed over yet
    std::deque<Message> stash_; ///< taken from the client, did not fit into the credit
    std::exception_ptr callback_failure_;
    std::string last_broker_error_;
    std::int32_t health_ = -1;
    Clock::time_point next_commit_{}, next_probe_{}, next_start_{}, next_wake_{};
    std::size_t wake_from_ = 0; ///< place of the lane whose leader is asked next
    bool assign_due_ = false; ///< the client waits for an assignment, even an empty one
    bool cooperative_ = true;
    bool cautious_ = false; ///< the brokers could not answer for all partitions at once
    bool seen_assignment_ = false;
    bool rejoining_ = false; ///< between a loss of partitions and the next assignment
    bool paused_ = false;
    bool closing_ = false;
    bool abandoned_ = false; ///< being destroyed: the host hears no more of it
    std::uint32_t rebalances_metric_, failed_commits_metric_, lost_records_metric_;
    std::unique_ptr<DeadLetterTopic> dead_letters_;
};

} // namespace sluice::kafka
