#include "plugins/mqtt/record.hpp"

#include "plugins/mqtt/crc32c.hpp"

#include <cassert>
#include <cstring>

namespace sluice::mqtt {

namespace {

constexpr char kMarker[4] = {'\xA7', 'S', 'L', 'r'};
constexpr std::size_t kLargestBody = 512 * 1024 * 1024; // above what MQTT can carry: 256 MB and its properties

enum Flags : std::uint8_t { kRetained = 1, kHasContentType = 2, kHasCorrelation = 4 };

template <class Number> void put(std::string& out, Number number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& out, std::string_view text) {
    assert(text.size() <= UINT16_MAX);
    put(out, static_cast<std::uint16_t>(text.size()));
    out += text;
}

/// Takes fields from the front of a body; a field that is not there makes it invalid.
struct Cursor {
    std::string_view rest;
    bool valid = true;

    std::string_view take(std::size_t size) {
        if (size > rest.size()) {
            valid = false;
            return {};
        }
        const std::string_view part = rest.substr(0, size);
        rest.remove_prefix(size);
        return part;
    }
    template <class Number> Number number() {
        Number value{};
        const std::string_view bytes = take(sizeof value);
        if (bytes.size() == sizeof value)
            std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    std::string_view text() { return take(number<std::uint16_t>()); }
};

bool decode_body(std::string_view body, SpoolMessage& message) {
    Cursor cursor{.rest = body};
    message.sequence = cursor.number<std::uint64_t>();
    message.received_ns = cursor.number<std::int64_t>();
    message.qos = cursor.number<std::uint8_t>();
    const auto flags = cursor.number<std::uint8_t>();
    message.retained = (flags & kRetained) != 0;
    const auto properties = cursor.number<std::uint32_t>();
    message.topic = cursor.text();
    if ((flags & kHasContentType) != 0)
        message.content_type = cursor.text();
    if ((flags & kHasCorrelation) != 0)
        message.correlation_data = cursor.text();
    for (std::uint32_t i = 0; i < properties && cursor.valid; ++i) {
        const std::string_view name = cursor.text();
        message.user_properties.emplace_back(name, cursor.text());
    }
    message.payload = cursor.rest;
    return cursor.valid;
}

} // namespace

void encode_record(const SpoolMessage& message, std::string& out) {
    const std::size_t start = out.size();
    out.append(kRecordHeader, '\0');
    put(out, message.sequence);
    put(out, message.received_ns);
    put(out, message.qos);
    put(out,
        static_cast<std::uint8_t>((message.retained ? kRetained : 0) | (message.content_type ? kHasContentType : 0) |
                                  (message.correlation_data ? kHasCorrelation : 0)));
    put(out, static_cast<std::uint32_t>(message.user_properties.size()));
    put_text(out, message.topic);
    if (message.content_type)
        put_text(out, *message.content_type);
    if (message.correlation_data)
        put_text(out, *message.correlation_data);
    for (const auto& [name, value] : message.user_properties) {
        put_text(out, name);
        put_text(out, value);
    }
    out += message.payload;
    const std::string_view body = std::string_view(out).substr(start + kRecordHeader);
    assert(body.size() <= kLargestBody);
    const auto size = static_cast<std::uint32_t>(body.size());
    const std::uint32_t checksum = crc32c(body);
    std::memcpy(out.data() + start, kMarker, sizeof kMarker);
    std::memcpy(out.data() + start + 4, &size, sizeof size);
    std::memcpy(out.data() + start + 8, &checksum, sizeof checksum);
}

DecodedRecord decode_record(std::string_view bytes) {
    if (bytes.size() < kRecordHeader)
        return {.state = RecordState::Short, .size = kRecordHeader};
    std::uint32_t size = 0, checksum = 0;
    std::memcpy(&size, bytes.data() + 4, sizeof size);
    std::memcpy(&checksum, bytes.data() + 8, sizeof checksum);
    if (std::memcmp(bytes.data(), kMarker, sizeof kMarker) != 0 || size > kLargestBody)
        return {};
    if (bytes.size() - kRecordHeader < size)
        return {.state = RecordState::Short, .size = kRecordHeader + size};
    const std::string_view body = bytes.substr(kRecordHeader, size);
    DecodedRecord decoded{.state = RecordState::Whole, .size = kRecordHeader + size};
    if (crc32c(body) != checksum || !decode_body(body, decoded.message))
        return {};
    return decoded;
}

std::string_view record_marker() {
    return {kMarker, sizeof kMarker};
}

} // namespace sluice::mqtt
