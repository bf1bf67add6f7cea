#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

namespace {

/// Rows a and b have the same values in these columns.
std::string same(const std::vector<std::string>& columns) {
    std::string test;
    for (const std::string& one : columns)
        test += fmt::format("{0}a.{1} IS NOT DISTINCT FROM b.{1}", test.empty() ? "" : " AND ", one);
    return test;
}

} // namespace

/// `top-nested`: for each level the best values within those of the level before; what is left out at a level may
/// become one row of "others", which deeper levels take as a whole.
Relation Binder::top_nested(const ast::TopNested& node, Relation input) {
    // Values of the levels first, so that every level speaks of the same ones.
    std::vector<std::string> values;
    std::vector<ScalarType> types;
    Relation result;
    {
        const WithRow row(*this, {.relation = &input});
        std::vector<std::string> parts;
        for (const ast::TopNestedLevel& level : node.levels) {
            const Scalar of = scalar(*level.of);
            values.push_back(fresh());
            types.push_back(of.type);
            parts.push_back(fmt::format("{} AS {}", of.sql, values.back()));
            std::string name = !level.name.empty() ? level.name : of.name;
            if (name.empty())
                name = fmt::format("Column{}", values.size());
            result.columns.push_back({name, of.type, {}});
        }
        input.sql = fmt::format("SELECT *, {} FROM ({})", sql::join(parts), input.sql);
    }
    const std::string rest = fresh();
    input.sql = fmt::format("SELECT *, FALSE AS {} FROM ({})", rest, input.sql);
    std::vector<std::string> keys; // of the levels so far
    std::vector<Column> columns;
    for (const Column& column : input.columns)
        if (column.is_group())
            keys.push_back(column.id);
    for (std::size_t i = 0; i < node.levels.size(); ++i) {
        const ast::TopNestedLevel& level = node.levels[i];
        input = stored(std::move(input), true);
        Scalar by;
        {
            const WithRow row(*this, {.relation = &input, .aggregates = true});
            used_aggregate_ = false;
            by = scalar(*level.by);
            if (!used_aggregate_)
                fail_semantic(level.by->at, "'top-nested' operator: an aggregate function is expected behind 'by'",
                              "SEM0033");
        }
        std::string others;
        if (level.others)
            others = coerce(scalar(*level.others), types[i], level.others->at, "the value of 'with others'").sql;
        const std::string key = fresh(), best = fresh(), value = fresh(), among = sql::join(keys);
        const std::string direction = level.descending ? " DESC NULLS LAST" : " NULLS LAST";
        std::string chosen;
        if (level.count) {
            const std::string count = fmt::format("CAST({} AS BIGINT)", scalar(*level.count).sql);
            const std::string list = fmt::format("{}{}{}", among, among.empty() ? "" : ", ", values[i]);
            const std::string ranked = fmt::format("SELECT {0}, row_number() OVER ({1}{2} ORDER BY {3}{4}, {5}) <= {6} "
                                                   "AS {7} FROM (SELECT {0}, {8} AS {3} FROM "
                                                   "({9}) WHERE NOT {10} GROUP BY {0})",
                                                   list, among.empty() ? "" : "PARTITION BY ", among, value, direction,
                                                   values[i], count, best, by.sql, input.sql, rest);
            keys.push_back(values[i]);
            const std::string on = fmt::format("NOT a.{} AND {}", rest, same(keys));
            keys.pop_back();
            chosen = fmt::format("SELECT a.*, COALESCE(b.{}, FALSE) AS {} FROM ({}) AS a LEFT JOIN ({}) AS b ON {}",
                                 best, best, input.sql, ranked, on);
        } else {
            chosen = fmt::format("SELECT *, NOT {} AS {} FROM ({})", rest, best, input.sql);
        }
        // A row that an earlier level left out has no value here, unless this level has others too.
        const std::string no_value = others.empty() ? sql::null_of(types[i]) : others;
        chosen = fmt::format(
            "SELECT * REPLACE (({0} OR NOT {1}) AS {0}), CASE WHEN {1} THEN {2} ELSE {3} END AS {4}, {0} AS "
            "{5} FROM ({6}){7}",
            rest, best, values[i], no_value, key, value, chosen,
            others.empty() ? fmt::format(" WHERE {} OR {}", best, rest) : "");
        keys.push_back(key);
        keys.push_back(rest);
        input.sql = chosen;
        input = stored(std::move(input), true);
        const std::string amount = fresh(), all = sql::join(keys);
        const std::string on = same(keys);
        std::string amount_sql = others.empty() ? fmt::format("CASE WHEN a.{} THEN NULL ELSE b.{} END", value, amount)
                                                : fmt::format("b.{}", amount);
        const std::string shown = fresh();
        input.sql = fmt::format(
            "SELECT a.*, {} AS {} FROM ({}) AS a JOIN (SELECT {}, {} AS {} FROM ({}) GROUP BY {}) AS b ON {}",
            amount_sql, shown, input.sql, all, by.sql, amount, input.sql, all, on);
        keys.pop_back(); // the mark of what is left out grows with every level, so the last one says all
        std::string name = !level.by_name.empty() ? level.by_name : "aggregated_" + result.columns[i].name;
        columns.push_back({result.columns[i].name, types[i], key});
        columns.push_back({std::move(name), by.type, shown});
    }
    const std::vector<Column> group_columns = [&] {
        std::vector<Column> found;
        for (const Column& column : input.columns)
            if (column.is_group())
                found.push_back(column);
        return found;
    }();
    result.columns.clear();
    std::vector<std::string> list;
    for (Column& column : columns) {
        std::string name = column.name;
        for (int suffix = 1; result.find(name); ++suffix)
            name = column.name + std::to_string(suffix);
        column.name = std::move(name);
        list.push_back(column.id);
        result.columns.push_back(column);
    }
    for (std::size_t i = 0; i < node.levels.size(); ++i)
        result.order.push_back({columns[2 * i + 1].id, node.levels[i].descending, false});
    for (const Column& column : group_columns) {
        result.columns.push_back(column);
        list.push_back(column.id);
    }
    result.sql = fmt::format("SELECT DISTINCT {} FROM ({})", sql::join(list), input.sql);
    return result;
}

} // namespace sluice::kql
