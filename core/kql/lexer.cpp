#include "core/kql/lexer.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <limits>
#include <utility>

namespace sluice::kql {
namespace {

bool is_name_start(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}
bool is_name_part(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | code >> 6);
        out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | code >> 18);
        out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
    }
}

/// Longest first, so that the first that fits is the right one.
constexpr std::array<std::string_view, 38> kMarks = {
    "-->", "<--", "..", "=>", "==", "=~", "!~", "!=", "<>", "<=", ">=", "<|", "(", ")", "[", "]", "{", "}", "|",
    ",",   ";",   ":",  ".",  "=",  "<",  ">",  "+",  "-",  "*",  "/",  "%",  "!", "~", "@", "?", "^", "&", "#"};

class Lexer {
public:
    /// Without `errors` the first error is thrown; with it every error is added, and the text goes on behind it.
    explicit Lexer(std::string_view text, std::vector<Failure>* errors = nullptr) : text_(text), errors_(errors) {}

    std::vector<Token> run() {
        std::vector<Token> tokens;
        for (;;) {
            skip_blanks();
            Token token = next();
            // "abc" 'def' is one string: adjacent literals concatenate (engine 6.3).
            if (token.is_string() && !tokens.empty() && tokens.back().is_string()) {
                tokens.back().value.text += token.value.text;
                tokens.back().end = token.end;
                continue;
            }
            tokens.push_back(std::move(token));
            if (tokens.back().kind == TokenKind::End)
                return tokens;
        }
    }

    std::optional<std::string> quoted() {
        std::string value;
        if (!string_starts())
            return std::nullopt;
        value = read_string();
        if (at_ != text_.size())
            return std::nullopt;
        return value;
    }

private:
    /// What is no text at all is wrong at every byte; nobody reads that many messages.
    static constexpr std::size_t kMostErrors = 100;

    char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    bool starts(std::string_view s) const { return text_.substr(at_).starts_with(s); }

    void skip_blanks() {
        for (;;) {
            if (at_ == 0 && starts("\xEF\xBB\xBF")) {
                at_ += 3;
            } else if (at_ < text_.size() && std::isspace(static_cast<unsigned char>(peek()))) {
                ++at_;
            } else if (starts("\xC2\xA0")) { // no-break space, common in pasted queries
                at_ += 2;
            } else if (starts("//") || (peek() == '#' && begins_line())) {
                while (at_ < text_.size() && peek() != '\n')
                    ++at_;
            } else {
                return;
            }
        }
    }

    /// Only blanks stand before this place of its line: `#connect ...` there is for the client, not for us.
    bool begins_line() const {
        std::size_t before = at_;
        while (before > 0 && (text_[before - 1] == ' ' || text_[before - 1] == '\t'))
            --before;
        return before == 0 || text_[before - 1] == '\n' || (before == 3 && text_.starts_with("\xEF\xBB\xBF"));
    }

    /// The text is wrong here: throws, or notes it and comes back.
    void wrong(Failure failure) {
        if (!errors_)
            throw failure;
        if (errors_->size() < kMostErrors)
            errors_->push_back(std::move(failure));
    }
    void wrong_syntax(Offset at, std::string message) {
        wrong({Failure::Family::Syntax, "SYN0002", std::move(message), at});
    }
    /// A literal with a text that is not of its type. It stands in the right place, so what fails is its meaning.
    Constant typed(ScalarType type, std::string_view text, Offset at) {
        try {
            return parse_typed_literal(type, text, at);
        } catch (const Failure& failure) {
            wrong(failure);
            return {.type = type, .null = true};
        }
    }

    Token next() {
        for (;;) {
            Token token;
            token.begin = static_cast<Offset>(at_);
            if (at_ == text_.size() || read(token)) {
                token.end = static_cast<Offset>(at_);
                return token;
            }
            skip_blanks();
        }
    }

    /// False: what stands here begins no token, and was passed over.
    bool read(Token& token) {
        if (string_starts()) {
            token.kind = TokenKind::Literal;
            token.value.type = ScalarType::String;
            token.value.text = read_string();
        } else if (is_digit(peek())) {
            read_number(token);
        } else if (is_name_start(peek())) {
            read_name(token);
        } else {
            return read_mark(token);
        }
        return true;
    }

    bool read_mark(Token& token) {
        for (std::string_view mark : kMarks)
            if (starts(mark)) {
                token.kind = TokenKind::Mark;
                token.text = mark;
                at_ += mark.size();
                return true;
            }
        // A character of several bytes is named whole.
        std::size_t size = 1;
        while (at_ + size < text_.size() && (static_cast<unsigned char>(text_[at_ + size]) & 0xC0) == 0x80)
            ++size;
        const std::string_view character = text_.substr(at_, size);
        const bool shown = std::isprint(static_cast<unsigned char>(peek())) != 0 || (size > 1 && size <= 4);
        wrong_syntax(token.begin, fmt::format("Query could not be parsed: unexpected character '{}'",
                                              shown ? std::string(character) : "?"));
        at_ += size;
        return false;
    }

