#include "core/data/json_reader.hpp"

#include "core/data/json_text.hpp"
#include "core/data/text_scan.hpp"
#include "core/data/transcode.hpp"

#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sluice::data {
namespace {

/// The four digits of an escape that the reader has checked.
std::uint32_t four_hex(const char* p) {
    return static_cast<std::uint32_t>(hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 |
                                      hex_digit(p[3]));
}

/// `p` at the first digit of a \u escape; returns where to go on. Lone surrogates become U+FFFD.
const char* append_unicode(std::string& out, const char* p, const char* end) {
    constexpr std::uint32_t kReplacement = 0xFFFD;
    std::uint32_t code = four_hex(p);
    p += 4;
    if (code >= 0xD800 && code < 0xE000) {
        const bool pair = code < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u';
        const std::uint32_t low = pair ? four_hex(p + 2) : 0;
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            p += 6;
        } else {
            code = kReplacement;
        }
    }
    append_utf8(out, code);
    return p;
}

char unescaped(char letter) {
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

void append_unescaped(std::string& out, std::string_view raw) {
    const char* p = raw.data();
    const char* const end = p + raw.size();
    while (p != end) {
        const auto* const escape = static_cast<const char*>(std::memchr(p, '\\', static_cast<std::size_t>(end - p)));
        out.append(p, escape ? escape : end);
        if (!escape)
            return;
        p = escape + 2;
        if (escape[1] == 'u')
            p = append_unicode(out, p, end);
        else
            out += unescaped(escape[1]);
    }
}

/// First byte from `p` on that ends a run of ordinary string bytes: a quote, '\' or a control character. Looks at no
/// byte from `end` on, and reads none from `readable` on.
const char* end_of_run(const char* p, const char* end, [[maybe_unused]] const char* readable, char quote, bool& ascii) {
#ifdef __SSE2__
    const __m128i quotes = _mm_set1_epi8(quote), escapes = _mm_set1_epi8('\\'), controls = _mm_set1_epi8(0x1F);
    while (p < end && readable - p >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, escapes)),
                                           _mm_cmpeq_epi8(_mm_min_epu8(bytes, controls), bytes));
        const auto stop = static_cast<unsigned>(_mm_movemask_epi8(stops));
        const auto high = static_cast<unsigned>(_mm_movemask_epi8(bytes));
        if (stop != 0) {
            const int length = std::countr_zero(stop);
            ascii &= (high & ((1u << length) - 1)) == 0;
            return p + length < end ? p + length : end;
        }
        ascii &= high == 0;
        p += 16;
    }
    if (p >= end)
        return end;
#endif
    for (; p != end && *p != quote && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20; ++p)
        ascii &= static_cast<unsigned char>(*p) < 0x80;
    return p;
}

} // namespace

bool JsonReader::slow_space() {
    while (at_ != end_) {
        if (is_blank(*at_)) {
            ++at_;
            continue;
        }
        if (*at_ != '/' || !relaxed_)
            return true;
        if (end_ - at_ < 2) {
            at_ = end_;
            return fail("a comment is cut short");
        }
        if (at_[1] == '/') {
            at_ += 2;
            while (at_ != end_ && *at_ != '\n')
                ++at_;
            in_line_comment_ = at_ == end_;
        } else if (at_[1] == '*') {
            const std::string_view rest(at_ + 2, static_cast<std::size_t>(end_ - at_ - 2));
            const std::size_t close = rest.find("*/");
            if (close == std::string_view::npos) {
                at_ = end_;
                return fail("a comment is not closed");
            }
            at_ += close + 4;
        } else {
            return fail("'/' begins no comment");
        }
    }
    return true;
}

bool JsonReader::escape() {
    ++at_;
    if (at_ == end_)
        return fail("a string is not closed");
    const char letter = *at_;
    if (letter == 'u') {
        ++at_;
        for (int i = 0; i < 4; ++i, ++at_) {
            if (at_ == end_)
                return fail("a string is not closed");
            if (hex_digit(*at_) < 0)
                return fail("\\u must be followed by four hexadecimal digits");
        }
        return true;
    }
    switch (letter) {
    case '\'':
        if (!relaxed_)
            break;
        [[fallthrough]];
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        ++at_;
        return true;
    default:
        break;
    }
    return fail("unknown escape in a string");
}

