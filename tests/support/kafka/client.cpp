#include "tests/support/kafka/client.hpp"

#include <librdkafka/rdkafka.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <stdexcept>

namespace sluice::testing::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int kPatienceMs = 30'000;

[[noreturn]] void fail(const std::string& what, const std::string& why) {
    throw std::runtime_error(what + ": " + why);
}

void check(const std::string& what, rd_kafka_resp_err_t error) {
    if (error)
        fail(what, rd_kafka_err2str(error));
}

struct Conf {
    rd_kafka_conf_t* raw = rd_kafka_conf_new();
    void set(const std::string& key, const std::string& value) {
        std::array<char, 256> text{};
        if (rd_kafka_conf_set(raw, key.c_str(), value.c_str(), text.data(), text.size()) != RD_KAFKA_CONF_OK)
            fail(key, text.data());
    }
};

using Handle = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
Handle open(rd_kafka_type_t type, Conf& conf) {
    std::array<char, 256> text{};
    rd_kafka_t* raw = rd_kafka_new(type, conf.raw, text.data(), text.size());
    if (!raw)
        fail("kafka client", text.data());
    return {raw, rd_kafka_destroy};
}

using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;
Partitions partition_list(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    Partitions list(rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy);
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
    return list;
}

using Queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;

} // namespace

struct Client::State {
    std::string servers;
    Properties more;
    Handle handle{nullptr, rd_kafka_destroy};
    std::atomic<std::uint64_t> failed = 0;
    std::string first_failure;

    /// Runs an admin call and returns its event.
    template <class Call> Event admin(const std::string& what, rd_kafka_admin_op_t operation, Call&& call) {
        Queue queue(rd_kafka_queue_new(handle.get()), rd_kafka_queue_destroy);
        const std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)> options(
            rd_kafka_AdminOptions_new(handle.get(), operation), rd_kafka_AdminOptions_destroy);
        std::array<char, 256> text{};
        rd_kafka_AdminOptions_set_request_timeout(options.get(), kPatienceMs, text.data(), text.size());
        call(options.get(), queue.get());
        Event event(rd_kafka_queue_poll(queue.get(), kPatienceMs), rd_kafka_event_destroy);
        if (!event)
            fail(what, "no answer");
        if (rd_kafka_event_error(event.get()))
            fail(what, rd_kafka_event_error_string(event.get()));
        return event;
    }
};

Client::Client(const std::string& servers, const Properties& more) : state_(std::make_unique<State>()) {
    state_->servers = servers;
    state_->more = more;
    Conf conf;
    conf.set("bootstrap.servers", servers);
    conf.set("linger.ms", "5");
    conf.set("enable.idempotence", "true"); // a retry must not make a second record: tests count
    conf.set("queue.buffering.max.messages", "200000");
    for (const auto& [key, value] : more)
        conf.set(key, value);
    rd_kafka_conf_set_opaque(conf.raw, state_.get());
    rd_kafka_conf_set_dr_msg_cb(conf.raw, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
        auto* state = static_cast<State*>(opaque);
        if (message->err && state->failed++ == 0)
            state->first_failure = rd_kafka_err2str(message->err);
    });
    state_->handle = open(RD_KAFKA_PRODUCER, conf);
}

Client::~Client() = default;

void Client::create_topic(const Topic& topic) {
    std::array<char, 256> text{};
    const std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)> wanted(
        rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, 1, text.data(), text.size()),
        rd_kafka_NewTopic_destroy);
    if (!wanted)
        fail("topic " + topic.name, text.data());
    for (const auto& [key, value] : topic.config)
        rd_kafka_NewTopic_set_config(wanted.get(), key.c_str(), value.c_str());
    rd_kafka_NewTopic_t* list[] = {wanted.get()};
    const Event event = state_->admin("create topic", RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](auto* options, auto* queue) {
        rd_kafka_CreateTopics(state_->handle.get(), list, 1, options, queue);
    });
    std::size_t count = 0;
    const auto* result = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i)
        if (const auto error = rd_kafka_topic_result_error(result[i]); error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            check("create topic " + topic.name, error);
}

void Client::delete_topic(const std::string& name) {
    const std::unique_ptr<rd_kafka_DeleteTopic_t, decltype(&rd_kafka_DeleteTopic_destroy)> wanted(
        rd_kafka_DeleteTopic_new(name.c_str()), rd_kafka_DeleteTopic_destroy);
    rd_kafka_DeleteTopic_t* list[] = {wanted.get()};
    const Event event = state_->admin("delete topic", RD_KAFKA_ADMIN_OP_DELETETOPICS, [&](auto* options, auto* queue) {
        rd_kafka_DeleteTopics(state_->handle.get(), list, 1, options, queue);
    });
    std::size_t count = 0;
    const auto* result = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i)
        check("delete topic " + name, rd_kafka_topic_result_error(result[i]));
}

