#include "core/kql/parser.hpp"

namespace sluice::kql {

using ast::ExprKind;
using ast::ExprPtr;
using ast::Operator;
using ast::OperatorNode;

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
            ast::NamedExpr column{.names = {}, .value = nullptr, .at = peek().begin};
            column.value = is_mark("(", 1) ? primary() : make(ExprKind::Name, column.at, name());
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

OperatorNode Parser::facet(Operator& op) {
    operator_properties(op);
    ast::Facet node;
    expect_name("by");
    do
        node.columns.push_back(wildcard_or_expression());
    while (accept(","));
    if (accept_name("with")) {
        expect("(");
        node.with = pipeline_of_operators(")");
        expect(")");
    }
    return node;
}

OperatorNode Parser::fork(Operator& op) {
    operator_properties(op);
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
