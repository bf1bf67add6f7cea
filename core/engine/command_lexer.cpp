#include "core/engine/command_lexer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace sluice::engine {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
bool is_letter(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
}
bool is_word(char c) {
    return is_letter(c) || is_digit(c) || (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::optional<unsigned> hex_value(std::string_view digits) {
    unsigned value = 0;
    for (const char c : digits) {
        const char l = lower(c);
        if (is_digit(l))
            value = value * 16 + static_cast<unsigned>(l - '0');
        else if (l >= 'a' && l <= 'f')
            value = value * 16 + static_cast<unsigned>(l - 'a' + 10);
        else
            return std::nullopt;
    }
    return value;
}

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xC0 | (point >> 6));
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xE0 | (point >> 12));
        out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | (point >> 18));
        out += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
        out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (point & 0x3F));
    }
}

/// `\uXXXX` at `at`, with the second half of a surrogate pair when one follows. Answers the bytes taken, 0 when
/// malformed.
std::size_t unescape_unicode(std::string_view source, std::size_t at, std::string& out) {
    const auto unit = [&](std::size_t from) -> std::optional<unsigned> {
        if (from + 6 > source.size() || source[from] != '\\' || source[from + 1] != 'u')
            return std::nullopt;
        return hex_value(source.substr(from + 2, 4));
    };
    const auto first = unit(at);
    if (!first)
        return 0;
    if (*first >= 0xD800 && *first < 0xDC00) {
        const auto second = unit(at + 6);
        if (second && *second >= 0xDC00 && *second < 0xE000) {
            append_utf8(out, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
            return 12;
        }
    }
    // A lone surrogate is no character; the wire shows U+FFFD for it as well (rest-api 4).
    append_utf8(out, *first >= 0xD800 && *first < 0xE000 ? 0xFFFD : *first);
    return 6;
}

/// `begin` is where the token starts (a prefix may stand before the quote at `quote`).
Token read_quoted(std::string_view source, std::size_t begin, std::size_t quote) {
    std::string value;
    std::size_t at = quote + 1;
    while (at < source.size() && source[at] != source[quote]) {
        if (source[at] != '\\') {
            value += source[at++];
            continue;
        }
        if (at + 1 >= source.size())
            break;
        static constexpr std::array<std::pair<char, char>, 9> kEscapes{{{'t', '\t'},
                                                                        {'n', '\n'},
                                                                        {'r', '\r'},
                                                                        {'\\', '\\'},
                                                                        {'"', '"'},
                                                                        {'\'', '\''},
                                                                        {'0', '\0'},
                                                                        {'/', '/'},
                                                                        {'`', '`'}}};
        const auto* const known =
            std::find_if(kEscapes.begin(), kEscapes.end(), [&](const auto& e) { return e.first == source[at + 1]; });
        if (known != kEscapes.end()) {
            value += known->second;
            at += 2;
        } else if (const std::size_t taken = unescape_unicode(source, at, value); taken > 0) {
            at += taken;
        } else {
            return {Token::Kind::Bad, at, at + 2,
                    "'\\" + std::string(1, source[at + 1]) +
                        "' is no escape of a string literal; write '\\\\' for a backslash, or @'...' for a literal "
                        "without escapes"};
        }
    }
    if (at >= source.size())
        return {Token::Kind::Bad, begin, source.size(), "the string literal that begins here is not closed"};
    return {Token::Kind::Text, begin, at + 1, std::move(value)};
}

Token read_verbatim(std::string_view source, std::size_t begin, std::size_t quote) {
    std::string value;
    for (std::size_t at = quote + 1; at < source.size(); ++at) {
        if (source[at] != source[quote]) {
            value += source[at];
        } else if (at + 1 < source.size() && source[at + 1] == source[quote]) {
            value += source[at++];
        } else {
            return {Token::Kind::Text, begin, at + 1, std::move(value)};
        }
    }
    return {Token::Kind::Bad, begin, source.size(), "the string literal that begins here is not closed"};
}

Token read_fenced(std::string_view source, std::size_t begin, std::size_t fence) {
    const std::string_view mark = source.substr(fence, 3);
    const std::size_t close = source.find(mark, fence + 3);
    if (close == std::string_view::npos)
        return {Token::Kind::Bad, begin, source.size(), "the string literal that begins here is not closed"};
    return {Token::Kind::Text, begin, close + 3, std::string(source.substr(fence + 3, close - fence - 3))};
}

bool at_fence(std::string_view source, std::size_t at) {
    return source.compare(at, 3, "```") == 0 || source.compare(at, 3, "~~~") == 0;
}

/// A string literal at `at`, hidden (`h'...'`) and verbatim (`@'...'`) forms included.
std::optional<Token> read_literal(std::string_view source, std::size_t at) {
    const std::size_t begin = at;
    const auto quote = [&](std::size_t i) { return i < source.size() && (source[i] == '\'' || source[i] == '"'); };
    if (lower(source[at]) == 'h' && at + 1 < source.size() &&
        (quote(at + 1) || at_fence(source, at + 1) || (source[at + 1] == '@' && quote(at + 2))))
        ++at;
    if (quote(at))
        return read_quoted(source, begin, at);
    if (source[at] == '@' && quote(at + 1))
        return read_verbatim(source, begin, at + 1);
    if (at_fence(source, at))
        return read_fenced(source, begin, at);
    return std::nullopt;
}

} // namespace