    bool string_starts() const {
        std::size_t i = 0;
        if (peek() == 'h' || peek() == 'H')
            i = 1;
        if (peek(i) == '@')
            return peek(i + 1) == '"' || peek(i + 1) == '\'';
        if (peek(i) == '"' || peek(i) == '\'')
            return true;
        const std::string_view rest = text_.substr(std::min(text_.size(), at_ + i));
        return rest.starts_with("```") || rest.starts_with("~~~");
    }

    std::string read_string() {
        const auto begin = static_cast<Offset>(at_);
        if (peek() == 'h' || peek() == 'H')
            ++at_;
        for (std::string_view fence : {"```", "~~~"})
            if (starts(fence)) {
                const std::size_t end = text_.find(fence, at_ + 3);
                if (end == std::string_view::npos) {
                    wrong_syntax(begin, "Query could not be parsed: a multi-line string is not closed");
                    at_ = text_.size();
                    return {};
                }
                std::string value(text_.substr(at_ + 3, end - at_ - 3));
                at_ = end + 3;
                return value;
            }
        const bool verbatim = peek() == '@';
        if (verbatim)
            ++at_;
        const char quote = peek();
        ++at_;
        std::string value;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == quote) {
                if (verbatim && peek() == quote) {
                    value += quote;
                    ++at_;
                    continue;
                }
                return value;
            }
            if (c == '\n' && !verbatim) {
                --at_;
                break;
            }
            if (c == '\\' && !verbatim)
                read_escape(value, begin);
            else
                value += c;
        }
        wrong_syntax(begin, "Query could not be parsed: a string is not closed");
        return value;
    }

    std::uint32_t read_hex(int digits, Offset begin) {
        std::uint32_t code = 0;
        for (int i = 0; i < digits; ++i) {
            const char c = peek();
            if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {
                wrong_syntax(begin, "Query could not be parsed: a string has an escape sequence that is not complete");
                return code;
            }
            code = code * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : std::tolower(c) - 'a' + 10);
            ++at_;
        }
        return code;
    }

    void read_escape(std::string& value, Offset begin) {
        if (at_ >= text_.size())
            return; // the string is not closed, which is said at its end
        const char c = peek();
        ++at_;
        switch (c) {
        case 'n':
            value += '\n';
            return;
        case 't':
            value += '\t';
            return;
        case 'r':
            value += '\r';
            return;
        case 'a':
            value += '\a';
            return;
        case 'b':
            value += '\b';
            return;
        case 'f':
            value += '\f';
            return;
        case 'v':
            value += '\v';
            return;
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7': {
            std::uint32_t code = static_cast<std::uint32_t>(c - '0');
            for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7' && code < 32; ++i)
                code = code * 8 + static_cast<std::uint32_t>(text_[at_++] - '0');
            append_utf8(value, code);
            return;
        }
        case 'x':
            append_utf8(value, read_hex(2, begin));
            return;
        case 'U':
            append_utf8(value, std::min(read_hex(8, begin), 0x10FFFFu));
            return;
        case 'u': {
            std::uint32_t code = read_hex(4, begin);
            if (code >= 0xD800 && code < 0xDC00 && starts("\\u")) {
                at_ += 2;
                const std::uint32_t low = read_hex(4, begin);
                code = 0x10000 + ((code - 0xD800) << 10) + ((low - 0xDC00) & 0x3FF);
            } else if (code >= 0xD800 && code < 0xE000) {
                code = 0xFFFD;
            }
            append_utf8(value, code);
            return;
        }
        case '\\':
        case '"':
        case '\'':
        case '/':
            value += c;
            return;
        default:
            wrong_syntax(begin, fmt::format("Query could not be parsed: a string has the unknown escape sequence "
                                            "'\\{}'; write '\\\\' for a backslash or use @\"...\"",
                                            c));
        }
    }

    void read_number(Token& token) {
        const std::size_t begin = at_;
        token.kind = TokenKind::Literal;
        if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X') && std::isxdigit(static_cast<unsigned char>(peek(2)))) {
            at_ += 2;
            while (std::isxdigit(static_cast<unsigned char>(peek())))
                ++at_;
            if (is_name_part(peek())) {
                read_rest_of_name(token, begin);
                return;
            }
            token.value = typed(ScalarType::Long, text_.substr(begin, at_ - begin), token.begin);
            return;
        }
        while (is_digit(peek()))
            ++at_;
        bool real = false;
        // "1..5" is a range, "1.5" a number.
        if (peek() == '.' && is_digit(peek(1))) {
            real = true;
            ++at_;
            while (is_digit(peek()))
                ++at_;
        } else if (peek() == '.' && peek(1) != '.' && (!is_name_start(peek(1)) || exponent_starts(1))) {
            real = true;
            ++at_;
        }
        if (exponent_starts(0)) {
            real = true;
            at_ += 2;
            while (is_digit(peek()))
                ++at_;
        }
        const std::string_view number = text_.substr(begin, at_ - begin);
        if (is_name_start(peek())) {
            const std::size_t unit = at_;
            while (is_name_part(peek()))
                ++at_;
            const std::string_view whole = text_.substr(begin, at_ - begin);
            if (!real && !is_timespan_unit(text_.substr(unit, at_ - unit))) {
                token.kind = TokenKind::Name; // names may begin with digits
                token.text = whole;
                return;
            }
            token.value = typed(ScalarType::TimeSpan, whole, token.begin);
            return;
        }
        // The smallest long is written as a minus and a number that is one too large.
        if (!real && number == "9223372036854775808" && begin > 0 && text_[begin - 1] == '-') {
            token.value.integer = std::numeric_limits<std::int64_t>::min();
            return;
        }
        token.value = typed(real ? ScalarType::Real : ScalarType::Long, number, token.begin);
    }

    bool exponent_starts(std::size_t ahead) const {
        const char e = peek(ahead), after = peek(ahead + 1);
        return (e == 'e' || e == 'E') &&
               (is_digit(after) || ((after == '-' || after == '+') && is_digit(peek(ahead + 2))));
    }

    void read_rest_of_name(Token& token, std::size_t begin) {
        while (is_name_part(peek()))
            ++at_;
        token.kind = TokenKind::Name;
        token.text = text_.substr(begin, at_ - begin);
    }

    static bool is_timespan_unit(std::string_view unit) {
        for (std::string_view known : {"d",           "day",          "days",  "h",      "hr",
                                       "hrs",         "hour",         "hours", "m",      "min",
                                       "minute",      "minutes",      "s",     "sec",    "second",
                                       "seconds",     "ms",           "milli", "millis", "millisec",
                                       "millisecond", "milliseconds", "micro", "micros", "microsec",
                                       "microsecond", "microseconds", "nano",  "nanos",  "nanosecond",
                                       "nanoseconds", "tick",         "ticks"})
            if (unit == known)
                return true;
        return false;
    }

    void read_name(Token& token) {
        const std::size_t begin = at_;
        ++at_;
        while (is_name_part(peek()))
            ++at_;
        token.kind = TokenKind::Name;
        token.text = text_.substr(begin, at_ - begin);
        if (token.text == "true" || token.text == "false" || token.text == "True" || token.text == "False" ||
            token.text == "TRUE" || token.text == "FALSE") {
            token.kind = TokenKind::Literal;
            token.value.type = ScalarType::Bool;
            token.value.integer = token.text.front() == 't' || token.text.front() == 'T';
            return;
        }
        const std::optional<ScalarType> type =
            token.text == "time" ? ScalarType::TimeSpan : data::parse_scalar_type(token.text);
        if (!type || *type == ScalarType::String)
            return;
        std::size_t open = at_;
        while (open < text_.size() && (text_[open] == ' ' || text_[open] == '\t'))
            ++open;
        if (open == text_.size() || text_[open] != '(')
            return;
        const std::size_t close = find_close(open);
        const std::string_view inside = text_.substr(open + 1, close - open - 1);
        at_ = std::min(close + 1, text_.size());
        token.kind = TokenKind::Literal;
        token.value = typed(*type, inside, token.begin);
    }

    std::size_t find_close(std::size_t open) {
        int depth = 0;
        const std::size_t saved = at_;
        at_ = open;
        while (at_ < text_.size()) {
            if (string_starts() && (peek() != 'h' && peek() != 'H')) {
                read_string();
                continue;
            }
            if (starts("//")) {
                skip_blanks();
                continue;
            }
            if (peek() == '(')
                ++depth;
            else if (peek() == ')' && --depth == 0)
                return std::exchange(at_, saved);
            ++at_;
        }
        wrong_syntax(static_cast<Offset>(open), "Query could not be parsed: a literal is not closed by ')'");
        return at_ = saved, text_.size();
    }

    std::string_view text_;
    std::vector<Failure>* errors_;
    std::size_t at_ = 0;
};

} // namespace

std::vector<Token> tokenize(std::string_view text, std::vector<Failure>* errors) {
    return Lexer(text, errors).run();
}

std::optional<std::string> parse_quoted_string(std::string_view text) {
    try {
        return Lexer(text).quoted();
    } catch (const Failure&) {
        return std::nullopt;
    }
}

} // namespace sluice::kql
