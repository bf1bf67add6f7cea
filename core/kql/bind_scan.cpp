#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

using Reference = std::pair<std::size_t, std::string>; ///< number of a step, name of a column

/// The `step.column` that an expression reads.
void collect(const Expr& expr, const ast::Scan& node, std::set<Reference>& found) {
    if (expr.kind == ExprKind::Member && expr.args[0]->kind == ExprKind::Name)
        for (std::size_t i = 0; i < node.steps.size(); ++i)
            if (node.steps[i].name == expr.args[0]->text)
                found.emplace(i, expr.text);
    for (const auto& arg : expr.args)
        collect(*arg, node, found);
}

std::string typed_null(ScalarType type) {
    return fmt::format("CAST({} AS {})", sql::null_of(type), sql::physical_type(type));
}

} // namespace

/// What one step keeps between rows, by the names of its SQL columns.
struct Binder::ScanStepState {
    std::string active, match, series;        ///< series: number of the present run of matches
    std::map<Reference, std::string> columns; ///< of this step and those before it
    std::string emitted;                      ///< true for a row that the step matched
    std::string emitted_match, emitted_series;
    std::vector<std::string> emitted_values; ///< one for each declared column
};

/// How `scan` sees its names while a step is bound.
struct Binder::ScanPlan {
    const ast::Scan& node;
    const Relation& rows; ///< the input, numbered
    std::vector<Column> declared;
    std::vector<std::string> defaults; ///< of a row that the step does not assign to
    std::vector<std::string> empties;  ///< of a step that has matched nothing yet
    std::set<Reference> references;
    std::vector<ScanStepState> steps;
    std::string next_match;

    ScalarType type_of(const std::string& column) const {
        for (const Column& one : declared)
            if (one.name == column)
                return one.type;
        return rows.find(column)->type;
    }
    /// Value of a column of a step that has matched nothing yet.
    std::string empty(const std::string& column) const {
        for (std::size_t i = 0; i < declared.size(); ++i)
            if (declared[i].name == column)
                return empties[i];
        return typed_null(type_of(column));
    }
};

/// Rows of the step that match, with the state of step `from`; `from` past the last step: with no state.
std::map<std::string, Relation> Binder::scan_names(const ScanPlan& plan, std::size_t from) const {
    std::map<std::string, Relation> names;
    for (std::size_t j = 0; j < plan.node.steps.size(); ++j) {
        Relation& step = names[plan.node.steps[j].name];
        for (const Reference& reference : plan.references) {
            if (reference.first != j)
                continue;
            const bool known = from < plan.steps.size() && j <= from;
            step.columns.push_back({reference.second, plan.type_of(reference.second),
                                    known ? plan.steps[from].columns.at(reference) : plan.empty(reference.second)});
        }
    }
    return names;
}

