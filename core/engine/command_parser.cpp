#include "core/engine/command_parser.hpp"

#include "core/engine/argument_reader.hpp"
#include "core/engine/command_lexer.hpp"

#include <fmt/format.h>

#include <cassert>

namespace sluice::engine {

class Matcher : ArgumentReader {
public:
    Matcher(const Pattern& pattern, std::string_view text) : ArgumentReader(text), elements_(pattern.elements()) {}

    std::variant<Match, Mismatch> run() {
        const Token dot = next_token(text_, 0);
        if (dot.is('.') && element(0, dot.end))
            return std::move(match_);
        return std::move(mismatch_);
    }

private:
    bool element(std::size_t i, std::size_t at) {
        if (i == elements_.size())
            return finish(at);
        const Pattern::Element& e = elements_[i];
        if (e.kind == Pattern::Element::Kind::Close)
            return element(i + 1, at);
        if (e.kind == Pattern::Element::Kind::Open) {
            const Match before = match_;
            if (element(i + 1, at))
                return true;
            match_ = before;
            return element(e.close + 1, at);
        }
        if (e.kind == Pattern::Element::Kind::Keywords)
            return keywords(e, i, at);
        const Read read = find(e.type);
        assert(read);
        Argument argument;
        argument.begin = skip_blank(text_, at);
        if (!(this->*read)(at, argument))
            return false;
        argument.end = at;
        match_.arguments.values_[e.name] = std::move(argument);
        return element(i + 1, at);
    }

    bool keywords(const Pattern::Element& e, std::size_t i, std::size_t at) {
        const Token token = next_token(text_, at);
        if (token.kind == Token::Kind::Word)
            for (const auto& word : e.words)
                if (same_word(word, token.text)) {
                    const bool fresh = match_.arguments.words_.insert(word).second;
                    if (element(i + 1, token.end))
                        return true;
                    if (fresh)
                        match_.arguments.words_.erase(word);
                    return false;
                }
        for (const auto& word : e.words)
            fail(at, fmt::format("'{}'", word), {}, word);
        return false;
    }

    bool finish(std::size_t at) {
        const Token token = next_token(text_, at);
        if (token.kind == Token::Kind::End)
            return true;
        if (token.kind == Token::Kind::Pipe) {
            match_.pipe = token.begin;
            return true;
        }
        if (token.is(';')) {
            const Token next = next_token(text_, token.end);
            if (next.kind == Token::Kind::End)
                return true;
            if (next.text.rfind("$command_results", 0) == 0 || same_word(next.text, "let") ||
                same_word(next.text, "set")) {
                match_.pipe = token.begin;
                return true;
            }
        }
        if (token.is('.'))
            return fail(at, "the end of the command",
                        "a second command begins here; send commands one by one, or together with '.execute database "
                        "script <|'");
        return fail(at, "the end of the command");
    }

    const std::vector<Pattern::Element>& elements_;
    Match match_;
};

std::variant<Match, Mismatch> match(const Pattern& pattern, std::string_view text) {
    return Matcher(pattern, text).run();
}

Error syntax_error(std::string_view text, std::size_t offset, const std::string& what) {
    const Place place = place_of(text, offset);
    return {ErrorCode::Invalid,
            fmt::format("Syntax error: SYN0002: {} [line:position={}:{}]", what, place.line, place.column),
            "General_BadRequest"};
}

} // namespace sluice::engine
