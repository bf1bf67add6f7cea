#include "core/engine/command_table.hpp"

#include "core/engine/command_lexer.hpp"
#include "core/engine/policy_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace sluice::engine {
namespace {

const std::vector<Pattern>& patterns() {
    static const std::vector<Pattern> all = [] {
        std::vector<Pattern> out;
        for (const auto& command : commands())
            out.emplace_back(command.pattern);
        return out;
    }();
    return all;
}

/// Number of edits between two words: a letter put in, taken out or replaced, or two neighbours swapped.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                edits[i][j] = i + j;
                continue;
            }
            const std::size_t replaced = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
        }
    }
    return edits[a.size()][b.size()];
}

/// The words at the beginning of the text, in lower case. Enough of them to tell commands apart.
std::set<std::string> words_of(std::string_view text) {
    std::set<std::string> words;
    Token token = next_token(text, 0);
    for (int i = 0; i < 16 && token.kind != Token::Kind::End && token.kind != Token::Kind::Bad; ++i) {
        if (token.kind == Token::Kind::Word)
            words.insert(to_lower(token.text));
        token = next_token(text, token.end);
    }
    return words;
}

std::size_t shared_words(const Pattern& pattern, const std::set<std::string>& words) {
    std::set<std::string> shared;
    for (const auto& element : pattern.elements())
        for (const auto& word : element.words)
            if (words.count(word) != 0)
                shared.insert(word);
    return shared.size();
}

/// What went wrong, told by the patterns that got furthest.
Error explain(std::string_view text, const std::vector<Mismatch>& mismatches) {
    std::size_t furthest = 0;
    for (const auto& mismatch : mismatches)
        furthest = std::max(furthest, mismatch.offset);
    const Token token = next_token(text, furthest);
    const std::string found = to_lower(token.text);
    std::set<std::string> expected;
    const std::set<std::string> words = words_of(text);
    std::string complaint, nearest;
    std::tuple<std::size_t, bool, std::size_t, std::size_t> best{std::string::npos, false, 0, 0};
    for (std::size_t i = 0; i < mismatches.size(); ++i) {
        const Mismatch& mismatch = mismatches[i];
        if (mismatch.offset != furthest)
            continue;
        expected.insert(mismatch.expected.begin(), mismatch.expected.end());
        if (complaint.empty())
            complaint = mismatch.complaint;
        const std::size_t misspelt = mismatch.keyword.empty()
                                         ? found.size() + 1
                                         : distance(std::string_view(found).substr(0, 64), mismatch.keyword);
        // Of commands that are equally near: one that is offered, that shares most words with the text, that is
        // shortest.
        const std::tuple score{misspelt, commands()[i].handler == nullptr,
                               words.size() - shared_words(patterns()[i], words), patterns()[i].elements().size()};
        if (score < best) {
            best = score;
            nearest = patterns()[i].display();
        }
    }
    // A complaint says what to do; naming a command on top of it would only distract.
    if (token.kind == Token::Kind::Bad)
        return syntax_error(text, furthest, token.text);
    if (!complaint.empty())
        return syntax_error(text, furthest, complaint);
    std::string what = token.kind == Token::Kind::End ? "the command ends too early"
                                                      : fmt::format("'{}' was not understood", token.text);
    if (expected.size() <= 6)
        what += fmt::format("; expected {}", fmt::join(expected, " or "));
    return syntax_error(text, furthest, fmt::format("{}; the nearest known command is '{}'", what, nearest));
}

} // namespace

std::string type_of(const ParsedCommand& parsed) {
    const Arguments& arguments = parsed.match.arguments;
    const std::string type(parsed.command->type);
    if (type.rfind("Policy", 0) == 0) {
        const auto kind = find_policy(arguments.text("policy"));
        return (kind ? std::string((*kind)->name) : std::string("Policy")) + type.substr(6);
    }
    for (const auto& [verb, name] :
         {std::pair("set-or-append", "TableSetOrAppend"), std::pair("set-or-replace", "TableSetOrReplace"),
          std::pair("append", "TableAppend"), std::pair("set", "TableSet")})
        if (type == "TableSetOrAppend" && arguments.said(verb))
            return name;
    const std::string entity = type.size() > 6 && type.compare(type.size() - 6, 6, "Create") == 0
                                   ? type.substr(0, type.size() - 6)
                                   : std::string();
    for (const auto& [verb, suffix] :
         {std::pair("create-or-alter", "CreateOrAlter"), std::pair("create-merge", "CreateMerge"),
          std::pair("define", "CreateMerge"), std::pair("alter-merge", "AlterMerge"), std::pair("alter", "Alter")})
        if (!entity.empty() && arguments.said(verb))
            return entity + suffix;
    if (type == "TableAlter" && arguments.said("alter-merge"))
        return "TableAlterMerge";
    if (type == "TableAlterFolder" && arguments.said("docstring"))
        return "TableAlterDocString";
    return type;
}

Result<ParsedCommand> parse_command(std::string_view text) {
    std::vector<Mismatch> mismatches;
    for (std::size_t i = 0; i < commands().size(); ++i) {
        auto result = match(patterns()[i], text);
        if (auto* found = std::get_if<Match>(&result))
            return ParsedCommand{&commands()[i], std::move(*found)};
        mismatches.push_back(std::move(std::get<Mismatch>(result)));
    }
    return explain(text, mismatches);
}

} // namespace sluice::engine
