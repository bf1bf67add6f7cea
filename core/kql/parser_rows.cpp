#include "core/kql/parser.hpp"

namespace sluice::kql {

using ast::ExprKind;
using ast::ExprPtr;
using ast::Operator;
using ast::OperatorNode;

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

/// The older form, in range(start, stop, step): the series begins at bin(start, step), and stop belongs to it.
void Parser::range_of_series(ast::MakeSeries& node) {
    expect("(");
    const std::size_t start = next_;
    expression();
    expect(",");
    const std::size_t stop = next_;
    expression();
    expect(",");
    const std::size_t step = next_;
    node.step = expression();
    const std::size_t end = next_;
    // A tree has one owner, so what is needed several times is read several times.
    const auto again = [&](std::size_t from) {
        next_ = from;
        return expression();
    };
    const auto binned = [&](std::size_t from) {
        ExprPtr call = make(ExprKind::Call, tokens_[from].begin, "bin");
        call->args.push_back(again(from));
        call->args.push_back(again(step));
        return call;
    };
    node.from = binned(start);
    node.to = binary("+", tokens_[stop].begin, binned(stop), again(step));
    next_ = end;
    expect(")");
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
    node.axis = additive(); // `in range(...)` may follow
    if (accept_name("from"))
        node.from = expression();
    if (accept_name("to"))
        node.to = expression();
    if (accept_name("step")) {
        node.step = expression();
    } else if (accept_name("in")) {
        expect_name("range");
        range_of_series(node);
    } else {
        fail_here();
    }
    if (accept_name("by"))
        node.by = named_expressions();
    return node;
}

OperatorNode Parser::top_nested(Operator&) {
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

OperatorNode Parser::reduce(Operator& op) {
    operator_properties(op);
    ast::Reduce node;
    const ast::Property* kind = op.property("kind");
    node.of_source = kind && kind->value == "source";
    expect_name("by");
    node.by = expression();
    if (accept_name("with")) {
        do {
            const Offset at = peek().begin;
            const std::string what = name();
            if (what != "threshold" && what != "characters")
                fail_syntax(at, "Query could not be parsed: threshold or characters is expected here");
            expect("=");
            (what == "threshold" ? node.threshold : node.characters) = expression();
        } while (accept(","));
    }
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

} // namespace sluice::kql
