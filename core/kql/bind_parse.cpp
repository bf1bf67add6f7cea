#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::ParsePiece;

namespace {

std::string literally(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos)
            out += '\\';
        out += c;
    }
    return out;
}

/// Texts that a typed column of a pattern takes, before its conversion.
std::string_view value_pattern(ScalarType type) {
    switch (type) {
    case ScalarType::Int:
    case ScalarType::Long:
        return R"(\s*[-+]?(?:0[xX][0-9a-fA-F]+|\d+))";
    case ScalarType::Real:
    case ScalarType::Decimal:
        return R"(\s*[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)";
    default:
        return ".*?";
    }
}

/// How many groups a regular expression of the user captures.
std::size_t groups_in(std::string_view pattern) {
    std::size_t count = 0;
    bool in_class = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == '\\') {
            ++i;
        } else if (in_class) {
            in_class = c != ']';
        } else if (c == '[') {
            in_class = true;
            i += pattern.substr(i + 1, 1) == "]" ? 1 : pattern.substr(i + 1, 2) == "^]" ? 2 : 0;
        } else if (c == '(') {
            const std::string_view behind = pattern.substr(i + 1);
            count += !behind.starts_with('?') || behind.starts_with("?P<") || behind.starts_with("?<");
        }
    }
    return count;
}

void replace_column(Relation& relation, Column column) {
    const auto old = std::find_if(relation.columns.begin(), relation.columns.end(),
                                  [&](const Column& c) { return c.name == column.name; });
    if (old != relation.columns.end())
        *old = std::move(column);
    else
        relation.columns.push_back(std::move(column));
}

} // namespace

/// The pieces become one regular expression with a group for each column.
Relation Binder::parse(const ast::Operator& op, const ast::Parse& node, Relation input) {
    const ast::Property* kind = op.property("kind");
    const bool regex = kind && kind->value == "regex";
    const bool relaxed = kind && kind->value == "relaxed";
    const ast::Property* flags = op.property("flags");
    std::string pattern = "(?s)";
    if (regex) {
        std::string letters;
        for (const char letter : std::string_view("imsU"))
            if (flags && flags->value.find(letter) != std::string::npos)
                letters += letter;
        pattern = letters.empty() ? "" : fmt::format("(?{})", letters);
    }
    pattern += regex ? "\\A" : "^";
    // A text in regex mode reaches as far as it can; the flag U turns that around.
    const std::string_view any = regex ? ".*" : ".*?";
    if (regex && node.pieces.front().kind == ParsePiece::Kind::Text)
        pattern += ".*?";
    std::vector<const ParsePiece*> columns;
    std::vector<std::size_t> group_of; // of each column; expressions of the user have groups too
    std::size_t groups = 0;
    for (std::size_t i = 0; i < node.pieces.size(); ++i) {
        const ParsePiece& piece = node.pieces[i];
        const bool last = i + 1 == node.pieces.size();
        switch (piece.kind) {
        case ParsePiece::Kind::Text:
            pattern += regex ? "(?:" + piece.text + ")" : literally(piece.text);
            groups += regex ? groups_in(piece.text) : 0;
            break;
        case ParsePiece::Kind::Star:
            pattern += last ? ".*" : ".*?";
            break;
        case ParsePiece::Kind::Column: {
            const ScalarType type = piece.type.empty() ? ScalarType::String : type_named(piece.type, piece.at);
            const std::string_view value = value_pattern(type);
            if (value == ".*?")
                pattern += fmt::format("({})", last ? ".*" : any);
            else if (relaxed)
                pattern += fmt::format("({}|{})", value, last ? ".*" : any);
            else
                pattern += fmt::format("({})", value);
            columns.push_back(&piece);
            group_of.push_back(groups++);
            break;
        }
        }
    }
    pattern += regex ? "" : "$";
    Scalar value;
    {
        const WithRow row(*this, {.relation = &input});
        value = convert(scalar(*node.value), ScalarType::String);
    }
    const std::string found = fresh();
    std::vector<std::string> parts, whole;
    std::string fits = found + " IS NOT NULL";
    Relation result = input;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const ScalarType type =
            columns[i]->type.empty() ? ScalarType::String : type_named(columns[i]->type, columns[i]->at);
        const Scalar text{.type = ScalarType::String,
                          .sql = fmt::format("COALESCE(json_extract_string({}, '$[{}]'), '')", found, group_of[i]),
                          .never_null = true};
        const std::string read = fresh(), id = relaxed ? read : fresh();
        parts.push_back(fmt::format("{} AS {}", convert(text, type).sql, read));
        whole.push_back(fmt::format("CASE WHEN $fits THEN {} ELSE {} END AS {}", read, sql::null_of(type), id));
        if (type != ScalarType::String)
            fits += fmt::format(" AND {} IS NOT NULL", read);
        replace_column(result, {columns[i]->text, type, id});
    }
    result.sql = fmt::format("SELECT *, {} AS {} FROM ({})",
                             fmt::format("kql_parse({}, {})", value.sql, sql::text(pattern)), found, input.sql);
    if (!parts.empty())
        result.sql = fmt::format("SELECT *, {} FROM ({})", sql::join(parts), result.sql);
    // Matching is strict: a column whose text is not of its type makes the whole row one that does not match.
    if (!relaxed && !whole.empty()) {
        const std::string matched = fresh();
        for (std::string& one : whole)
            one.replace(one.find("$fits"), 5, matched);
        result.sql = fmt::format("SELECT *, {} FROM (SELECT *, ({}) AS {} FROM ({}))", sql::join(whole), fits, matched,
                                 result.sql);
        fits = matched;
    } else {
        fits = found + " IS NOT NULL";
    }
    if (op.name == "parse-where")
        result.sql = fmt::format("SELECT * FROM ({}) WHERE {}", result.sql, fits);
    return result;
}

