#include "core/kql/bind.hpp"
#include "core/kql/parser.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

const Value* Binder::find_name(std::string_view name) const {
    const Restriction* hidden_by = nullptr;
    for (const Scope* scope = scope_.get(); scope; scope = scope->outer.get()) {
        if (const auto found = scope->names.find(name); found != scope->names.end()) {
            const bool hidden =
                hidden_by && !std::holds_alternative<Scalar>(found->second) && !hidden_by->allows(name, "", true);
            return hidden ? nullptr : &found->second;
        }
        if (scope->restriction && !hidden_by)
            hidden_by = scope->restriction.get();
    }
    return nullptr;
}

Scalar Binder::column_of(const Column& column, const std::string& prefix) const {
    return {.type = column.type,
            .sql = prefix + column.id,
            .never_null = column.type == ScalarType::String,
            .name = column.name};
}

/// A name where a value is expected: a column first, then what let or a parameter defined.
Scalar Binder::column(const Expr& name) {
    if (row_.relation) {
        if (const Column* found = row_.relation->find(name.text))
            return column_of(*found, row_.left_prefix);
        if (row_.right)
            if (const Column* found = row_.right->find(name.text))
                return column_of(*found, row_.right_prefix);
        // The key of a partition whose subquery has a source of its own.
        if (const auto key = partition_keys_.find(name.text); key != partition_keys_.end())
            if (const Column* found = row_.relation->find(key->second)) {
                Scalar value = column_of(*found, row_.left_prefix);
                value.name = name.text;
                return value;
            }
    }
    if (const Value* value = find_name(name.text)) {
        if (const auto* known = std::get_if<Scalar>(value)) {
            Scalar result = *known;
            result.name = name.text;
            return result;
        }
        if (std::holds_alternative<Relation>(*value))
            fail_semantic(name.at, fmt::format("'{}' is a table and is used where a value is expected", name.text),
                          "SEM0021");
        Value result = call_user(std::get<UserFunction>(*value), name);
        if (auto* known = std::get_if<Scalar>(&result))
            return *known;
    }
    fail_semantic(name.at, fmt::format("Failed to resolve column or scalar expression named '{}'", name.text));
}

ScalarType Binder::type_named(std::string_view name, Offset at) const {
    if (const auto type = data::parse_scalar_type(name))
        return *type;
    if (name == "time")
        return ScalarType::TimeSpan;
    fail_semantic(at, fmt::format("There is no data type '{}'", name), "SEM0026");
}

std::optional<Constant> Binder::fold(const Expr& expr) {
    const Scalar value = scalar(expr);
    return value.constant;
}

std::string Binder::constant_text(const Expr& expr, std::string_view what) {
    const auto value = fold(expr);
    if (!value || value->type != ScalarType::String)
        fail_semantic(expr.at, fmt::format("{} has to be a constant string", what), "SEM0027");
    return value->text;
}

std::int64_t Binder::constant_long(const Expr& expr, std::string_view what) {
    const auto value = fold(expr);
    if (!value || value->null || (value->type != ScalarType::Long && value->type != ScalarType::Int))
        fail_semantic(expr.at, fmt::format("{} has to be a constant number", what), "SEM0027");
    return value->integer;
}

/// Each database is stored by itself, so a statement reads the tables of one.
Relation Binder::scan(const catalog::Table& table, const catalog::Database& database, Offset at) {
    const bool foreign = options_.database && database.name != options_.database->name;
    reads_.tables.insert(foreign ? database.name + "." + table.name : table.name);
    if (scanned_ && *scanned_ != database.name)
        fail_unsupported(
            at, fmt::format("A query that reads tables of two databases ('{}' and '{}')", *scanned_, database.name));
    scanned_ = database.name;
    Relation relation;
    std::vector<std::string> ids;
    for (const catalog::Column& column : table.columns) {
        ids.push_back(fresh());
        relation.columns.push_back({column.name, column.type, ids.back()});
    }
    relation.has_row_facts = true; // pruned where nothing asks for them
    relation.table = table.name;
    relation.sql = store::Store::visible_rows(table, ids);
    relation.scan = relation.sql;
    relation.scan_count = store::Store::visible_count(table);
    return relation;
}

