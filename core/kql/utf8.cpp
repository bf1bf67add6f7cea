#include "core/kql/utf8.hpp"

namespace sluice::kql {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// Takes one code point from the front; U+FFFD and one byte less when it is none. `good` turns false then.
char32_t take(std::string_view& text, bool& good) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    char32_t point = length == 1 ? lead : lead & (0x7F >> length);
    bool fits = length > 0 && length <= text.size();
    for (std::size_t i = 1; fits && i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        fits = (next & 0xC0) == 0x80;
        point = point << 6 | (next & 0x3F);
    }
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    fits = fits && point >= kLeast[length] && point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
    good = good && fits;
    text.remove_prefix(fits ? length : 1);
    return fits ? point : kReplacement;
}

} // namespace

bool valid_utf8(std::string_view text) {
    bool good = true;
    while (good && !text.empty())
        take(text, good);
    return good;
}

std::u32string code_points_of(std::string_view text) {
    std::u32string points;
    points.reserve(text.size());
    bool good = true;
    while (!text.empty())
        points += take(text, good);
    return points;
}

void append_utf8(std::string& out, char32_t point) {
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        point = kReplacement;
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xC0 | point >> 6);
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xE0 | point >> 12);
        out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | point >> 18);
        out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    }
}

} // namespace sluice::kql