std::size_t skip_blank(std::string_view source, std::size_t offset) {
    while (offset < source.size()) {
        if (is_space(source[offset])) {
            ++offset;
        } else if (source.compare(offset, 3, "\xEF\xBB\xBF") == 0) {
            offset += 3; // a byte-order mark, which editors put in front
        } else if (source.compare(offset, 2, "//") == 0) {
            offset = std::min(source.find('\n', offset), source.size());
        } else {
            break;
        }
    }
    return offset;
}

Token next_token(std::string_view source, std::size_t offset) {
    const std::size_t at = skip_blank(source, offset);
    if (at >= source.size())
        return {Token::Kind::End, source.size(), source.size()};
    if (auto literal = read_literal(source, at))
        return std::move(*literal);
    if (is_word(source[at]) || source[at] == '$') {
        std::size_t end = at + 1;
        while (end < source.size() &&
               (is_word(source[end]) || (source[end] == '-' && end + 1 < source.size() && is_word(source[end + 1]))))
            ++end;
        return {Token::Kind::Word, at, end, std::string(source.substr(at, end - at))};
    }
    if (source.compare(at, 2, "<|") == 0)
        return {Token::Kind::Input, at, at + 2, "<|"};
    if (source[at] == '|')
        return {Token::Kind::Pipe, at, at + 1, "|"};
    return {Token::Kind::Symbol, at, at + 1, std::string(1, source[at])};
}

Place place_of(std::string_view source, std::size_t offset) {
    Place place;
    for (std::size_t i = 0; i < std::min(offset, source.size()); ++i) {
        if (source[i] == '\n') {
            ++place.line;
            place.column = 1;
        } else if ((static_cast<unsigned char>(source[i]) & 0xC0) != 0x80) {
            ++place.column;
        }
    }
    return place;
}

std::size_t end_of_bracket(std::string_view source, std::size_t open) {
    std::size_t depth = 0;
    for (Token token = next_token(source, open); token.kind != Token::Kind::End;
         token = next_token(source, token.end)) {
        if (token.kind == Token::Kind::Bad)
            return std::string_view::npos;
        if (token.is('(') || token.is('[') || token.is('{'))
            ++depth;
        else if ((token.is(')') || token.is(']') || token.is('}')) && --depth == 0)
            return token.end;
    }
    return std::string_view::npos;
}

bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::string trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return std::string(text);
}

} // namespace sluice::engine
