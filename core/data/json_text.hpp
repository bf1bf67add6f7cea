#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Small services on JSON text for those who write JSON without a document in between.
namespace sluice::data {

/// Appends `text` as a JSON string literal with its quotes: '"', '\' and control characters escaped, all else as it is.
/// Bytes that are no UTF-8 become U+FFFD, so that the result is always valid.
void append_json_string(std::string& out, std::string_view text);

/// Appends the fewest digits that read back as `value`, always with '.' or an exponent; `value` is finite.
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, float value);

enum class JsonDialect : std::uint8_t {
    Strict, ///< RFC 8259
    Relaxed ///< also comments, single quotes, NaN and infinities as formats-and-mappings 4.2 has them
};

/// `text` as dynamic columns hold it: compact, numbers as they stand, as few escapes as possible, the last of repeated
/// names at the place of the first. Nothing when it is no JSON.
std::optional<std::string> minify_json(std::string_view text, JsonDialect dialect = JsonDialect::Strict);

/// Appends `text` with one U+FFFD for each maximal bad part (formats-and-mappings 2.2).
void append_valid_utf8(std::string& out, std::string_view text);
bool is_valid_utf8(std::string_view text);

} // namespace sluice::data
