#include "core/host/source_driver.hpp"

#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/config/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestPoll = 100ms;
constexpr auto kShortestDelay = 1s;
constexpr auto kLongestDelay = 5min;
constexpr auto kDeniedDelay = 30s;
constexpr unsigned kMostDoublings = 9;
constexpr double kJitter = 0.2;
constexpr auto kHealthyAfter = 10s; // polling well for so long forgets earlier failures
constexpr auto kShortestRest = 1ms; // for plugins that answer an empty poll at once
constexpr auto kLongestRest = 20ms;
constexpr auto kStarvedRest = 2ms;
constexpr auto kPausedRest = 10ms;
// Pausing throws away what a client has fetched ahead, so a credit that is short for a moment is waited out.
constexpr auto kPauseAfter = 100ms;
constexpr auto kEndedRest = 20ms;
constexpr auto kDrainOfReplaced = 5s;
constexpr auto kNothingToDo = 1h;

} // namespace

SourceDriver::SourceDriver(const SourceSetup& setup, StatusBoard& board, CallWatch& watch, const Clock& clock,
                           const std::atomic<bool>& abandoned)
    : setup_(setup), board_(board), watch_(watch), clock_(clock), abandoned_(abandoned), random_(setup.seed),
      begin_at_(clock.steady()) {
    board_.set(SourceState::Connecting);
}

std::chrono::nanoseconds SourceDriver::step() {
    if (failed_)
        return kNothingToDo;
    if (instance_)
        return poll_round();
    const auto now = clock_.steady();
    return now < begin_at_ ? begin_at_ - now : begin();
}

std::chrono::nanoseconds SourceDriver::begin() {
    auto intake = setup_.open_intake();
    if (!intake)
        return react({.status = SLUICE_E_INTERNAL,
                      .why = intake.error().message,
                      .host_failed = true,
                      .permanent = intake.error().permanent()},
                     "open");
    board_.count_instance();
    instance_ = std::make_unique<Instance>(setup_, std::move(*intake), board_, watch_, clock_, abandoned_);
    ended_ = paused_ = starved_ = false;
    idle_rest_ = 0ns;
    auto outcome = instance_->create();
    if (abandoned_)
        return 0ns;
    if (!outcome.good())
        return react(outcome, "create");
    // The state first, so that what the plugin says about itself while it starts is kept.
    board_.set(SourceState::Running);
    outcome = instance_->start();
    if (abandoned_)
        return 0ns;
    if (!outcome.good())
        return react(outcome, "start");
    healthy_since_ = poll_at_ = clock_.steady();
    log::info("source started", {{"connection", setup_.connection},
                                 {"plugin", setup_.library->descriptor().id},
                                 {"version", setup_.library->descriptor().version}});
    return 0ns;
}

std::chrono::nanoseconds SourceDriver::poll_round() {
    auto& intake = instance_->intake();
    auto outcome = instance_->flush(false);
    if (!outcome.good())
        return react(outcome, "flush");
    outcome = instance_->hand_acks();
    if (abandoned_)
        return 0ns;
    if (!outcome.good())
        return react(outcome, "ack");
    const auto now = clock_.steady();
    if (ended_)
        return until_flush(now, kEndedRest);
    if (now < poll_at_)
        return until_flush(now, std::min<std::chrono::milliseconds>(
                                    kEndedRest, std::chrono::ceil<std::chrono::milliseconds>(poll_at_ - now)));

    auto credit = intake.credit();
    if (credit.bytes == 0)
        credit.messages = 0;
    follow_credit(credit, now);
    if (abandoned_)
        return 0ns;
    // Without credit the host does the waiting: it notices at once when there is credit again.
    auto timeout = credit.messages == 0 ? 0ms : until_flush(now, kLongestPoll);
    if (const auto keepalive = setup_.library->descriptor().keepalive_ms; keepalive > 0)
        timeout = std::min(timeout, std::chrono::milliseconds(keepalive));
    outcome = instance_->poll(credit, timeout);
    if (abandoned_)
        return 0ns;
    if (!outcome.good())
        return react(outcome, "poll");
    note_success(outcome, now);
    return rest_after(outcome, now, timeout, credit);
}

void SourceDriver::follow_credit(router::Credit credit, Time now) {
    if (credit.messages > 0) {
        starved_ = false;
        if (std::exchange(paused_, false))
            static_cast<void>(instance_->pause(false)); // a hint; what matters is the credit that poll gets
        return;
    }
    if (!std::exchange(starved_, true))
        starved_since_ = now;
    if (!paused_ && now - starved_since_ >= kPauseAfter) {
        paused_ = true;
        static_cast<void>(instance_->pause(true));
    }
}