void Client::grow_topic(const std::string& name, int partitions) {
    std::array<char, 256> text{};
    const std::unique_ptr<rd_kafka_NewPartitions_t, decltype(&rd_kafka_NewPartitions_destroy)> wanted(
        rd_kafka_NewPartitions_new(name.c_str(), static_cast<std::size_t>(partitions), text.data(), text.size()),
        rd_kafka_NewPartitions_destroy);
    if (!wanted)
        fail("topic " + name, text.data());
    rd_kafka_NewPartitions_t* list[] = {wanted.get()};
    const Event event =
        state_->admin("grow topic", RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, [&](auto* options, auto* queue) {
            rd_kafka_CreatePartitions(state_->handle.get(), list, 1, options, queue);
        });
    std::size_t count = 0;
    const auto* result =
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i)
        check("grow topic " + name, rd_kafka_topic_result_error(result[i]));
}

void Client::delete_records(const std::string& topic, std::int32_t partition, std::int64_t before) {
    const Partitions offsets = partition_list(topic, partition, before);
    const std::unique_ptr<rd_kafka_DeleteRecords_t, decltype(&rd_kafka_DeleteRecords_destroy)> wanted(
        rd_kafka_DeleteRecords_new(offsets.get()), rd_kafka_DeleteRecords_destroy);
    rd_kafka_DeleteRecords_t* list[] = {wanted.get()};
    const Event event =
        state_->admin("delete records", RD_KAFKA_ADMIN_OP_DELETERECORDS, [&](auto* options, auto* queue) {
            rd_kafka_DeleteRecords(state_->handle.get(), list, 1, options, queue);
        });
    const auto* result = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
    for (int i = 0; i < result->cnt; ++i)
        check("delete records of " + topic, result->elems[i].err);
}

namespace {

Handle group_member(const std::string& servers, const Properties& more, const std::string& group) {
    Conf conf;
    conf.set("bootstrap.servers", servers);
    conf.set("group.id", group);
    conf.set("enable.auto.commit", "false");
    for (const auto& [key, value] : more)
        conf.set(key, value);
    return open(RD_KAFKA_CONSUMER, conf);
}

} // namespace

std::optional<std::int64_t> Client::committed(const std::string& group, const std::string& topic,
                                              std::int32_t partition) {
    const Handle member = group_member(state_->servers, state_->more, group);
    const Partitions list = partition_list(topic, partition, RD_KAFKA_OFFSET_INVALID);
    check("committed offset of " + group, rd_kafka_committed(member.get(), list.get(), kPatienceMs));
    if (list->elems[0].offset < 0)
        return std::nullopt;
    return list->elems[0].offset;
}

void Client::commit(const std::string& group, const std::string& topic, std::int32_t partition, std::int64_t offset) {
    const Handle member = group_member(state_->servers, state_->more, group);
    const Partitions list = partition_list(topic, partition, offset);
    check("commit for " + group, rd_kafka_commit(member.get(), list.get(), 0));
}

Client::Watermarks Client::watermarks(const std::string& topic, std::int32_t partition) {
    Watermarks marks{};
    check("watermarks of " + topic, rd_kafka_query_watermark_offsets(state_->handle.get(), topic.c_str(), partition,
                                                                     &marks.low, &marks.high, kPatienceMs));
    return marks;
}

void Client::produce(const std::string& topic, const Record& record) {
    rd_kafka_headers_t* headers = nullptr;
    if (!record.headers.empty()) {
        headers = rd_kafka_headers_new(record.headers.size());
        for (const auto& [name, value] : record.headers)
            rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                                value ? value->data() : nullptr, value ? static_cast<ssize_t>(value->size()) : 0);
    }
    for (;;) {
        // Spelled out instead of rd_kafka_producev: its macros do not pass -Wextra in C++.
        rd_kafka_vu_t parts[7];
        std::size_t n = 0;
        const auto part = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
            parts[n] = {};
            parts[n].vtype = type;
            return parts[n++];
        };
        part(RD_KAFKA_VTYPE_TOPIC).u.cstr = topic.c_str();
        part(RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition;
        part(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
        if (record.value) {
            static char nothing; // a value of no bytes is told from no value by its pointer
            part(RD_KAFKA_VTYPE_VALUE).u.mem = {
                record.value->empty() ? &nothing : const_cast<char*>(record.value->data()), record.value->size()};
        }
        if (record.key)
            part(RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(record.key->data()), record.key->size()};
        if (record.timestamp_ms)
            part(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = record.timestamp_ms;
        if (headers)
            part(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
        const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
            rd_kafka_produceva(state_->handle.get(), parts, n), rd_kafka_error_destroy);
        if (!error)
            return;
        if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            if (headers)
                rd_kafka_headers_destroy(headers);
            fail("produce to " + topic, rd_kafka_error_string(error.get()));
        }
        rd_kafka_poll(state_->handle.get(), 100);
    }
}

