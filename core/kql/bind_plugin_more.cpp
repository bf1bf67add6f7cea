#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

/// rows_near(Condition, NumRows [, RowsAfter]): rows close to one that fits.
Relation Binder::plugin_rows_near(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    expect_arguments(call, 2, 3);
    if (!input.serialized)
        fail_semantic(call.at, "rows_near(): the rows have to be serialized (sort, or serialize)", "SEM0035");
    Scalar condition;
    {
        const WithRow row(*this, {.relation = &input});
        condition = boolean(*call.args[0]);
    }
    const std::int64_t before = constant_long(*call.args[1], "The number of rows");
    const std::int64_t after = call.args.size() > 2 ? constant_long(*call.args[2], "The number of rows") : before;
    const std::string fits = fresh(), near = fresh(), order = input.order_by();
    input.sql = fmt::format("SELECT *, {} AS {} FROM ({})", condition.as_filter(), fits, input.sql);
    input.sql =
        fmt::format("SELECT * FROM (SELECT *, bool_or({}) OVER ({}{} ROWS BETWEEN {} PRECEDING AND {} FOLLOWING) AS "
                    "{} FROM ({})) WHERE {}",
                    fits, order.empty() ? "" : "ORDER BY ", order, std::max<std::int64_t>(0, after),
                    std::max<std::int64_t>(0, before), near, input.sql, near);
    return input;
}

/// sequence_detect(Timeline, MaxStep, MaxSpan, e1 = ..., e2 = ..., Dim ...): every chain of rows that fit one step
/// after the other.
Relation Binder::plugin_sequence_detect(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    if (call.args.size() < 4)
        fail_semantic(call.at, "sequence_detect(): a timeline, two time spans and steps are expected", "SEM0219");
    const Column* found = call.args[0]->kind == ExprKind::Name ? input.find(call.args[0]->text) : nullptr;
    if (!found)
        fail_semantic(call.args[0]->at, "sequence_detect(): the first argument has to be a column");
    const Column timeline = *found;
    std::vector<Column> dims;
    struct Step {
        std::string name, sql;
    };
    std::vector<Step> steps;
    std::string step_window, span;
    {
        const WithRow row(*this, {.relation = &input});
        const ScalarType type = timeline.type == ScalarType::DateTime ? ScalarType::TimeSpan : timeline.type;
        step_window = typed(*call.args[1], type).sql;
        span = typed(*call.args[2], type).sql;
        for (std::size_t i = 3; i < call.args.size(); ++i) {
            const Expr& arg = *call.args[i];
            const Scalar value = scalar(arg);
            if (value.type == ScalarType::Bool && (arg.kind == ExprKind::Named || arg.kind != ExprKind::Name))
                steps.push_back(
                    {arg.kind == ExprKind::Named ? arg.text : fmt::format("step{}", steps.size()), value.as_filter()});
            else
                dims.push_back({arg.kind == ExprKind::Named ? arg.text : value.name, value.type, value.sql});
        }
    }
    if (steps.empty())
        fail_semantic(call.at, "sequence_detect(): there is no step", "SEM0219");
    input = stored(std::move(input), true);
    Relation result;
    std::vector<std::string> list;
    std::string from, where;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        std::string part = fmt::format("SELECT {} AS t", timeline.id);
        for (std::size_t i = 0; i < dims.size(); ++i)
            part += fmt::format(", {} AS d{}", dims[i].id, i);
        from +=
            fmt::format("{}({} FROM ({}) WHERE {}) AS s{}", k > 0 ? " JOIN " : "", part, input.sql, steps[k].sql, k);
        if (k == 0)
            continue;
        from += fmt::format(" ON s{0}.t >= s{1}.t AND s{0}.t - s{1}.t <= {2} AND s{0}.t - s0.t <= {3}", k, k - 1,
                            step_window, span);
        for (std::size_t i = 0; i < dims.size(); ++i)
            from += fmt::format(" AND s{0}.d{1} IS NOT DISTINCT FROM s0.d{1}", k, i);
    }
    const auto add = [&](std::string name, ScalarType type, const std::string& sql) {
        result.columns.push_back({std::move(name), type, fresh()});
        list.push_back(fmt::format("{} AS {}", sql, result.columns.back().id));
    };
    for (std::size_t i = 0; i < dims.size(); ++i)
        add(dims[i].name.empty() ? fmt::format("Column{}", i + 1) : dims[i].name, dims[i].type,
            fmt::format("s0.d{}", i));
    for (std::size_t k = 0; k < steps.size(); ++k)
        add(steps[k].name + "_" + timeline.name, timeline.type, fmt::format("s{}.t", k));
    const ScalarType duration = timeline.type == ScalarType::DateTime ? ScalarType::TimeSpan : timeline.type;
    add("Duration", duration, fmt::format("s{}.t - s0.t", steps.size() - 1));
    result.sql = fmt::format("SELECT {} FROM {}", sql::join(list), from);
    for (std::size_t k = 0; k < steps.size(); ++k)
        result.order.push_back({result.columns[dims.size() + k].id});
    return result;
}

