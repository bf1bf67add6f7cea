#pragma once

#include <cstdint>
#include <string_view>

/// What the parsers of texts share. Internal to core/data.
namespace sluice::data {

inline bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
inline bool is_digit(char c) {
    return static_cast<unsigned char>(c - '0') < 10;
}
inline char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline std::string_view trim(std::string_view text) {
    const char* begin = text.data();
    const char* end = begin + text.size();
    while (begin != end && is_blank(*begin))
        ++begin;
    while (begin != end && is_blank(end[-1]))
        --end;
    return {begin, static_cast<std::size_t>(end - begin)};
}

/// `lower_case` must be in lower case.
inline bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (lower(text[i]) != lower_case[i])
            return false;
    return true;
}

/// -1 when it is no hexadecimal digit.
inline int hex_digit(char c) {
    if (is_digit(c))
        return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// A text that is eaten from the left.
struct Scanner {
    const char* at;
    const char* end;

    explicit Scanner(std::string_view text) : at(text.data()), end(text.data() + text.size()) {}
    bool done() const { return at == end; }
    std::size_t left() const { return static_cast<std::size_t>(end - at); }
    bool eat(char c) {
        if (at == end || *at != c)
            return false;
        ++at;
        return true;
    }
    /// Between `least` and `most` digits into `value`; eats nothing when there are fewer. `most` is at most 18.
    bool digits(int least, int most, std::int64_t& value) {
        const char* p = at;
        std::int64_t sum = 0;
        while (p != end && p - at < most && is_digit(*p))
            sum = sum * 10 + (*p++ - '0');
        if (p - at < least)
            return false;
        at = p;
        value = sum;
        return true;
    }
    /// Exactly two digits into `value`.
    bool two(int& value) {
        if (left() < 2 || !is_digit(at[0]) || !is_digit(at[1]))
            return false;
        value = (at[0] - '0') * 10 + (at[1] - '0');
        at += 2;
        return true;
    }
    bool four(int& value) {
        if (left() < 4 || !is_digit(at[0]) || !is_digit(at[1]) || !is_digit(at[2]) || !is_digit(at[3]))
            return false;
        value = ((at[0] - '0') * 10 + (at[1] - '0')) * 100 + (at[2] - '0') * 10 + (at[3] - '0');
        at += 4;
        return true;
    }
};

} // namespace sluice::data
