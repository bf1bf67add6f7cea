#include "core/engine/argument_reader.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::engine {

bool ArgumentReader::fail(std::size_t offset, std::string expected, std::string complaint, std::string keyword) {
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

bool ArgumentReader::symbol(char c, std::size_t& at, std::string_view meaning) {
    const Token token = next_token(text_, at);
    if (!token.is(c))
        return fail(at, fmt::format("'{}' {}", c, meaning));
    at = token.end;
    return true;
}

bool ArgumentReader::name_text(std::size_t& at, std::string& out, bool wildcard) {
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

bool ArgumentReader::bracketed_name(std::size_t from, std::size_t& at, std::string& out) {
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

bool ArgumentReader::name(std::size_t& at, Argument& out) {
    return name_text(at, out.text, false);
}

bool ArgumentReader::star(std::size_t& at, Argument& out) {
    if (!next_token(text_, at).is('*'))
        return fail(at, "'*'");
    return name_text(at, out.text, true);
}

bool ArgumentReader::word(std::size_t& at, Argument& out) {
    const Token token = next_token(text_, at);
    if (token.kind != Token::Kind::Word)
        return fail(at, "a word");
    out.text = token.text;
    at = token.end;
    return true;
}

bool ArgumentReader::path_items(std::size_t& at, std::vector<std::string>& out) {
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

bool ArgumentReader::path(std::size_t& at, Argument& out) {
    if (!path_items(at, out.items))
        return false;
    out.text = out.items.back();
    return true;
}

bool ArgumentReader::names(std::size_t& at, Argument& out) {
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

bool ArgumentReader::literal_text(std::size_t& at, std::string& out) {
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

bool ArgumentReader::text(std::size_t& at, Argument& out) {
    out.literal = true;
    return literal_text(at, out.text);
}

bool ArgumentReader::texts(std::size_t& at, Argument& out) {
    return list(at, "before a list of string literals", [&] { return literal_text(at, out.items.emplace_back()); });
}

bool ArgumentReader::label(std::size_t& at, Argument& out) {
    const Token token = next_token(text_, at);
    if (token.kind == Token::Kind::Bad)
        return fail(token.begin, "a name", token.text);
    if (token.kind != Token::Kind::Text)
        return name(at, out);
    out.text = token.text;
    at = token.end;
    return true;
}

bool ArgumentReader::column(std::size_t& at, std::vector<data::ColumnSchema>& out) {
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

bool ArgumentReader::columns(std::size_t& at, Argument& out) {
    return list(at, "before the columns", [&] { return column(at, out.columns); });
}

bool ArgumentReader::tables(std::size_t& at, Argument& out) {
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

bool ArgumentReader::docs(std::size_t& at, Argument& out) {
    return list(at, "before the docstrings", [&] {
        Assignment& entry = out.assignments.emplace_back();
        return name_text(at, entry.name, false) && symbol(':', at, "between column and docstring") &&
               literal_text(at, entry.path.emplace_back());
    });
}

bool ArgumentReader::assignments(std::size_t& at, Argument& out) {
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

bool ArgumentReader::version(std::size_t& at, Argument& out) {
    Token token = next_token(text_, at);
    if (token.kind != Token::Kind::Word || !same_word(token.text, "version"))
        return fail(at, "'version'", {}, "version");
    at = token.end;
    return symbol('=', at, "before the version") && literal_text(at, out.text);
}
bool ArgumentReader::keyword(std::size_t& at, Argument& out) {
    const Token token = next_token(text_, at);
    if (token.kind != Token::Kind::Word || same_word(token.text, "with"))
        return fail(at, "a word");
    return word(at, out);
}

bool ArgumentReader::type_name(std::size_t& at, Argument& out) {
    const Token token = next_token(text_, at);
    if (!token.is('='))
        return fail(at, "'=' before the type");
    at = token.end;
    return word(at, out);
}

bool ArgumentReader::property_value(std::size_t& at, std::string& out) {
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

bool ArgumentReader::properties(std::size_t& at, Argument& out) {
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

bool ArgumentReader::bracketed(char open, std::string_view meaning, std::size_t& at, Argument& out) {
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

bool ArgumentReader::parameters(std::size_t& at, Argument& out) {
    return bracketed('(', "before the parameters", at, out);
}

bool ArgumentReader::body(std::size_t& at, Argument& out) {
    return bracketed('{', "before the body", at, out);
}

bool ArgumentReader::value(std::size_t& at, Argument& out) {
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

bool ArgumentReader::number(std::size_t& at, Argument& out) {
    const Token token = next_token(text_, at);
    if (token.kind != Token::Kind::Word || !data::parse_long(token.text))
        return fail(at, "a number");
    out.text = token.text;
    at = token.end;
    return true;
}

bool ArgumentReader::guid_text(std::size_t& at, std::string& out) {
    const Token token = next_token(text_, at);
    if ((token.kind != Token::Kind::Word && token.kind != Token::Kind::Text) || !data::parse_guid(token.text))
        return fail(at, "an id such as 9c2d0000-0000-4000-8000-000000000001");
    out = token.text;
    at = token.end;
    return true;
}

bool ArgumentReader::guid(std::size_t& at, Argument& out) {
    return guid_text(at, out.text);
}

bool ArgumentReader::guids(std::size_t& at, Argument& out) {
    return list(at, "before the ids", [&] { return guid_text(at, out.items.emplace_back()); });
}

bool ArgumentReader::tag_filter(std::size_t& at, Argument& out) {
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

bool ArgumentReader::input(std::size_t& at, Argument& out) {
    const Token token = next_token(text_, at);
    if (token.kind != Token::Kind::Input)
        return fail(at, "'<|'");
    out.text = std::string(text_.substr(token.end));
    at = text_.size();
    return true;
}

bool ArgumentReader::records(std::size_t& at, Argument& out) {
    const std::size_t begin = skip_blank(text_, at);
    if (begin >= text_.size() || text_[begin] != '[')
        return fail(at, "'<|' or '['");
    out.text = std::string(text_.substr(begin));
    at = text_.size();
    return true;
}

bool ArgumentReader::anything(std::size_t& at, Argument& out) {
    out.text = std::string(text_.substr(std::min(at, text_.size())));
    at = text_.size();
    return true;
}

ArgumentReader::Read ArgumentReader::find(std::string_view kind) {
    struct Kind {
        std::string_view name;
        Read reader;
    };
    static constexpr std::array<Kind, 26> kKinds{{
        {"name", &ArgumentReader::name},
        {"star", &ArgumentReader::star},
        {"word", &ArgumentReader::word},
        {"path", &ArgumentReader::path},
        {"names", &ArgumentReader::names},
        {"text", &ArgumentReader::text},
        {"texts", &ArgumentReader::texts},
        {"label", &ArgumentReader::label},
        {"columns", &ArgumentReader::columns},
        {"tables", &ArgumentReader::tables},
        {"docs", &ArgumentReader::docs},
        {"assignments", &ArgumentReader::assignments},
        {"type", &ArgumentReader::type_name},
        {"version", &ArgumentReader::version},
        {"keyword", &ArgumentReader::keyword},
        {"properties", &ArgumentReader::properties},
        {"parameters", &ArgumentReader::parameters},
        {"body", &ArgumentReader::body},
        {"value", &ArgumentReader::value},
        {"number", &ArgumentReader::number},
        {"guid", &ArgumentReader::guid},
        {"guids", &ArgumentReader::guids},
        {"tags", &ArgumentReader::tag_filter},
        {"input", &ArgumentReader::input},
        {"records", &ArgumentReader::records},
        {"anything", &ArgumentReader::anything},
    }};
    const auto* const found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == kind; });
    return found == kKinds.end() ? nullptr : found->reader;
}

} // namespace sluice::engine