/// The SELECTs that take one row through step `k`; `from` gives the row and the state so far.
std::string Binder::scan_step(ScanPlan& plan, std::size_t k, std::string from) {
    const ast::ScanStep& step = plan.node.steps[k];
    ScanStepState& state = plan.steps[k];
    Relation seen = plan.rows;
    for (std::size_t i = 0; i < plan.declared.size(); ++i)
        if (!seen.find(plan.declared[i].name))
            seen.columns.push_back({plan.declared[i].name, plan.declared[i].type, plan.defaults[i]});
    // The two checks of the reference: with the state of the step before, which moves on; else with the step's own.
    const auto with_state = [&](std::size_t of, const Expr& expr, const Relation& relation) {
        const std::map<std::string, Relation> names = scan_names(plan, of);
        const WithRow row(*this, {.relation = &relation, .steps = &names});
        return scalar(expr);
    };
    const auto test = [&](std::size_t of) {
        const std::map<std::string, Relation> names = scan_names(plan, of);
        const WithRow row(*this, {.relation = &seen, .steps = &names});
        return fmt::format("COALESCE({}, FALSE)", boolean(*step.condition).sql);
    };
    const std::string moves = fresh(), stays = fresh();
    const std::string first = k > 0 ? fmt::format("({} AND {})", plan.steps[k - 1].active, test(k - 1)) : "FALSE";
    const std::string second = fmt::format("({}{})", k > 0 ? state.active + " AND " : "", test(k));
    from = fmt::format("SELECT *, {0} AS {1}, (NOT {0} AND {2}) AS {3} FROM ({4})", first, moves, second, stays, from);
    // Assignments, each of which sees those before it.
    Relation after_move = seen, after_stay = seen;
    std::vector<std::string> values = plan.defaults;
    for (const ast::NamedExpr& assignment : step.assignments) {
        const auto target = std::find_if(plan.declared.begin(), plan.declared.end(), [&](const Column& c) {
            return !assignment.names.empty() && c.name == assignment.names.front();
        });
        if (target == plan.declared.end())
            fail_semantic(assignment.at,
                          "'scan' operator: only declared columns and those of the input can be assigned", "SEM0025");
        const auto bound = [&](std::size_t of, const Relation& relation) {
            return coerce(with_state(of, *assignment.value, relation), target->type, assignment.at,
                          "the assigned value")
                .sql;
        };
        const std::string stay = bound(k, after_stay);
        const std::string move = k > 0 ? bound(k - 1, after_move) : stay;
        const auto place = static_cast<std::size_t>(target - plan.declared.begin());
        values[place] = fmt::format("CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END", moves, move, stays, stay,
                                    plan.defaults[place]);
        for (Column& column : after_stay.columns)
            if (column.name == target->name)
                column.id = "(" + stay + ")";
        for (Column& column : after_move.columns)
            if (column.name == target->name)
                column.id = "(" + move + ")";
    }
    std::vector<std::string> replaced;
    const auto replace = [&](const std::string& id, const std::string& value) {
        replaced.push_back(fmt::format("{} AS {}", value, id));
    };
    const bool starts = k == 0;
    const std::string matched = fmt::format("({} OR {})", moves, stays);
    const std::string begins = starts ? fmt::format("({} AND NOT {})", stays, state.active) : moves;
    const std::string match =
        starts ? fmt::format("CASE WHEN {} THEN {} ELSE {} END", begins, plan.next_match, state.match)
               : fmt::format("CASE WHEN {} THEN {} ELSE {} END", moves, plan.steps[k - 1].match, state.match);
    const std::string series = fmt::format("CASE WHEN {0} THEN {1} + 1 ELSE {1} END", begins, state.series);
    replace(state.emitted, matched);
    replace(state.emitted_match, match);
    replace(state.emitted_series, series);
    for (std::size_t i = 0; i < values.size(); ++i)
        replace(state.emitted_values[i],
                fmt::format("CAST({} AS {})", values[i], sql::physical_type(plan.declared[i].type)));
    replace(state.match, match);
    replace(state.series, series);
    replace(state.active, fmt::format("({} OR {})", state.active, matched));
    if (starts)
        replace(plan.next_match, fmt::format("CASE WHEN {0} THEN {1} + 1 ELSE {1} END", begins, plan.next_match));
    else
        replace(plan.steps[k - 1].active, fmt::format("({} AND NOT {})", plan.steps[k - 1].active, moves));
    for (const auto& [reference, id] : state.columns) {
        std::string value;
        if (reference.first < k) {
            value = fmt::format("CASE WHEN {} THEN {} ELSE {} END", moves, plan.steps[k - 1].columns.at(reference), id);
        } else {
            std::string now = id;
            if (const Column* column = plan.rows.find(reference.second))
                now = column->id;
            for (std::size_t i = 0; i < plan.declared.size(); ++i)
                if (plan.declared[i].name == reference.second)
                    now = values[i];
            value = fmt::format("CASE WHEN {} THEN {} ELSE {} END", matched, now, id);
        }
        replace(id, fmt::format("CAST({} AS {})", value, sql::physical_type(plan.type_of(reference.second))));
    }
    // The first step is also tried without a state, so what moved on has to leave nothing behind.
    if (k == 1)
        for (const auto& [reference, id] : plan.steps[0].columns)
            replace(id, fmt::format("CASE WHEN {} THEN {} ELSE {} END", moves, plan.empty(reference.second), id));
    return fmt::format("SELECT * REPLACE ({}) FROM ({})", sql::join(replaced), from);
}

