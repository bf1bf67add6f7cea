#include "plugins/kafka/kafka_source.hpp"

#include "plugins/kafka/dead_letter_topic.hpp"

#include <algorithm>
#include <utility>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectPatience = 10s; ///< start may take 30 s
constexpr int kVersionWithQueueBackoff = 0x02020000;
constexpr std::int64_t kWorthWaking = 1000; ///< records that the broker has beyond ours
constexpr auto kWakeEvery = 2ms;
constexpr int kWakePatience = 100;
constexpr auto kProbeEvery = 1s;
constexpr auto kProbePatience = 200ms;
constexpr auto kAbandonPatience = 2s;
constexpr auto kClosePatience = 6s; ///< stop may take 10 s, 3 of which belong to the last commit

std::int32_t host_level(int syslog_level) {
    if (syslog_level <= 2)
        return SLUICE_ERROR;
    if (syslog_level <= 4)
        return SLUICE_WARN;
    return syslog_level <= 6 ? SLUICE_DEBUG : SLUICE_TRACE;
}

std::chrono::milliseconds until(Clock::time_point end) {
    return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()));
}

} // namespace

KafkaSource::KafkaSource(const sluice_host* host, const sluice_value* by_option)
    : Source(host), settings_(read_settings(Options(by_option), host->instance ? host->instance : "")),
      rebalances_metric_(metric("rebalances_total", SLUICE_COUNTER)),
      failed_commits_metric_(metric("failed_offset_commits_total", SLUICE_COUNTER)),
      lost_records_metric_(metric("lost_records_total", SLUICE_COUNTER)) {
    // Wrong client properties are found here, without a network and before anything runs.
    ClientConf conf;
    for (const auto* list : {&settings_.common, &settings_.consumer})
        for (const auto& [key, value] : *list)
            conf.set(key, value);
}

KafkaSource::~KafkaSource() {
    // Messages need their client: they go before it whatever the order of the members.
    stash_.clear();
    records_ = Records();
    if (!client_ || rd_kafka_consumer_closed(client_.get()))
        return;
    // Without a stop before: leave the group all the same, so that a successor need not wait until the session has
    // timed out.
    abandoned_ = true;
    drop_assignment(client_.get());
    if (!seen_assignment_) {
        rd_kafka_unsubscribe(client_.get()); // so that no assignment comes any more
        drop_assignment(client_.get());
    } else {
        leave_group(Clock::now() + kAbandonPatience);
    }
}

const void* KafkaSource::extension(const char* id) {
    static const sluice_lag_v1 lag{sizeof lag, 0,
                                   [](void* self, std::uint32_t lane, std::uint64_t* messages) -> sluice_status {
                                       KafkaSource& source = source_cast<KafkaSource>(self);
                                       return guarded(source.host(), [&] { return source.lag(lane, *messages); });
                                   }};
    static const sluice_dead_letter_v1 dead_letter{
        sizeof dead_letter, 0,
        [](void* self, const sluice_message* message, sluice_str code, sluice_str details, sluice_str database,
           sluice_str table) -> sluice_status {
            KafkaSource& source = source_cast<KafkaSource>(self);
            if (!source.dead_letters_)
                return SLUICE_OK;
            return guarded(source.host(), [&] {
                source.dead_letters_->copy(*message, {view(code), view(details), view(database), view(table)});
                return SLUICE_OK;
            });
        }};
    const std::string_view name(id);
    if (name == SLUICE_LAG_V1)
        return &lag;
    return name == SLUICE_DEAD_LETTER_V1 ? &dead_letter : nullptr;
}

