#include "core/kql/parser.hpp"

namespace sluice::kql {

using ast::ExprKind;
using ast::ExprPtr;

std::vector<ast::Statement> parse_query(std::string_view text) {
    Parser parser(tokenize(text));
    return parser.statements(false);
}

std::vector<ast::Parameter> parse_parameters(std::string_view text) {
    Parser parser(tokenize(text));
    auto parameters = parser.parameters();
    if (parser.peek().kind != TokenKind::End)
        fail_syntax(parser.peek().begin, "Query could not be parsed: text follows the list of parameters");
    return parameters;
}

std::vector<ast::Statement> Parser::statements(bool in_braces) {
    const Depth depth(*this);
    std::vector<ast::Statement> list;
    for (;;) {
        while (accept(";")) {
        }
        if (peek().kind == TokenKind::End || (in_braces && is_mark("}")))
            return list;
        list.push_back(statement());
        if (!is_mark(";") && peek().kind != TokenKind::End && !(in_braces && is_mark("}")))
            fail_here();
    }
}

ast::Statement Parser::statement() {
    ast::Statement result;
    result.at = peek().begin;
    if (peek().is_name("let") && (peek(1).kind == TokenKind::Name || is_mark("[", 1)))
        return let_statement();
    if (peek().is_name("set") && peek(1).kind == TokenKind::Name) {
        advance();
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
    if (peek().is_name("declare") && peek(1).is_name("query_parameters")) {
        advance();
        advance();
        result.node = ast::DeclareParameters{parameters()};
        return result;
    }
    if (peek().is_name("declare") && peek(1).is_name("pattern"))
        return opaque_statement("'declare pattern'");
    if (peek().is_name("alias") && peek(1).is_name("database"))
        return opaque_statement("'alias database'");
    if (peek().is_name("restrict") && peek(1).is_name("access"))
        return opaque_statement("'restrict access'");
    result.node = ast::Query{pipeline_expression()};
    return result;
}

ast::Statement Parser::opaque_statement(std::string what) {
    ast::Statement result;
    result.at = peek().begin;
    int nested = 0;
    while (peek().kind != TokenKind::End && !(nested == 0 && is_mark(";"))) {
        if (is_mark("(") || is_mark("{") || is_mark("["))
            ++nested;
        else if (is_mark(")") || is_mark("}") || is_mark("]"))
            --nested;
        advance();
    }
    result.node = ast::OpaqueStatement{std::move(what)};
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
        let.view = accept_name("view");
        let.function = lambda();
    } else {
        let.value = pipeline_expression();
    }
    result.node = std::move(let);
    return result;
}

std::shared_ptr<const ast::Function> Parser::lambda() {
    const Depth depth(*this);
    auto function = std::make_shared<ast::Function>();
    function->parameters = parameters();
    expect("{");
    auto body = std::make_shared<ast::Body>();
    body->statements = statements(true);
    function->body = std::move(body);
    expect("}");
    return function;
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