/// Names the columns of the state and gives the SELECT list of a state before the first row.
std::vector<std::string> Binder::scan_begin(ScanPlan& plan) {
    std::vector<std::string> list;
    const auto named = [&](std::string_view value) {
        const std::string id = fresh();
        list.push_back(fmt::format("{} AS {}", value, id));
        return id;
    };
    plan.next_match = named("0::BIGINT");
    for (std::size_t k = 0; k < plan.node.steps.size(); ++k) {
        ScanStepState state;
        state.active = named("FALSE");
        state.match = named("0::BIGINT");
        state.series = named("0::BIGINT");
        state.emitted = named("FALSE");
        state.emitted_match = named("0::BIGINT");
        state.emitted_series = named("0::BIGINT");
        for (const Column& column : plan.declared)
            state.emitted_values.push_back(named(typed_null(column.type)));
        for (const Reference& reference : plan.references)
            if (reference.first <= k)
                state.columns[reference] = named(fmt::format("CAST({} AS {})", plan.empty(reference.second),
                                                             sql::physical_type(plan.type_of(reference.second))));
        plan.steps.push_back(std::move(state));
    }
    return list;
}

/// `scan`: a state machine over the rows in their order. SQL has no such thing, so a recursive query takes one row of
/// every group at a time through the steps, the last step first.
Relation Binder::scan_rows(const ast::Operator& op, const ast::Scan& node, Relation input) {
    if (!node.order.empty())
        input = sort(node.order, std::move(input));
    if (!input.serialized)
        fail_semantic(op.at, "'scan' operator: the rows have to be serialized (sort, or serialize)", "SEM0035");
    std::vector<std::string> groups;
    if (const std::string outer = group_ids(input); !outer.empty())
        groups.push_back(outer);
    {
        const WithRow row(*this, {.relation = &input});
        for (const ast::NamedExpr& item : node.partition)
            groups.push_back(scalar(*item.value).sql);
    }
    const std::string group = fresh(), number = fresh();
    const std::string order = input.order_by();
    input.sql = fmt::format("SELECT *, {} AS {} FROM ({})",
                            groups.empty() ? "0" : fmt::format("dense_rank() OVER (ORDER BY {})", sql::join(groups)),
                            group, input.sql);
    input.sql = fmt::format("SELECT *, row_number() OVER (PARTITION BY {}{}{}) AS {} FROM ({})", group,
                            order.empty() ? "" : " ORDER BY ", order, number, input.sql);
    const Relation rows = stored(std::move(input), true);

    ScanPlan plan{.node = node,
                  .rows = rows,
                  .declared = {},
                  .defaults = {},
                  .empties = {},
                  .references = {},
                  .steps = {},
                  .next_match = {}};
    plan.declared = declared_columns(node.declared);
    for (std::size_t i = 0; i < plan.declared.size(); ++i) {
        const WithRow none(*this, Row{});
        const ScalarType type = plan.declared[i].type;
        plan.defaults.push_back(
            node.defaults[i] ? coerce(scalar(*node.defaults[i]), type, node.declared[i].at, "the default value").sql
                             : typed_null(type));
    }
    plan.empties = plan.defaults;
    // A column of the input that a step assigns to keeps its value where no step does.
    for (const ast::ScanStep& step : node.steps)
        for (const ast::NamedExpr& assignment : step.assignments) {
            const std::string name = assignment.names.empty() ? std::string() : assignment.names.front();
            const auto is = [&](const Column& c) { return c.name == name; };
            const Column* column = rows.find(name);
            if (!column || std::any_of(plan.declared.begin(), plan.declared.end(), is))
                continue;
            plan.declared.push_back({name, column->type, {}});
            plan.defaults.push_back(column->id);
            plan.empties.push_back(typed_null(column->type));
        }
    for (const ast::ScanStep& step : node.steps) {
        collect(*step.condition, node, plan.references);
        for (const ast::NamedExpr& assignment : step.assignments)
            collect(*assignment.value, node, plan.references);
    }
    for (const Reference& reference : plan.references) {
        const auto is = [&](const Column& c) { return c.name == reference.second; };
        if (!rows.find(reference.second) && std::none_of(plan.declared.begin(), plan.declared.end(), is))
            fail_semantic(op.at, fmt::format("'scan' operator: Failed to resolve column named '{}' of the step '{}'",
                                             reference.second, node.steps[reference.first].name));
    }
    const std::vector<std::string> state = scan_begin(plan);
    const std::string scanned = "t" + fresh();
    std::vector<std::string> ids{group, number}, current;
    for (const std::string& one : state)
        ids.push_back(one.substr(one.rfind(' ') + 1));
    for (const Column& column : rows.columns)
        current.push_back(fmt::format("r.{}", column.id));
    const auto of_scan = [&](std::string_view prefix) {
        std::vector<std::string> list;
        for (std::size_t i = 2; i < ids.size(); ++i)
            list.push_back(fmt::format("{}{}", prefix, ids[i]));
        return sql::join(list);
    };
    std::string step =
        fmt::format("SELECT r.{0}, r.{1}, {2}{3}{4} FROM {5} AS s JOIN ({6}) AS r ON r.{0} = s.{0} AND r.{1} "
                    "= s.{1} + 1",
                    group, number, of_scan("s."), current.empty() ? "" : ", ", sql::join(current), scanned, rows.sql);
    for (std::size_t k = node.steps.size(); k-- > 0;)
        step = scan_step(plan, k, std::move(step));
    stored_.push_back(
        fmt::format("{0}({1}) AS (SELECT DISTINCT {2}, 0::BIGINT, {3} FROM ({4}) UNION ALL SELECT {1} FROM "
                    "({5}))",
                    scanned, sql::join(ids), group, sql::join(state), rows.sql, step));
    return scan_output(op, plan, scanned, group, number);
}

