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
    static constexpr std::array kNames = {
        "hint",    "kind",   "bagexpansion", "with_itemindex", "withsource",     "with_source",
        "isfuzzy", "flags",  "decodeblocks", "with_match_id",  "pair_delimiter", "kv_delimiter",
        "quote",   "escape", "regex",        "greedy",         "with_step_name", "scope"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

} // namespace

/// An operator that makes its own rows begins here, rather than an expression.
bool Parser::source_operator_starts() const {
    if (peek().kind != TokenKind::Name)
        return false;
    const std::string& word = peek().text;
    const Token& after = peek(1);
    if (word == "datatable" || word == "externaldata" || word == "external_data")
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
        pipeline.operators.push_back(tabular_operator(false));
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

OperatorNode Parser::operator_node(Operator& op) {
    const std::string& word = op.name;
    if (word == "where") {
        operator_properties(op);
        return ast::Where{expression()};
    }
    if (word == "project" || word == "extend" || word == "project-away" || word == "project-keep" ||
        word == "project-rename" || word == "project-reorder" || word == "print" || word == "distinct" ||
        word == "serialize" || word == "project-by-names")
        return column_list(op);
    if (word == "count" || word == "consume" || word == "getschema") {
        operator_properties(op);
        if (word == "count" && accept_name("as")) {
            return ast::As{name()};
        }
        return ast::Nothing{};
    }
    if (word == "take" || word == "sample") {
        operator_properties(op);
        return ast::Take{.count = expression()};
    }
    if (word == "sample-distinct" || word == "top-hitters") {
        operator_properties(op);
        ast::Take take{.count = expression()};
        expect_name("of");
        take.of = expression();
        if (accept_name("by"))
            take.by = expression();
        return take;
    }
    if (word == "summarize") {
        operator_properties(op);
        return summarize();
    }
    if (word == "sort") {
        operator_properties(op);
        expect_name("by");
        return ast::Sort{sort_keys()};
    }
    if (word == "top") {
        operator_properties(op);
        ast::Top top{.count = expression(), .key = {}};
        expect_name("by");
        top.key = sort_key();
        return top;
    }
    if (word == "as") {
        operator_properties(op);
        return ast::As{name()};
    }
    if (word == "invoke" || word == "evaluate")
        return evaluate(op);
    if (word == "join" || word == "lookup")
        return join(op);
    if (word == "union")
        return union_tables(op);
    if (word == "mv-expand" || word == "mv-apply")
        return mv_expand(op);
    if (word == "parse" || word == "parse-where")
        return parse(op);
    if (word == "parse-kv")
        return parse_kv(op);
    if (word == "make-series")
        return make_series(op);
    if (word == "range") {
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
    if (word == "datatable")
        return datatable(op);
    if (word == "render")
        return render(op);
    if (word == "top-nested")
        return top_nested();
    if (word == "scan")
        return scan(op);
    if (word == "partition" || word == "__partitionby")
        return partition(op);
    if (word == "search")
        return search(op);
    if (word == "find")
        return find(op);
    if (word == "fork")
        return fork();
    static constexpr std::array kRecognised = {"facet",
                                               "reduce",
                                               "externaldata",
                                               "external_data",
                                               "make-graph",
                                               "graph-match",
                                               "graph-merge",
                                               "graph-to-table",
                                               "graph-shortest-paths",
                                               "graph-mark-components",
                                               "graph-where-nodes",
                                               "graph-where-edges",
                                               "macro-expand",
                                               "execute-and-cache",
                                               "assert-schema",
                                               "project-smart",
                                               "execute_and_cache"};
    for (const std::string_view known : kRecognised)
        if (word == known)
            return opaque();
    fail_syntax(op.at, fmt::format("Query could not be parsed at '{}': there is no such operator", word));
}

/// Skips to the end of the operator, minding brackets.
OperatorNode Parser::opaque() {
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

OperatorNode Parser::column_list(const Operator& op) {
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

OperatorNode Parser::summarize() {
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

OperatorNode Parser::join(Operator& op) {
    operator_properties(op);
    ast::Join node;
    if (accept("(")) {
        node.right = pipeline_expression();
        expect(")");
    } else {
        node.right = postfix();
    }
    operator_properties(op);
    if (accept_name("on") || accept_name("where")) {
        do
            node.on.push_back(expression());
        while (accept(","));
    }
    return node;
}

OperatorNode Parser::union_tables(Operator& op) {
    operator_properties(op);
    ast::Union node;
    patterns_only_ = true;
    do {
        const Offset at = peek().begin;
        if (auto pattern = wildcard())
            node.tables.push_back(make(ExprKind::Wildcard, at, std::move(*pattern)));
        else if (accept("(")) {
            patterns_only_ = false;
            node.tables.push_back(pipeline_expression());
            expect(")");
        } else {
            node.tables.push_back(postfix());
        }
        patterns_only_ = true;
    } while (accept(","));
    patterns_only_ = false;
    return node;
}

OperatorNode Parser::mv_expand(Operator& op) {
    operator_properties(op);
    ast::MvExpand node;
    do {
        ast::MvItem item;
        item.at = peek().begin;
        ast::NamedExpr named = named_expression();
        if (!named.names.empty())
            item.name = named.names.front();
        item.value = std::move(named.value);
        if (accept_name("to")) {
            const ExprPtr type = primary();
            if (type->kind != ExprKind::TypeOf)
                fail_syntax(type->at, "Query could not be parsed: typeof(...) is expected here");
            item.type = type->text;
        }
        node.items.push_back(std::move(item));
    } while (accept(","));
    if (accept_name("limit"))
        node.limit = expression();
    if (op.name == "mv-apply") {
        if (accept_name("id"))
            expression();
        expect_name("on");
        expect("(");
        node.subquery = pipeline_of_operators(")");
        expect(")");
    }
    return node;
}

OperatorNode Parser::parse(Operator& op) {
    operator_properties(op);
    ast::Parse node;
    node.value = expression();
    expect_name("with");
    for (;;) {
        ast::ParsePiece piece;
        piece.at = peek().begin;
        if (accept("*")) {
            piece.kind = ast::ParsePiece::Kind::Star;
        } else if (peek().is_string()) {
            piece.kind = ast::ParsePiece::Kind::Text;
            piece.text = advance().value.text;
        } else if (name_starts()) {
            piece.kind = ast::ParsePiece::Kind::Column;
            piece.text = name();
            if (accept(":"))
                piece.type = column_type();
        } else {
            break;
        }
        node.pieces.push_back(std::move(piece));
    }
    if (node.pieces.empty())
        fail_here();
    return node;
}

OperatorNode Parser::parse_kv(Operator& op) {
    ast::ParseKv node;
    node.value = expression();
    expect_name("as");
    expect("(");
    node.keys = column_declarations();
    expect(")");
    if (accept_name("with")) {
        expect("(");
        operator_properties(op);
        expect(")");
    }
    return node;
}

OperatorNode Parser::make_series(Operator& op) {
    operator_properties(op);
    ast::MakeSeries node;
    do {
        ast::MakeSeriesItem item;
        item.aggregate = named_expression();
        if (accept_name("default")) {
            expect("=");
            item.fallback = expression();
        }
        node.items.push_back(std::move(item));
    } while (accept(","));
    expect_name("on");
    node.axis = expression();
    if (accept_name("from"))
        node.from = expression();
    if (accept_name("to"))
        node.to = expression();
    if (accept_name("step")) {
        node.step = expression();
    } else if (accept_name("in")) {
        expect_name("range");
        expect("(");
        node.from = expression();
        expect(",");
        node.to = expression();
        expect(",");
        node.step = expression();
        expect(")");
    } else {
        fail_here();
    }
    if (accept_name("by"))
        node.by = named_expressions();
    return node;
}

OperatorNode Parser::datatable(Operator& op) {
    operator_properties(op);
    ast::Datatable node;
    expect("(");
    node.columns = column_declarations();
    expect(")");
    expect("[");
    while (!is_mark("]")) {
        node.values.push_back(expression());
        if (!accept(","))
            break;
    }
    expect("]");
    return node;
}

OperatorNode Parser::render(Operator& op) {
    ast::Render node;
    node.chart = name_with_dashes();
    const bool parens = accept_name("with") && accept("(");
    // Each property is a name, an equals sign and a literal or a list of names.
    while (peek().kind == TokenKind::Name && is_mark("=", 1)) {
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

OperatorNode Parser::top_nested() {
    ast::TopNested node;
    do {
        // Every level repeats the operator's name.
        if (!node.levels.empty() && peek().is_name("top") && is_mark("-", 1))
            name_with_dashes();
        ast::TopNestedLevel level;
        if (!peek().is_name("of"))
            level.count = expression();
        expect_name("of");
        ast::NamedExpr of = named_expression();
        level.name = of.names.empty() ? "" : of.names.front();
        level.of = std::move(of.value);
        if (accept_name("with")) {
            expect_name("others");
            expect("=");
            level.others = expression();
        }
        expect_name("by");
        ast::NamedExpr by = named_expression();
        level.by_name = by.names.empty() ? "" : by.names.front();
        level.by = std::move(by.value);
        if (accept_name("asc"))
            level.descending = false;
        else
            accept_name("desc");
        node.levels.push_back(std::move(level));
    } while (accept(","));
    return node;
}

OperatorNode Parser::scan(Operator& op) {
    operator_properties(op);
    ast::Scan node;
    if (accept_name("order")) {
        expect_name("by");
        node.order = sort_keys();
    }
    if (accept_name("partition")) {
        expect_name("by");
        node.partition = named_expressions();
    }
    operator_properties(op);
    if (accept_name("declare")) {
        expect("(");
        while (!is_mark(")")) {
            ast::ColumnDeclaration column;
            column.at = peek().begin;
            column.name = name();
            expect(":");
            column.type = column_type();
            node.declared.push_back(std::move(column));
            node.defaults.push_back(accept("=") ? expression() : nullptr);
            if (!accept(","))
                break;
        }
        expect(")");
    }
    expect_name("with");
    expect("(");
    while (accept_name("step")) {
        ast::ScanStep step;
        step.name = name();
        step.optional = accept_name("optional");
        if (accept_name("output")) {
            expect("=");
            step.output = name();
        }
        expect(":");
        step.condition = expression();
        if (accept("=>"))
            step.assignments = named_expressions();
        node.steps.push_back(std::move(step));
        if (!accept(";"))
            break;
    }
    expect(")");
    return node;
}

OperatorNode Parser::partition(Operator& op) {
    operator_properties(op);
    ast::Partition node;
    expect_name("by");
    // The subquery in parentheses that follows would make a call of the column's name.
    if (name_starts() && is_mark("(", 1))
        node.by = make(ExprKind::Name, peek().begin, name());
    else
        node.by = expression();
    operator_properties(op);
    const bool braces = is_mark("{");
    expect(braces ? "{" : "(");
    if (braces) { // the form with its own source
        auto body = std::make_unique<ast::Pipeline>();
        body->source = pipeline_expression();
        node.body = std::move(body);
    } else {
        node.body = pipeline_of_operators(")");
    }
    expect(braces ? "}" : ")");
    return node;
}

OperatorNode Parser::search(Operator& op) {
    operator_properties(op);
    ast::Search node;
    if (accept_name("in")) {
        expect("(");
        do
            node.tables.push_back(wildcard_or_expression());
        while (accept(","));
        expect(")");
    }
    operator_properties(op);
    node.predicate = wildcard_or_expression();
    return node;
}

OperatorNode Parser::find(Operator& op) {
    operator_properties(op);
    ast::Search node;
    if (accept_name("in")) {
        expect("(");
        do {
            const Offset at = peek().begin;
            if (auto pattern = wildcard())
                node.tables.push_back(make(ExprKind::Wildcard, at, std::move(*pattern)));
            else
                node.tables.push_back(pipeline_expression());
        } while (accept(","));
        expect(")");
        operator_properties(op);
    }
    accept_name("where");
    node.predicate = expression();
    const bool smart = peek().is_name("project") && is_mark("-", 1);
    if (smart) {
        const std::string word = name_with_dashes();
        op.properties.push_back({word, "true", op.at, nullptr});
        if (word == "project-away")
            node.project = named_expressions();
    } else if (accept_name("project")) {
        do {
            ast::NamedExpr column = named_expression();
            if (accept(":"))
                column.names = {column_type()};
            node.project.push_back(std::move(column));
        } while (accept(","));
        if (is_mark(",")) {
            advance();
        }
    }
    return node;
}

OperatorNode Parser::fork() {
    ast::Fork node;
    while (is_mark("(") || (name_starts() && is_mark("=", 1))) {
        std::string branch;
        if (!is_mark("(")) {
            branch = name();
            expect("=");
        }
        expect("(");
        node.branches.emplace_back(std::move(branch), pipeline_of_operators(")"));
        expect(")");
    }
    return node;
}

} // namespace sluice::kql
