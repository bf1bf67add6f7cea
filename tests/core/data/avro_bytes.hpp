#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Writes Avro by hand, so that tests do not read with what they wrote.
namespace sluice::data::test {

/// int and long, lengths and choices.
inline std::string varint(std::int64_t value) {
    std::uint64_t bits = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    std::string out;
    for (; bits > 0x7F; bits >>= 7)
        out += static_cast<char>((bits & 0x7F) | 0x80);
    return out + static_cast<char>(bits);
}

/// bytes and string.
inline std::string sized(std::string_view text) {
    return varint(static_cast<std::int64_t>(text.size())).append(text);
}

template <class Real> std::string real(Real value) {
    std::string out(sizeof value, '\0');
    std::memcpy(out.data(), &value, sizeof value);
    return out;
}

constexpr std::string_view kAvroSync = "0123456789abcdef";

inline std::string avro_header(std::string_view schema, std::string_view codec = "") {
    std::string out("Obj\x01", 4);
    out += varint(codec.empty() ? 1 : 2);
    out += sized("avro.schema") + sized(schema);
    if (!codec.empty())
        out += sized("avro.codec") + sized(codec);
    out += varint(0);
    return out.append(kAvroSync);
}

inline std::string avro_block(std::int64_t records, std::string_view packed) {
    return varint(records) + sized(packed).append(kAvroSync);
}

/// A container of one block without compression.
inline std::string avro_file(std::string_view schema, std::int64_t records, std::string_view content) {
    return avro_header(schema) + avro_block(records, content);
}

} // namespace sluice::data::test
