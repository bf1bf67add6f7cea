#include "core/data/transcode.hpp"

namespace sluice::data {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

bool starts_with(std::string_view head, std::string_view mark) {
    return head.substr(0, mark.size()) == mark;
}

} // namespace

void append_utf8(std::string& out, std::uint32_t code) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | code >> 6);
        tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | code >> 12);
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xF0 | code >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

ByteOrderMark find_byte_order_mark(std::string_view head) {
    using namespace std::string_view_literals;
    if (starts_with(head, "\xEF\xBB\xBF"sv))
        return {Encoding::Utf8, 3};
    // Before UTF-16: its little-endian mark is the start of this one.
    if (starts_with(head, "\xFF\xFE\0\0"sv))
        return {Encoding::Utf32Le, 4};
    if (starts_with(head, "\0\0\xFE\xFF"sv))
        return {Encoding::Utf32Be, 4};
    if (starts_with(head, "\xFF\xFE"sv))
        return {Encoding::Utf16Le, 2};
    if (starts_with(head, "\xFE\xFF"sv))
        return {Encoding::Utf16Be, 2};
    return {};
}

void Transcoder::begin(Encoding encoding) {
    encoding_ = encoding;
    pending_size_ = 0;
    high_surrogate_ = 0;
}

void Transcoder::append(std::string& out, std::string_view bytes) {
    const bool wide = encoding_ == Encoding::Utf32Le || encoding_ == Encoding::Utf32Be;
    const bool big = encoding_ == Encoding::Utf16Be || encoding_ == Encoding::Utf32Be;
    const std::size_t size = wide ? 4 : 2;
    for (const char byte : bytes) {
        pending_[pending_size_++] = static_cast<unsigned char>(byte);
        if (pending_size_ < size)
            continue;
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < size; ++i)
            value = value << 8 | pending_[big ? i : size - 1 - i];
        pending_size_ = 0;
        unit(out, value);
    }
}

void Transcoder::unit(std::string& out, std::uint32_t value) {
    const bool narrow = encoding_ == Encoding::Utf16Le || encoding_ == Encoding::Utf16Be;
    const bool surrogate = value >= 0xD800 && value < 0xE000;
    if (high_surrogate_ != 0) {
        const std::uint32_t high = high_surrogate_;
        high_surrogate_ = 0;
        if (value >= 0xDC00 && value < 0xE000)
            return append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (value - 0xDC00));
        append_utf8(out, kReplacement);
    }
    if (narrow && surrogate && value < 0xDC00)
        high_surrogate_ = value;
    else
        append_utf8(out, surrogate || value > 0x10FFFF ? kReplacement : value);
}

void Transcoder::finish(std::string& out) {
    if (high_surrogate_ != 0 || pending_size_ != 0)
        append_utf8(out, kReplacement);
    high_surrogate_ = 0;
    pending_size_ = 0;
}

} // namespace sluice::data
