// The Kafka side of the benchmarks, on bare librdkafka:
//
//   bench_kafka preload BOOTSTRAP TOPIC COUNT        COUNT JSON rows into the topic's partitions, lz4
//   bench_kafka drain   BOOTSTRAP TOPIC COUNT        the reference: a consumer that does nothing with COUNT messages; prints seconds
//   bench_kafka pace    BOOTSTRAP TOPIC RATE SECONDS open loop: RATE events a second on a schedule fixed in advance; each carries its
//                                                    number and the time it was due ("seq", "due_ns"); the last number is printed
#include "bench/rows.hpp"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

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
        const auto error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
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

void drain(const std::string& bootstrap, const std::string& topic, std::uint64_t count) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", "bench-drain-" + std::to_string(Steady::now().time_since_epoch().count()));
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    rd_kafka_t* consumer = make(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer);
    auto* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    std::uint64_t seen = 0, bytes = 0;
    // From the first message on: joining the group is not what is measured.
    Steady::time_point begun{};
    while (seen < count) {
        rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 1000);
        if (!message)
            continue;
        if (!message->err) {
            if (seen++ == 0)
                begun = Steady::now();
            bytes += message->len;
        }
        rd_kafka_message_destroy(message);
    }
    std::printf("%.3f\n", std::chrono::duration<double>(Steady::now() - begun).count());
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

void pace(const std::string& bootstrap, const std::string& topic, std::uint64_t rate, std::uint64_t seconds) {
    rd_kafka_t* producer = make_producer(bootstrap, false);
    sluice::bench::Rows rows(7);
    const auto begun = Steady::now();
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    const std::uint64_t begun_ns = static_cast<std::uint64_t>(wall.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(wall.tv_nsec);
    const std::uint64_t step = 1'000'000'000 / rate;
    std::string payload;
    for (std::uint64_t i = 0; i < rate * seconds; ++i) {
        std::this_thread::sleep_until(begun + std::chrono::nanoseconds(i * step));
        payload.clear();
        sluice::bench::Rows::append_json(payload, rows.next());
        payload.pop_back();
        payload += ",\"due_ns\":" + std::to_string(begun_ns + i * step) + "}";
        send(producer, topic, payload);
    }
    finish(producer);
    std::printf("%llu\n", static_cast<unsigned long long>(rate * seconds - 1));
}

} // namespace

int main(int argc, char** argv) try {
    const std::string_view mode = argc > 4 ? argv[1] : "";
    if (mode == "preload")
        preload(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
    else if (mode == "drain")
        drain(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10));
    else if (mode == "pace" && argc > 5)
        pace(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[5], nullptr, 10));
    else {
        std::fprintf(stderr, "usage: bench_kafka preload|drain BOOTSTRAP TOPIC COUNT, or pace BOOTSTRAP TOPIC RATE SECONDS\n");
        return 2;
    }
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_kafka: %s\n", error.what());
    return 1;
}
