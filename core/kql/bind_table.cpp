#include "core/catalog/row_level_security.hpp"
#include "core/kql/bind.hpp"
#include "core/kql/parser.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

bool gives_columns_of(const Relation& relation, const catalog::Table& table) {
    return relation.columns.size() == table.columns.size() &&
           std::equal(relation.columns.begin(), relation.columns.end(), table.columns.begin(),
                      [](const Column& a, const catalog::Column& b) { return a.name == b.name && a.type == b.type; });
}

/// A query as the body of a function without parameters.
std::shared_ptr<const ast::Function> function_of(const std::string& query) {
    auto body = std::make_shared<ast::Body>();
    body->statements = parse_query(query);
    auto function = std::make_shared<ast::Function>();
    function->body = std::move(body);
    return function;
}

/// What Binder::calling_ holds while the policy of the table is bound; no function can have this name.
std::string mark_of(const catalog::Table& table, const catalog::Database& database) {
    return fmt::format("row level security of {}\n{}", database.name, table.name);
}

} // namespace

std::optional<Relation> Binder::find_table(std::string_view name, const catalog::Database& database, bool functions_too,
                                           Offset at) {
    const bool home = &database == options_.database.get();
    if (const Restriction* visible = restriction(); visible && !visible->allows(name, database.name, home))
        return std::nullopt;
    if (home && !qualified_)
        if (const ExtraTable* extra = find_extra(name))
            return from_extra(*extra);
    const auto calls = [&](std::string_view which) {
        return std::find(calling_.begin(), calling_.end(), which) != calling_.end();
    };
    // A function hides a table of its name (engine 6.6).
    if (functions_too && database.functions.contains(name) && !calls(name)) {
        Expr call{.kind = ExprKind::Call, .at = at, .text = std::string(name)};
        auto value = bind_entity_call(call);
        if (value)
            if (auto* relation = std::get_if<Relation>(&*value))
                return *relation;
    }
    const auto table = database.find_table(name);
    if (!table)
        return std::nullopt;
    const auto policy = catalog::row_level_security(table->policies);
    const std::string mark = mark_of(*table, database);
    if (!policy || !policy->is_enabled || calls(mark))
        return scan(*table, database, at);

    // What is seen of the table is the result of the policy's query, in which alone its name means all its rows.
    if (calling_.size() > 32)
        fail_semantic(at, "Row level security policies read each other's tables too deeply", "SEM0028");
    catalog::Snapshot owner = home               ? options_.database
                              : options_.catalog ? options_.catalog->find(database.name)
                                                 : nullptr;
    struct Inside {
        Binder& binder;
        catalog::Snapshot database;
        bool qualified;
        ~Inside() {
            binder.calling_.pop_back();
            binder.database_ = std::move(database);
            binder.qualified_ = qualified;
        }
    } inside{*this, std::exchange(database_, owner), std::exchange(qualified_, false)};
    calling_.push_back(mark);
    try {
        kept_.push_back(function_of(policy->query));
        const UserFunction function{
            .name = mark, .definition = kept_.back(), .sees = std::make_shared<Scope>(), .database = owner};
        Value value = call_user(function, Expr{.kind = ExprKind::Call, .at = at, .text = mark});
        auto* relation = std::get_if<Relation>(&value);
        if (!relation || !gives_columns_of(*relation, *table))
            fail_semantic(at, "its query has to give the columns of the table, with their names, types and order");
        return std::move(*relation);
    } catch (const Failure& failure) {
        throw Failure{failure.family, failure.code,
                      fmt::format("in the row level security policy of table '{}': {}", table->name, failure.message),
                      at};
    }
}

} // namespace sluice::kql
