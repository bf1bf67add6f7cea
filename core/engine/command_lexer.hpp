#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::engine {

/// One piece of a management command. Commands have a lexical grammar of their own: keywords and ids may hold '-'.
struct Token {
    enum class Kind {
        Word,   ///< keyword, plain name, number or guid
        Text,   ///< one string literal; `text` is its value
        Symbol, ///< any other character
        Pipe,   ///< |
        Input,  ///< <|
        End,
        Bad, ///< `text` says what is wrong
    };
    Kind kind = Kind::End;
    std::size_t begin = 0, end = 0; ///< bytes of the source
    std::string text = {};

    bool is(char symbol) const { return kind == Kind::Symbol && text.size() == 1 && text[0] == symbol; }
};

/// The token at or after `offset`; white space and `//` comments are skipped. Never fails: what cannot be read is a Bad
/// token.
Token next_token(std::string_view source, std::size_t offset);

/// First offset at or after `offset` that is neither white space nor comment.
std::size_t skip_blank(std::string_view source, std::size_t offset);

/// 1-based line and column (in characters, not bytes) of a byte of the source.
struct Place {
    std::size_t line = 1, column = 1;
};
Place place_of(std::string_view source, std::size_t offset);

/// Offset behind the bracket that closes the one at `open`; strings and comments are stepped over. npos when it is
/// never closed.
std::size_t end_of_bracket(std::string_view source, std::size_t open);

/// Case-insensitive comparison of keywords, ASCII.
bool same_word(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);
std::string trimmed(std::string_view text);

} // namespace sluice::engine