void SourceDriver::note_success(const Outcome& outcome, Time now) {
    board_.set(SourceState::Running);
    if (outcome.messages > 0 || now - healthy_since_ >= kHealthyAfter)
        failures_ = 0;
    if (outcome.status == SLUICE_END) {
        ended_ = true;
        static_cast<void>(instance_->flush(true)); // a refusal shows in the next round
        log::info("source has no more", {{"connection", setup_.connection}});
    }
}

std::chrono::nanoseconds SourceDriver::rest_after(const Outcome& outcome, Time began, std::chrono::milliseconds timeout,
                                                  router::Credit credit) {
    const auto now = clock_.steady();
    if (outcome.messages > 0 || ended_) {
        idle_rest_ = 0ns;
        return 0ns;
    }
    if (credit.messages == 0)
        return paused_ ? kPausedRest : kStarvedRest;
    if (now - began >= timeout / 2) { // the plugin waits itself
        idle_rest_ = 0ns;
        return 0ns;
    }
    idle_rest_ = std::clamp<std::chrono::nanoseconds>(idle_rest_ * 2, kShortestRest, kLongestRest);
    return std::min<std::chrono::nanoseconds>(idle_rest_, until_flush(now, kLongestPoll));
}

std::chrono::milliseconds SourceDriver::until_flush(Time now, std::chrono::milliseconds most) const {
    const auto due = instance_->intake().next_flush();
    if (!due)
        return most;
    // Rounded up: a poll that returns a fraction too early would be followed by one without any time.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now);
    return std::clamp<std::chrono::milliseconds>(left, 0ms, most);
}

std::chrono::nanoseconds SourceDriver::react(const Outcome& outcome, std::string_view call) {
    auto status = outcome.status;
    if (outcome.host_failed && outcome.permanent)
        return fail(outcome, call);
    if (status == SLUICE_E_CONFIG || status == SLUICE_E_POSITION_LOST)
        return fail(outcome, call);
    const auto delay = status == SLUICE_E_DENIED ? std::chrono::nanoseconds(kDeniedDelay) : next_delay();
    board_.set(SourceState::Connecting, outcome.why);
    log::warn("source has to wait", {{"connection", setup_.connection},
                                     {"call", call},
                                     {"error", outcome.why},
                                     {"retry_in", config::format_duration(delay)}});
    const auto now = clock_.steady();
    healthy_since_ = now + delay;
    // Upstream being away is no fault of an instance that runs; everything else begins anew at the checkpoint.
    if (status == SLUICE_E_UNAVAILABLE && (call == "poll" || call == "ack")) {
        auto wait = delay;
        if (const auto keepalive = setup_.library->descriptor().keepalive_ms; keepalive > 0)
            wait = std::min<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(keepalive) / 2);
        poll_at_ = now + wait;
        return until_flush(now, kEndedRest);
    }
    drop_instance(kDrainOfReplaced);
    if (abandoned_)
        return 0ns;
    begin_at_ = clock_.steady() + delay;
    return delay;
}

std::chrono::nanoseconds SourceDriver::fail(const Outcome& outcome, std::string_view call) {
    failed_ = true;
    auto why = outcome.why;
    if (outcome.status == SLUICE_E_POSITION_LOST)
        why += "; its position no longer exists upstream; see the source's options for what to do then (kafka: on_gap)";
    log::error("source failed and is not tried again",
               {{"connection", setup_.connection}, {"call", call}, {"error", why}});
    drop_instance(kDrainOfReplaced);
    if (!abandoned_)
        board_.set(SourceState::Failed, std::move(why));
    return kNothingToDo;
}

void SourceDriver::drop_instance(std::chrono::milliseconds patience) {
    if (!instance_)
        return;
    if (!instance_->intake().drain(patience))
        log::warn("source stops before everything it delivered is durable; the rest comes again",
                  {{"connection", setup_.connection}});
    if (abandoned_)
        return;
    instance_->retire();
    if (!abandoned_)
        instance_.reset();
}

void SourceDriver::finish(std::chrono::milliseconds grace) {
    drop_instance(grace);
    if (!abandoned_)
        board_.set(SourceState::Stopped);
}

std::chrono::nanoseconds SourceDriver::next_delay() {
    const auto doublings = std::min(failures_++, kMostDoublings);
    const std::chrono::duration<double> plain =
        std::min<std::chrono::seconds>(kShortestDelay * (1LL << doublings), kLongestDelay);
    std::uniform_real_distribution<double> jitter(1 - kJitter, 1 + kJitter);
    return std::chrono::round<std::chrono::milliseconds>(plain * jitter(random_));
}

} // namespace sluice::host
