#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos)
            out += '\\';
        out += c;
    }
    return out;
}

/// Names that a predicate reads, and whether a part of it speaks of all columns.
void collect(const Expr& expr, std::set<std::string>& names, bool& everything, bool term = true) {
    switch (expr.kind) {
    case ExprKind::Name:
        names.insert(expr.text);
        return;
    case ExprKind::Wildcard:
        everything = true;
        return;
    case ExprKind::Literal:
        everything = everything || (term && expr.value.type == ScalarType::String);
        return;
    default:
        break;
    }
    const bool logical = expr.kind == ExprKind::Binary && (expr.text == "and" || expr.text == "or");
    const bool negation = expr.kind == ExprKind::Call && expr.text == "not";
    for (const auto& arg : expr.args)
        collect(*arg, names, everything, logical || negation);
}

} // namespace

/// `column : "term"` and terms alone: '*' at an end asks for a prefix or suffix, inside for a regular expression.
Scalar Binder::search_term(const Scalar& value, const Constant& term, Offset at) {
    std::string_view text = term.text;
    const bool front = text.starts_with('*') && text.size() > 1, back = text.ends_with('*') && text.size() > 1;
    if (front)
        text.remove_prefix(1);
    if (back)
        text.remove_suffix(1);
    std::string op = front && back ? "contains" : front ? "hassuffix" : back ? "hasprefix" : "has";
    Constant wanted{.type = ScalarType::String, .text = std::string(text)};
    if (text == "*" || text.empty())
        return {.type = ScalarType::Bool, .sql = "TRUE", .never_null = true};
    if (text.find('*') != std::string_view::npos) {
        std::string pattern = case_sensitive_ ? (front ? "" : "\\b") : (front ? "(?i)" : "(?i)\\b");
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t star = std::min(text.find('*', i), text.size());
            pattern += escaped(text.substr(i, star - i));
            if (star < text.size())
                pattern += ".*";
            i = star + 1;
        }
        op = "matches regex";
        wanted.text = pattern + (back ? "" : "\\b");
    }
    return string_operator(op, value, literal(wanted), at);
}

/// A bare text of `search` and `find` is looked for in every column.
Scalar Binder::search_predicate(const Expr& expr) {
    if (expr.kind == ExprKind::Wildcard)
        return {.type = ScalarType::Bool, .sql = "TRUE", .never_null = true};
    if (expr.kind == ExprKind::Binary && (expr.text == "and" || expr.text == "or")) {
        std::vector<std::string> tests;
        for (const ast::ExprPtr& arg : expr.args)
            tests.push_back(search_predicate(*arg).as_filter());
        return {.type = ScalarType::Bool, .sql = "(" + sql::join(tests, expr.text == "and" ? " AND " : " OR ") + ")"};
    }
    if (expr.kind == ExprKind::Call && expr.text == "not" && expr.args.size() == 1)
        return {.type = ScalarType::Bool,
                .sql = fmt::format("(NOT COALESCE({}, FALSE))", search_predicate(*expr.args[0]).sql)};
    if (expr.kind == ExprKind::Binary && expr.text == ":" && expr.args[1]->kind == ExprKind::Literal &&
        expr.args[0]->kind == ExprKind::Name && expr.args[1]->value.type == ScalarType::String)
        return search_term(scalar(*expr.args[0]), expr.args[1]->value, expr.at);
    if (expr.kind != ExprKind::Literal || expr.value.type != ScalarType::String)
        return boolean(expr);
    std::vector<std::string> tests;
    for (const Column& column : row_.relation->columns)
        if (!column.is_group())
            tests.push_back(search_term(column_of(column, ""), expr.value, expr.at).sql);
    return {.type = ScalarType::Bool,
            .sql = tests.empty() ? "FALSE" : "(" + sql::join(tests, " OR ") + ")",
            .never_null = true};
}

/// Rows of one or many tables that fit, with the name of their table in front.
Relation Binder::search(const ast::Operator& op, const ast::Search& node, std::optional<Relation> input) {
    std::vector<std::pair<std::string, Relation>> tables;
    if (input) {
        const std::string name = input->table.empty() ? op.name + "_arg0" : input->table;
        tables.emplace_back(name, std::move(*input));
    }
    for (const auto& table : node.tables) {
        if (auto several = tables_of_pattern(*table); !several.empty()) {
            for (auto& one : several)
                tables.push_back(std::move(one));
        } else {
            tables.emplace_back(table->kind == ExprKind::Name ? table->text
                                                              : fmt::format("{}_arg{}", op.name, tables.size()),
                                bind_table(*table));
        }
    }
    if (tables.empty())
        tables = tables_like("*", op.at);
    std::set<std::string> named;
    bool everything = false;
    collect(*node.predicate, named, everything);
    std::vector<Column> mentioned; // columns that the predicate names, by name and type
    for (const auto& [name, table] : tables)
        for (const Column& column : table.columns)
            if (named.contains(column.name) && std::none_of(mentioned.begin(), mentioned.end(), [&](const Column& c) {
                    return c.name == column.name && c.type == column.type;
                }))
                mentioned.push_back(column);
    const ast::Property* kind = op.property("kind");
    const bool saved = std::exchange(case_sensitive_, kind && kind->value == "case_sensitive");
    std::vector<std::pair<std::string, Relation>> fitting;
    for (auto& [name, table] : tables) {
        // A table without any of the columns that the predicate names holds no fitting row; where it has some of them,
        // the others are null.
        const auto has = [&](const Column& column) { return table.find(column.name) != nullptr; };
        if (tables.size() > 1 && !everything && !named.empty() && std::none_of(mentioned.begin(), mentioned.end(), has))
            continue;
        Relation seen = table;
        for (const Column& column : mentioned)
            if (!seen.find(column.name))
                seen.columns.push_back(
                    {column.name, column.type,
                     fmt::format("CAST({} AS {})", sql::null_of(column.type), sql::physical_type(column.type))});
        const WithRow row(*this, {.relation = &seen});
        fitting.emplace_back(name, filtered(table, search_predicate(*node.predicate)));
    }
    case_sensitive_ = saved;
    if (fitting.empty())
        fail_semantic(node.predicate->at,
                      fmt::format("'{}' operator: no table has the columns that the predicate names", op.name));
    return op.name == "find" ? find_columns(op, node, std::move(fitting), mentioned)
                             : union_rows(std::move(fitting), false, "$table");
}

