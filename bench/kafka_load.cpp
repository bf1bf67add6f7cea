// The Kafka side of the benchmarks, on bare librdkafka:
//
//   bench_kafka preload BOOTSTRAP TOPIC COUNT        COUNT JSON rows into the topic's partitions, lz4
//   bench_kafka drain   BOOTSTRAP TOPIC COUNT default|tuned
//                                                    the reference: a consumer that does nothing with COUNT messages;
//                                                    prints seconds. tuned: with a queue that never fills up, because
//                                                    below librdkafka 2.2 a full one makes it sleep for a second
//   bench_kafka pace    BOOTSTRAP TOPIC RATE SECONDS open loop: RATE events a second on a schedule fixed in advance;
//   each carries its
//                                                    number and the time it was due ("seq", "due_ns")
//   bench_kafka wake    BOOTSTRAP TOPIC COUNT        COUNT events with a "due_ns" of 0, which nobody measures
//   bench_kafka watch   BOOTSTRAP TOPIC COUNT SKIP   the reference for pace: a consumer that looks only at "due_ns";
//   prints p50, p99, p99.9
//                                                    and the maximum of its latency in ms over COUNT events but the
//                                                    first SKIP
#include "bench/rows.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;

void set(rd_kafka_conf_t* conf, const char* key, const std::string& value) {
    char why[256];
    if (rd_kafka_conf_set(conf, key, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
        throw std::runtime_error(why);
}

rd_kafka_t* make(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
    char why[256];
    rd_kafka_t* handle = rd_kafka_new(type, conf, why, sizeof why);
    if (!handle)
        throw std::runtime_error(why);
    return handle;
}

rd_kafka_t* make_producer(const std::string& bootstrap, bool batching) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    if (batching) {
        set(conf, "compression.type", "lz4");
        set(conf, "linger.ms", "20");
        set(conf, "queue.buffering.max.messages", "500000");
    } else {
        set(conf, "linger.ms", "0");
    }
    return make(RD_KAFKA_PRODUCER, conf);
}

void send(rd_kafka_t* producer, const std::string& topic, const std::string& payload) {
    for (;;) {
        const auto error =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(const_cast<char*>(payload.data()), payload.size()), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            throw std::runtime_error(rd_kafka_err2str(error));
        rd_kafka_poll(producer, 50);
    }
    rd_kafka_poll(producer, 0);
}

void finish(rd_kafka_t* producer) {
    if (rd_kafka_flush(producer, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        throw std::runtime_error("not everything was produced within a minute");
    rd_kafka_destroy(producer);
}

void preload(const std::string& bootstrap, const std::string& topic, std::uint64_t count) {
    rd_kafka_t* producer = make_producer(bootstrap, true);
    sluice::bench::Rows rows(7);
    std::string payload;
    for (std::uint64_t i = 0; i < count; ++i) {
        payload.clear();
        sluice::bench::Rows::append_json(payload, rows.next());
        send(producer, topic, payload);
    }
    finish(producer);
}

/// A consumer in a group of its own that reads the topic from its beginning.
class Consumer {
public:
    Consumer(const std::string& bootstrap, const std::string& topic, bool tuned = false) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        set(conf, "bootstrap.servers", bootstrap);
        set(conf, "group.id", "bench-" + std::to_string(Steady::now().time_since_epoch().count()));
        set(conf, "auto.offset.reset", "earliest");
        set(conf, "enable.auto.commit", "false");
        if (tuned) {
            set(conf, "queued.min.messages", "10000000");
            set(conf, "queued.max.messages.kbytes", "2000000");
        }
        handle_ = make(RD_KAFKA_CONSUMER, conf);
        rd_kafka_poll_set_consumer(handle_);
        auto* topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
        rd_kafka_subscribe(handle_, topics);
        rd_kafka_topic_partition_list_destroy(topics);
    }
    ~Consumer() {
        rd_kafka_consumer_close(handle_);
        rd_kafka_destroy(handle_);
    }
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

    /// Calls `take` with each payload until it answers false.
    template <class Take> void read(Take take) {
        for (bool more = true; more;) {
            rd_kafka_message_t* message = rd_kafka_consumer_poll(handle_, 1000);
            if (!message)
                continue;
            if (!message->err)
                more = take(std::string_view(static_cast<const char*>(message->payload), message->len));
            rd_kafka_message_destroy(message);
        }
    }

private:
    rd_kafka_t* handle_ = nullptr;
};

void drain(const std::string& bootstrap, const std::string& topic, std::uint64_t count, bool tuned) {
    Consumer consumer(bootstrap, topic, tuned);
    std::uint64_t seen = 0;
    // From the first message on: joining the group is not what is measured.
    Steady::time_point begun{};
    consumer.read([&](std::string_view) {
        if (seen++ == 0)
            begun = Steady::now();
        return seen < count;
    });
    std::printf("%.3f\n", std::chrono::duration<double>(Steady::now() - begun).count());
}

std::uint64_t wall_ns() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return static_cast<std::uint64_t>(wall.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(wall.tv_nsec);
}

void watch(const std::string& bootstrap, const std::string& topic, std::uint64_t count, std::uint64_t skip) {
    constexpr std::string_view kDue = "\"due_ns\":";
    Consumer consumer(bootstrap, topic);
    std::vector<double> late_ms;
    std::uint64_t seen = 0;
    consumer.read([&](std::string_view payload) {
        const std::uint64_t due = std::strtoull(payload.data() + payload.rfind(kDue) + kDue.size(), nullptr, 10);
        if (due == 0)
            return true;
        if (++seen > skip)
            late_ms.push_back(static_cast<double>(wall_ns() - due) / 1e6);
        return seen < count;
    });
    std::sort(late_ms.begin(), late_ms.end());
    const auto at = [&](double share) {
        return late_ms[std::min(late_ms.size() - 1,
                                static_cast<std::size_t>(static_cast<double>(late_ms.size()) * share))];
    };
    std::printf("%.2f %.2f %.2f %.2f\n", at(0.5), at(0.99), at(0.999), late_ms.back());
}

void append_due(std::string& payload, std::uint64_t due) {
    payload.pop_back();
    payload += ",\"due_ns\":" + std::to_string(due) + "}";
}

void wake(const std::string& bootstrap, const std::string& topic, std::uint64_t count) {
    rd_kafka_t* producer = make_producer(bootstrap, false);
    sluice::bench::Rows rows(7);
    std::string payload;
    for (std::uint64_t i = 0; i < count; ++i) {
        payload.clear();
        sluice::bench::Rows::append_json(payload, rows.next());
        append_due(payload, 0);
        send(producer, topic, payload);
    }
    finish(producer);
}

void pace(const std::string& bootstrap, const std::string& topic, std::uint64_t rate, std::uint64_t seconds) {
    rd_kafka_t* producer = make_producer(bootstrap, false);
    sluice::bench::Rows rows(7);
    const auto begun = Steady::now();
    const std::uint64_t begun_ns = wall_ns();
    const std::uint64_t step = 1'000'000'000 / rate;
    std::string payload;
    for (std::uint64_t i = 0; i < rate * seconds; ++i) {
        std::this_thread::sleep_until(begun + std::chrono::nanoseconds(i * step));
        payload.clear();
        sluice::bench::Rows::append_json(payload, rows.next());
        append_due(payload, begun_ns + i * step);
        send(producer, topic, payload);
    }
    finish(producer);
}

} // namespace

int main(int argc, char** argv) try {
    const std::string_view mode = argc > 4 ? argv[1] : "";
    if (mode == "preload")
        preload(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
    else if (mode == "drain")
        drain(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), argc > 5 && std::string_view(argv[5]) == "tuned");
    else if (mode == "wake")
        wake(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
    else if (mode == "watch" && argc > 5)
        watch(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[5], nullptr, 10));
    else if (mode == "pace" && argc > 5)
        pace(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[5], nullptr, 10));
    else {
        std::fprintf(stderr, "usage: bench_kafka preload|drain|wake BOOTSTRAP TOPIC COUNT, pace BOOTSTRAP TOPIC RATE "
                             "SECONDS, or watch BOOTSTRAP TOPIC COUNT SKIP\n");
        return 2;
    }
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_kafka: %s\n", error.what());
    return 1;
}