Client KafkaSource::connect(bool with_callbacks) {
    ClientConf conf;
    for (const auto* list : {&settings_.common, &settings_.consumer})
        for (const auto& [key, value] : *list)
            conf.set(key, value);
    rd_kafka_conf_set_opaque(conf.raw(), this);
    rd_kafka_conf_set_log_cb(conf.raw(), [](const rd_kafka_t* client, int level, const char* what, const char* text) {
        const auto* self = static_cast<const KafkaSource*>(rd_kafka_opaque(client));
        self->log(host_level(level), std::string("kafka client: ") + what + ": " + text);
    });
    rd_kafka_conf_set_error_cb(conf.raw(), [](rd_kafka_t* client, int error, const char* reason, void* opaque) {
        auto* self = static_cast<KafkaSource*>(opaque);
        auto code = static_cast<rd_kafka_resp_err_t>(error);
        std::string text = reason ? reason : text_of(code);
        if (code == RD_KAFKA_RESP_ERR__FATAL) {
            char fatal[512];
            code = rd_kafka_fatal_error(client, fatal, sizeof fatal);
            const bool fenced = code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
            self->callback_failure_ = std::make_exception_ptr(Failure(
                fenced ? SLUICE_E_DENIED : SLUICE_E_INTERNAL,
                fenced ? "another member of the group uses the same group_instance_id: " + std::string(fatal) : fatal));
            return;
        }
        self->on_client_error(code, text);
    });
    if (with_callbacks) {
        rd_kafka_conf_set_rebalance_cb(conf.raw(), &KafkaSource::on_rebalance);
        rd_kafka_conf_set_offset_commit_cb(conf.raw(), &KafkaSource::on_commit);
    }
    return conf.create(RD_KAFKA_CONSUMER);
}

std::vector<TopicSize> KafkaSource::wait_for_brokers(rd_kafka_t* client) {
    last_broker_error_.clear();
    const auto end = Clock::now() + kConnectPatience;
    for (;;) {
        std::optional<std::vector<TopicSize>> sizes;
        std::string why;
        try {
            sizes = topic_sizes(client, settings_.topics, std::clamp(until(end), 1ms, 500ms));
        } catch (const Failure& failure) {
            if (failure.status() != SLUICE_E_UNAVAILABLE)
                throw;
            why = failure.what();
        }
        rd_kafka_poll(client, 0); // errors of the connections are told by a callback
        rethrow_callback_failure();
        if (sizes)
            return *sizes;
        if (Clock::now() >= end)
            throw Unavailable("no broker of " + settings_.bootstrap_servers +
                              " answered within 10 s: " + (last_broker_error_.empty() ? why : last_broker_error_));
    }
}

void KafkaSource::check() {
    const Client client = connect(false);
    for (const TopicSize& size : wait_for_brokers(client.get()))
        if (size.partitions == 0)
            throw ConfigFailure("there is no topic '" + size.topic + "' at " + settings_.bootstrap_servers +
                                "; create it, or correct the name in topics");
}

void KafkaSource::start() {
    known_topics_.emplace(std::string(state_dir()) + "/kafka_topics");
    set_health(SLUICE_CONNECTING, "connecting to " + settings_.bootstrap_servers);
    client_ = connect(true);
    for (const TopicSize& size : wait_for_brokers(client_.get())) {
        if (size.partitions == 0)
            set_health(SLUICE_DEGRADED, "there is no topic '" + size.topic + "' at " + settings_.bootstrap_servers +
                                            " yet; it is read as soon as it is created");
        known_topics_->remember(size.topic, size.partitions);
    }
    if (!settings_.dead_letter_topic.empty())
        dead_letters_ = std::make_unique<DeadLetterTopic>(settings_, instance());
    rd_kafka_poll_set_consumer(client_.get());
    const List topics = new_list(settings_.topics.size());
    for (const std::string& topic : settings_.topics)
        rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    if (const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_.get(), topics.get()))
        throw Failure(error == RD_KAFKA_RESP_ERR__INVALID_ARG ? SLUICE_E_CONFIG : status_of(error),
                      "cannot subscribe to the topics: " + text_of(error) +
                          (error == RD_KAFKA_RESP_ERR__INVALID_ARG ? "; is each ^ name a regular expression?" : ""));
}

bool KafkaSource::poll(Credit credit, Batch& out) {
    const auto end = Clock::now() + credit.wait;
    set_paused(credit.messages == 0);
    start_pending();
    if (paused_)
        serve_while_paused(end);
    else
        collect(credit, end);
    commit_when_due();
    watch_health();
    if (!paused_)
        records_.hand_over(out);
    return true;
}

void KafkaSource::pause(bool paused) {
    set_paused(paused);
}

void KafkaSource::serve_while_paused(Clock::time_point end) {
    // The client still has to be polled: it stays in the group, and rebalances and errors arrive this way.
    do {
        Message message = next_message(until(end));
        if (message && message->err)
            on_message_error(*message);
        else if (message)
            stash_.push_back(std::move(message));
    } while (Clock::now() < end && !assign_due_);
}

