#include "core/data/text.hpp"
#include "core/kql/bind.hpp"
#include "core/kql/lexer.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

/// A query cannot grow beyond this, whatever its lets make of each other.
constexpr std::size_t kMaxSql = 16 << 20;

} // namespace

Binder::Binder(const CompileOptions& options) : options_(options), database_(options.database), now_(options.now) {}

void Binder::check_size(const std::string& sql, Offset at) const {
    if (sql.size() > kMaxSql)
        fail_semantic(at, "the query is too large once its let statements and functions are expanded", "SEM0001");
}

QueryPlan Binder::run(const std::vector<ast::Statement>& statements) {
    QueryPlan plan;
    for (const ast::Statement& one : statements)
        statement(one, &plan);
    if (plan.results.empty())
        fail_semantic(statements.empty() ? 0 : statements.back().at,
                      "The query has no tabular expression statement: let and set alone give no result", "SEM0001");
    plan.visualization = visualization_;
    plan.database = scanned_.value_or("");
    plan.reads = std::move(reads_);
    return plan;
}

void Binder::statement(const ast::Statement& statement, QueryPlan* plan) {
    if (const auto* node = std::get_if<ast::Let>(&statement.node)) {
        let(*node);
    } else if (const auto* parameters = std::get_if<ast::DeclareParameters>(&statement.node)) {
        declare_parameters(parameters->parameters);
    } else if (const auto* set = std::get_if<ast::Set>(&statement.node)) {
        set_option(*set, plan);
    } else if (const auto* pattern = std::get_if<ast::DeclarePattern>(&statement.node)) {
        declare_pattern(*pattern, statement.at);
    } else if (const auto* alias_of = std::get_if<ast::Alias>(&statement.node)) {
        alias(*alias_of);
    } else if (const auto* restrict_to = std::get_if<ast::Restrict>(&statement.node)) {
        restrict(*restrict_to);
    } else if (const auto* query = std::get_if<ast::Query>(&statement.node); query && plan) {
        result_name_ = "PrimaryResult";
        if (query->value->kind == ExprKind::Tabular && several_results(*query->value->pipeline, *plan))
            return;
        Value value = bind_value(*query->value);
        if (auto* scalar = std::get_if<Scalar>(&value)) {
            // `print` may be left out in front of a value.
            Relation relation;
            relation.columns.push_back({"print_0", scalar->type, fresh()});
            relation.sql = fmt::format("SELECT {} AS {}", scalar->sql, relation.columns.back().id);
            value = std::move(relation);
        }
        auto* relation = std::get_if<Relation>(&value);
        if (!relation)
            fail_semantic(query->value->at, "The query has to give a table or a value", "SEM0001");
        plan->results.push_back(result(std::move(*relation)));
    }
}

/// A pipeline that ends in fork, facet or evaluate preview(): each of its branches is a result of its own.
bool Binder::several_results(const ast::Pipeline& whole, QueryPlan& plan) {
    if (whole.operators.empty())
        return false;
    // `| fork (...) (...) | render chart`: the chart is of the results.
    const bool drawn = whole.operators.size() > 1 && std::holds_alternative<ast::Render>(whole.operators.back().node);
    const std::size_t count_before = whole.operators.size() - (drawn ? 2 : 1);
    const ast::Operator& last = whole.operators[count_before];
    const auto* fork = std::get_if<ast::Fork>(&last.node);
    const auto* facet = std::get_if<ast::Facet>(&last.node);
    const auto* plugin = std::get_if<ast::Evaluate>(&last.node);
    const bool preview =
        plugin && last.name == "evaluate" && plugin->call->text == "preview" && plugin->call->args.size() == 1;
    const bool funnel = plugin && last.name == "evaluate" && plugin->call->text == "funnel_sequence";
    if (!fork && !facet && !preview && !funnel)
        return false;
    if (drawn)
        render(whole.operators.back(), std::get<ast::Render>(whole.operators.back().node));
    const Relation input = stored(pipeline(whole, nullptr, count_before), true);
    if (fork) {
        int number = 1;
        for (const auto& [name, body] : fork->branches) {
            result_name_ = name.empty() ? fmt::format("Result{}", number) : name;
            ++number;
            plan.results.push_back(result(pipeline(*body, &input)));
        }
        return true;
    }
    if (funnel) {
        for (const char* table : {"funnel_sequence", "_funnel_sequence_prev", "_funnel_sequence_next"}) {
            plugin->call->text = table;
            plan.results.push_back(result(*plugin_query(*plugin, input)));
        }
        plugin->call->text = "funnel_sequence";
        return true;
    }
    if (preview) {
        const Scalar rows = scalar(*plugin->call->args.front());
        plan.results.push_back(
            result(limited(input, fmt::format("(SELECT greatest(0, CAST({} AS BIGINT)))", rows.sql))));
        plan.results.push_back(result(count(input)));
        return true;
    }
    if (facet->with)
        plan.results.push_back(result(pipeline(*facet->with, &input)));
    for (const auto& pattern : facet->columns)
        for (const Column* column : columns_like(input, *pattern)) {
            Relation counted;
            counted.columns = {{column->name, column->type, fresh()},
                               {"count_" + column->name, ScalarType::Long, fresh()}};
            counted.sql = fmt::format("SELECT {} AS {}, count(*) AS {} FROM ({}) GROUP BY 1", column->id,
                                      counted.columns[0].id, counted.columns[1].id, input.sql);
            result_name_ = "facet_" + column->name;
            plan.results.push_back(result(std::move(counted)));
        }
    return true;
}