/// `find`: the columns asked for; without `project`, those that all tables share, those that the predicate names, and
/// the others in a bag.
Relation Binder::find_columns(const ast::Operator& op, const ast::Search& node,
                              std::vector<std::pair<std::string, Relation>> tables,
                              const std::vector<Column>& mentioned) {
    const ast::Property* source = op.property("withsource") ? op.property("withsource") : op.property("with_source");
    const ast::Property* away = op.property("project-away");
    std::set<std::string> removed;
    bool remove_all = false;
    for (const ast::NamedExpr& item : node.project)
        if (away && item.value->kind == ExprKind::Wildcard && item.value->text == "*")
            remove_all = true;
        else if (away)
            removed.insert(item.value->text);
    const bool chosen = !away && !node.project.empty();
    const std::vector<std::pair<std::string, Relation>> all = tables;
    const auto everywhere = [&](const Column& column) {
        return std::all_of(all.begin(), all.end(), [&](const auto& one) {
            const Column* found = one.second.find(column.name);
            return found && found->type == column.type;
        });
    };
    const auto is_mentioned = [&](const Column& column) {
        return std::any_of(mentioned.begin(), mentioned.end(),
                           [&](const Column& c) { return c.name == column.name && c.type == column.type; });
    };
    const auto bag = [&](const Relation& table, auto belongs) {
        std::string list;
        for (const Column& column : table.columns)
            if (belongs(column))
                list += fmt::format(", {}, {}", sql::text(column.name), to_dynamic(column_of(column, "")).sql);
        return Scalar{.type = ScalarType::Dynamic, .sql = fmt::format("kql_bag_pack(TRUE{})", list)};
    };
    const bool packs = std::any_of(all.begin(), all.end(), [&](const auto& one) {
        return std::any_of(one.second.columns.begin(), one.second.columns.end(),
                           [&](const Column& c) { return !everywhere(c) && !is_mentioned(c); });
    });
    for (auto& [name, table] : tables) {
        std::vector<Computed> columns;
        for (const ast::NamedExpr& item : node.project) {
            if (!chosen)
                break;
            if (item.value->kind == ExprKind::Call) { // pack_all(), pack(*)
                columns.push_back({"pack_", bag(table, [](const Column&) { return true; }), nullptr});
                continue;
            }
            if (item.value->kind != ExprKind::Name)
                fail_semantic(item.at, "'find' operator: the name of a column is expected here", "SEM0025");
            const Column* found = table.find(item.value->text);
            const bool typed = !item.names.empty();
            if (!found && std::none_of(all.begin(), all.end(),
                                       [&](const auto& one) { return one.second.find(item.value->text) != nullptr; }))
                fail_semantic(item.at,
                              fmt::format("'find' operator: Failed to resolve column named '{}'", item.value->text));
            if (!found && !typed)
                continue; // the union makes it null
            const ScalarType type = typed ? type_named(item.names.front(), item.at) : found->type;
            Scalar value = found ? column_of(*found, "") : Scalar{.type = type, .sql = sql::null_of(type)};
            if (value.type != type)
                value = convert(std::move(value), type);
            columns.push_back({item.value->text, std::move(value), nullptr});
        }
        const auto kept = [&](const Column& column) { return everywhere(column) || is_mentioned(column); };
        if (!chosen && !remove_all) {
            for (const bool shared : {true, false})
                for (const Column& column : table.columns)
                    if (kept(column) && everywhere(column) == shared && !removed.contains(column.name))
                        columns.push_back({column.name, column_of(column, ""), &column});
            if (packs && !removed.contains("pack_"))
                columns.push_back({"pack_", bag(table, [&](const Column& c) { return !kept(c); }), nullptr});
        }
        table = select(table, std::move(columns));
    }
    Relation result = union_rows(std::move(tables), false, source ? source->value : "source_");
    // The bag stands last, whatever columns later tables add.
    const auto pack =
        std::find_if(result.columns.begin(), result.columns.end(), [](const Column& c) { return c.name == "pack_"; });
    if (pack != result.columns.end())
        std::rotate(pack, pack + 1, result.columns.end());
    return result;
}

} // namespace sluice::kql
