#include "core/kql/parser.hpp"

namespace sluice::kql {

using ast::ExprKind;
using ast::Operator;
using ast::OperatorNode;

/// make-graph Source --> Target [with Nodes on Id [, ...] | with_node_id=Name] [partitioned-by Column (operators)]
OperatorNode Parser::make_graph(Operator& op) {
    operator_properties(op);
    ast::MakeGraph node;
    node.source = make(ExprKind::Name, peek().begin, name());
    expect("-->");
    node.target = make(ExprKind::Name, peek().begin, name());
    operator_properties(op);
    if (accept_name("with")) {
        do {
            ast::GraphNodes table;
            if (accept("(")) {
                table.table = pipeline_expression();
                expect(")");
            } else {
                table.table = postfix();
            }
            expect_name("on");
            table.id = make(ExprKind::Name, peek().begin, name());
            node.nodes.push_back(std::move(table));
        } while (accept(","));
        operator_properties(op);
    }
    if (peek().is_name("partitioned") && is_mark("-", 1)) {
        name_with_dashes();
        node.partition = name();
        expect("(");
        node.body = pipeline_of_operators(")");
        expect(")");
    }
    return node;
}

/// `-[e*1..3]->`, `<--`, `--` ...
ast::GraphEdge Parser::graph_edge() {
    ast::GraphEdge edge;
    edge.at = peek().begin;
    if (accept("-->")) {
        edge.direction = 1;
        return edge;
    }
    if (accept("<--")) {
        edge.direction = -1;
        return edge;
    }
    if (accept("<"))
        edge.direction = -1;
    expect("-");
    if (edge.direction == 0 && accept("-"))
        return edge;
    expect("[");
    if (name_starts())
        edge.name = name();
    if (accept("*")) {
        edge.least = unary();
        expect("..");
        edge.most = unary();
    }
    expect("]");
    expect("-");
    if (edge.direction == 0 && accept(">"))
        edge.direction = 1;
    return edge;
}

OperatorNode Parser::graph_match(Operator& op) {
    operator_properties(op);
    ast::GraphMatch node;
    const auto variable = [&] {
        expect("(");
        std::string word = is_mark(")") ? "" : name();
        expect(")");
        return word;
    };
    do {
        ast::GraphPath path;
        path.nodes.push_back(variable());
        while (is_mark("-") || is_mark("<") || is_mark("-->") || is_mark("<--")) {
            path.edges.push_back(graph_edge());
            path.nodes.push_back(variable());
        }
        node.paths.push_back(std::move(path));
    } while (accept(","));
    if (accept_name("where"))
        node.where = expression();
    if (accept_name("project"))
        node.project = named_expressions();
    return node;
}

OperatorNode Parser::graph_to_table(Operator&) {
    ast::GraphToTable node;
    do {
        ast::GraphToTable::Part part;
        part.at = peek().begin;
        part.nodes = peek().is_name("nodes");
        if (!accept_name("nodes"))
            expect_name("edges");
        for (;;) {
            if (accept_name("as")) {
                part.name = name();
                continue;
            }
            std::string* target = peek().is_name("with_node_id")     ? &part.id
                                  : peek().is_name("with_source_id") ? &part.source
                                  : peek().is_name("with_target_id") ? &part.target
                                                                     : nullptr;
            if (!target)
                break;
            advance();
            expect("=");
            *target = name();
        }
        node.parts.push_back(std::move(part));
    } while (accept(","));
    return node;
}

} // namespace sluice::kql
