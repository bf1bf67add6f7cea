#include "plugins/mqtt/session.hpp"

#include <mqtt/async_client.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <stdexcept>

namespace sluice::mqtt {

namespace {

namespace paho = ::mqtt;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kConnectTimeout = seconds(10);
constexpr auto kReplyTimeout = seconds(20);
constexpr auto kSlice = milliseconds(100); // how long stop() may have to wait for a wait
constexpr auto kFirstRetry = milliseconds(250);
constexpr auto kLongestRetry = seconds(30);
constexpr auto kStable = seconds(10); // a connection that lasted this long was no part of a loop
constexpr auto kLeaveTimeout = seconds(2);
constexpr int kSessionTakenOver = 0x8E;

/// The answer of a broker that is there and does not want us; 3.1.1 has codes of its own.
Session::ConnectFailure::Kind kind_of(const paho::exception& error, bool version_5) {
    using Kind = Session::ConnectFailure::Kind;
    const int code = std::max(error.get_return_code(), error.get_reason_code());
    if (!version_5)
        return code == 4 || code == 5 ? Kind::Denied : code == 1 || code == 2 ? Kind::Config : Kind::Away;
    switch (code) {
    case 0x86: // bad user name or password
    case 0x87: // not authorized
    case 0x8A: // banned
    case 0x8C: // bad authentication method
        return Kind::Denied;
    case 0x84: // unsupported protocol version
    case 0x85: // client identifier not valid
    case 0x8F: // topic filter invalid
    case 0x9E: // shared subscriptions not supported
        return Kind::Config;
    default:
        return Kind::Away;
    }
}

std::string_view view(const MQTTLenString& text) {
    return text.data == nullptr ? std::string_view() : std::string_view(text.data, static_cast<std::size_t>(text.len));
}

std::string reason_text(int code) {
    const char* text = ::MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(code));
    return text == nullptr ? "reason " + std::to_string(code) : text;
}

} // namespace

Session::Session(SessionRules rules, SessionOwner& owner) : rules_(std::move(rules)), owner_(owner) {}

Session::~Session() {
    stop();
}

void Session::start(const std::string& instance) {
    const int version = rules_.version_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    // No persistence of Paho's own: the spool is it.
    client_ = std::make_unique<paho::async_client>(rules_.broker.uri, rules_.client_id, paho::create_options(version));
    client_->set_message_callback([this](const paho::const_message_ptr& message) { arrived(*message); });
    client_->set_connection_lost_handler([this](const std::string&) { lost("the connection was closed"); });
    client_->set_disconnected_handler([this](const paho::properties&, paho::ReasonCode code) {
        lost(code == kSessionTakenOver
                 ? "another client connected with the client_id " + rules_.client_id + "; each connection needs its own"
                 : "the broker closed the connection: " + reason_text(code));
    });
    thread_ = std::jthread([this, name = ("mq/" + instance).substr(0, 15)](const std::stop_token& stop) {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        run(stop);
    });
}

void Session::stop() {
    thread_.request_stop();
    changed_.notify_all();
    if (thread_.joinable())
        thread_.join();
    client_.reset();
}

// --- the library's threads ---

