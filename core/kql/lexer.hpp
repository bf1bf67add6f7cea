#pragma once

#include "core/kql/constant.hpp"
#include "core/kql/diagnostic.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kql {

enum class TokenKind {
    End,
    Name,    ///< also every keyword: KQL's keywords depend on the place
    Literal, ///< number, timespan, string, and typed literals such as datetime(2025-03-01)
    Mark,    ///< punctuation and operators made of punctuation
};

struct Token {
    TokenKind kind = TokenKind::End;
    Offset begin = 0, end = 0;
    std::string text; ///< as written; for names and marks
    Constant value;   ///< of a Literal

    bool is(std::string_view mark) const { return kind == TokenKind::Mark && text == mark; }
    bool is_name(std::string_view name) const { return kind == TokenKind::Name && text == name; }
    bool is_string() const { return kind == TokenKind::Literal && value.type == ScalarType::String; }
};

/// The whole text as tokens, ended by an End token. Without `errors` the first thing that is wrong is thrown as
/// Failure; with it everything that is wrong is added, and a token stands where the text meant one.
std::vector<Token> tokenize(std::string_view text, std::vector<Failure>* errors = nullptr);

/// The text between the parentheses of `type(...)`, as a value of that type. Throws Failure.
Constant parse_typed_literal(ScalarType type, std::string_view text, Offset at);
/// JSON with KQL's extensions (datetime(...) and the like inside), to compact JSON. Throws Failure.
std::string parse_dynamic_literal(std::string_view text, Offset at);
/// A value as JSON text; points in time, spans, guids and decimals are strings there.
std::string constant_json(const Constant& value);
/// A whole text that is one quoted KQL string, such as what clients send as a parameter; nothing otherwise.
std::optional<std::string> parse_quoted_string(std::string_view text);

} // namespace sluice::kql
