#pragma once

#include "core/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kql {

/// Offset of a byte in the text of the query.
using Offset = std::uint32_t;

/// What the lexer, parser and binder throw. Binding descends through hundreds of mutually recursive steps of which
/// nearly every one can fail, so inside this module errors are exceptions; compile() turns them into Result.
struct Failure {
    enum class Family { Syntax, Semantic, Unsupported, Database };
    Family family;
    std::string code; ///< "SEM0100"
    std::string message;
    Offset at;
    std::vector<Failure> others = {}; ///< more errors of the same text, in the order of their places
};

[[noreturn]] void fail_syntax(Offset at, std::string message);
[[noreturn]] void fail_semantic(Offset at, std::string message, std::string code = "SEM0100");
/// A syntax error behind which nothing can be made sense of.
[[noreturn]] void fail_nesting(Offset at, std::string what);
/// For features that the language has and this engine has not.
[[noreturn]] void fail_unsupported(Offset at, std::string_view what);

struct LineColumn {
    std::size_t line, column; ///< from 1; columns count code points
};
LineColumn locate(std::string_view text, Offset at);

/// "Syntax error: SYN0002: ... [line:position=1:5]", as rest-api 8.2 has it, for this failure alone.
std::string message_of(const Failure& failure, std::string_view text);
/// The texts of rest-api 8.2; further errors follow on lines of their own.
Error to_error(const Failure& failure, std::string_view text);

} // namespace sluice::kql