Relation Binder::parse_kv(const ast::Operator& op, const ast::ParseKv& node, Relation input) {
    const auto property = [&](std::string_view name, std::string otherwise) {
        const ast::Property* found = op.property(name);
        return sql::text(found ? found->value : otherwise);
    };
    const ast::Property* regex = op.property("regex");
    Scalar value;
    {
        const WithRow row(*this, {.relation = &input});
        value = convert(scalar(*node.value), ScalarType::String);
    }
    const std::string found = fresh();
    std::string bag = regex ? fmt::format("kql_parse_kv_regex({}, {})", value.sql, sql::text(regex->value))
                            : fmt::format("kql_parse_kv({}, {}, {}, {}, {}, {})", value.sql,
                                          property("pair_delimiter", ""), property("kv_delimiter", ""),
                                          property("quote", ""), property("escape", ""), property("greedy", "false"));
    Relation result = input;
    std::vector<std::string> parts;
    for (const ast::ColumnDeclaration& key : node.keys) {
        const ScalarType type = type_named(key.type, key.at);
        const Scalar text{
            .type = ScalarType::String,
            .sql = fmt::format("COALESCE(kql_dynamic_to_string(kql_dynamic_at({}, kql_json_string({}))), '')", found,
                               sql::text(key.name)),
            .never_null = true};
        const std::string id = fresh();
        parts.push_back(fmt::format("{} AS {}", convert(text, type).sql, id));
        replace_column(result, {key.name, type, id});
    }
    result.sql =
        fmt::format("SELECT *, {} FROM (SELECT *, {} AS {} FROM ({}))", sql::join(parts), bag, found, input.sql);
    return result;
}

/// `T | invoke f(...)`: the table is the first argument.
Relation Binder::invoke(const ast::Evaluate& node, Relation input) {
    const Value* function = find_name(node.call->text);
    input = stored(std::move(input), false);
    std::optional<Value> value;
    if (function && std::holds_alternative<UserFunction>(*function))
        value = call_user(std::get<UserFunction>(*function), *node.call, &input);
    else
        value = bind_entity_call(*node.call, &input);
    if (!value)
        fail_semantic(node.call->at, fmt::format("Unknown function: '{}'", node.call->text), "SEM0260");
    if (auto* relation = std::get_if<Relation>(&*value))
        return std::move(*relation);
    fail_semantic(node.call->at, fmt::format("The function '{}' gives no table", node.call->text), "SEM0023");
}

} // namespace sluice::kql