Relation Binder::from_extra(const ExtraTable& table) {
    reads_.extra_tables.insert(table.name);
    Relation relation;
    std::vector<std::string> ids;
    for (const data::ColumnSchema& column : table.schema.columns) {
        relation.columns.push_back({column.name, column.type, fresh()});
        ids.push_back(relation.columns.back().id);
    }
    if (table.has_row_facts) {
        relation.has_row_facts = true;
        relation.sql = fmt::format(R"(SELECT * FROM ({}) AS extra({}, "$time", "$part"))", table.sql, sql::join(ids));
        return relation;
    }
    const std::string order = fresh();
    relation.sql =
        fmt::format("SELECT *, row_number() OVER () AS {} FROM ({}) AS extra({})", order, table.sql, sql::join(ids));
    relation.order.push_back({order});
    return relation;
}

const ExtraTable* Binder::find_extra(std::string_view name) const {
    for (const ExtraTable& extra : options_.extra_tables)
        if (extra.name == name)
            return &extra;
    return nullptr;
}

std::optional<Relation> Binder::find_qualified(std::string_view name, const catalog::Database& database,
                                               bool functions_too, Offset at) {
    const bool saved = std::exchange(qualified_, true);
    auto relation = find_table(name, database, functions_too, at);
    qualified_ = saved;
    return relation;
}

std::optional<Relation> Binder::try_table(const Expr& expr) {
    if (expr.kind != ExprKind::Name)
        return std::nullopt;
    if (const Value* value = find_name(expr.text)) {
        if (const auto* relation = std::get_if<Relation>(value))
            return *relation;
        if (const auto* function = std::get_if<UserFunction>(value)) {
            Value result = call_user(*function, expr);
            if (auto* relation = std::get_if<Relation>(&result))
                return *relation;
        }
        return std::nullopt;
    }
    return database_ ? find_table(expr.text, *database_, true, expr.at) : std::nullopt;
}

bool Binder::is_tabular(const Expr& expr) {
    switch (expr.kind) {
    case ExprKind::Tabular:
        return true;
    case ExprKind::Name: {
        if (row_.relation && row_.relation->find(expr.text))
            return false;
        if (const Value* value = find_name(expr.text))
            return std::holds_alternative<Relation>(*value) ||
                   (std::holds_alternative<UserFunction>(*value) && std::holds_alternative<Relation>(bind_value(expr)));
        return try_table(expr).has_value();
    }
    case ExprKind::Call: {
        if (expr.text == "materialize" || expr.text == "table" || expr.text.starts_with('.') ||
            expr.text == "database" || expr.text == "external_table" || expr.text == "view")
            return true;
        const Value* value = find_name(expr.text);
        if (value && std::holds_alternative<Pattern>(*value))
            return true;
        const bool user = (value && std::holds_alternative<UserFunction>(*value)) ||
                          (!value && database_ && database_->functions.contains(expr.text));
        return user && std::holds_alternative<Relation>(bind_value(expr));
    }
    case ExprKind::Member: {
        const Expr& of = *expr.args[0];
        if (of.kind != ExprKind::Call)
            return false;
        const Value* value = find_name(of.text);
        return of.text == "database" || of.text == ".database" || (value && std::holds_alternative<Pattern>(*value));
    }
    default:
        return false;
    }
}

Relation Binder::bind_table(const Expr& expr) {
    if (expr.kind == ExprKind::Name) {
        if (auto relation = try_table(expr))
            return *relation;
        if (find_name(expr.text))
            fail_semantic(expr.at, fmt::format("'{}' is not a table; a table is expected here", expr.text), "SEM0023");
        fail_semantic(expr.at, fmt::format("Failed to resolve table or column expression named '{}'", expr.text));
    }
    Value value = bind_value(expr);
    if (auto* relation = std::get_if<Relation>(&value))
        return std::move(*relation);
    fail_semantic(expr.at, "A value is used where a table is expected", "SEM0023");
}

