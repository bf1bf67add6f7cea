#include "plugins/mqtt/mqtt_source.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace sluice::mqtt {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kReportEach = seconds(1);
constexpr auto kWarnEach = seconds(10);

SessionRules session_rules_from(const Options& options, std::string_view instance, std::string_view state_dir) {
    SessionRules rules;
    try {
        rules.broker = Broker::parse(options.text(kBroker));
    } catch (const std::invalid_argument& error) {
        throw ConfigFailure(error.what());
    }
    rules.client_id = options.is_set(kClientId) ? options.text(kClientId) : "sluice-" + std::string(instance);
    if (rules.client_id.empty())
        throw ConfigFailure("client_id is empty; the broker keeps the session under that name");
    rules.version_5 = options.choice(kProtocol) == 0;
    rules.qos = static_cast<int>(options.integer(kQos));
    rules.session_expiry = std::chrono::duration_cast<seconds>(options.duration(kSessionExpiry));
    rules.keep_alive = std::chrono::duration_cast<seconds>(options.duration(kKeepAlive));
    rules.receive_maximum = static_cast<std::uint16_t>(options.integer(kReceiveMaximum));
    rules.username = options.text(kUsername);
    if (options.is_set(kPassword))
        rules.password = options.text(kPassword);
    rules.ca_file = options.text(kTlsCaFile);
    rules.cert_file = options.text(kTlsCertFile);
    rules.key_file = options.text(kTlsKeyFile);
    if (rules.cert_file.empty() != rules.key_file.empty())
        throw ConfigFailure("tls.cert_file and tls.key_file belong together; give both or none");
    if (!rules.broker.tls && !(rules.ca_file.empty() && rules.cert_file.empty()))
        throw ConfigFailure("tls is configured, but broker is \"" + rules.broker.uri +
                            "\", which does not encrypt; give it as ssl://host:8883");
    const std::string share = options.text(kShareName);
    if (share.find_first_of("/+#") != std::string::npos)
        throw ConfigFailure("share_name is \"" + share + "\"; it may not hold '/', '+' or '#'");
    std::vector<std::string> topics = options.list(kTopics);
    if (topics.empty())
        topics.assign(std::begin(kDeviceTopics), std::end(kDeviceTopics));
    for (const auto& topic : topics) {
        if (std::string why; !is_topic_filter(topic, why))
            throw ConfigFailure("topics holds \"" + topic + "\": " + why);
        rules.topics.push_back(share.empty() ? topic : "$share/" + share + "/" + topic);
    }
    rules.marker_file = std::string(state_dir) + "/session";
    return rules;
}

SpoolRules spool_rules_from(const Options& options) {
    return {.max_bytes = options.size(kSpoolMaxBytes),
            .segment_bytes = options.size(kSpoolSegmentBytes),
            .sync = static_cast<SpoolSync>(options.choice(kSpoolSync)),
            .sync_interval = std::max(milliseconds(1),
                                      std::chrono::duration_cast<milliseconds>(options.duration(kSpoolSyncInterval)))};
}

} // namespace

MqttSource::MqttSource(const sluice_host* host, const sluice_value* by_option)
    : Source(host), session_rules_(session_rules_from(Options(by_option), instance(), state_dir())),
      spool_rules_(spool_rules_from(Options(by_option))) {
    counters_ = {metric("connections_total", SLUICE_COUNTER), metric("sessions_lost_total", SLUICE_COUNTER),
                 metric("retained_replays_skipped_total", SLUICE_COUNTER),
                 metric("messages_refused_total", SLUICE_COUNTER)};
    spooled_ = metric("messages_spooled_total", SLUICE_COUNTER);
    spool_failures_ = metric("spool_failures_total", SLUICE_COUNTER);
    spool_bytes_ = metric("spool_bytes", SLUICE_GAUGE);
    spool_messages_ = metric("spool_messages", SLUICE_GAUGE);
}

MqttSource::~MqttSource() {
    MqttSource::stop();
}

void MqttSource::check() {
    try {
        Session(session_rules_, static_cast<SessionOwner&>(*this)).try_connection();
    } catch (const Session::ConnectFailure& failure) {
        switch (failure.kind) {
        case Session::ConnectFailure::Kind::Denied:
            throw Denied(failure.what());
        case Session::ConnectFailure::Kind::Config:
            throw ConfigFailure(failure.what());
        case Session::ConnectFailure::Kind::Away:
            throw Unavailable(failure.what());
        }
    }
}

void MqttSource::start() {
    lane_ = open_lane("spool");
    try {
        spool_ = std::make_unique<Spool>(std::string(state_dir()) + "/spool", spool_rules_,
                                         lane_.found ? lane_.sequence : 0);
    } catch (const std::system_error& error) {
        throw Unavailable(std::string("the spool cannot be opened: ") + error.what());
    }
    session_ = std::make_unique<Session>(session_rules_, static_cast<SessionOwner&>(*this));
    session_->start(std::string(instance()));
}

void MqttSource::stop() {
    if (session_)
        session_->stop();
}

