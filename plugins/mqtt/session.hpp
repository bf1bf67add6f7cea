#pragma once

#include "plugins/mqtt/broker.hpp"
#include "plugins/mqtt/record.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace mqtt {
class async_client;
class message;
class connect_options;
} // namespace mqtt

namespace sluice::mqtt {

struct SessionRules {
    Broker broker{};
    std::string client_id{};
    std::vector<std::string> topics{}; ///< as they are subscribed to, `$share/` included
    bool version_5 = true;
    int qos = 1;
    std::chrono::seconds session_expiry{7 * 24 * 3600};
    std::chrono::seconds keep_alive{60};
    std::uint16_t receive_maximum = 100;
    std::string username{};
    std::optional<std::string> password{};
    std::string ca_file{}, cert_file{}, key_file{};
    std::string marker_file{}; ///< exists once the broker has had this session; tells a lost session from a first one
};

/// What a Session tells and asks. Calls come from the session's thread and from the MQTT library's.
class SessionOwner {
public:
    enum class Count : std::uint8_t { Connected, SessionLost, RetainedReplay, Refused };
    enum class State : std::uint8_t { Connecting, Connected, Away };
    enum class End : std::uint8_t { Denied, Config };
    virtual ~SessionOwner() = default;

    /// Keeps the message for good. False: it cannot be kept, so the broker must not be told that it was.
    virtual bool keep(const SpoolMessage& message) noexcept = 0;
    /// Whether there is room for messages, so that connecting makes sense.
    virtual bool has_room() = 0;
    virtual void count(Count what) = 0;
    virtual void show(State state, const std::string& detail) = 0;
    virtual void warn(const std::string& text) = 0;
    /// Trying again cannot help; the session's thread ends.
    virtual void ended(End reason, const std::string& text) = 0;
};

/// The session at the broker (data-connections.md 3.8.3): connects with a back-off of its own, subscribes on every
/// connect, and hands each message to its owner before the broker gets its acknowledgement. The sole user of Paho.
class Session {
public:
    Session(SessionRules rules, SessionOwner& owner);
    ~Session();

    /// Starts the thread that connects; it is named after the instance.
    void start(const std::string& instance);
    /// Leaves the broker, which keeps the session, and ends the thread. At most about five seconds.
    void stop();

    /// A connection under another client id, without a session, to see whether the broker can be reached. Throws
    /// ConnectFailure.
    void try_connection();

    struct ConnectFailure : std::runtime_error {
        enum class Kind : std::uint8_t { Away, Denied, Config };
        ConnectFailure(Kind which, const std::string& text) : std::runtime_error(text), kind(which) {}
        Kind kind;
    };

private:
    void run(const std::stop_token& stop);
    void connect(const std::stop_token& stop);
    void subscribe(const std::stop_token& stop);
    void note_session(bool session_present);
    void leave();
    /// Until the connection is gone or stop is asked for. Answers why it is gone.
    std::string wait_until_lost(const std::stop_token& stop);
    void arrived(const ::mqtt::message& message);
    ::mqtt::connect_options connect_options(bool lasting);
    template <class Token> void await(Token& token, const std::stop_token& stop, const std::string& what);
    void lost(const std::string& cause);
    void pause(const std::stop_token& stop, std::chrono::milliseconds time);

    const SessionRules rules_;
    SessionOwner& owner_;
    std::unique_ptr<::mqtt::async_client> client_;
    std::shared_ptr<const Severing> severing_; ///< set while no message can arrive
    std::atomic<bool> refusing_{false};        ///< the connection is cut; what still arrives on it is not acknowledged

    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool lost_ = false;     // guarded by mutex_
    std::string cause_;     // guarded by mutex_
    std::string tls_error_; // guarded by mutex_

    std::jthread thread_;
};

} // namespace sluice::mqtt
