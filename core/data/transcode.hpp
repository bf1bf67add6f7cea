#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::data {

/// How the characters of a source are stored, as its byte order mark says.
enum class Encoding : std::uint8_t { Utf8, Utf16Le, Utf16Be, Utf32Le, Utf32Be };

struct ByteOrderMark {
    Encoding encoding = Encoding::Utf8;
    std::size_t size = 0; ///< bytes to remove; 0 when there is no mark
};
/// `head` holds the first four bytes of a source, or all of it when it is shorter.
ByteOrderMark find_byte_order_mark(std::string_view head);

/// Turns UTF-16 and UTF-32 into UTF-8, block by block; what is no character becomes U+FFFD. One thread at a time.
class Transcoder {
public:
    void begin(Encoding encoding);
    void append(std::string& out, std::string_view bytes);
    /// The source is complete: a unit that was cut short becomes U+FFFD.
    void finish(std::string& out);

private:
    void unit(std::string& out, std::uint32_t value);

    Encoding encoding_ = Encoding::Utf8;
    unsigned char pending_[4] = {};
    std::size_t pending_size_ = 0;
    std::uint32_t high_surrogate_ = 0; ///< 0: none waits for its partner
};

/// Appends a code point, which must not be a surrogate, as UTF-8.
void append_utf8(std::string& out, std::uint32_t code);

} // namespace sluice::data
