#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

/// A bare text of `search` and `find` is looked for in every column.
Scalar Binder::search_predicate(const Expr& expr) {
    if (expr.kind == ExprKind::Wildcard)
        return {.type = ScalarType::Bool, .sql = "TRUE", .never_null = true};
    if (expr.kind == ExprKind::Binary && (expr.text == "and" || expr.text == "or")) {
        const Scalar left = search_predicate(*expr.args[0]), right = search_predicate(*expr.args[1]);
        return {.type = ScalarType::Bool,
                .sql =
                    fmt::format("({} {} {})", left.as_filter(), expr.text == "and" ? "AND" : "OR", right.as_filter())};
    }
    if (expr.kind != ExprKind::Literal || expr.value.type != ScalarType::String)
        return boolean(expr);
    std::vector<std::string> tests;
    for (const Column& column : row_.relation->columns)
        tests.push_back(string_operator("has", column_of(column, ""), literal(expr.value), expr.at).sql);
    return {.type = ScalarType::Bool,
            .sql = tests.empty() ? "FALSE" : "(" + sql::join(tests, " OR ") + ")",
            .never_null = true};
}

/// Rows of one or many tables that fit, with the name of their table in front.
Relation Binder::search(const ast::Operator& op, const ast::Search& node, std::optional<Relation> input) {
    std::vector<std::pair<std::string, Relation>> tables;
    const bool piped = input.has_value();
    if (piped)
        tables.emplace_back("", std::move(*input));
    for (const auto& table : node.tables) {
        if (table->kind == ExprKind::Wildcard) {
            for (auto& one : tables_like(table->text, table->at))
                tables.push_back(std::move(one));
        } else {
            tables.emplace_back(table->kind == ExprKind::Name ? table->text
                                                              : fmt::format("{}_arg{}", op.name, tables.size()),
                                bind_table(*table));
        }
    }
    if (tables.empty())
        tables = tables_like("*", op.at);
    std::vector<std::pair<std::string, Relation>> fitting;
    for (auto& [name, table] : tables) {
        const WithRow row(*this, {.relation = &table});
        try {
            const Scalar condition = search_predicate(*node.predicate);
            fitting.emplace_back(name, filtered(table, condition));
        } catch (const Failure& failure) {
            // A table without the column that the predicate names holds no fitting row; a single table has to have it.
            if (failure.family != Failure::Family::Semantic || tables.size() == 1)
                throw;
        }
    }
    if (fitting.empty())
        fail_semantic(node.predicate->at,
                      fmt::format("'{}' operator: no table has the columns that the predicate names", op.name));
    if (op.name == "find")
        return find_columns(op, node, std::move(fitting));
    return piped ? fitting.front().second : union_rows(std::move(fitting), false, "$table");
}

/// `find`: the columns asked for, or those that all tables share and the others in a bag.
Relation Binder::find_columns(const ast::Operator& op, const ast::Search& node,
                              std::vector<std::pair<std::string, Relation>> tables) {
    const ast::Property* source = op.property("withsource") ? op.property("withsource") : op.property("with_source");
    const std::string source_name = source ? source->value : "source_";
    for (auto& [name, table] : tables) {
        std::vector<Computed> columns;
        std::vector<std::string> rest;
        std::set<std::string> wanted;
        for (const ast::NamedExpr& item : node.project)
            wanted.insert(item.value->text);
        for (const Column& column : table.columns) {
            bool everywhere = true;
            for (const auto& [other_name, other] : tables) {
                const Column* found = other.find(column.name);
                everywhere = everywhere && found && found->type == column.type;
            }
            if (node.project.empty() ? everywhere : wanted.contains(column.name)) {
                columns.push_back({column.name, column_of(column, ""), &column});
            } else {
                rest.push_back(sql::text(column.name));
                rest.push_back(to_dynamic(column_of(column, "")).sql);
            }
        }
        if (node.project.empty())
            columns.push_back(
                {"pack_",
                 {.type = ScalarType::Dynamic,
                  .sql = fmt::format("kql_bag_pack(TRUE{}{})", rest.empty() ? "" : ", ", sql::join(rest))},
                 nullptr});
        table = select(table, std::move(columns));
    }
    return union_rows(std::move(tables), false, source_name);
}

} // namespace sluice::kql