/// An expression of which only the text tells whether it is a value or a table.
Value Binder::bind_value(const Expr& expr) {
    const Nested nested(*this, expr.at);
    switch (expr.kind) {
    case ExprKind::Tabular: {
        const WithRow none(*this, Row{});
        return pipeline(*expr.pipeline);
    }
    case ExprKind::Name: {
        if (row_.relation && row_.relation->find(expr.text))
            return scalar(expr);
        if (const Value* value = find_name(expr.text)) {
            if (const auto* function = std::get_if<UserFunction>(value))
                return call_user(*function, expr);
            if (std::holds_alternative<Pattern>(*value) || std::holds_alternative<EntityGroup>(*value))
                fail_semantic(expr.at, fmt::format("'{}' is neither a table nor a value", expr.text), "SEM0023");
            return *value;
        }
        if (auto relation = try_table(expr))
            return *relation;
        if (!row_.relation)
            fail_semantic(expr.at, fmt::format("Failed to resolve table or column expression named '{}'", expr.text));
        return scalar(expr);
    }
    case ExprKind::Call:
        if (auto value = bind_entity_call(expr))
            return *value;
        return scalar(expr);
    case ExprKind::Member: {
        const Expr& database = *expr.args[0];
        if (database.kind == ExprKind::Call && (database.text == "database" || database.text == ".database")) {
            const catalog::Snapshot found = database_named(database);
            const catalog::Snapshot saved = std::exchange(database_, found);
            auto relation = find_qualified(expr.text, *found, true, expr.at);
            database_ = saved;
            if (!relation)
                fail_semantic(expr.at,
                              fmt::format("Failed to resolve table or column expression named '{}'", expr.text));
            return *relation;
        }
        if (database.kind == ExprKind::Call)
            if (auto value = bind_pattern_call(database, &expr))
                return *value;
        return scalar(expr);
    }
    case ExprKind::Index:
        // app("x")["path"]: the other way to write the path of a pattern.
        if (expr.args[0]->kind == ExprKind::Call)
            if (auto value = bind_pattern_call(*expr.args[0], expr.args[1].get()))
                return *value;
        return scalar(expr);
    case ExprKind::Group:
        return EntityGroup{&expr};
    default:
        return scalar(expr);
    }
}

catalog::Snapshot Binder::database_named(const Expr& call) {
    // cluster(...) names this node whatever it says; args[0] of ".database" is that call.
    const bool of_cluster = call.text == ".database";
    reads_.cluster = reads_.cluster || of_cluster;
    const std::size_t at = of_cluster ? 1 : 0;
    if (call.args.size() <= at)
        return database_;
    const std::string name = constant_text(*call.args[at], "The name of a database");
    if (const auto alias = aliases_.find(name); alias != aliases_.end() && !of_cluster)
        return database_named(*alias->second);
    if (options_.database && name == options_.database->name)
        return options_.database;
    catalog::Snapshot found = options_.catalog ? options_.catalog->find(name) : nullptr;
    if (!found)
        throw Failure{Failure::Family::Database, "",
                      fmt::format("Entity ID '{}' of kind 'Database' was not found.", name), call.args[at]->at};
    return found;
}

