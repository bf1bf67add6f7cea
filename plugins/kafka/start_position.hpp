#pragma once

#include "plugins/kafka/position.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::kafka {

enum class OnGap { Earliest, Latest, Stop };

/// Where a partition of which nothing is known starts.
struct StartAt {
    std::optional<std::int64_t> time_ms; ///< nothing: the beginning
};
std::optional<StartAt> parse_start_at(std::string_view text);

/// The checkpoint of a lane as the store has it.
struct StoredLane {
    std::uint64_t sequence = 0;
    StoredText at;
};

/// What is known about a partition when it is assigned.
struct StartFacts {
    std::optional<StoredLane> stored{};
    std::int64_t low = 0, high = 0;          ///< watermarks: the oldest offset, and the one after the newest
    std::optional<std::int64_t> committed{}; ///< what the group committed as next to read
    bool added_later = false;                ///< the partition came into being after the connection was first started
};

/// Sequences that upstream no longer has.
struct Gap {
    std::uint64_t first = 0, last = 0;
};

struct StartDecision {
    enum class Kind {
        Offset, ///< read from `offset`
        Time,   ///< read from the first record at or after `time_ms`; if there is none, from the high watermark in the
                ///< facts
        Stop    ///< the gap may not be jumped over
    } kind = Kind::Offset;
    std::int64_t offset = 0;
    std::int64_t time_ms = 0;
    std::uint64_t base = 0;
    bool verify = false;     ///< the first record is the one the store has: look at its timestamp and do not deliver it
    bool commit_now = false; ///< tell the group at once, so that a later restart cannot move the start
    std::optional<Gap> gap;
    const char* reason = ""; ///< for the log
};

struct StartPolicy {
    StartAt start_at;
    OnGap on_gap = OnGap::Earliest;
};

/// The table of data-connections 2.9.5, first match wins. Pure.
StartDecision decide_start(const StartFacts& facts, const StartPolicy& policy);

/// The last row of that table, with sequences that begin at `base`: also used when the topic turns out to be another
/// one.
StartDecision start_afresh(const StartFacts& facts, const StartPolicy& policy, std::uint64_t base);

} // namespace sluice::kafka