/// dcount_intersect(hll, hll ...): how many values the first, the first two ... have in common, by inclusion and
/// exclusion.
Relation Binder::plugin_dcount_intersect(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    constexpr std::size_t kMostSets = 8;
    if (call.args.size() < 2 || call.args.size() > kMostSets)
        fail_semantic(call.at, fmt::format("dcount_intersect(): two to {} sketches are expected", kMostSets),
                      "SEM0219");
    std::string query = "rows_ | extend ";
    Relation rows = stored(input, false);
    rows.columns.clear();
    for (std::size_t k = 0; k < call.args.size(); ++k) {
        const Column* found = call.args[k]->kind == ExprKind::Name ? input.find(call.args[k]->text) : nullptr;
        if (!found)
            fail_semantic(call.args[k]->at, "dcount_intersect(): a column is expected here");
        rows.columns.push_back({fmt::format("h{}_", k), found->type, found->id});
        query += fmt::format("{}s{} = max_of(0, ", k > 0 ? ", " : "", k);
        for (std::size_t sets = 1; sets < (std::size_t{2} << k); ++sets) {
            std::string members;
            std::size_t count = 0;
            for (std::size_t i = 0; i <= k; ++i)
                if (sets >> i & 1U) {
                    members += fmt::format("{}h{}_", count > 0 ? ", " : "", i);
                    ++count;
                }
            query += fmt::format("{} dcount_hll({})",
                                 sets == 1        ? ""
                                 : count % 2 == 1 ? " +"
                                                  : " -",
                                 count == 1 ? members : "hll_merge(" + members + ")");
        }
        query += ")";
    }
    auto scope = std::make_shared<Scope>();
    scope->names["rows_"] = rows;
    Relation made = bind_text(query, scope, call.at);
    Relation result = input;
    result.sql = made.sql;
    result.order.clear();
    for (const Column& column : made.columns)
        if (column.name.starts_with('s'))
            result.columns.push_back(column);
    return result;
}

/// schema_merge([PreserveOrder]) of rows as getschema makes them.
Relation Binder::plugin_schema_merge(const ast::Evaluate& node, Relation input) {
    const Expr* flag = plugin_argument(*node.call, "PreserveOrder", 0);
    bool preserve = true;
    if (flag) {
        const auto known = fold(*flag);
        if (!known || known->type != ScalarType::Bool)
            fail_semantic(flag->at, "schema_merge(): PreserveOrder has to be a constant bool", "SEM0027");
        preserve = known->integer != 0;
    }
    const std::string query = fmt::format(
        R"q(rows_ | serialize place_ = row_number()
           | summarize first_ = min(place_), low_ = min(ColumnOrdinal), high_ = max(ColumnOrdinal), types_ = count_distinct(ColumnType),
                       number_ = countif(ColumnType !in ("int", "long", "real", "decimal")), real_ = countif(ColumnType == "real"),
                       decimal_ = countif(ColumnType == "decimal"), ColumnType = take_any(ColumnType), DataType = take_any(DataType) by ColumnName
           | sort by {1} first_ asc
           | extend bad_ = case({0} and low_ != high_, "ERROR(columns are out of order)", types_ > 1 and number_ > 0, "ERROR(types do not match)", "")
           | extend ColumnType = case(bad_ != "", bad_, types_ == 1, ColumnType, decimal_ > 0, "decimal", real_ > 0, "real", "long")
           | extend DataType = case(bad_ != "", strcat("ERROR(unknown CSL type:", bad_, ")"), types_ == 1, DataType,
                                    decimal_ > 0, "System.Data.SqlTypes.SqlDecimal", real_ > 0, "System.Double", "System.Int64")
           | project ColumnName, ColumnOrdinal = iff(bad_ != "", -1, row_number() - 1), DataType, ColumnType)q",
        preserve ? "true" : "false", preserve ? "iff(low_ != high_, 1, 0) asc," : "high_ asc,");
    auto scope = std::make_shared<Scope>();
    scope->names["rows_"] = std::move(input);
    return bind_text(query, scope, node.call->at);
}

} // namespace sluice::kql