void KafkaSource::collect(Credit credit, Clock::time_point end) {
    while (records_.size() < credit.messages && records_.bytes() < credit.bytes) {
        Message message;
        if (!stash_.empty()) {
            message = std::move(stash_.front());
            stash_.pop_front();
        } else {
            message = next_message(0ms);
            if (!message) {
                wake_fetcher();
                message = next_message(records_.empty() ? until(end) : 0ms);
            }
        }
        if (message) {
            if (!accept(std::move(message), credit))
                return;
        } else if (!records_.empty() || assign_due_ || Clock::now() >= end) {
            return;
        }
    }
}

void KafkaSource::wake_fetcher() {
    // Below 2.2 the client stops fetching when its queue is full and its broker thread then sleeps for a second, however soon the queue
    // is empty again (later versions: fetch.queue.backoff.ms). A question to the leader of a partition wakes that thread.
    if (rd_kafka_version() >= kVersionWithQueueBackoff || Clock::now() < next_wake_)
        return;
    std::int64_t low = 0, high = 0;
    std::size_t place = 0;
    for (auto& [partition, lane] : lanes_) {
        if (place++ < wake_from_ || rd_kafka_get_watermark_offsets(client_.get(), partition.topic.c_str(), partition.number, &low, &high) ||
            high - lane.next_offset < kWorthWaking)
            continue;
        wake_from_ = place; // the next one in turn: its leader may be another broker
        rd_kafka_query_watermark_offsets(client_.get(), partition.topic.c_str(), partition.number, &low, &high, kWakePatience);
        next_wake_ = Clock::now() + kWakeEvery;
        return;
    }
    wake_from_ = 0;
}

Message KafkaSource::next_message(std::chrono::milliseconds wait) {
    Message message(rd_kafka_consumer_poll(client_.get(), static_cast<int>(wait.count())));
    rethrow_callback_failure();
    return message;
}

bool KafkaSource::accept(Message message, const Credit& credit) {
    if (message->err) {
        on_message_error(*message);
        return true;
    }
    OpenLane* lane = lanes_.find(*message);
    if (!lane || !is_wanted(*message, *lane))
        return true;
    if (!records_.empty() && records_.bytes() + Records::size_of(*message) > credit.bytes) {
        stash_.push_front(std::move(message));
        return false;
    }
    if (lane->damaged_at) {
        report_gap(lane->id, {lane->sequence(*lane->damaged_at), lane->sequence(message->offset) - 1},
                   "the client could not read the records at the broker");
        lane->damaged_at.reset();
    }
    lane->next_offset = message->offset + 1;
    lane->last_sequence = lane->sequence(message->offset);
    lane->known = true;
    records_.add(std::move(message), *lane);
    return true;
}

bool KafkaSource::is_wanted(const rd_kafka_message_t& message, OpenLane& lane) {
    if (lane.moving)
        return false;
    if (lane.verify_offset) {
        const bool there = message.offset == *lane.verify_offset;
        lane.verify_offset.reset();
        if (there && timestamp_ms(message) != lane.verify_timestamp_ms) {
            lane.moving = true;
            moves_.push_back({lane.partition, true});
            return false;
        }
    }
    return message.offset >= lane.next_offset;
}

void KafkaSource::on_message_error(const rd_kafka_message_t& message) {
    OpenLane* lane = message.rkt ? lanes_.find(message) : nullptr;
    const char* text = rd_kafka_message_errstr(&message);
    switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        if (lane && !lane->moving) {
            lane->moving = true;
            moves_.push_back({lane->partition, false});
        }
        return;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        log(SLUICE_ERROR, (lane ? lane_name(lane->partition) : std::string("a partition")) + ": records at offset " +
                              std::to_string(message.offset) + " cannot be read: " + text);
        if (lane && !lane->damaged_at)
            lane->damaged_at = std::max(lane->next_offset, message.offset);
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        set_health(SLUICE_DEGRADED, text);
        return;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        log(SLUICE_WARN,
            std::string("the group took the partitions away, because nothing was polled for too long: ") + text);
        return;
    default:
        if (status_of(message.err) != SLUICE_E_UNAVAILABLE)
            throw Failure(status_of(message.err), text);
        log(SLUICE_WARN, std::string("kafka consumer: ") + text);
    }
}