void Session::arrived(const paho::message& message) {
    if (refusing_) {
        owner_.count(SessionOwner::Count::Refused);
        return;
    }
    // 3.1.1 sets the flag on what it repeats after a subscribe and on nothing else; 5 was asked to repeat nothing.
    if (!rules_.version_5 && message.is_retained()) {
        owner_.count(SessionOwner::Count::RetainedReplay);
        return;
    }
    SpoolMessage kept{.received_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count(),
                      .qos = static_cast<std::uint8_t>(message.get_qos()),
                      .retained = message.is_retained(),
                      .topic = message.get_topic()};
    if (const auto& payload = message.get_payload_ref(); !payload.empty())
        kept.payload = std::string_view(payload.data(), payload.size());
    const MQTTProperties& properties = message.get_properties().c_struct();
    for (int i = 0; i < properties.count; ++i) {
        const MQTTProperty& property = properties.array[i];
        if (property.identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
            kept.user_properties.emplace_back(view(property.value.data), view(property.value.value));
        else if (property.identifier == MQTTPROPERTY_CODE_CONTENT_TYPE)
            kept.content_type = view(property.value.data);
        else if (property.identifier == MQTTPROPERTY_CODE_CORRELATION_DATA)
            kept.correlation_data = view(property.value.data);
    }
    if (owner_.keep(kept))
        return;
    // The library acknowledges when this function returns, so the connection has to be gone by then.
    refusing_ = true;
    owner_.count(SessionOwner::Count::Refused);
    severing_->sever();
    // Not lost yet: the library notices when it fails to acknowledge, and only then may the next connection begin.
    const std::lock_guard lock(mutex_);
    cause_ = "the connection was cut, because a message could not be kept";
}

void Session::lost(const std::string& cause) {
    {
        const std::lock_guard lock(mutex_);
        if (cause_.empty()) // the first cause is the real one
            cause_ = cause;
        lost_ = true;
    }
    changed_.notify_all();
}

// --- the session's thread ---

void Session::run(const std::stop_token& stop) {
    std::minstd_rand random(static_cast<unsigned>(std::hash<std::string>{}(rules_.client_id)) | 1U);
    milliseconds retry = kFirstRetry;
    int short_lived = 0; // connections in a row that were closed soon after they were made
    while (!stop.stop_requested()) {
        while (!owner_.has_room() && !stop.stop_requested())
            pause(stop, kSlice);
        owner_.show(SessionOwner::State::Connecting, "connecting to " + rules_.broker.uri);
        const auto began = std::chrono::steady_clock::now();
        std::string why;
        try {
            connect(stop);
            subscribe(stop);
            owner_.count(SessionOwner::Count::Connected);
            owner_.show(SessionOwner::State::Connected, "connected to " + rules_.broker.uri);
            why = wait_until_lost(stop);
            // Few brokers say that another client took the session; what shows is that it happens again and again.
            const bool soon = std::chrono::steady_clock::now() - began < kStable && !refusing_;
            short_lived = soon ? short_lived + 1 : 0;
            if (short_lived > 1)
                why += ", for the " + std::to_string(short_lived) +
                       ". time soon after connecting; does another client use the client_id " + rules_.client_id +
                       " as well?";
        } catch (const ConnectFailure& failure) {
            if (failure.kind != ConnectFailure::Kind::Away)
                return owner_.ended(failure.kind == ConnectFailure::Kind::Denied ? SessionOwner::End::Denied
                                                                                 : SessionOwner::End::Config,
                                    failure.what());
            why = failure.what();
        } catch (const std::exception& error) {
            why = error.what();
        }
        if (stop.stop_requested())
            break;
        owner_.show(SessionOwner::State::Away, rules_.broker.uri + ": " + why);
        if (std::chrono::steady_clock::now() - began >= kStable)
            retry = kFirstRetry;
        // Up to a fifth more or less, so that many bridges do not come back at the same moment.
        pause(stop, retry * std::uniform_int_distribution<int>(80, 120)(random) / 100);
        retry = std::min<milliseconds>(retry * 2, kLongestRetry);
    }
    if (client_->is_connected())
        leave();
}

void Session::leave() {
    try {
        client_->disconnect(kLeaveTimeout)->wait_for(kLeaveTimeout + seconds(1));
    } catch (const paho::exception&) {
        // Gone already; the broker keeps the session either way.
    }
}

template <class Token> void Session::await(Token& token, const std::stop_token& stop, const std::string& what) {
    try {
        for (const auto deadline = std::chrono::steady_clock::now() + kReplyTimeout; !token->wait_for(kSlice);) {
            if (stop.stop_requested())
                throw ConnectFailure(ConnectFailure::Kind::Away, "stopped while " + what);
            if (std::chrono::steady_clock::now() > deadline)
                throw ConnectFailure(ConnectFailure::Kind::Away, "no answer while " + what);
            // A connection that is lost now, maybe cut because the spool is full already, answers no more.
            const std::lock_guard lock(mutex_);
            if (lost_)
                throw ConnectFailure(ConnectFailure::Kind::Away, cause_ + " while " + what);
        }
    } catch (const paho::exception& error) {
        std::string text = error.what();
        {
            const std::lock_guard lock(mutex_);
            if (!tls_error_.empty())
                text += " (" + tls_error_ + ")";
            tls_error_.clear();
        }
        const auto kind = kind_of(error, rules_.version_5);
        throw ConnectFailure(kind, (kind == ConnectFailure::Kind::Away ? "failed " : "refused ") + what + ": " + text);
    }
}

void Session::connect(const std::stop_token& stop) {
    if (client_->is_connected())
        leave();
    severing_ = std::make_shared<Severing>(rules_.broker);
    refusing_ = false;
    {
        const std::lock_guard lock(mutex_);
        lost_ = false;
        cause_.clear();
    }
    auto token = client_->connect(connect_options(true));
    await(token, stop, "connecting to " + rules_.broker.uri + " as " + rules_.client_id);
    note_session(token->get_connect_response().is_session_present());
}

void Session::subscribe(const std::stop_token& stop) {
    using paho::subscribe_options;
    const subscribe_options options(subscribe_options::SUBSCRIBE_LOCAL, subscribe_options::RETAIN_AS_PUBLISHED,
                                    subscribe_options::DONT_SEND_RETAINED);
    for (const auto& topic : rules_.topics) {
        auto token =
            rules_.version_5 ? client_->subscribe(topic, rules_.qos, options) : client_->subscribe(topic, rules_.qos);
        await(token, stop, "subscribing to " + topic);
        const auto codes = token->get_subscribe_response().get_reason_codes();
        if (!codes.empty() && static_cast<int>(codes.front()) >= 0x80)
            throw ConnectFailure(ConnectFailure::Kind::Denied, rules_.broker.uri + " refused the subscription to " +
                                                                   topic + ": " + reason_text(codes.front()));
    }
    std::ofstream(rules_.marker_file, std::ios::trunc) << rules_.broker.uri << '\n' << rules_.client_id << '\n';
}

void Session::note_session(bool session_present) {
    if (session_present)
        return;
    std::ostringstream had;
    had << std::ifstream(rules_.marker_file).rdbuf();
    if (had.str() != rules_.broker.uri + "\n" + rules_.client_id + "\n")
        return;
    owner_.count(SessionOwner::Count::SessionLost);
    owner_.warn(
        rules_.broker.uri + " no longer had the session of " + rules_.client_id +
        ": what was published since the last connection is lost. Check the broker's persistence and session expiry");
}

std::string Session::wait_until_lost(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!lost_ && !stop.stop_requested()) {
        changed_.wait_for(lock, stop, seconds(1), [&] { return lost_; });
        lock.unlock();
        const bool connected = client_->is_connected();
        lock.lock();
        if (!connected && !lost_) {
            lost_ = true;
            if (cause_.empty())
                cause_ = "the connection is gone";
        }
    }
    return cause_;
}

