#include "core/engine/command_parser.hpp"

#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice::engine {

class Matcher {
public:
    Matcher(const Pattern& pattern, std::string_view text) : elements_(pattern.elements()), text_(text) {}

    std::variant<Match, Mismatch> run() {
        const Token dot = next_token(text_, 0);
        if (dot.is('.') && element(0, dot.end))
            return std::move(match_);
        return std::move(mismatch_);
    }

private:
    using Reader = bool (Matcher::*)(std::size_t& at, Argument& out);
    struct Kind {
        std::string_view name;
        Reader reader;
    };
    static const std::array<Kind, 24> kKinds;

    /// Notes what would have been accepted at `offset`; the furthest place is what the user is told about.
    bool fail(std::size_t offset, std::string expected, std::string complaint = {}, std::string keyword = {}) {
        const std::size_t at = skip_blank(text_, offset);
        if (at > mismatch_.offset || mismatch_.expected.empty()) {
            mismatch_ = {at, {std::move(expected)}, std::move(complaint), std::move(keyword)};
        } else if (at == mismatch_.offset) {
            mismatch_.expected.push_back(std::move(expected));
            if (mismatch_.complaint.empty())
                mismatch_.complaint = std::move(complaint);
            if (mismatch_.keyword.empty())
                mismatch_.keyword = std::move(keyword);
        }
        return false;
    }

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
        const auto* const kind =
            std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == e.type; });
        assert(kind != kKinds.end());
        Argument argument;
        argument.begin = skip_blank(text_, at);
        if (!(this->*kind->reader)(at, argument))
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

    // The readers of the kinds. Each moves `at` behind what it read.

    bool symbol(char c, std::size_t& at, std::string_view meaning) {
        const Token token = next_token(text_, at);
        if (!token.is(c))
            return fail(at, fmt::format("'{}' {}", c, meaning));
        at = token.end;
        return true;
    }

    bool name_text(std::size_t& at, std::string& out, bool wildcard) {
        const Token token = next_token(text_, at);
        if (token.kind == Token::Kind::Word) {
            if (token.text.find('-') != std::string::npos)
                return fail(at, "a name", fmt::format("a name with '-' has to be written ['{}']", token.text));
            out = token.text;
            at = token.end;
        } else if (token.is('[')) {
            if (!bracketed_name(token.end, at, out))
                return false;
        } else if (!wildcard || !token.is('*')) {
            return fail(at, "a name");
        }
        if (wildcard && next_token(text_, at).is('*')) {
            out += '*';
            at = next_token(text_, at).end;
        }
        return true;
    }
    /// `['my table']`; the manuals also write `[my table]`.
    bool bracketed_name(std::size_t from, std::size_t& at, std::string& out) {
        Token token = next_token(text_, from);
        if (token.kind == Token::Kind::Bad)
            return fail(token.begin, "a name", token.text);
        if (token.kind != Token::Kind::Text && token.kind != Token::Kind::Word)
            return fail(from, "a quoted name, as in ['my table']");
        const bool quoted = token.kind == Token::Kind::Text;
        const std::size_t begin = token.begin;
        std::size_t end = token.end;
        if (quoted)
            out = token.text;
        for (token = next_token(text_, end); !quoted && token.kind == Token::Kind::Word; token = next_token(text_, end))
            end = token.end;
        if (!token.is(']'))
            return fail(end, "']' behind the name");
        if (!quoted)
            out = std::string(text_.substr(begin, end - begin));
        at = token.end;
        return true;
    }
    bool name(std::size_t& at, Argument& out) { return name_text(at, out.text, false); }
    bool star(std::size_t& at, Argument& out) {
        if (!next_token(text_, at).is('*'))
            return fail(at, "'*'");
        return name_text(at, out.text, true);
    }
    bool word(std::size_t& at, Argument& out) {
        const Token token = next_token(text_, at);
        if (token.kind != Token::Kind::Word)
            return fail(at, "a word");
        out.text = token.text;
        at = token.end;
        return true;
    }
    bool path_items(std::size_t& at, std::vector<std::string>& out) {
        do {
            std::string part;
            if (!out.empty())
                at = next_token(text_, at).end;
            if (!name_text(at, part, false))
                return false;
            out.push_back(std::move(part));
        } while (next_token(text_, at).is('.'));
        return true;
    }
    bool path(std::size_t& at, Argument& out) {
        if (!path_items(at, out.items))
            return false;
        out.text = out.items.back();
        return true;
    }

    /// `( item, item )`.
    template <class Item> bool list(std::size_t& at, std::string_view meaning, Item item) {
        if (!symbol('(', at, meaning))
            return false;
        for (;;) {
            if (!item())
                return false;
            const Token token = next_token(text_, at);
            if (token.is(')')) {
                at = token.end;
                return true;
            }
            if (!token.is(','))
                return fail(at, "',' or ')'");
            at = token.end;
        }
    }
    bool names(std::size_t& at, Argument& out) {
        return list(at, "before a list of names", [&] {
            std::string item;
            if (!name_text(at, item, true))
                return false;
            out.items.push_back(std::move(item));
            // `.show databases (D if_later_than "v1.0")`
            if (const Token condition = next_token(text_, at);
                condition.kind == Token::Kind::Word && same_word(condition.text, "if_later_than")) {
                at = condition.end;
                std::string version;
                if (!literal_text(at, version))
                    return false;
                out.assignments.push_back({out.items.back(), {version}});
            }
            return true;
        });
    }

    bool literal_text(std::size_t& at, std::string& out) {
        Token token = next_token(text_, at);
        if (token.kind == Token::Kind::Bad)
            return fail(token.begin, "a string literal", token.text);
        if (token.kind != Token::Kind::Text)
            return fail(at, "a string literal");
        for (; token.kind == Token::Kind::Text; token = next_token(text_, at)) {
            out += token.text;
            at = token.end;
        }
        return true;
    }
    bool text(std::size_t& at, Argument& out) {
        out.literal = true;
        return literal_text(at, out.text);
    }
    bool texts(std::size_t& at, Argument& out) {
        return list(at, "before a list of string literals", [&] { return literal_text(at, out.items.emplace_back()); });
    }
    /// One literal or a plain name. Not several literals: what follows a mapping's name is its JSON.
    bool label(std::size_t& at, Argument& out) {
        const Token token = next_token(text_, at);
        if (token.kind == Token::Kind::Bad)
            return fail(token.begin, "a name", token.text);
        if (token.kind != Token::Kind::Text)
            return name(at, out);
        out.text = token.text;
        at = token.end;
        return true;
    }

    bool column(std::size_t& at, std::vector<data::ColumnSchema>& out) {
        std::string column_name;
        if (!name_text(at, column_name, false) || !symbol(':', at, "between column and type"))
            return false;
        const Token type = next_token(text_, at);
        if (type.kind != Token::Kind::Word)
            return fail(at, "a type");
        const auto scalar = data::parse_scalar_type(type.text);
        if (!scalar)
            return fail(
                at, "a type",
                fmt::format(
                    "'{}' is no type; the types are bool, datetime, decimal, dynamic, guid, int, long, real, string, "
                    "timespan",
                    type.text));
        at = type.end;
        out.push_back({std::move(column_name), *scalar});
        return true;
    }
    bool columns(std::size_t& at, Argument& out) {
        return list(at, "before the columns", [&] { return column(at, out.columns); });
    }
    /// `A (x:int), B (y:string)`
    bool tables(std::size_t& at, Argument& out) {
        for (;;) {
            TableDeclaration table;
            if (!name_text(at, table.name, false) ||
                !list(at, "before the columns", [&] { return column(at, table.columns); }))
                return false;
            out.tables.push_back(std::move(table));
            const Token token = next_token(text_, at);
            if (!token.is(','))
                return true;
            at = token.end;
        }
    }
    /// `(c:'text', d:'text')`
    bool docs(std::size_t& at, Argument& out) {
        return list(at, "before the docstrings", [&] {
            Assignment& entry = out.assignments.emplace_back();
            return name_text(at, entry.name, false) && symbol(':', at, "between column and docstring") &&
                   literal_text(at, entry.path.emplace_back());
        });
    }
    /// `n1=[D.]T.c1, n2=[D.]T.c2`, `N=O ifexists, M=P`
    bool assignments(std::size_t& at, Argument& out) {
        for (;;) {
            Assignment& entry = out.assignments.emplace_back();
            if (!name_text(at, entry.name, false) || !symbol('=', at, "between the new and the old name") ||
                !path_items(at, entry.path))
                return false;
            Token token = next_token(text_, at);
            if (token.kind == Token::Kind::Word && same_word(token.text, "ifexists")) {
                out.items.push_back(entry.name);
                at = token.end;
                token = next_token(text_, at);
            }
            if (!token.is(','))
                return true;
            at = token.end;
        }
    }
    bool type_name(std::size_t& at, Argument& out) {
        const Token token = next_token(text_, at);
        if (!token.is('='))
            return fail(at, "'=' before the type");
        at = token.end;
        return word(at, out);
    }

    /// Raw text of a property's value up to ',' or the closing bracket.
    bool property_value(std::size_t& at, std::string& out) {
        Token token = next_token(text_, at);
        if (token.kind == Token::Kind::Text || token.kind == Token::Kind::Bad)
            return literal_text(at, out);
        const std::size_t begin = token.begin;
        while (token.kind != Token::Kind::End && !token.is(',') && !token.is(')')) {
            if (token.is('(') || token.is('[') || token.is('{')) {
                const std::size_t close = end_of_bracket(text_, token.begin);
                if (close == std::string_view::npos)
                    return fail(token.begin, "a bracket that is closed again");
                at = close;
            } else {
                at = token.end;
            }
            token = next_token(text_, at);
        }
        if (at <= begin)
            return fail(begin, "a value");
        out = trimmed(text_.substr(begin, at - begin));
        return true;
    }
    bool properties(std::size_t& at, Argument& out) {
        if (const Token token = next_token(text_, at); token.kind == Token::Kind::Text)
            return text(at, out); // with '{"tags":"...","format":"csv"}'
        return list(at, "before the properties", [&] {
            Property property;
            if (const Token token = next_token(text_, at); token.is(')'))
                return fail(at, "a property");
            if (!name_text(at, property.name, false) || !symbol('=', at, "between property and value") ||
                !property_value(at, property.value))
                return false;
            out.properties.add(std::move(property));
            return true;
        });
    }

    bool bracketed(char open, std::string_view meaning, std::size_t& at, Argument& out) {
        const Token token = next_token(text_, at);
        if (!token.is(open))
            return fail(at, fmt::format("'{}' {}", open, meaning));
        const std::size_t close = end_of_bracket(text_, token.begin);
        if (close == std::string_view::npos)
            return fail(token.begin, fmt::format("'{}' {}", open, meaning),
                        fmt::format("the '{}' here is not closed", open));
        at = close;
        out.text = std::string(text_.substr(token.begin, close - token.begin));
        return true;
    }
    bool parameters(std::size_t& at, Argument& out) { return bracketed('(', "before the parameters", at, out); }
    bool body(std::size_t& at, Argument& out) { return bracketed('{', "before the body", at, out); }

    /// Literals, or the raw text up to the end of the command.
    bool value(std::size_t& at, Argument& out) {
        Token token = next_token(text_, at);
        if (token.kind == Token::Kind::Text || token.kind == Token::Kind::Bad)
            return text(at, out);
        const std::size_t begin = token.begin;
        std::size_t end = begin;
        while (token.kind != Token::Kind::End && token.kind != Token::Kind::Pipe && !token.is(';')) {
            if (token.kind == Token::Kind::Bad)
                return fail(token.begin, "a value", token.text);
            end = token.end;
            token = next_token(text_, end);
        }
        if (end == begin)
            return fail(begin, "a value");
        at = end;
        out.text = std::string(text_.substr(begin, end - begin));
        return true;
    }
    bool number(std::size_t& at, Argument& out) {
        const Token token = next_token(text_, at);
        if (token.kind != Token::Kind::Word || !data::parse_long(token.text))
            return fail(at, "a number");
        out.text = token.text;
        at = token.end;
        return true;
    }
    bool guid_text(std::size_t& at, std::string& out) {
        const Token token = next_token(text_, at);
        if ((token.kind != Token::Kind::Word && token.kind != Token::Kind::Text) || !data::parse_guid(token.text))
            return fail(at, "an id such as 9c2d0000-0000-4000-8000-000000000001");
        out = token.text;
        at = token.end;
        return true;
    }
    bool guid(std::size_t& at, Argument& out) { return guid_text(at, out.text); }
    bool guids(std::size_t& at, Argument& out) {
        return list(at, "before the ids", [&] { return guid_text(at, out.items.emplace_back()); });
    }
    /// `tags has 'x' and tags !contains 'y'`
    bool tag_filter(std::size_t& at, Argument& out) {
        for (;;) {
            Token token = next_token(text_, at);
            if (!same_word(token.text, "tags"))
                return fail(at, "'tags'");
            at = token.end;
            token = next_token(text_, at);
            Assignment entry;
            if (token.is('!')) {
                entry.name = "!";
                at = token.end;
                token = next_token(text_, at);
            }
            if (!same_word(token.text, "has") && !same_word(token.text, "contains"))
                return fail(at, "'has', '!has', 'contains' or '!contains'");
            entry.name += to_lower(token.text);
            at = token.end;
            if (!literal_text(at, entry.path.emplace_back()))
                return false;
            out.assignments.push_back(std::move(entry));
            token = next_token(text_, at);
            if (!same_word(token.text, "and"))
                return true;
            at = token.end;
        }
    }

    /// What stands behind `<|`, all of it.
    bool input(std::size_t& at, Argument& out) {
        const Token token = next_token(text_, at);
        if (token.kind != Token::Kind::Input)
            return fail(at, "'<|'");
        out.text = std::string(text_.substr(token.end));
        at = text_.size();
        return true;
    }
    /// `[a,b] [c,d]`: raw text.
    bool records(std::size_t& at, Argument& out) {
        const std::size_t begin = skip_blank(text_, at);
        if (begin >= text_.size() || text_[begin] != '[')
            return fail(at, "'<|' or '['");
        out.text = std::string(text_.substr(begin));
        at = text_.size();
        return true;
    }
    bool anything(std::size_t& at, Argument& out) {
        out.text = std::string(text_.substr(std::min(at, text_.size())));
        at = text_.size();
        return true;
    }

    const std::vector<Pattern::Element>& elements_;
    const std::string_view text_;
    Match match_;
    Mismatch mismatch_;
};

const std::array<Matcher::Kind, 24> Matcher::kKinds{{
    {"name", &Matcher::name},
    {"star", &Matcher::star},
    {"word", &Matcher::word},
    {"path", &Matcher::path},
    {"names", &Matcher::names},
    {"text", &Matcher::text},
    {"texts", &Matcher::texts},
    {"label", &Matcher::label},
    {"columns", &Matcher::columns},
    {"tables", &Matcher::tables},
    {"docs", &Matcher::docs},
    {"assignments", &Matcher::assignments},
    {"type", &Matcher::type_name},
    {"properties", &Matcher::properties},
    {"parameters", &Matcher::parameters},
    {"body", &Matcher::body},
    {"value", &Matcher::value},
    {"number", &Matcher::number},
    {"guid", &Matcher::guid},
    {"guids", &Matcher::guids},
    {"tags", &Matcher::tag_filter},
    {"input", &Matcher::input},
    {"records", &Matcher::records},
    {"anything", &Matcher::anything},
}};

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
