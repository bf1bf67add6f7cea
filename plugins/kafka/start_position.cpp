#include "plugins/kafka/start_position.hpp"

#include "plugins/kafka/utc_time.hpp"

#include <algorithm>

namespace sluice::kafka {
namespace {

using Kind = StartDecision::Kind;

StartDecision seek(const StoredLane& stored, const SeekTarget& target, const StartFacts& facts) {
    StartDecision d;
    // The old base went with the old position, and sequences must not fall: whatever is read next counts on from here.
    d.base = stored.sequence + 1;
    d.reason = "the lane was moved by an operator";
    switch (target.kind) {
    case SeekTarget::Kind::Beginning:
        d.offset = facts.low;
        break;
    case SeekTarget::Kind::End:
        d.offset = facts.high;
        break;
    case SeekTarget::Kind::Offset:
        d.offset = std::clamp(target.value, facts.low, facts.high);
        break;
    case SeekTarget::Kind::Time:
        d.kind = Kind::Time;
        d.time_ms = target.value;
        break;
    }
    return d;
}

StartDecision resume(const StoredLane& stored, const Position& at, const StartFacts& facts, const StartPolicy& policy) {
    const std::int64_t next = at.offset + 1;
    if (next > facts.high) {
        StartDecision d = start_afresh(facts, policy, stored.sequence + 1);
        d.reason = "the topic was created again: the stored position is past its end";
        return d;
    }
    StartDecision d;
    d.base = at.base;
    if (next >= facts.low) {
        d.verify = at.offset >= facts.low && at.timestamp_ms >= 0;
        d.offset = d.verify ? at.offset : next;
        d.reason = "after the stored position";
        return d;
    }
    const std::int64_t go_on = policy.on_gap == OnGap::Latest ? facts.high : facts.low;
    d.kind = policy.on_gap == OnGap::Stop ? Kind::Stop : Kind::Offset;
    d.offset = go_on;
    d.gap = Gap{at.base + static_cast<std::uint64_t>(next), at.base + static_cast<std::uint64_t>(go_on) - 1};
    d.reason = "the stored position is no longer in the topic";
    return d;
}

} // namespace

std::optional<StartAt> parse_start_at(std::string_view text) {
    if (text == "beginning")
        return StartAt{};
    if (const auto time = parse_utc_ms(text))
        return StartAt{*time};
    return std::nullopt;
}

StartDecision start_afresh(const StartFacts& facts, const StartPolicy& policy, std::uint64_t base) {
    StartDecision d;
    d.base = base;
    d.commit_now = true;
    if (policy.start_at.time_ms) {
        d.kind = Kind::Time;
        d.time_ms = *policy.start_at.time_ms;
        d.reason = "at start_at";
    } else {
        d.offset = facts.low;
        d.reason = "at the beginning";
    }
    return d;
}

StartDecision decide_start(const StartFacts& facts, const StartPolicy& policy) {
    if (facts.stored && facts.stored->at.seek)
        return seek(*facts.stored, *facts.stored->at.seek, facts);
    if (facts.stored && facts.stored->at.position)
        return resume(*facts.stored, *facts.stored->at.position, facts, policy);
    if (facts.stored) // a position that nobody can read: without one the sequence was the offset
        return resume(*facts.stored, Position{static_cast<std::int64_t>(facts.stored->sequence), 0, -1}, facts, policy);
    StartDecision d;
    if (facts.committed && *facts.committed >= facts.low && *facts.committed <= facts.high && policy.start_at.time_ms) {
        d.offset = *facts.committed;
        d.reason = "at the offset the group has committed";
        return d;
    }
    if (facts.added_later) {
        d.offset = facts.low;
        d.commit_now = true;
        d.reason = "at the beginning: the partition is younger than the connection";
        return d;
    }
    return start_afresh(facts, policy, 0);
}

} // namespace sluice::kafka
