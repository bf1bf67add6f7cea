#include "core/kql/parser.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::kql {

using ast::ExprKind;
using ast::ExprPtr;

/// Takes the tree apart without recursion: a chain of operators is as deep as it is long.
ast::Expr::~Expr() {
    std::vector<ExprPtr> pending = std::move(args);
    while (!pending.empty()) {
        const ExprPtr one = std::move(pending.back());
        pending.pop_back();
        if (!one)
            continue;
        for (ExprPtr& argument : one->args)
            pending.push_back(std::move(argument));
        one->args.clear();
    }
}

std::vector<ast::Statement> parse_query(std::string_view text) {
    Parser parser(text);
    auto statements = parser.statements(false);
    parser.finish();
    return statements;
}

std::vector<ast::Parameter> parse_parameters(std::string_view text) {
    Parser parser(text);
    auto parameters = parser.parameters();
    if (parser.peek().kind != TokenKind::End)
        fail_syntax(parser.peek().begin, "Query could not be parsed: text follows the list of parameters");
    parser.finish();
    return parameters;
}

void Parser::finish() {
    if (errors_.empty())
        return;
    std::stable_sort(errors_.begin(), errors_.end(), [](const Failure& a, const Failure& b) { return a.at < b.at; });
    // The rest of a statement is wrong once more at the place where it went wrong.
    const auto same = [](const Failure& a, const Failure& b) { return a.at == b.at; };
    errors_.erase(std::unique(errors_.begin(), errors_.end(), same), errors_.end());
    Failure first = std::move(errors_.front());
    first.others.assign(std::make_move_iterator(errors_.begin() + 1), std::make_move_iterator(errors_.end()));
    throw first;
}

void Parser::skip_to(std::string_view stop) {
    int nested = 0;
    while (peek().kind != TokenKind::End) {
        if (is_mark("(") || is_mark("{") || is_mark("[")) {
            ++nested;
        } else if (is_mark(")") || is_mark("}") || is_mark("]")) {
            if (nested == 0)
                return;
            --nested;
        } else if (nested == 0 && (is_mark(stop) || is_mark(";"))) {
            return;
        }
        advance();
    }
}

std::vector<ast::Statement> Parser::statements(bool in_braces) {
    const Depth depth(*this);
    std::vector<ast::Statement> list;
    for (;;) {
        while (accept(";")) {
        }
        if (peek().kind == TokenKind::End || (in_braces && is_mark("}")))
            return list;
        const std::size_t before = next_;
        recovering(";", [&] {
            list.push_back(statement());
            if (!is_mark(";") && peek().kind != TokenKind::End && !(in_braces && is_mark("}")))
                fail_here();
        });
        // A bracket that nothing opened: behind it is the rest of the statement, of which nothing more can be said.
        if (!in_braces && (is_mark(")") || is_mark("}") || is_mark("]"))) {
            if (next_ == before)
                advance();
            while (peek().kind != TokenKind::End && !is_mark(";"))
                advance();
        } else if (in_braces && next_ == before) {
            fail_here();
        }
    }
}

ast::Statement Parser::statement() {
    if (peek().is_name("let") && (peek(1).kind == TokenKind::Name || is_mark("[", 1)))
        return let_statement();
    if (peek().is_name("set") && peek(1).kind == TokenKind::Name)
        return set_statement();
    if (peek().is_name("declare") && peek(1).is_name("pattern"))
        return declare_pattern();
    if (peek().is_name("alias") && peek(1).is_name("database"))
        return alias_statement();
    if (peek().is_name("restrict") && peek(1).is_name("access"))
        return restrict_statement();
    ast::Statement result;
    result.at = peek().begin;
    if (peek().is_name("declare") && peek(1).is_name("query_parameters")) {
        next_ += 2;
        result.node = ast::DeclareParameters{parameters()};
        return result;
    }
    result.node = ast::Query{pipeline_expression()};
    return result;
}

/// `set name` or `set name = value`; a value may also be a bare word.
ast::Statement Parser::set_statement() {
    ast::Statement result;
    result.at = advance().begin;
    ast::Set set;
    set.name = name();
    if (accept("=")) {
        ExprPtr value = expression();
        set.value = value->kind == ExprKind::Literal ? value->value.text : value->text;
        set.expr = std::move(value);
    }
    result.node = std::move(set);
    return result;
}

