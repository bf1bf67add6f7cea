#pragma once

#include "plugins/mqtt/record.hpp"
#include "plugins/mqtt/segment_file.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sluice::mqtt {

enum class SpoolSync : std::uint8_t { Always, Interval, None };

struct SpoolRules {
    std::uint64_t max_bytes = 4ULL << 30;
    std::uint64_t segment_bytes = 64ULL << 20;
    SpoolSync sync = SpoolSync::Always;
    std::chrono::milliseconds sync_interval{200};
};

/// Messages read from the spool. The bytes live as long as `block`, with 64 readable ones behind the last payload.
struct SpoolChunk {
    std::shared_ptr<const char[]> block{};
    std::vector<SpoolMessage> messages{};
    std::uint64_t bytes = 0; ///< of the records
};

/// Sequences that cannot be read (any more).
struct SpoolGap {
    std::uint64_t first = 0, last = 0; ///< inclusive
    std::string why{};
};

/// The durable log between broker and store (data-connections.md 3.8.4): files `<first sequence>.seg` in one folder.
///
/// Two threads may use it at a time, one that appends and one that reads and trims; neither waits for the other's disk
/// work. At start a torn tail is cut, and what the store has is removed. Failures of the system are thrown as
/// std::system_error.
class Spool {
public:
    /// `after`: the store has everything up to this sequence. New sequences lie above it and above all that were given
    /// before.
    Spool(std::string folder, const SpoolRules& rules, std::uint64_t after);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    // --- the appending thread ---

    enum class Appended : std::uint8_t { Yes, Full };
    /// Writes the message under the next sequence (its own is ignored) and makes it as durable as `sync` demands.
    /// Full: nothing was written, because the store lacks max_bytes of what is in here; a message that alone is larger
    /// is taken when nothing else is left. After an exception the message is not in the spool; the next call begins a
    /// new segment.
    Appended append(SpoolMessage message);

    // --- the reading thread ---

    /// Waits until there is something to read. False: not until then.
    bool wait(std::chrono::milliseconds patience);
    enum class First : std::uint8_t { Always, IfItFits };
    /// The next messages: at most that many, of at most that many bytes, though the first one always unless it has to
    /// fit. At most a megabyte at a time unless a single message is larger. Damaged records are passed over.
    SpoolChunk read(std::size_t messages, std::uint64_t bytes, First first = First::Always);
    /// What read() has found missing since the last call.
    std::vector<SpoolGap> take_gaps();
    /// The store has everything up to the sequence: removes files that are no longer needed.
    void trim(std::uint64_t sequence);

    // --- every thread ---

    /// Bytes of the segments that hold something the store lacks.
    std::uint64_t used_bytes() const;
    std::uint64_t last_sequence() const;
    /// Messages that were appended and not yet read.
    std::uint64_t unread() const;
    /// A sync in the background failed since the last call (`sync = interval`): those messages may not survive a power
    /// loss.
    bool take_sync_failure();

private:
    struct Segment {
        std::uint64_t first = 0; ///< sequence of its first record
        std::uint64_t size = 0;  ///< bytes that may be read
    };

    std::string path_of(std::uint64_t first) const;
    void load(std::uint64_t after);
    std::uint64_t used_locked() const;
    std::uint64_t segment_limit() const;
    void begin_segment(std::uint64_t first);
    void seal_segment();
    void sync_each_interval(const std::stop_token& stop);

    /// Moves to the segment that holds the next record; false: there is none yet.
    bool seek_unread(std::uint64_t& limit, std::uint64_t& next_first);
    void accept(SpoolMessage&& message, std::uint64_t next_first, SpoolChunk& chunk);

    const std::string folder_;
    const SpoolRules rules_;

    // The appending thread.
    std::uint64_t written_ = 0, reserved_ = 0;
    bool broken_ = false; ///< the last write or sync failed: what lies behind written_ is unknown
    std::string buffer_;

    // The reading thread.
    std::unique_ptr<SegmentFile> reading_;
    std::uint64_t read_offset_ = 0;
    std::uint64_t next_sequence_ = 0; ///< that is to be read
    bool met_damage_ = false;
    std::vector<SpoolGap> gaps_;

    mutable std::mutex mutex_; // guards all that follows
    std::condition_variable_any appended_, tick_;
    std::shared_ptr<SegmentFile> active_; ///< only the appending thread replaces it or writes to it
    std::deque<Segment> segments_;        ///< the last one is active_
    std::uint64_t last_sequence_ = 0, trimmed_ = 0, read_up_to_ = 0;
    bool retire_active_ = false; ///< the store has all of the active segment, and it is worth replacing
    bool unsynced_ = false, sync_failed_ = false;

    std::jthread interval_;
};

} // namespace sluice::mqtt