/// Options are for the engine around us; what the binder itself reads is taken here too.
void Binder::set_option(const ast::Set& set, QueryPlan* plan) {
    std::string name;
    for (const char c : set.name)
        name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::string json = "true";
    if (set.expr && set.expr->kind == ExprKind::Name) {
        json = nlohmann::json(set.expr->text).dump();
    } else if (set.expr) {
        const Scalar value = scalar(*set.expr);
        if (!value.constant)
            fail_semantic(set.expr->at, fmt::format("The value of the option '{}' has to be a constant", set.name),
                          "SEM0027");
        if (name == "query_now" && value.type == ScalarType::DateTime && !value.constant->null)
            now_ = value.constant->integer;
        if (name.starts_with("query_bin_auto"))
            scope_->names[name] = value;
        json = constant_json(*value.constant);
    }
    if (name == "best_effort" && json == "true") // union asks for it
        scope_->names[name] = literal({.type = ScalarType::Bool, .integer = 1});
    if (plan)
        plan->options[name] = std::move(json);
}

/// The outermost SELECT: columns in their order and physical types, rows in their order.
ResultPlan Binder::result(Relation relation) {
    ResultPlan plan;
    plan.name = result_name_;
    plan.sorted = relation.sorted;
    std::vector<std::string> columns;
    for (const Column& column : relation.columns) {
        // A decimal keeps the scale that it came by: a literal or a version may have more digits than a stored one.
        std::string value = column.type == ScalarType::Decimal
                                ? column.id
                                : fmt::format("CAST({} AS {})", column.id, sql::physical_type(column.type));
        if (column.type == ScalarType::String)
            value = fmt::format("COALESCE({}, '')", value);
        columns.push_back(fmt::format("{} AS {}", value, column.id));
        plan.schema.columns.push_back({column.name, column.type});
    }
    if (columns.empty())
        columns.emplace_back("1 AS nothing");
    plan.sql = fmt::format("{}SELECT {} FROM ({})", with_clause(), sql::join(columns), relation.sql);
    if (const std::string order = relation.order_by(); !order.empty())
        plan.sql += " ORDER BY " + order;
    check_size(plan.sql, 0);
    return plan;
}

std::string Binder::with_clause() const {
    return stored_.empty() ? "" : "WITH RECURSIVE " + sql::join(stored_) + " ";
}

/// Gives the relation a name in WITH, so that it is written once however often it is used.
Relation Binder::stored(Relation relation, bool materialized) {
    if (relation.graph)
        return relation;
    const std::string name = "t" + fresh();
    stored_.push_back(fmt::format("{} AS {}MATERIALIZED ({})", name, materialized ? "" : "NOT ", relation.sql));
    check_size(stored_.back(), 0);
    relation.sql = fmt::format("SELECT * FROM {}", name);
    return relation;
}

void Binder::let(const ast::Let& let) {
    if (let.function) {
        // A function sees the names defined before it, so later ones go into a scope of their own.
        auto sees = scope_;
        scope_ = std::make_shared<Scope>();
        scope_->outer = sees;
        scope_->names[let.name] = UserFunction{let.name, let.function, sees, database_};
        return;
    }
    Value value = bind_value(*let.value);
    if (auto* relation = std::get_if<Relation>(&value))
        value = stored(std::move(*relation), false);
    if (auto* scalar = std::get_if<Scalar>(&value)) {
        check_size(scalar->sql, let.value->at);
        scalar->filter.clear();
        scalar->name.clear();
    }
    auto inner = std::make_shared<Scope>();
    inner->outer = scope_;
    inner->names[let.name] = std::move(value);
    scope_ = std::move(inner);
}

/// rest-api 3.5: JSON text of the client to a value of the declared type.
Scalar Binder::parameter_value(const ast::Parameter& parameter, const std::string& json) {
    const ScalarType type = type_named(parameter.type, parameter.at);
    const auto refuse = [&](std::string_view text) {
        fail_semantic(parameter.at,
                      fmt::format("The value '{}' of the query parameter '{}' is not a {}", text, parameter.name,
                                  data::to_string(type)),
                      "SEM0029");
    };
    const auto document = nlohmann::json::parse(json, nullptr, false);
    std::string text = document.is_string() ? document.get<std::string>() : json;
    if (document.is_null() && type != ScalarType::String)
        text = "null";
    Constant value;
    value.type = type;
    if (type == ScalarType::String) {
        value.text = document.is_string() ? parse_quoted_string(text).value_or(text) : text;
        return literal(value);
    }
    // "long(10)", "datetime(2025-03-01)": a whole literal of the language.
    try {
        const auto tokens = tokenize(text);
        if (tokens.size() == 2 && tokens[0].kind == TokenKind::Literal && !tokens[0].is_string())
            return coerce(literal(tokens[0].value), type, parameter.at, "this parameter");
        if (tokens.size() == 3 && tokens[0].is("-") && tokens[1].kind == TokenKind::Literal && !tokens[1].is_string()) {
            Constant negated = tokens[1].value;
            negated.integer = -negated.integer;
            negated.real = -negated.real;
            return coerce(literal(negated), type, parameter.at, "this parameter");
        }
    } catch (const Failure&) {
        // A bare text: read below.
    }
    try {
        return literal(parse_typed_literal(type, text, parameter.at));
    } catch (const Failure&) {
        refuse(text);
    }
    return literal(value);
}

