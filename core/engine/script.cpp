#include "core/engine/script.hpp"

#include "core/engine/command_lexer.hpp"
#include "core/engine/command_parser.hpp"
#include "core/engine/local_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sluice::engine {
namespace {

bool first_on_line(std::string_view text, std::size_t at) {
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t' || text[at - 1] == '\r'))
        --at;
    return at == 0 || text[at - 1] == '\n';
}

bool begins_command(std::string_view text, std::size_t at) {
    return text[at] == '.' && at + 1 < text.size() && std::isalpha(static_cast<unsigned char>(text[at + 1])) &&
           first_on_line(text, at);
}

/// Next line at or after `at` that begins with a command; literals are not looked at.
std::size_t next_command_line(std::string_view text, std::size_t at) {
    for (std::size_t i = at; i < text.size(); ++i)
        if (begins_command(text, i))
            return i;
    return text.size();
}

bool takes_raw_data(std::string_view text, std::size_t begin) {
    const Token first = next_token(text, begin + 1);
    return same_word(first.text, "ingest");
}

/// Where the command that begins at `begin` ends.
std::size_t end_of_command(std::string_view text, std::size_t begin) {
    std::size_t depth = 0;
    for (Token token = next_token(text, begin + 1); token.kind != Token::Kind::End;
         token = next_token(text, token.end)) {
        // What cannot be read as tokens (raw data, a literal that is not closed) is cut at the next line that looks
        // like a command.
        if (token.kind == Token::Kind::Bad || (token.kind == Token::Kind::Input && takes_raw_data(text, begin)))
            return next_command_line(text, token.kind == Token::Kind::Bad ? token.begin + 1 : token.end);
        if (token.is('(') || token.is('[') || token.is('{'))
            ++depth;
        else if ((token.is(')') || token.is(']') || token.is('}')) && depth > 0)
            --depth;
        else if (depth == 0 && token.is('.') && begins_command(text, token.begin))
            return token.begin;
    }
    return text.size();
}

/// Without the blank lines and whole-line comments at its end: they belong to what follows.
std::string_view without_tail(std::string_view command) {
    for (;;) {
        const std::size_t line = command.rfind('\n');
        const std::string last = trimmed(line == std::string_view::npos ? command : command.substr(line + 1));
        if (line == std::string_view::npos || (!last.empty() && last.rfind("//", 0) != 0))
            return command;
        command = command.substr(0, line);
    }
}

} // namespace

Result<std::vector<ScriptCommand>> split_script(std::string_view text) {
    std::vector<ScriptCommand> out;
    std::size_t at = skip_blank(text, 0);
    while (at < text.size()) {
        if (!begins_command(text, at))
            return syntax_error(text, at, "a command was expected here; it begins with '.' at the start of a line");
        const std::size_t end = end_of_command(text, at);
        out.push_back({std::string(without_tail(text.substr(at, end - at))), place_of(text, at).line});
        at = skip_blank(text, end);
    }
    return out;
}

Result<> run_script(Engine& engine, const std::string& database, std::string_view text) {
    SLUICE_TRY(const auto commands, split_script(text));
    std::string failures;
    std::optional<ErrorCode> code;
    for (const auto& command : commands) {
        Request request;
        request.principal = kSetupPrincipal;
        request.database = database;
        // The lines before it, so that places in messages are those of the file.
        request.text = std::string(command.line - 1, '\n') + command.text;
        const auto answer = engine.command(request);
        if (answer)
            continue;
        failures += fmt::format("{}line {}: {}", failures.empty() ? "" : "\n", command.line, answer.error().message);
        code = code.value_or(answer.error().code);
    }
    if (code)
        return Error{*code, failures, "General_BadRequest"};
    return {};
}

} // namespace sluice::engine
