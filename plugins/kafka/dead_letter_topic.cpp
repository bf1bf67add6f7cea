#include "plugins/kafka/dead_letter_topic.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 1s;

struct HeadersDeleter {
    void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};

std::string now_text() {
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    const auto milli = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[48];
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(milli));
    return text;
}

std::string system_property(const sluice_message& message, std::string_view name) {
    for (std::size_t i = 0; i < message.system_count; ++i)
        if (view(message.system[i].name) == name)
            return std::string(view(message.system[i].value));
    return {};
}

} // namespace

DeadLetterTopic::DeadLetterTopic(const Settings& settings, std::string_view connection)
    : topic_(settings.dead_letter_topic), connection_(connection) {
    ClientConf conf;
    for (const auto& [key, value] : settings.common)
        conf.set(key, value);
    conf.set("enable.idempotence", "true"); // which means acks=all
    conf.set("linger.ms", "0");
    conf.set("message.timeout.ms", "10000");
    rd_kafka_conf_set_opaque(conf.raw(), this);
    rd_kafka_conf_set_log_cb(conf.raw(), nullptr); // what matters comes back from copy
    rd_kafka_conf_set_dr_msg_cb(conf.raw(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
        auto* self = static_cast<DeadLetterTopic*>(opaque);
        if (reinterpret_cast<std::uintptr_t>(message->_private) != self->copies_)
            return;
        self->delivered_ = true;
        self->delivery_ = message->err;
    });
    producer_ = conf.create(RD_KAFKA_PRODUCER);
}

void DeadLetterTopic::copy(const sluice_message& message, const Verdict& verdict) {
    std::unique_ptr<rd_kafka_headers_t, HeadersDeleter> headers(rd_kafka_headers_new(message.header_count + 7));
    const auto add = [&](std::string_view name, const void* value, std::size_t size) {
        rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value,
                            static_cast<ssize_t>(size));
    };
    const auto add_text = [&](std::string_view name, std::string_view value) { add(name, value.data(), value.size()); };
    for (std::size_t i = 0; i < message.header_count; ++i)
        add(view(message.headers[i].name), message.headers[i].value.data, message.headers[i].value.size);
    add_text("sluice-dlq-error", verdict.code);
    add_text("sluice-dlq-kind", verdict.code == "General_RetryAttemptsExceeded" ? "Exhausted" : "Permanent");
    add_text("sluice-dlq-details", verdict.details);
    add_text("sluice-dlq-source", "kafka://" + connection_ + "/" + system_property(message, "kafka.topic") + "/" +
                                      system_property(message, "kafka.partition") + "/" +
                                      system_property(message, "kafka.offset"));
    add_text("sluice-dlq-database", verdict.database);
    add_text("sluice-dlq-table", verdict.table);
    add_text("sluice-dlq-time", now_text());

    delivered_ = false;
    ++copies_;
    rd_kafka_vu_t parts[6] = {};
    std::size_t n = 0;
    const auto part = [&](rd_kafka_vtype_t type) -> decltype(parts[0].u)& {
        parts[n].vtype = type;
        return parts[n++].u;
    };
    part(RD_KAFKA_VTYPE_TOPIC).cstr = topic_.c_str();
    part(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
    part(RD_KAFKA_VTYPE_VALUE).mem = {const_cast<std::uint8_t*>(message.payload.data), message.payload.size};
    part(RD_KAFKA_VTYPE_KEY).mem = {const_cast<std::uint8_t*>(message.key.data), message.key.size};
    part(RD_KAFKA_VTYPE_HEADERS).headers = headers.get();
    part(RD_KAFKA_VTYPE_OPAQUE).ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(copies_));
    if (const Error error{rd_kafka_produceva(producer_.get(), parts, n)})
        throw Failure(status_of(rd_kafka_error_code(error.get())),
                      "dead letter topic '" + topic_ + "': " + rd_kafka_error_string(error.get()));
    headers.release(); // the message owns them now
    const auto end = Clock::now() + kPatience;
    while (!delivered_ && Clock::now() < end)
        rd_kafka_poll(producer_.get(), 50);
    if (!delivered_)
        throw Unavailable("dead letter topic '" + topic_ + "': no broker took the copy within 1 s");
    if (delivery_)
        throw Failure(status_of(delivery_), "dead letter topic '" + topic_ + "': " + text_of(delivery_));
}

} // namespace sluice::kafka
