#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

struct Condition {
    Scalar left, right;
    std::string name; ///< of the column, where both sides have it; empty otherwise
};

} // namespace

Relation Binder::join(const ast::Operator& op, const ast::Join& node, Relation left) {
    const ast::Property* kind = op.property("kind");
    const WithRow none(*this, Row{});
    Relation right = bind_table(*node.right);
    return join_as(kind ? kind->value : "innerunique", node, std::move(left), std::move(right), false, op.at);
}

Relation Binder::lookup(const ast::Operator& op, const ast::Join& node, Relation left) {
    const ast::Property* kind = op.property("kind");
    const WithRow none(*this, Row{});
    Relation right = bind_table(*node.right);
    return join_as(kind ? kind->value : "leftouter", node, std::move(left), std::move(right), true, op.at);
}

Relation Binder::join_as(std::string_view kind, const ast::Join& node, Relation left, Relation right, bool lookup,
                         Offset at) {
    std::vector<Condition> conditions;
    const Row sides{.relation = &left, .right = &right, .left_prefix = "l.", .right_prefix = "r."};
    const auto add = [&](const auto& self, const Expr& on) -> void {
        if (on.kind == ExprKind::Binary && on.text == "and") {
            for (const ast::ExprPtr& part : on.args)
                self(self, *part);
            return;
        }
        if (on.kind == ExprKind::Name) {
            const Column* a = left.find(on.text);
            const Column* b = right.find(on.text);
            if (!a || !b)
                fail_semantic(
                    on.at, fmt::format("'join' operator: Failed to resolve column named '{}' on both sides", on.text));
            conditions.push_back({column_of(*a, "l."), column_of(*b, "r."), on.text});
            return;
        }
        if (on.kind == ExprKind::Binary && on.text == "==") {
            const WithRow row(*this, sides);
            Scalar a = scalar(*on.args[0]), b = scalar(*on.args[1]);
            if (a.sql.starts_with("r."))
                std::swap(a, b);
            conditions.push_back(
                {std::move(a), std::move(b), lookup && on.args[1]->kind == ExprKind::Member ? on.args[1]->text : ""});
            return;
        }
        fail_semantic(on.at,
                      "'join' operator: only column names and equalities of $left and $right may stand behind 'on'",
                      "SEM0036");
    };
    for (const auto& on : node.on)
        add(add, *on);
    if (conditions.empty() && kind != "cross")
        fail_semantic(at, "'join' operator: 'on' is missing", "SEM0036");
    std::vector<std::string> tests;
    for (Condition& condition : conditions) {
        if (condition.left.type == ScalarType::Dynamic && condition.right.type == ScalarType::Dynamic) {
            condition.left = convert(condition.left, ScalarType::String);
            condition.right = convert(condition.right, ScalarType::String);
        }
        align(at, "==", condition.left, condition.right);
        tests.push_back(fmt::format("{} = {}", condition.left.sql, condition.right.sql));
    }
    const std::string on = tests.empty() ? "TRUE" : sql::join(tests, " AND ");

    const bool left_only = kind == "leftsemi" || kind == "leftanti" || kind == "anti" || kind == "leftantisemi";
    const bool right_only = kind == "rightsemi" || kind == "rightanti" || kind == "rightantisemi";
    if (left_only || right_only) {
        const bool anti = kind.find("anti") != std::string_view::npos;
        Relation result = left_only ? left : right;
        result.order.clear();
        result.serialized = false;
        result.has_row_facts = false;
        result.sql =
            fmt::format("SELECT {0}.* FROM ({1}) AS {0} WHERE {2}EXISTS (SELECT 1 FROM ({3}) AS {4} WHERE {5})",
                        left_only ? "l" : "r", result.sql, anti ? "NOT " : "", left_only ? right.sql : left.sql,
                        left_only ? "r" : "l", on);
        return result;
    }
    if (kind == "innerunique" || kind == "default") {
        // One row of the left side for each key.
        std::vector<std::string> keys;
        for (const Condition& condition : conditions)
            keys.push_back(condition.left.sql);
        const std::string order = left.order_by();
        if (!keys.empty())
            left.sql = fmt::format("SELECT DISTINCT ON ({}) * FROM ({}) AS l{}{}", sql::join(keys), left.sql,
                                   order.empty() ? "" : " ORDER BY ", order);
    }
    const std::string_view word = kind == "leftouter"    ? "LEFT"
                                  : kind == "rightouter" ? "RIGHT"
                                  : kind == "fullouter"  ? "FULL"
                                                         : "INNER";
    if (word == "INNER" && kind != "inner" && kind != "innerunique" && kind != "default" && kind != "cross")
        fail_semantic(at, fmt::format("'join' operator: there is no kind '{}'", kind), "SEM0036");
    std::set<std::string> keys;
    for (const Condition& condition : conditions)
        if (lookup && !condition.name.empty())
            keys.insert(condition.name);
    return joined(std::move(left), std::move(right), word, on, keys);
}

