#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using enum ScalarType;

/// One row for each group, with arrays that have a value for every step of the axis between from (inclusive) and to
/// (exclusive).
Relation Binder::make_series(const ast::Operator& op, const ast::MakeSeries& node, Relation input) {
    Relation source = stored(std::move(input), false);
    std::vector<Computed> keys = computed(node.by, source, false);
    for (const Column& column : source.columns)
        if (column.is_group())
            keys.push_back({column.name, column_of(column, ""), nullptr});
    Scalar axis, step = scalar(*node.step);
    std::vector<std::pair<std::string, Scalar>> aggregates;
    std::vector<std::string> defaults;
    {
        const WithRow row(*this, {.relation = &source, .aggregates = false});
        axis = scalar(*node.axis);
    }
    if (axis.type == Dynamic)
        axis = convert(std::move(axis), step.type == TimeSpan ? DateTime : step.type);
    const bool times = axis.type == DateTime || axis.type == TimeSpan;
    if (times != (step.type == TimeSpan))
        fail_semantic(node.step->at, "'make-series' operator: the step does not fit the axis", "SEM0064");
    std::set<std::string> names;
    for (const Computed& key : keys)
        names.insert(key.name);
    int unnamed = 0;
    {
        const WithRow row(*this, {.relation = &source, .aggregates = true});
        for (const ast::MakeSeriesItem& item : node.items) {
            for (auto& one : aggregate_columns(item.aggregate, names, unnamed)) {
                defaults.push_back(item.fallback
                                       ? fmt::format("COALESCE({}, 'null')", to_dynamic(scalar(*item.fallback)).sql)
                                       : "'0'");
                aggregates.push_back(std::move(one));
            }
        }
    }
    // The ends of the axis, in its own unit; without them the data says.
    const auto end_point = [&](const ast::ExprPtr& expr) {
        return coerce(scalar(*expr), axis.type, expr->at, "this end of the axis").sql;
    };
    const std::string lowest =
        fmt::format("(SELECT min({}) FROM ({}))", bin(node.step->at, axis, step, std::nullopt).sql, source.sql);
    const std::string from = node.from ? end_point(node.from) : lowest;
    const std::string to =
        node.to ? end_point(node.to)
                : fmt::format("(SELECT max({}) + {} FROM ({}))", axis.sql, times ? "1" : "1e-9", source.sql);
    const bool real = axis.type == Real || step.type == Real;
    const std::string f = fresh(), t = fresh(), s = fresh(), number = fresh();
    const std::string ends = fmt::format("SELECT {} AS {}, {} AS {}, {} AS {}", from, f, to, t, step.sql, s);

    std::vector<std::string> parts, groups, joins, outer;
    Relation result;
    for (const Computed& key : keys) {
        const std::string id = fresh();
        parts.push_back(fmt::format("{} AS {}", key.value.sql, id));
        groups.push_back(id);
        joins.push_back(fmt::format("g.{0} IS NOT DISTINCT FROM v.{0}", id));
        result.columns.push_back({key.name, key.value.type, fresh()});
        outer.push_back(fmt::format("g.{} AS {}", id, result.columns.back().id));
    }
    const std::string index = real ? fmt::format("CAST(floor(({} - {}) / {}) AS BIGINT)", axis.sql, f, s)
                                   : fmt::format("(({} - {}) // {})", axis.sql, f, s);
    parts.push_back(fmt::format("{} AS {}", index, number));
    std::vector<std::string> group_by = groups;
    group_by.push_back(number);
    const std::string order = number;
    for (std::size_t i = 0; i < aggregates.size(); ++i) {
        const std::string id = fresh();
        parts.push_back(fmt::format("{} AS {}", to_dynamic(aggregates[i].second).sql, id));
        result.columns.push_back({aggregates[i].first, Dynamic, fresh()});
        outer.push_back(fmt::format("'[' || string_agg(COALESCE(v.{}, {}), ',' ORDER BY g.{}) || ']' AS {}", id,
                                    defaults[i], number, result.columns.back().id));
    }
    result.columns.push_back({axis.name.empty() ? "Column1" : axis.name, Dynamic, fresh()});
    const Scalar point{.type = axis.type, .sql = fmt::format("(g.{} + g.{} * g.{})", f, number, s), .never_null = true};
    outer.push_back(fmt::format("'[' || string_agg({}, ',' ORDER BY g.{}) || ']' AS {}", to_dynamic(point).sql, number,
                                result.columns.back().id));

    const std::string values = "t" + fresh();
    stored_.push_back(
        fmt::format("{} AS MATERIALIZED (SELECT {} FROM ({}), ({}) WHERE {} >= {} AND {} < {} GROUP BY {})", values,
                    sql::join(parts), source.sql, ends, axis.sql, f, axis.sql, t, sql::join(group_by)));
    // Every group at every step; more steps than this are a mistake in the query rather than a series.
    constexpr int kMostSteps = 1'048'576;
    const std::string steps = fmt::format(
        "SELECT *, unnest(range(0::BIGINT, least({}, CAST(ceil(({} - {})::DOUBLE / {}) AS BIGINT)))) AS {} FROM ({})",
        kMostSteps, t, f, s, number, ends);
    const std::string grid = groups.empty() ? steps
                                            : fmt::format("SELECT * FROM (SELECT DISTINCT {} FROM {}), ({})",
                                                          sql::join(groups), values, steps);
    joins.push_back(fmt::format("g.{0} = v.{0}", number));
    result.sql = fmt::format("SELECT {} FROM ({}) AS g LEFT JOIN {} AS v ON {}", sql::join(outer), grid, values,
                             sql::join(joins, " AND "));
    if (!groups.empty()) {
        std::vector<std::string> by;
        for (const std::string& id : groups)
            by.push_back("g." + id);
        result.sql += " GROUP BY " + sql::join(by);
    } else if (const ast::Property* kind = op.property("kind"); !kind || kind->value != "nonempty") {
        // Nothing makes no series, unless asked for.
        result.sql += fmt::format(" HAVING EXISTS (SELECT 1 FROM ({}))", source.sql);
    }
    return result;
}

} // namespace sluice::kql