/// The matches of all steps, each beside its row.
Relation Binder::scan_output(const ast::Operator& op, const ScanPlan& plan, const std::string& scanned,
                             const std::string& group, const std::string& number) {
    Relation result = plan.rows;
    const std::string match = fresh(), place = fresh();
    std::vector<std::string> values;
    for (const Column& column : plan.declared) {
        values.push_back(fresh());
        const auto place_of = std::find_if(result.columns.begin(), result.columns.end(),
                                           [&](const Column& c) { return c.name == column.name; });
        if (place_of == result.columns.end())
            result.columns.push_back({column.name, column.type, values.back()});
        else
            *place_of = {column.name, column.type, values.back()};
    }
    std::vector<std::string> parts;
    for (std::size_t k = plan.node.steps.size(); k-- > 0;) {
        const ScanStepState& state = plan.steps[k];
        const std::string& output = plan.node.steps[k].output;
        if (output == "none")
            continue;
        if (!output.empty() && output != "all" && output != "last")
            fail_semantic(op.at, fmt::format("'scan' operator: output is all, last or none, not '{}'", output),
                          "SEM0025");
        std::string list = fmt::format("{} AS g, {} AS n, {} AS {}, {} AS {}", group, number, state.emitted_match,
                                       match, plan.node.steps.size() - k, place);
        for (std::size_t i = 0; i < values.size(); ++i)
            list += fmt::format(", {} AS {}", state.emitted_values[i], values[i]);
        std::string part = fmt::format("SELECT {} FROM {} WHERE {}", list, scanned, state.emitted);
        if (output == "last")
            part += fmt::format(" QUALIFY row_number() OVER (PARTITION BY {}, {} ORDER BY {} DESC) = 1", group,
                                state.emitted_series, number);
        parts.push_back(std::move(part));
    }
    if (const ast::Property* id = op.property("with_match_id"))
        result.columns.push_back({id->value, ScalarType::Long, match});
    if (parts.empty()) {
        result.sql = fmt::format("SELECT *, 0::BIGINT AS {}, 0 AS {}", match, place);
        for (std::size_t i = 0; i < values.size(); ++i)
            result.sql += fmt::format(", {} AS {}", typed_null(plan.declared[i].type), values[i]);
        result.sql += fmt::format(" FROM ({}) LIMIT 0", plan.rows.sql);
    } else {
        result.sql =
            fmt::format("SELECT r.*, m.* EXCLUDE (g, n) FROM ({}) AS r JOIN ({}) AS m ON r.{} = m.g AND r.{} = m.n",
                        plan.rows.sql, sql::join(parts, " UNION ALL "), group, number);
    }
    result.order = {{group}, {number}, {place}};
    result.has_row_facts = false;
    return result;
}

} // namespace sluice::kql