std::string Parser::constant_string() {
    if (!peek().is_string())
        fail_here();
    return advance().value.text;
}

/// declare pattern name = (a:string, b:string)[path:string] { ("x", "y").["z"] = { body }; ... };
ast::Statement Parser::declare_pattern() {
    ast::Statement result;
    result.at = advance().begin;
    advance();
    ast::DeclarePattern pattern;
    pattern.name = name();
    if (accept("=")) {
        pattern.parameters = parameters();
        if (accept("[")) {
            pattern.has_path = true;
            name();
            expect(":");
            column_type();
            expect("]");
        }
        expect("{");
        while (!is_mark("}")) {
            recovering(";", [&] { pattern.cases.push_back(pattern_case()); });
            if (!accept(";"))
                break;
        }
        expect("}");
    }
    result.node = std::move(pattern);
    return result;
}

ast::PatternCase Parser::pattern_case() {
    ast::PatternCase row;
    expect("(");
    do
        row.values.push_back(constant_string());
    while (accept(","));
    expect(")");
    if (accept(".")) {
        expect("[");
        row.path = constant_string();
        expect("]");
    }
    expect("=");
    row.body = body();
    return row;
}

ast::Statement Parser::alias_statement() {
    ast::Statement result;
    result.at = advance().begin;
    advance();
    ast::Alias alias;
    alias.name = name();
    expect("=");
    alias.database = postfix();
    result.node = std::move(alias);
    return result;
}

ast::Statement Parser::restrict_statement() {
    ast::Statement result;
    result.at = advance().begin;
    advance();
    expect_name("to");
    expect("(");
    ast::Restrict restrict;
    do {
        const Offset at = peek().begin;
        if (auto pattern = wildcard())
            restrict.entities.push_back(make(ExprKind::Wildcard, at, std::move(*pattern)));
        else
            restrict.entities.push_back(postfix());
    } while (accept(","));
    expect(")");
    result.node = std::move(restrict);
    return result;
}

/// `(` ... `)` followed by `{`.
bool Parser::lambda_starts() const {
    std::size_t ahead = peek().is_name("view") ? 1 : 0;
    if (!is_mark("(", ahead))
        return false;
    int nested = 0;
    for (;; ++ahead) {
        if (peek(ahead).kind == TokenKind::End)
            return false;
        if (is_mark("(", ahead))
            ++nested;
        else if (is_mark(")", ahead) && --nested == 0)
            return is_mark("{", ahead + 1);
    }
}

ast::Statement Parser::let_statement() {
    ast::Statement result;
    result.at = advance().begin;
    ast::Let let;
    let.name = name();
    expect("=");
    if (lambda_starts()) {
        const bool view = accept_name("view");
        let.function = lambda(view);
    } else {
        let.value = pipeline_expression();
    }
    result.node = std::move(let);
    return result;
}

std::shared_ptr<const ast::Function> Parser::lambda(bool view) {
    const Depth depth(*this);
    auto function = std::make_shared<ast::Function>();
    function->view = view;
    function->parameters = parameters();
    function->body = body();
    return function;
}

/// Statements in braces.
std::shared_ptr<const ast::Body> Parser::body() {
    expect("{");
    auto result = std::make_shared<ast::Body>();
    result->statements = statements(true);
    expect("}");
    return result;
}

std::vector<ast::Parameter> Parser::parameters() {
    std::vector<ast::Parameter> list;
    expect("(");
    while (!is_mark(")")) {
        ast::Parameter parameter;
        parameter.at = peek().begin;
        parameter.name = name();
        expect(":");
        if (accept("(")) {
            parameter.tabular = true;
            if (!accept("*"))
                parameter.columns = column_declarations();
            expect(")");
        } else {
            parameter.type = column_type();
        }
        if (accept("="))
            parameter.fallback = expression();
        list.push_back(std::move(parameter));
        if (!accept(","))
            break;
    }
    expect(")");
    return list;
}

} // namespace sluice::kql
