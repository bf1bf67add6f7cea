#include "core/data/json_text.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <iterator>

namespace sluice::data {
namespace {

/// 0: as it is; 'u': as \u00XX; else the letter behind the backslash.
constexpr std::array<char, 256> kEscapes = [] {
    std::array<char, 256> table{};
    for (std::size_t c = 0; c < 0x20; ++c)
        table[c] = 'u';
    table['\b'] = 'b';
    table['\f'] = 'f';
    table['\n'] = 'n';
    table['\r'] = 'r';
    table['\t'] = 't';
    table['"'] = '"';
    table['\\'] = '\\';
    return table;
}();

void append_escaped(std::string& out, std::string_view text) {
    static constexpr char kDigits[] = "0123456789abcdef";
    const char* begin = text.data();
    const char* const end = begin + text.size();
    for (const char* p = begin; p != end; ++p) {
        const auto byte = static_cast<unsigned char>(*p);
        const char escape = kEscapes[byte];
        if (escape == 0)
            continue;
        out.append(begin, p);
        begin = p + 1;
        out += '\\';
        out += escape;
        if (escape == 'u') {
            const char code[] = {'0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
            out.append(code, 4);
        }
    }
    out.append(begin, end);
}

/// Length of the well-formed sequence at `p`, or minus the length of the maximal bad part there (Unicode 3.9, table
/// 3-7).
int sequence(const unsigned char* p, const unsigned char* end) {
    const unsigned char lead = *p;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return -1;
    const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    // The second byte is where overlong forms, surrogates and what lies beyond U+10FFFF show.
    const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (end - p < 2 || p[1] < low || p[1] > high)
        return -1;
    for (int i = 2; i < length; ++i)
        if (end - p <= i || (p[i] & 0xC0) != 0x80)
            return -i;
    return length;
}

} // namespace

bool is_valid_utf8(std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
}

void append_valid_utf8(std::string& out, std::string_view text) {
    const auto* p = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = p + text.size();
    while (p != end) {
        const int length = sequence(p, end);
        if (length > 0)
            out.append(reinterpret_cast<const char*>(p), static_cast<std::size_t>(length));
        else
            out += "\xEF\xBF\xBD";
        p += length > 0 ? length : -length;
    }
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    if (is_valid_utf8(text)) {
        append_escaped(out, text);
    } else {
        std::string repaired;
        append_valid_utf8(repaired, text);
        append_escaped(out, repaired);
    }
    out += '"';
}

namespace {

template <class Real> void append_shortest(std::string& out, Real value) {
    const std::size_t begin = out.size();
    fmt::format_to(std::back_inserter(out), "{}", value);
    if (out.find_first_of(".e", begin) == std::string::npos)
        out += ".0";
}

} // namespace

void append_json_number(std::string& out, double value) {
    append_shortest(out, value);
}
void append_json_number(std::string& out, float value) {
    append_shortest(out, value);
}

} // namespace sluice::data
