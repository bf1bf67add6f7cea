#pragma once

#include "plugins/mqtt/options.hpp"
#include "plugins/mqtt/session.hpp"
#include "plugins/mqtt/spool.hpp"

#include <sluice/source.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sluice::mqtt {

/// An MQTT session as a source (data-connections.md 3.8): messages go into a durable spool before the broker is told,
/// and from there to the host; one lane, `spool`. Three threads: the MQTT library's appends, the session's connects,
/// the host's reads and trims.
class MqttSource final : public Source, private SessionOwner {
public:
    static constexpr auto& options = kOptions;
    static const void* extension(const char* id);

    MqttSource(const sluice_host* host, const sluice_value* by_option);
    ~MqttSource() override;

    void check() override;
    void start() override;
    bool poll(Credit credit, Batch& out) override;
    void ack(const sluice_ack& ack) override;
    void stop() override;

    /// Messages in the spool that were not delivered yet.
    std::uint64_t lag() const { return spool_ ? spool_->unread() : 0; }

private:
    bool keep(const SpoolMessage& message) noexcept override;
    bool has_room() override;
    void count(Count what) override;
    void show(State state, const std::string& detail) override;
    void warn(const std::string& text) override;
    void ended(End reason, const std::string& text) override;

    void add(const SpoolMessage& message, Batch& out) const;
    void report();
    /// One line each ten seconds at most.
    void warn_now_and_then(const std::string& text);

    SessionRules session_rules_;
    SpoolRules spool_rules_;

    // The host's thread.
    Lane lane_;
    std::chrono::steady_clock::time_point reported_at_{};
    std::uint32_t spool_bytes_ = 0, spool_messages_ = 0;

    std::atomic<bool> full_{false};
    std::atomic<std::int64_t> warned_at_ns_{0};
    std::array<std::uint32_t, 4> counters_{};
    std::uint32_t spooled_ = 0, spool_failures_ = 0;

    std::mutex mutex_;
    std::optional<Failure> end_; // guarded by mutex_: the session is over

    std::unique_ptr<Spool> spool_;
    std::unique_ptr<Session> session_; ///< last, so that nothing arrives when the rest goes
};

} // namespace sluice::mqtt