bool MqttSource::poll(Credit credit, Batch& out) {
    report();
    if (credit.messages == 0)
        return true;
    if (spool_->wait(credit.wait)) {
        try {
            while (credit.messages > 0 && credit.bytes > 0) {
                SpoolChunk chunk = spool_->read(credit.messages, credit.bytes,
                                                out.empty() ? Spool::First::Always : Spool::First::IfItFits);
                if (chunk.messages.empty())
                    break;
                out.keep(std::move(chunk.block));
                for (const SpoolMessage& message : chunk.messages)
                    add(message, out);
                credit.messages -= static_cast<std::uint32_t>(chunk.messages.size());
                credit.bytes -= std::min(credit.bytes, chunk.bytes);
            }
        } catch (const std::system_error& error) {
            throw Unavailable(error.what()); // the place is kept; reading is tried again
        }
        for (const SpoolGap& gap : spool_->take_gaps()) {
            warn("messages " + std::to_string(gap.first) + " to " + std::to_string(gap.last) + " are " + gap.why);
            if (const auto* host_gap = host_extension<sluice_gap_v1>(SLUICE_GAP_V1))
                host_gap->lost(host(), lane_.id, gap.first, gap.last, gap.why.c_str());
        }
    }
    const std::lock_guard lock(mutex_);
    if (end_)
        throw Failure(*end_);
    return true;
}

void MqttSource::add(const SpoolMessage& message, Batch& out) const {
    // Everything but the arrays lies in the chunk, which the batch keeps.
    sluice_message raw{};
    raw.lane = lane_.id;
    raw.sequence = message.sequence;
    raw.timestamp_ns = message.received_ns;
    raw.flags = SLUICE_PADDED;
    raw.payload = bytes(message.payload);
    if (!message.user_properties.empty()) {
        auto* headers = out.allocate_array<sluice_property>(message.user_properties.size());
        for (const auto& [name, value] : message.user_properties)
            headers[raw.header_count++] = {str(name), bytes(value)};
        raw.headers = headers;
    }
    auto* system = out.allocate_array<sluice_property>(5);
    system[raw.system_count++] = {str("mqtt.topic"), bytes(message.topic)};
    system[raw.system_count++] = {str("mqtt.qos"), bytes(message.qos == 0 ? "0" : message.qos == 1 ? "1" : "2")};
    system[raw.system_count++] = {str("mqtt.retain"), bytes(message.retained ? "true" : "false")};
    if (message.content_type)
        system[raw.system_count++] = {str("mqtt.content_type"), bytes(*message.content_type)};
    if (message.correlation_data)
        system[raw.system_count++] = {str("mqtt.correlation_data"), bytes(*message.correlation_data)};
    raw.system = system;
    out.add(raw);
}

void MqttSource::ack(const sluice_ack& ack) {
    if (ack.outcome == SLUICE_RETRY)
        return;
    try {
        spool_->trim(ack.last);
    } catch (const std::system_error& error) {
        warn_now_and_then(std::string("a spool segment cannot be removed: ") + error.what());
    }
}

void MqttSource::report() {
    const auto now = std::chrono::steady_clock::now();
    if (now - reported_at_ < kReportEach)
        return;
    reported_at_ = now;
    record(spool_bytes_, static_cast<double>(spool_->used_bytes()));
    record(spool_messages_, static_cast<double>(spool_->unread()));
    if (spool_->take_sync_failure()) {
        record(spool_failures_, 1);
        warn_now_and_then("the spool could not be synced; its last messages may not survive a power loss");
    }
}

// --- the session's and the library's threads ---

bool MqttSource::keep(const SpoolMessage& message) noexcept {
    try {
        if (spool_->append(message) == Spool::Appended::Yes) {
            record(spooled_, 1);
            return true;
        }
        full_ = true;
        health(SLUICE_DEGRADED, "the spool holds spool.max_bytes; disconnected from " + session_rules_.broker.uri +
                                    " until half of it is free");
        warn_now_and_then("the spool is full, disconnected until half of it is free");
    } catch (const std::exception& error) {
        record(spool_failures_, 1);
        health(SLUICE_DEGRADED, std::string("the spool cannot be written: ") + error.what());
        warn_now_and_then(std::string("the spool cannot be written, disconnected: ") + error.what());
    }
    return false;
}

bool MqttSource::has_room() {
    if (full_ && spool_->used_bytes() > spool_rules_.max_bytes / 2)
        return false;
    full_ = false;
    return true;
}

void MqttSource::count(Count what) {
    record(counters_[static_cast<std::size_t>(what)], 1);
}

void MqttSource::show(State state, const std::string& detail) {
    if (full_)
        return; // being away is on purpose
    health(state == State::Connected ? SLUICE_HEALTHY : SLUICE_CONNECTING, detail);
    if (state == State::Connected)
        log(SLUICE_INFO, detail);
    else if (state == State::Away)
        warn_now_and_then(detail);
}

void MqttSource::warn(const std::string& text) {
    log(SLUICE_WARN, text);
}

void MqttSource::warn_now_and_then(const std::string& text) {
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    std::int64_t last = warned_at_ns_;
    if (last != 0 && now - last < std::chrono::nanoseconds(kWarnEach).count())
        return;
    if (warned_at_ns_.compare_exchange_strong(last, now))
        warn(text);
}

void MqttSource::ended(End reason, const std::string& text) {
    const std::lock_guard lock(mutex_);
    end_.emplace(reason == End::Denied ? SLUICE_E_DENIED : SLUICE_E_CONFIG, text);
}

const void* MqttSource::extension(const char* id) {
    static const sluice_lag_v1 lag{sizeof lag, 0,
                                   [](void* self, std::uint32_t, std::uint64_t* messages) -> sluice_status {
                                       *messages = source_cast<MqttSource>(self).lag();
                                       return SLUICE_OK;
                                   }};
    return std::string_view(id) == SLUICE_LAG_V1 ? &lag : nullptr;
}

} // namespace sluice::mqtt

SLUICE_SOURCE_PLUGIN(sluice::mqtt::MqttSource, "mqtt", "1.0.0",
                     "Receives messages of an MQTT session through a durable spool.", SLUICE_CAP_REPLAY)
