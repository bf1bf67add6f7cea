#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Digests and what is made of them: hashes of tokens, signatures of addresses. Thread-safe.
namespace sluice {

/// The 32 bytes of it.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Takes as long whatever the texts are; only their lengths show.
bool equal_in_constant_time(std::string_view a, std::string_view b);
/// Bytes that nobody can guess.
std::string secret_bytes(std::size_t count);

/// Lower case.
std::string to_hex(std::string_view bytes);
/// RFC 4648 5, without padding: stands in addresses as it is.
std::string base64url(std::string_view bytes);
/// Either alphabet of RFC 4648, with or without padding; nothing when it is neither.
std::optional<std::string> decode_base64(std::string_view text);

} // namespace sluice
