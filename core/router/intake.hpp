#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/router/connection.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::router {

/// How much a source may hand over now. Zero messages: keep the protocol alive, deliver nothing.
struct Credit {
    std::uint32_t messages = 0;
    Bytes bytes = 0;
};

/// Messages of a lane that are dealt with: durable in a table, in staging, in the dead letters, or counted as skipped.
struct Ack {
    std::uint32_t lane = 0;
    bool parked = false; ///< all of the range are dead letters
    std::uint64_t first = 0, last = 0; ///< sequences, inclusive
};

struct ResumePoint {
    std::uint32_t lane = 0; ///< number to put into messages; never reused while the intake lives
    bool found = false;     ///< the store has a position
    std::uint64_t sequence = 0;
    std::string position;
};

/// Where one source instance puts its messages: routing, parsing, choice of path, hand-over to the writers, acknowledgement.
/// All calls on the source's thread, as the plugin ABI demands; only the commit behind it runs elsewhere.
class Intake {
public:
    virtual ~Intake() = default;

    /// Opens an ordered stream and says where to resume. Fences older owners of it.
    virtual Result<ResumePoint> open_lane(std::string_view name) = 0;
    /// Waits at most `drain` for what was delivered to become durable, drops the rest, fences the lane. Answers the last position.
    virtual Result<ResumePoint> close_lane(std::uint32_t lane, std::chrono::milliseconds drain) = 0;

    virtual Credit credit() = 0;
    /// Takes over all messages: parsed and gathered when it returns, so the caller may release them. Never fails because of a message:
    /// what cannot be processed becomes a dead letter. An error means that the source has to stop.
    virtual Result<> deliver(std::span<const Message> messages) = 0;
    /// A range that upstream no longer has; stored with the lane's next commit.
    virtual void lost(std::uint32_t lane, std::uint64_t first, std::uint64_t last, std::string_view why) = 0;
    /// Hands gathered events to the writers when their time has come (micro_batch_time), or at once with `now`.
    /// An error means, as in deliver(), that the source has to stop: nothing more is handed over after it, or later events would jump
    /// over what was refused.
    virtual Result<> flush(bool now) = 0;
    /// When flush() has something to do next; nothing when nothing is gathered.
    virtual std::optional<Clock::Steady::time_point> next_flush() const = 0;
    /// What became durable since the last call, in lane order.
    virtual void take_acks(std::vector<Ack>& acks) = 0;
    /// Waits until everything delivered is durable, at most `patience`. False: not all of it.
    virtual bool drain(std::chrono::milliseconds patience) = 0;
};

} // namespace sluice::router