void Client::flush(std::chrono::milliseconds patience) {
    check("flush", rd_kafka_flush(state_->handle.get(), static_cast<int>(patience.count())));
    if (state_->failed.exchange(0) > 0)
        fail("produce", state_->first_failure);
}

Client::Drained Client::drain(const std::string& servers, const std::string& topic, std::uint64_t count,
                              std::chrono::milliseconds patience, const std::function<void(const Record&)>& use) {
    using Clock = std::chrono::steady_clock;
    Conf conf;
    conf.set("bootstrap.servers", servers);
    conf.set("group.id", "drain-" + std::to_string(Clock::now().time_since_epoch().count()));
    conf.set("enable.auto.commit", "false");
    conf.set("auto.offset.reset", "earliest");
    const Handle consumer = open(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer.get());
    const Partitions topics = partition_list(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_OFFSET_INVALID);
    check("subscribe to " + topic, rd_kafka_subscribe(consumer.get(), topics.get()));
    Drained drained;
    Clock::time_point first{}, last{};
    const auto end = Clock::now() + patience;
    while (drained.messages < count && (drained.messages % 1024 != 0 || Clock::now() < end)) {
        rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), 100);
        if (!message) {
            if (Clock::now() >= end)
                break;
            continue;
        }
        if (!message->err) {
            if (drained.messages++ == 0)
                first = Clock::now();
            drained.bytes += message->len;
            if (use) {
                Record record;
                if (message->payload)
                    record.value.emplace(static_cast<const char*>(message->payload), message->len);
                if (message->key)
                    record.key.emplace(static_cast<const char*>(message->key), message->key_len);
                record.partition = message->partition;
                rd_kafka_headers_t* headers = nullptr;
                if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
                    const char* name = nullptr;
                    const void* value = nullptr;
                    std::size_t size = 0;
                    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i)
                        record.headers.emplace_back(
                            name,
                            value ? std::optional(std::string(static_cast<const char*>(value), size)) : std::nullopt);
                }
                use(record);
            }
        }
        rd_kafka_message_destroy(message);
    }
    last = Clock::now();
    drained.seconds = std::chrono::duration<double>(last - first).count();
    rd_kafka_consumer_close(consumer.get());
    return drained;
}

std::string generated_line(std::uint64_t seed, std::uint64_t number) {
    // splitmix64: a line does not depend on the lines before it, so any range can be made again.
    std::uint64_t state = seed * 0x9E3779B97F4A7C15u + number;
    const auto next = [&] {
        std::uint64_t z = (state += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    };
    const std::uint64_t a = next(), b = next();
    std::array<char, 320> text{};
    const int size = std::snprintf(
        text.data(), text.size(),
        R"({"n":%llu,"ts":"2026-01-%02uT%02u:%02u:%02u.%03uZ","device":"device-%05u","site":"plant-%02u","temperature":%u.%02u,)"
        R"("humidity":%u.%u,"status":"%s","retries":%u,"message":"reading %08x accepted by gateway %u"})",
        static_cast<unsigned long long>(number), static_cast<unsigned>(1 + a % 28), static_cast<unsigned>(a / 28 % 24),
        static_cast<unsigned>(a / 700 % 60), static_cast<unsigned>(a / 42'000 % 60),
        static_cast<unsigned>(a / 2'600'000 % 1000), static_cast<unsigned>(b % 20'000),
        static_cast<unsigned>(b / 20'000 % 40), static_cast<unsigned>(15 + (b >> 24) % 20),
        static_cast<unsigned>((b >> 30) % 100), static_cast<unsigned>(30 + (b >> 36) % 60),
        static_cast<unsigned>((b >> 42) % 10), (b >> 46) % 50 == 0 ? "degraded" : "ok",
        static_cast<unsigned>((b >> 52) % 4), static_cast<unsigned>(a >> 32), static_cast<unsigned>((a >> 28) % 12));
    return {text.data(), static_cast<std::size_t>(size)};
}

} // namespace sluice::testing::kafka
