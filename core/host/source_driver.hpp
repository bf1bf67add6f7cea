#pragma once

#include "core/host/instance.hpp"
#include "core/host/source_status.hpp"
#include "core/host/watchdog.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>

namespace sluice::host {

/// The life of a connection's source, one step at a time: makes an instance, polls it, hands out acks, and reacts to
/// its failures (plugin ABI 2 and 3). Belongs to the source's thread; holds no lock and waits only inside the plugin
/// and the intake.
class SourceDriver {
public:
    /// The references must outlive the driver. `abandoned`: the thread was given up, touch nothing any more.
    SourceDriver(const SourceSetup& setup, StatusBoard& board, CallWatch& watch, const Clock& clock,
                 const std::atomic<bool>& abandoned);

    /// Does what comes next and says how long there is nothing to do.
    std::chrono::nanoseconds step();

    /// The end: waits at most `grace` until what was delivered is durable, tells the plugin, stops and destroys it.
    void finish(std::chrono::milliseconds grace);

private:
    using Time = Clock::Steady::time_point;

    std::chrono::nanoseconds begin();
    std::chrono::nanoseconds poll_round();
    /// Tells the plugin when back-pressure begins and ends.
    void follow_credit(router::Credit credit, Time now);
    void note_success(const Outcome& outcome, Time now);
    std::chrono::nanoseconds rest_after(const Outcome& outcome, Time began, std::chrono::milliseconds timeout,
                                        router::Credit credit);
    std::chrono::nanoseconds react(const Outcome& outcome, std::string_view call);
    std::chrono::nanoseconds fail(const Outcome& outcome, std::string_view call);
    void drop_instance(std::chrono::milliseconds patience);
    /// 1 s doubling to 5 min, give or take 20 %.
    std::chrono::nanoseconds next_delay();
    std::chrono::milliseconds until_flush(Time now, std::chrono::milliseconds most) const;

    const SourceSetup& setup_;
    StatusBoard& board_;
    CallWatch& watch_;
    const Clock& clock_;
    const std::atomic<bool>& abandoned_;
    std::mt19937_64 random_;

    std::unique_ptr<Instance> instance_;
    bool failed_ = false;
    bool ended_ = false; ///< the plugin said that there is no more
    Time begin_at_{};    ///< when the next instance is made
    Time poll_at_{};     ///< not polled earlier, because upstream was away
    Time healthy_since_{};
    unsigned failures_ = 0; ///< in a row
    std::chrono::nanoseconds idle_rest_{};
    bool paused_ = false;
    bool starved_ = false;
    Time starved_since_{};
};

} // namespace sluice::host
