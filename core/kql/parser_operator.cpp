#include "core/kql/parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace sluice::kql {

using ast::ExprKind;
using ast::ExprPtr;
using ast::Operator;
using ast::OperatorNode;

namespace {

std::string text_of(const ast::Expr& expr) {
    if (expr.kind != ExprKind::Literal)
        return expr.text;
    switch (expr.value.type) {
    case ScalarType::String:
        return expr.value.text;
    case ScalarType::Bool:
        return expr.value.integer ? "true" : "false";
    case ScalarType::Real:
        return fmt::format("{}", expr.value.real);
    default:
        return fmt::format("{}", expr.value.integer);
    }
}

/// Other spellings of one operator.
const std::map<std::string_view, std::string_view> kAliases = {
    {"filter", "where"},       {"order", "sort"},       {"limit", "take"},
    {"mvexpand", "mv-expand"}, {"mvapply", "mv-apply"}, {"projectaway", "project-away"}};

/// Words that are properties of operators; any other `name = value` names a column.
bool is_property(std::string_view name) {
    static constexpr std::array kNames = {"hint",           "kind",           "bagexpansion",
                                          "with_itemindex", "withsource",     "with_source",
                                          "isfuzzy",        "flags",          "decodeblocks",
                                          "with_match_id",  "pair_delimiter", "kv_delimiter",
                                          "quote",          "escape",         "regex",
                                          "greedy",         "with_step_name", "scope",
                                          "cycles",         "output",         "with_component_id",
                                          "with_node_id"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

} // namespace

/// An operator that makes its own rows begins here, rather than an expression.
bool Parser::source_operator_starts() const {
    if (peek().kind != TokenKind::Name)
        return false;
    const std::string& word = peek().text;
    const Token& after = peek(1);
    if (word == "datatable" || word == "externaldata" || word == "external_data" || word == "inline_external_table")
        return after.is("(") || after.kind == TokenKind::Name;
    if (word == "range")
        return after.kind == TokenKind::Name || (after.is("[") && peek(2).is_string());
    if (word == "print")
        return !after.is(".") && !after.is("|") && !after.is("=") && !after.is("==") && !after.is(",") &&
               !after.is(")");
    if (word == "union" || word == "evaluate" || word == "find" || word == "search")
        return (after.kind == TokenKind::Name && !after.is_name("and") && !after.is_name("or")) || after.is("(") ||
               after.is("*") || after.kind == TokenKind::Literal || (after.is("[") && peek(2).is_string());
    if (word == "macro")
        return after.is("-") && peek(2).is_name("expand");
    return false;
}

ast::PipelinePtr Parser::pipeline() {
    const Depth depth(*this);
    auto result = std::make_unique<ast::Pipeline>();
    result->at = peek().begin;
    result->operators.push_back(tabular_operator(true));
    operators(*result);
    return result;
}

void Parser::operators(ast::Pipeline& pipeline) {
    while (accept("|"))
        recovering("|", [&] { pipeline.operators.push_back(tabular_operator(false)); });
}

/// The operators of a subquery in parentheses or braces, whose input is the rows of an outer operator.
ast::PipelinePtr Parser::pipeline_of_operators(std::string_view until) {
    const Depth depth(*this);
    auto result = std::make_unique<ast::Pipeline>();
    result->at = peek().begin;
    if (!is_mark(until)) {
        accept("|");
        result->operators.push_back(tabular_operator(false));
        operators(*result);
    }
    return result;
}

Operator Parser::tabular_operator(bool first) {
    const Depth depth(*this);
    Operator op;
    op.at = peek().begin;
    if (peek().kind != TokenKind::Name)
        fail_here();
    op.name = name_with_dashes();
    if (const auto alias = kAliases.find(op.name); alias != kAliases.end())
        op.name = alias->second;
    (void)first;
    op.node = operator_node(op);
    return op;
}

/// `kind=inner hint.strategy=shuffle`: names, an equals sign that touches nothing in particular, a name or literal.
void Parser::operator_properties(Operator& op) {
    for (;;) {
        std::size_t ahead = 0;
        if (peek().kind != TokenKind::Name)
            return;
        while (is_mark(".", ahead + 1) && peek(ahead + 2).kind == TokenKind::Name)
            ahead += 2;
        if (!is_mark("=", ahead + 1) || !is_property(peek().text))
            return;
        ast::Property property;
        property.at = peek().begin;
        property.name = dotted_name();
        expect("=");
        ExprPtr value;
        if (is_mark("[") || is_mark("(") || peek().kind == TokenKind::Literal) {
            value = primary();
            property.value = text_of(*value);
        } else {
            property.value = name_with_dashes();
        }
        property.expr = std::move(value);
        op.properties.push_back(std::move(property));
        accept(",");
    }
}

const std::map<std::string_view, Parser::Rule>& Parser::rules() {
    static const std::map<std::string_view, Rule> kRules = {
        {"where", &Parser::where},
        {"project", &Parser::column_list},
        {"extend", &Parser::column_list},
        {"project-away", &Parser::column_list},
        {"project-keep", &Parser::column_list},
        {"project-rename", &Parser::column_list},
        {"project-reorder", &Parser::column_list},
        {"project-by-names", &Parser::column_list},
        {"print", &Parser::column_list},
        {"distinct", &Parser::column_list},
        {"serialize", &Parser::column_list},
        {"count", &Parser::count},
        {"consume", &Parser::nothing},
        {"getschema", &Parser::nothing},
        {"take", &Parser::take},
        {"sample", &Parser::take},
        {"sample-distinct", &Parser::take_of},
        {"top-hitters", &Parser::take_of},
        {"summarize", &Parser::summarize},
        {"sort", &Parser::sort},
        {"top", &Parser::top},
        {"as", &Parser::as},
        {"invoke", &Parser::evaluate},
        {"evaluate", &Parser::evaluate},
        {"join", &Parser::join},
        {"lookup", &Parser::join},
        {"union", &Parser::union_tables},
        {"mv-expand", &Parser::mv_expand},
        {"mv-apply", &Parser::mv_expand},
        {"parse", &Parser::parse},
        {"parse-where", &Parser::parse},
        {"parse-kv", &Parser::parse_kv},
        {"make-series", &Parser::make_series},
        {"range", &Parser::range},
        {"datatable", &Parser::datatable},
        {"render", &Parser::render},
        {"top-nested", &Parser::top_nested},
        {"scan", &Parser::scan},
        {"partition", &Parser::partition},
        {"__partitionby", &Parser::partition},
        {"search", &Parser::search},
        {"find", &Parser::find},
        {"fork", &Parser::fork},
        {"facet", &Parser::facet},
        {"reduce", &Parser::reduce},
        {"externaldata", &Parser::opaque},
        {"external_data", &Parser::opaque},
        {"inline_external_table", &Parser::opaque},
        {"make-graph", &Parser::make_graph},
        {"graph-match", &Parser::graph_match},
        {"graph-merge", &Parser::opaque},
        {"graph-to-table", &Parser::graph_to_table},
        {"graph-shortest-paths", &Parser::graph_match},
        {"graph-mark-components", &Parser::nothing},
        {"graph-where-nodes", &Parser::where},
        {"graph-where-edges", &Parser::where},
        {"macro-expand", &Parser::opaque},
        {"execute-and-cache", &Parser::opaque},
        {"execute_and_cache", &Parser::opaque},
        {"assert-schema", &Parser::opaque},
        {"project-smart", &Parser::opaque},
    };
    return kRules;
}

std::vector<std::string_view> Parser::operator_names() {
    // These make rows of their own and begin a query.
    static constexpr std::array kSources = {"print", "range", "datatable", "find"};
    std::vector<std::string_view> names;
    for (const auto& [name, rule] : rules())
        if (rule != &Parser::opaque && std::find(kSources.begin(), kSources.end(), name) == kSources.end() &&
            !name.starts_with('_'))
            names.push_back(name);
    for (const auto& [alias, name] : kAliases)
        if (name != "mv-expand" && name != "mv-apply" && name != "project-away") // old spellings
            names.push_back(alias);
    return names;
}

OperatorNode Parser::operator_node(Operator& op) {
    const auto rule = rules().find(op.name);
    if (rule == rules().end())
        fail_syntax(op.at, fmt::format("Query could not be parsed at '{}': there is no such operator", op.name));
    return (this->*rule->second)(op);
}

OperatorNode Parser::where(Operator& op) {
    operator_properties(op);
    return ast::Where{expression()};
}

OperatorNode Parser::count(Operator& op) {
    operator_properties(op);
    if (accept_name("as"))
        return ast::As{name()};
    return ast::Nothing{};
}

OperatorNode Parser::nothing(Operator& op) {
    operator_properties(op);
    return ast::Nothing{};
}

OperatorNode Parser::take(Operator& op) {
    operator_properties(op);
    return ast::Take{.count = expression()};
}

OperatorNode Parser::take_of(Operator& op) {
    operator_properties(op);
    ast::Take take{.count = expression()};
    expect_name("of");
    take.of = expression();
    if (accept_name("by"))
        take.by = expression();
    return take;
}

OperatorNode Parser::sort(Operator& op) {
    operator_properties(op);
    expect_name("by");
    return ast::Sort{sort_keys()};
}

OperatorNode Parser::top(Operator& op) {
    operator_properties(op);
    ast::Top top{.count = expression(), .key = {}};
    expect_name("by");
    top.key = sort_key();
    return top;
}

OperatorNode Parser::as(Operator& op) {
    operator_properties(op);
    return ast::As{name()};
}

OperatorNode Parser::range(Operator&) {
    ast::Range range;
    range.name = name();
    expect_name("from");
    range.from = additive();
    expect_name("to");
    range.to = additive();
    expect_name("step");
    range.step = additive();
    return range;
}

/// Skips to the end of the operator, minding brackets.
OperatorNode Parser::opaque(Operator&) {
    int nested = 0;
    while (peek().kind != TokenKind::End) {
        if (nested == 0 && (is_mark("|") || is_mark(";") || is_mark(")") || is_mark("}")))
            break;
        if (is_mark("(") || is_mark("{") || is_mark("["))
            ++nested;
        else if (is_mark(")") || is_mark("}") || is_mark("]"))
            --nested;
        advance();
    }
    if (nested != 0)
        fail_here();
    return ast::Opaque{};
}

OperatorNode Parser::column_list(Operator& op) {
    ast::ColumnList list;
    const bool may_be_empty = op.name != "extend" && op.name != "print" && op.name != "distinct";
    if (may_be_empty && (peek().kind == TokenKind::End || is_mark("|") || is_mark(")") || is_mark(";") || is_mark("}")))
        return list;
    patterns_only_ = op.name == "project-away" || op.name == "project-keep" || op.name == "project-reorder";
    do {
        list.columns.push_back(named_expression());
        ast::SortKey order{.value = nullptr, .descending = false};
        for (std::string_view word : {"asc", "desc", "granny"})
            if (peek().is_name(word)) {
                order.value = make(ExprKind::Name, peek().begin, std::string(word));
                if (word == "granny") {
                    advance();
                    expect("-");
                }
                order.descending = peek().is_name("desc");
                advance();
                break;
            }
        list.order.push_back(std::move(order));
    } while (accept(","));
    patterns_only_ = false;
    return list;
}

OperatorNode Parser::summarize(Operator& op) {
    operator_properties(op);
    ast::Summarize node;
    if (!peek().is_name("by"))
        node.aggregates = named_expressions();
    if (accept_name("by")) {
        node.by = named_expressions();
        accept(",");
    }
    return node;
}

ast::SortKey Parser::sort_key() {
    ast::SortKey key;
    key.value = named_expression().value;
    if (accept_name("asc"))
        key.descending = false;
    else
        accept_name("desc");
    if (accept_name("nulls")) {
        key.nulls_first = peek().is_name("first");
        if (!accept_name("first"))
            expect_name("last");
    }
    return key;
}

std::vector<ast::SortKey> Parser::sort_keys() {
    std::vector<ast::SortKey> keys;
    do
        keys.push_back(sort_key());
    while (accept(","));
    return keys;
}

OperatorNode Parser::render(Operator& op) {
    ast::Render node;
    node.chart = name_with_dashes();
    bool parens = false;
    // Each property is a name, an equals sign and a literal or a list of names.
    for (;;) {
        if (!parens && accept_name("with")) {
            expect("(");
            parens = true;
        }
        if (peek().kind != TokenKind::Name || !is_mark("=", 1))
            break;
        ast::Property property;
        property.at = peek().begin;
        property.name = name();
        expect("=");
        ExprPtr value = unary();
        property.value = value->kind == ExprKind::Unary ? "-" + text_of(*value->args[0]) : text_of(*value);
        // Lists of columns go on without parentheses: ycolumns=a, b.
        while (is_mark(",") && !(peek(1).kind == TokenKind::Name && is_mark("=", 2)) && name_starts() == false &&
               peek(1).kind == TokenKind::Name) {
            advance();
            property.value += "," + name();
        }
        op.properties.push_back(std::move(property));
        accept(",");
    }
    if (parens)
        expect(")");
    return node;
}

OperatorNode Parser::evaluate(Operator& op) {
    operator_properties(op);
    ast::Evaluate node;
    const Offset at = peek().begin;
    node.call = call(at, dotted_name());
    if (accept(":")) {
        expect("(");
        if (accept("*")) {
            node.schema_open = true;
            accept(",");
        }
        node.schema = column_declarations();
        expect(")");
    }
    return node;
}

} // namespace sluice::kql
