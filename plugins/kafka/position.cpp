#include "plugins/kafka/position.hpp"

#include "plugins/kafka/utc_time.hpp"

#include <charconv>
#include <cstring>

namespace sluice::kafka {
namespace {

constexpr std::string_view kTimestamp = ",\"timestamp\":";

/// Reads `"name":NUMBER` out of our own flat objects; members may come in any order and others may lie between them.
template <class Number> std::optional<Number> member(std::string_view text, std::string_view name) {
    const std::string quoted = "\"" + std::string(name) + "\":";
    const auto at = text.find(quoted);
    if (at == std::string_view::npos)
        return std::nullopt;
    Number value{};
    const char* begin = text.data() + at + quoted.size();
    if (std::from_chars(begin, text.data() + text.size(), value).ec != std::errc())
        return std::nullopt;
    return value;
}

} // namespace

std::string to_text(const Position& position) {
    const PositionWriter writer(position.base);
    std::string text(writer.room(), '\0');
    text.resize(writer.write(text.data(), position.offset, position.timestamp_ms).size);
    return text;
}

StoredText parse_stored(std::string_view text) {
    if (text == "beginning")
        return {std::nullopt, SeekTarget{SeekTarget::Kind::Beginning, 0}};
    if (text == "end")
        return {std::nullopt, SeekTarget{SeekTarget::Kind::End, 0}};
    std::int64_t offset = 0;
    if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
        error == std::errc() && end == text.data() + text.size() && offset >= 0)
        return {std::nullopt, SeekTarget{SeekTarget::Kind::Offset, offset}};
    if (const auto time = parse_utc_ms(text))
        return {std::nullopt, SeekTarget{SeekTarget::Kind::Time, *time}};
    if (!text.starts_with('{') || !text.ends_with('}'))
        return {};
    const auto stored = member<std::int64_t>(text, "offset");
    if (!stored || *stored < 0)
        return {};
    return {Position{*stored, member<std::uint64_t>(text, "base").value_or(0),
                     member<std::int64_t>(text, "timestamp").value_or(-1)},
            std::nullopt};
}

PositionWriter::PositionWriter(std::uint64_t base) : prefix_("{\"base\":" + std::to_string(base) + ",\"offset\":") {}

PositionWriter::Written PositionWriter::write(char* to, std::int64_t offset, std::int64_t timestamp_ms) const {
    char* const end = to + room();
    std::memcpy(to, prefix_.data(), prefix_.size());
    char* const digits = to + prefix_.size();
    char* next = std::to_chars(digits, end, offset).ptr;
    const auto offset_size = static_cast<std::size_t>(next - digits);
    if (timestamp_ms >= 0) {
        std::memcpy(next, kTimestamp.data(), kTimestamp.size());
        next = std::to_chars(next + kTimestamp.size(), end, timestamp_ms).ptr;
    }
    *next++ = '}';
    return {static_cast<std::size_t>(next - to), prefix_.size(), offset_size};
}

} // namespace sluice::kafka
