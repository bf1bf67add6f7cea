#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::kafka {

/// What is stored with a lane: enough to find the record again and to see that the topic is no longer the same one.
struct Position {
    std::int64_t offset = 0;
    std::uint64_t base = 0;         ///< sequence = base + offset; grows when a topic was created again
    std::int64_t timestamp_ms = -1; ///< of the record there; -1: it had none
};

/// `{"base":0,"offset":42,"timestamp":1767225600000}`
std::string to_text(const Position& position);

/// Where an operator moved a stopped lane to, in the words of data-connections 2.6.
struct SeekTarget {
    enum class Kind { Beginning, End, Offset, Time } kind = Kind::Beginning;
    std::int64_t value = 0; ///< the next offset to read, or milliseconds UTC
};

/// One of the two, or neither: then the text is nothing that was ever stored.
struct StoredText {
    std::optional<Position> position;
    std::optional<SeekTarget> seek;
};
StoredText parse_stored(std::string_view text);

/// Writes positions of one partition fast: everything but offset and timestamp is the same for all its records.
class PositionWriter {
public:
    explicit PositionWriter(std::uint64_t base);

    /// Room that write needs at most.
    std::size_t room() const { return prefix_.size() + 64; }
    struct Written {
        std::size_t size;
        std::size_t offset_at, offset_size; ///< where the decimal text of the offset lies within the position
    };
    Written write(char* to, std::int64_t offset, std::int64_t timestamp_ms) const;

private:
    std::string prefix_;
};

} // namespace sluice::kafka