void Session::pause(const std::stop_token& stop, milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, time, [] { return false; });
}

paho::connect_options Session::connect_options(bool lasting) {
    paho::connect_options options;
    options.set_mqtt_version(rules_.version_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
    if (rules_.version_5) {
        options.set_clean_start(!lasting);
        paho::properties properties;
        const auto expiry = std::clamp<std::int64_t>(lasting ? rules_.session_expiry.count() : 0, 0, UINT32_MAX);
        properties.add({paho::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(expiry)});
        properties.add({paho::property::RECEIVE_MAXIMUM, rules_.receive_maximum});
        options.set_properties(std::move(properties));
    } else {
        options.set_clean_session(!lasting);
    }
    options.set_automatic_reconnect(false);
    options.set_connect_timeout(kConnectTimeout);
    options.set_keep_alive_interval(rules_.keep_alive);
    if (!rules_.username.empty())
        options.set_user_name(rules_.username);
    if (rules_.password)
        options.set_password(*rules_.password);
    if (rules_.broker.tls) {
        paho::ssl_options tls;
        if (!rules_.ca_file.empty())
            tls.set_trust_store(rules_.ca_file);
        if (!rules_.cert_file.empty()) {
            tls.set_key_store(rules_.cert_file);
            tls.set_private_key(rules_.key_file);
        }
        tls.set_enable_server_cert_auth(true);
        tls.set_verify(true);
        tls.set_error_handler([this](const std::string& text) {
            const std::lock_guard lock(mutex_);
            tls_error_ = text.substr(0, text.find_last_not_of("\r\n") + 1);
        });
        options.set_ssl(std::move(tls));
    }
    return options;
}

void Session::try_connection() {
    const int version = rules_.version_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    // Under the real client id the broker would close the connection of a bridge that is running.
    paho::async_client client(rules_.broker.uri, rules_.client_id + "-check", paho::create_options(version));
    auto token = client.connect(connect_options(false));
    await(token, {}, "connecting to " + rules_.broker.uri);
    try {
        client.disconnect(kLeaveTimeout)->wait_for(kLeaveTimeout);
    } catch (const paho::exception&) {
        // The answer is known already.
    }
}

} // namespace sluice::mqtt
