#include "core/kql/bind.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

/// '*' stands for any text.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

bool is_database_call(const Expr& expr) {
    return expr.kind == ExprKind::Call && (expr.text == "database" || expr.text == ".database");
}

} // namespace

std::vector<const Column*> Binder::columns_like(const Relation& relation, const Expr& pattern) {
    std::vector<const Column*> found;
    if (pattern.kind == ExprKind::Wildcard) {
        for (const Column& column : relation.columns)
            if (!column.is_group() && matches(pattern.text, column.name))
                found.push_back(&column);
        return found;
    }
    if (pattern.kind != ExprKind::Name)
        fail_semantic(pattern.at, "The name of a column is expected here", "SEM0025");
    const Column* column = relation.find(pattern.text);
    if (!column)
        fail_semantic(pattern.at, fmt::format("Failed to resolve column named '{}'", pattern.text));
    found.push_back(column);
    return found;
}

/// Tables of the database, and views of let, whose name fits, in alphabetical order.
std::vector<std::pair<std::string, Relation>> Binder::tables_like(std::string_view pattern, Offset at) {
    std::map<std::string, Relation> found;
    for (const Scope* scope = scope_.get(); scope; scope = scope->outer.get())
        for (const auto& [name, value] : scope->names)
            if (const auto* function = std::get_if<UserFunction>(&value);
                function && function->definition && function->definition->view && matches(pattern, name) &&
                find_name(name) == &value) {
                Expr call{};
                call.kind = ExprKind::Name;
                call.at = at;
                call.text = name;
                Value rows = call_user(*function, call);
                if (auto* relation = std::get_if<Relation>(&rows))
                    found.emplace(name, std::move(*relation));
            }
    if (database_)
        for (const auto& [name, table] : database_->tables)
            if (matches(pattern, name) && !found.contains(name))
                if (auto relation = find_table(name, *database_, false, at))
                    found.emplace(name, std::move(*relation));
    if (found.empty())
        fail_semantic(at, fmt::format("Failed to resolve table expression named '{}'", pattern));
    return {found.begin(), found.end()};
}

/// Databases of this node that database("X*") stands for.
std::vector<catalog::Snapshot> Binder::databases_like(const Expr& call) {
    const std::size_t at = call.text == ".database" ? 1 : 0;
    if (call.args.size() > at) {
        const std::string pattern = constant_text(*call.args[at], "The name of a database");
        if (pattern.find('*') != std::string::npos) {
            std::vector<catalog::Snapshot> found;
            if (options_.catalog)
                for (const catalog::Snapshot& database : options_.catalog->all())
                    if (matches(pattern, database->name))
                        found.push_back(database);
            return found;
        }
    }
    return {database_named(call)};
}

std::vector<std::pair<std::string, Relation>> Binder::tables_of_pattern(const Expr& expr) {
    if (expr.kind == ExprKind::Wildcard)
        return tables_like(expr.text, expr.at);
    if (expr.kind != ExprKind::Member || !is_database_call(*expr.args[0]))
        return {};
    const Expr& call = *expr.args[0];
    const std::size_t at = call.text == ".database" ? 1 : 0;
    const bool many_databases =
        call.args.size() > at && constant_text(*call.args[at], "The name of a database").find('*') != std::string::npos;
    if (!many_databases && expr.text.find('*') == std::string::npos)
        return {};
    std::vector<std::pair<std::string, Relation>> found;
    for (const catalog::Snapshot& database : databases_like(call)) {
        const catalog::Snapshot saved = std::exchange(database_, database);
        for (const auto& [name, table] : database->tables)
            if (matches(expr.text, name))
                if (auto relation = find_qualified(name, *database, false, expr.at))
                    found.emplace_back(name, std::move(*relation));
        database_ = saved;
    }
    if (found.empty())
        fail_semantic(expr.at, fmt::format("Failed to resolve table expression named '{}'", expr.text));
    return found;
}

void Binder::alias(const ast::Alias& alias) {
    if (!is_database_call(*alias.database))
        fail_semantic(alias.database->at, "An alias stands for database(\"...\") or cluster(\"...\").database(\"...\")",
                      "SEM0023");
    database_named(*alias.database);
    aliases_[alias.name] = alias.database.get();
}