void Binder::declare_parameters(const std::vector<ast::Parameter>& parameters) {
    for (const ast::Parameter& parameter : parameters) {
        if (parameter.tabular)
            fail_unsupported(parameter.at, "A table as a query parameter");
        Scalar value;
        if (const auto given = options_.parameters.find(parameter.name); given != options_.parameters.end())
            value = parameter_value(parameter, given->second);
        else if (parameter.fallback)
            value = coerce(scalar(*parameter.fallback), type_named(parameter.type, parameter.at), parameter.at,
                           "the default value");
        else
            fail_semantic(parameter.at,
                          fmt::format("The query parameter '{}' has no value and no default", parameter.name),
                          "SEM0029");
        scope_->names[parameter.name] = std::move(value);
    }
}

Value Binder::call_user(const UserFunction& function, const Expr& call, const Relation* input) {
    const Nested nested(*this, call.at);
    const auto& parameters = function.definition->parameters;
    std::vector<const Expr*> given(parameters.size(), nullptr);
    std::size_t position = input ? 1 : 0;
    const bool has_args = call.kind == ExprKind::Call;
    for (std::size_t i = 0; has_args && i < call.args.size(); ++i) {
        const Expr* argument = call.args[i].get();
        // An argument with a name takes its place in the row too: f(b = 1, 2) gives the second parameter the 2.
        std::size_t target = position++;
        if (argument->kind == ExprKind::Named) {
            target = 0;
            while (target < parameters.size() && parameters[target].name != argument->text)
                ++target;
            argument = argument->args[0].get();
        }
        if (target >= parameters.size())
            fail_semantic(call.args[i]->at,
                          fmt::format("Function '{}' takes {} arguments", function.name, parameters.size()), "SEM0219");
        given[target] = argument;
    }
    auto scope = std::make_shared<Scope>();
    scope->outer = function.sees;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const ast::Parameter& parameter = parameters[i];
        Value value;
        if (input && i == 0) {
            value = *input;
        } else if (parameter.tabular) {
            if (!given[i])
                fail_semantic(call.at,
                              fmt::format("Function '{}': the table '{}' is missing", function.name, parameter.name),
                              "SEM0219");
            const WithRow none(*this, Row{});
            value = bind_table(*given[i]);
        } else {
            const Expr* expr = given[i] ? given[i] : parameter.fallback.get();
            if (!expr)
                fail_semantic(call.at,
                              fmt::format("Function '{}': the argument '{}' is missing", function.name, parameter.name),
                              "SEM0219");
            Scalar argument = scalar(*expr);
            if (parameter.type != "scalar")
                argument = coerce(std::move(argument), type_named(parameter.type, parameter.at), expr->at,
                                  fmt::format("the argument '{}'", parameter.name));
            argument.name.clear();
            value = std::move(argument);
        }
        if (parameter.tabular && !parameter.columns.empty()) {
            // Only the declared columns are seen, and they have to be there.
            Relation& table = std::get<Relation>(value);
            for (const ast::ColumnDeclaration& wanted : parameter.columns) {
                const Column* column = table.find(wanted.name);
                if (!column || column->type != type_named(wanted.type, wanted.at))
                    fail_semantic(call.at,
                                  fmt::format("Function '{}': the table '{}' has no column '{}' of type {}",
                                              function.name, parameter.name, wanted.name, wanted.type),
                                  "SEM0219");
            }
        }
        scope->names[parameter.name] = std::move(value);
    }
    // Arguments of a function without a table are values of the caller's row, which the body may use; names of columns
    // it may not.
    const auto saved = std::exchange(scope_, scope);
    const WithRow none(*this, Row{});
    try {
        Value value = bind_body(*function.definition->body, call.at);
        scope_ = saved;
        if (auto* scalar = std::get_if<Scalar>(&value)) {
            scalar->sql = "(" + scalar->sql + ")";
            check_size(scalar->sql, call.at);
        }
        return value;
    } catch (...) {
        scope_ = saved;
        throw;
    }
}

Value Binder::bind_body(const ast::Body& body, Offset at) {
    std::optional<Value> value;
    for (const ast::Statement& one : body.statements) {
        if (const auto* query = std::get_if<ast::Query>(&one.node)) {
            value = bind_value(*query->value);
        } else {
            statement(one, nullptr);
        }
    }
    if (!value)
        fail_semantic(at, "The body of a function has to end in an expression", "SEM0030");
    return *value;
}

} // namespace sluice::kql