bool JsonReader::string(JsonString& out) {
    const char quote = *at_++;
    const char* const begin = at_;
    out.plain = quote == '"';
    out.ascii = true;
    for (;;) {
        at_ = end_of_run(at_, end_, readable_, quote, out.ascii);
        if (at_ == end_)
            return fail("a string is not closed");
        if (*at_ == quote) {
            out.raw = {begin, static_cast<std::size_t>(at_ - begin)};
            ++at_;
            return true;
        }
        out.plain = false;
        if (*at_ == '\\') {
            if (!escape())
                return false;
        } else if (*at_ == '\t' && relaxed_) {
            ++at_;
        } else {
            return fail("control character in a string");
        }
    }
}

bool JsonReader::literal(std::string_view word) {
    const std::size_t left = static_cast<std::size_t>(end_ - at_);
    const std::string_view here(at_, left < word.size() ? left : word.size());
    if (!word.starts_with(here))
        return fail("a value is expected");
    at_ += here.size();
    if (here.size() < word.size())
        return fail("a value is cut short");
    return true;
}

bool JsonReader::number(JsonNumber& out) {
    const char* const begin = at_;
    NumberParts& parts = out.parts;
    parts = {};
    out.finite = true;
    const char* p = at_;
    if (*p == '-') {
        parts.negative = true;
        ++p;
    }
    const auto stop = [&](const char* problem) {
        at_ = p;
        return fail(p == end_ ? "a number is cut short" : problem);
    };
    if (p != end_ && relaxed_ && (*p == 'I' || (*p == 'N' && !parts.negative))) {
        at_ = p;
        if (!literal(*p == 'I' ? "Infinity" : "NaN"))
            return false;
        out.finite = false;
        out.text = {begin, static_cast<std::size_t>(at_ - begin)};
        return true;
    }
    parts.begin = p;
    const char* const whole = p;
    std::uint64_t mantissa = 0;
    while (p != end_ && is_digit(*p))
        mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    if (p == whole)
        return stop("a value is expected");
    if (*whole == '0' && p - whole > 1)
        return stop("a number begins with a zero too many");
    std::int64_t digits = *whole == '0' ? 0 : p - whole;
    if (p != end_ && *p == '.') {
        const char* const point = p++;
        while (p != end_ && is_digit(*p)) {
            digits += digits > 0 || *p != '0';
            mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
        }
        if (p == point + 1)
            return stop("digits are expected behind the point of a number");
        parts.behind_point = static_cast<int>(p - point - 1);
    }
    parts.end = p;
    parts.mantissa = mantissa; // wrong beyond 19 digits, when nobody looks at it
    parts.digits = static_cast<int>(digits);
    if (p != end_ && (*p == 'e' || *p == 'E')) {
        ++p;
        const bool negative = p != end_ && *p == '-';
        if (p != end_ && (*p == '-' || *p == '+'))
            ++p;
        const char* const exponent = p;
        for (; p != end_ && is_digit(*p); ++p)
            parts.exponent = parts.exponent < 100'000'000 ? parts.exponent * 10 + (*p - '0') : parts.exponent;
        if (p == exponent)
            return stop("digits are expected in the exponent of a number");
        if (negative)
            parts.exponent = -parts.exponent;
    }
    parts.text_end = p;
    out.text = {begin, static_cast<std::size_t>(p - begin)};
    at_ = p;
    return true;
}

bool JsonReader::skip_value(int depth) {
    switch (peek()) {
    case '{':
        return object(depth, [&](const JsonString&) { return skip_value(depth + 1); });
    case '[':
        return array(depth, [&](std::size_t) { return skip_value(depth + 1); });
    case 't':
        return literal("true");
    case 'f':
        return literal("false");
    case 'n':
        return literal("null");
    default:
        break;
    }
    if (at_string()) {
        JsonString ignored;
        return string(ignored);
    }
    if (done())
        return fail("a value is expected");
    JsonNumber ignored;
    return number(ignored);
}

std::string_view json_text(const JsonString& string, std::string& scratch) {
    const bool valid = string.ascii || is_valid_utf8(string.raw);
    if (valid && (string.plain || string.raw.find('\\') == std::string_view::npos))
        return string.raw;
    scratch.clear();
    if (valid) {
        append_unescaped(scratch, string.raw);
        return scratch;
    }
    std::string repaired;
    append_valid_utf8(repaired, string.raw);
    append_unescaped(scratch, repaired);
    return scratch;
}

} // namespace sluice::data