void KafkaSource::on_client_error(rd_kafka_resp_err_t error, const std::string& reason) {
    // A broker that goes away in the middle of a TLS handshake looks like a refused one, so only the first connection
    // is believed.
    const bool refused = status_of(error) == SLUICE_E_DENIED && (error != RD_KAFKA_RESP_ERR__SSL || !seen_assignment_);
    if (refused) {
        callback_failure_ = std::make_exception_ptr(Denied(reason));
        return;
    }
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        last_broker_error_ = reason;
    else if (seen_assignment_)
        set_health(SLUICE_CONNECTING, last_broker_error_.empty() ? reason : last_broker_error_);
}

void KafkaSource::rethrow_callback_failure() {
    if (callback_failure_)
        std::rethrow_exception(std::exchange(callback_failure_, nullptr));
}

void KafkaSource::report_gap(std::uint32_t lane, const Gap& gap, const std::string& why) {
    if (gap.last < gap.first)
        return;
    record(lost_records_metric_, static_cast<double>(gap.last - gap.first + 1));
    const std::string text = why + ": sequences " + std::to_string(gap.first) + " to " + std::to_string(gap.last);
    log(SLUICE_WARN, "lane " + std::to_string(lane) + ": " + text);
    if (const auto* extension = host_extension<sluice_gap_v1>(SLUICE_GAP_V1))
        if (const sluice_status status = extension->lost(host(), lane, gap.first, gap.last, why.c_str()); status < 0)
            throw Failure(status, "the host did not take the gap: " + text);
}

void KafkaSource::watch_health() {
    if (health_ != SLUICE_CONNECTING || !seen_assignment_ || Clock::now() < next_probe_)
        return;
    next_probe_ = Clock::now() + kProbeEvery;
    try {
        topic_sizes(client_.get(), settings_.topics, kProbePatience);
        set_health(SLUICE_HEALTHY, "");
    } catch (const Unavailable&) {
        return; // still away: the reason that was given stands
    } catch (const Failure& failure) {
        if (failure.status() != SLUICE_E_UNAVAILABLE)
            throw;
    }
}

void KafkaSource::set_health(std::int32_t state, const std::string& detail) {
    if (state == SLUICE_HEALTHY && health_ == SLUICE_HEALTHY)
        return;
    health_ = state;
    health(state, detail);
}

sluice_status KafkaSource::lag(std::uint32_t id, std::uint64_t& messages) {
    const OpenLane* lane = lanes_.find(id);
    std::int64_t low = 0, high = 0;
    if (!lane ||
        rd_kafka_get_watermark_offsets(client_.get(), lane->partition.topic.c_str(), lane->partition.number, &low,
                                       &high) ||
        high < 0)
        throw Unavailable("the lag is not known yet");
    messages = static_cast<std::uint64_t>(std::max<std::int64_t>(0, high - lane->next_offset));
    return SLUICE_OK;
}

void KafkaSource::stop() {
    if (!client_)
        return;
    commit_and_wait(committable());
    dead_letters_.reset();
    closing_ = true;
    const auto end = Clock::now() + kClosePatience;
    // Closing a member before its first assignment crashes librdkafka below 2.3, so that is waited for.
    while (!seen_assignment_ && Clock::now() < end) {
        const Message dropped = next_message(100ms);
        start_pending();
    }
    stash_.clear();
    records_ = Records();
    if (!seen_assignment_)
        return;
    if (!leave_group(end))
        log(SLUICE_WARN, "the group was not left in time; it notices after session.timeout.ms");
    rethrow_callback_failure();
}

bool KafkaSource::leave_group(Clock::time_point end) {
    const Queue queue(rd_kafka_queue_get_consumer(client_.get()));
    if (const Error error{rd_kafka_consumer_close_queue(client_.get(), queue.get())})
        return false;
    while (!rd_kafka_consumer_closed(client_.get()) && Clock::now() < end)
        const Message dropped(rd_kafka_consumer_poll(client_.get(), 50));
    return rd_kafka_consumer_closed(client_.get()) != 0;
}

} // namespace sluice::kafka

SLUICE_SOURCE_PLUGIN(sluice::kafka::KafkaSource, "kafka", "1.0.0",
                     "Reads topics of Apache Kafka, or of an Event Hubs namespace through its Kafka endpoint.",
                     SLUICE_CAP_REPLAY)