/// Functions that give tables: user functions, table("T"), materialize(T), database("D").F().
std::optional<Value> Binder::bind_entity_call(const Expr& call, const Relation* input) {
    if (const Value* value = find_name(call.text)) {
        if (const auto* function = std::get_if<UserFunction>(value))
            return call_user(*function, call);
        if (std::holds_alternative<Relation>(*value) && call.args.empty())
            return *value;
        if (std::holds_alternative<Pattern>(*value))
            return bind_pattern_call(call, nullptr);
    }
    if (call.text == "table" && !call.args.empty()) {
        const std::string name = constant_text(*call.args[0], "The name of a table");
        if (const Value* value = find_name(name); value && std::holds_alternative<Relation>(*value))
            return *value;
        auto relation = database_ ? find_table(name, *database_, false, call.at) : std::nullopt;
        if (!relation)
            fail_semantic(call.at, fmt::format("Failed to resolve table expression named '{}'", name));
        return *relation;
    }
    if (call.text == "materialize" && call.args.size() == 1) {
        Value value = bind_value(*call.args[0]);
        if (auto* relation = std::get_if<Relation>(&value))
            return stored(std::move(*relation), true);
        return value;
    }
    if (call.text == "external_table" || call.text == "materialized_view" || call.text == "stored_query_result" ||
        call.text == "graph")
        fail_unsupported(call.at, fmt::format("Function '{}'", call.text));
    catalog::Snapshot database = database_;
    Expr plain{.kind = ExprKind::Call, .at = call.at, .text = call.text};
    const bool path = call.text.starts_with('.');
    if (path) {
        if (call.args.empty() || (call.args[0]->text != "database" && call.args[0]->text != ".database"))
            fail_unsupported(call.at, fmt::format("Function '{}'", call.text.substr(1)));
        database = database_named(*call.args[0]);
    }
    const std::string name = path ? call.text.substr(1) : call.text;
    if (path && name == "table" && call.args.size() > 1) {
        auto relation = find_qualified(constant_text(*call.args[1], "The name of a table"), *database, false, call.at);
        if (!relation)
            fail_semantic(call.at, "Failed to resolve the table expression");
        return *relation;
    }
    if (!database)
        return std::nullopt;
    const auto stored_function = database->functions.find(name);
    if (stored_function == database->functions.end())
        return std::nullopt;
    if (std::find(calling_.begin(), calling_.end(), name) != calling_.end() && calling_.size() > 32)
        fail_semantic(call.at, fmt::format("The function '{}' calls itself", name), "SEM0028");
    UserFunction function{.name = name, .definition = nullptr, .sees = std::make_shared<Scope>(), .database = database};
    auto definition = std::make_shared<ast::Function>();
    const std::string& parameters = stored_function->second.parameters;
    try {
        definition->parameters = parse_parameters(parameters.empty() ? "()" : parameters);
        std::string_view text = stored_function->second.body;
        while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
            text.remove_prefix(1);
        while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
            text.remove_suffix(1);
        if (text.starts_with('{') && text.ends_with('}'))
            text = text.substr(1, text.size() - 2);
        auto body = std::make_shared<ast::Body>();
        body->statements = parse_query(text);
        definition->body = std::move(body);
    } catch (const Failure& failure) {
        throw Failure{failure.family, failure.code, fmt::format("in the function '{}': {}", name, failure.message),
                      call.at};
    }
    function.definition = definition;
    kept_.push_back(definition);
    if (calling_.size() > 32)
        fail_semantic(call.at, "Functions call each other too deeply", "SEM0028");
    calling_.push_back(name);
    const catalog::Snapshot saved = std::exchange(database_, database);
    struct Restore {
        Binder& binder;
        catalog::Snapshot saved;
        ~Restore() {
            binder.calling_.pop_back();
            binder.database_ = std::move(saved);
        }
    } restore{*this, saved};
    try {
        if (!path)
            return call_user(function, call, input);
        // The first argument of a path is what stands before the dot; the others belong to whoever holds the call.
        auto& args = const_cast<std::vector<ast::ExprPtr>&>(call.args);
        ast::ExprPtr first = std::move(args.front());
        args.erase(args.begin());
        Value value = call_user(function, call);
        args.insert(args.begin(), std::move(first));
        return value;
    } catch (const Failure& failure) {
        throw Failure{failure.family, failure.code, fmt::format("in the function '{}': {}", name, failure.message),
                      call.at};
    }
}

} // namespace sluice::kql