bool Restriction::allows(std::string_view name, std::string_view database, bool home) const {
    return std::any_of(entities.begin(), entities.end(), [&](const Entity& entity) {
        return matches(entity.name, name) && (entity.database.empty() ? home : matches(entity.database, database));
    });
}

const Restriction* Binder::restriction() const {
    for (const Scope* scope = scope_.get(); scope; scope = scope->outer.get())
        if (scope->restriction)
            return scope->restriction.get();
    return nullptr;
}

void Binder::restrict(const ast::Restrict& restrict) {
    auto visible = std::make_shared<Restriction>();
    for (const ast::ExprPtr& entity : restrict.entities) {
        if (entity->kind == ExprKind::Name || entity->kind == ExprKind::Wildcard) {
            visible->entities.push_back({"", entity->text});
        } else if (entity->kind == ExprKind::Member && is_database_call(*entity->args[0])) {
            const Expr& call = *entity->args[0];
            const std::size_t at = call.text == ".database" ? 1 : 0;
            const std::string database = call.args.size() > at ? constant_text(*call.args[at], "The name of a database")
                                         : database_           ? database_->name
                                                               : std::string();
            visible->entities.push_back({database, entity->text});
        } else {
            fail_semantic(entity->at, "'restrict access' takes names of tables and views, and database(\"...\").Name",
                          "SEM0023");
        }
    }
    auto inner = std::make_shared<Scope>();
    inner->outer = scope_;
    inner->restriction = std::move(visible);
    scope_ = std::move(inner);
}

void Binder::declare_pattern(const ast::DeclarePattern& pattern, Offset at) {
    for (const ast::PatternCase& row : pattern.cases) {
        if (row.values.size() != pattern.parameters.size())
            fail_semantic(at,
                          fmt::format("The pattern '{}' has {} parameters; every row needs as many values",
                                      pattern.name, pattern.parameters.size()),
                          "SEM0219");
        if (row.path.has_value() != pattern.has_path)
            fail_semantic(at,
                          fmt::format("The pattern '{}': rows have a path when the pattern declares one, and only then",
                                      pattern.name),
                          "SEM0219");
    }
    for (const ast::Parameter& parameter : pattern.parameters)
        if (parameter.tabular || type_named(parameter.type, parameter.at) != ScalarType::String)
            fail_semantic(parameter.at, "Parameters of a pattern have the type string", "SEM0064");
    auto inner = std::make_shared<Scope>();
    inner->outer = scope_;
    inner->names[pattern.name] = Pattern{&pattern, scope_};
    scope_ = std::move(inner);
}

/// app("x"), app("x").path, app("x").["path"]; nothing when `call` names no pattern.
std::optional<Value> Binder::bind_pattern_call(const Expr& call, const Expr* path) {
    const Value* value = find_name(call.text);
    const auto* pattern = value ? std::get_if<Pattern>(value) : nullptr;
    if (!pattern)
        return std::nullopt;
    const Nested nested(*this, call.at);
    std::vector<std::string> given;
    for (const ast::ExprPtr& arg : call.args)
        given.push_back(constant_text(*arg, "An argument of a pattern"));
    std::optional<std::string> at;
    if (path)
        at = path->kind == ExprKind::Member ? path->text : constant_text(*path, "The path of a pattern");
    for (const ast::PatternCase& row : pattern->declaration->cases) {
        if (row.values != given || row.path != at)
            continue;
        const auto sees = pattern->sees;
        const auto saved = std::exchange(scope_, std::make_shared<Scope>());
        scope_->outer = sees;
        struct Restore {
            Binder& binder;
            std::shared_ptr<Scope> saved;
            ~Restore() { binder.scope_ = std::move(saved); }
        } restore{*this, saved};
        const WithRow none(*this, Row{});
        return bind_body(*row.body, call.at);
    }
    fail_semantic(
        call.at,
        fmt::format("The pattern '{}' has no row for these values; they have to be among those it declares", call.text),
        "SEM0219");
}

} // namespace sluice::kql