Relation Binder::joined(Relation left, Relation right, std::string_view word, const std::string& on,
                        const std::set<std::string>& keys) {
    Relation result;
    std::vector<std::string> parts;
    const auto give = [&](const Column& column, const char* side, bool maybe_missing) {
        std::string name = column.name;
        for (int suffix = 1; result.find(name); ++suffix)
            name = column.name + std::to_string(suffix);
        result.columns.push_back({std::move(name), column.type, fresh()});
        std::string value = side + column.id;
        if (maybe_missing && column.type == ScalarType::String)
            value = fmt::format("COALESCE({}, '')", value);
        parts.push_back(fmt::format("{} AS {}", value, result.columns.back().id));
    };
    for (const Column& column : left.columns)
        give(column, "l.", word == "RIGHT" || word == "FULL");
    for (const Column& column : right.columns)
        if (!keys.contains(column.name))
            give(column, "r.", word == "LEFT" || word == "FULL");
    // The rows of a small left side keep their order, as readers of documents expect; larger ones have none to keep.
    if (word == "LEFT" || word == "INNER")
        for (const OrderKey& key : left.order) {
            const std::string id = fresh();
            parts.push_back(fmt::format("l.{} AS {}", key.id, id));
            result.order.push_back({id, key.descending, key.nulls_first});
        }
    result.sql = fmt::format("SELECT {} FROM ({}) AS l {} JOIN ({}) AS r ON {}", sql::join(parts), left.sql, word,
                             right.sql, on);
    return result;
}

Relation Binder::union_of(const ast::Operator& op, const ast::Union& node, std::optional<Relation> input) {
    std::vector<std::pair<std::string, Relation>> parts;
    const WithRow none(*this, Row{});
    // Rows that `as` has named have that name as their source.
    const auto name_of = [&](const Relation& rows) {
        const auto named = scope_->names.find(result_name_);
        const auto* same = named == scope_->names.end() ? nullptr : std::get_if<Relation>(&named->second);
        return same && same->sql == rows.sql ? result_name_ : fmt::format("union_arg{}", parts.size());
    };
    if (input)
        parts.emplace_back(name_of(*input), std::move(*input));
    const ast::Property* isfuzzy = op.property("isfuzzy");
    const bool fuzzy = (isfuzzy && isfuzzy->value == "true") || find_name("best_effort");
    for (const auto& table : node.tables) {
        if (auto several = tables_of_pattern(*table); !several.empty()) {
            for (auto& part : several)
                parts.push_back(std::move(part));
            continue;
        }
        try {
            Relation relation = bind_table(*table);
            std::string name = table->kind == ExprKind::Name ? table->text : name_of(relation);
            parts.emplace_back(std::move(name), std::move(relation));
        } catch (const Failure& failure) {
            if (!fuzzy || failure.family == Failure::Family::Syntax)
                throw;
        }
    }
    if (parts.empty())
        fail_semantic(op.at, "'union' operator: none of the tables exists", "SEM0100");
    const ast::Property* kind = op.property("kind");
    const ast::Property* source = op.property("withsource") ? op.property("withsource") : op.property("with_source");
    return union_rows(std::move(parts), kind && kind->value == "inner", source ? source->value : "");
}

/// Columns of one name and type are one column; one name with several types makes a column for each type (name_type).
Relation Binder::union_rows(std::vector<std::pair<std::string, Relation>> parts, bool inner,
                            const std::string& source_column) {
    Relation result;
    std::vector<std::pair<std::string, ScalarType>> wanted;
    std::map<std::string, std::set<ScalarType>> types;
    for (const auto& [name, part] : parts)
        for (const Column& column : part.columns)
            types[column.name].insert(column.type);
    if (!source_column.empty())
        result.columns.push_back({source_column, ScalarType::String, fresh()});
    for (const auto& [name, part] : parts)
        for (const Column& column : part.columns) {
            const auto key = std::pair(column.name, column.type);
            const bool everywhere = std::all_of(parts.begin(), parts.end(), [&](const auto& p) {
                const Column* found = p.second.find(column.name);
                return found && found->type == column.type;
            });
            if ((inner && !everywhere) || std::find(wanted.begin(), wanted.end(), key) != wanted.end())
                continue;
            // The types of one name stand side by side.
            auto place =
                std::find_if(wanted.rbegin(), wanted.rend(), [&](const auto& w) { return w.first == key.first; });
            wanted.insert(place == wanted.rend() ? wanted.end() : place.base(), key);
        }
    for (const auto& [name, type] : wanted)
        result.columns.push_back(
            {types[name].size() > 1 ? fmt::format("{}_{}", name, data::to_string(type)) : name, type, fresh()});
    const std::size_t first = source_column.empty() ? 0 : 1;
    std::vector<std::string> selects;
    for (const auto& [name, part] : parts) {
        std::vector<std::string> list;
        if (first)
            list.push_back(fmt::format("{} AS {}", sql::text(name), result.columns[0].id));
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const Column* found = part.find(wanted[i].first);
            const bool fits = found && found->type == wanted[i].second;
            list.push_back(fmt::format("{} AS {}", fits ? found->id : sql::null_of(wanted[i].second),
                                       result.columns[first + i].id));
        }
        if (list.empty())
            list.emplace_back("1");
        const std::string order = part.order_by();
        selects.push_back(fmt::format("(SELECT {} FROM ({}){}{})", sql::join(list), part.sql,
                                      order.empty() ? "" : " ORDER BY ", order));
    }
    result.sql = sql::join(selects, " UNION ALL ");
    result.sql = fmt::format("SELECT * FROM ({})", result.sql);
    return result;
}

} // namespace sluice::kql
