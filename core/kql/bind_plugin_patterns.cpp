#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

/// basket([Threshold, WeightColumn, MaxDimensions, Wildcard ...]), autocluster([SizeWeight, WeightColumn, NumSeeds,
/// Wildcard
/// ...]) and diffpatterns(SplitColumn, ValueA, ValueB [, WeightColumn, Threshold, MaxDimensions, Wildcard ...]). "~"
/// stands for the default of an argument.
Relation Binder::plugin_patterns(const ast::Evaluate& node, Relation input) {
    const Expr& call = *node.call;
    const bool differs = call.text == "diffpatterns";
    const std::size_t weight_at = differs ? 3 : 1, first_at = differs ? 4 : 0, second_at = differs ? 5 : 2;
    const auto given = [&](std::size_t i) -> const Expr* {
        if (i >= call.args.size())
            return nullptr;
        const Expr& arg = *call.args[i];
        const bool tilde =
            arg.kind == ExprKind::Literal && arg.value.type == ScalarType::String && arg.value.text == "~";
        return tilde ? nullptr : &arg;
    };
    const auto column_at = [&](const Expr& arg) {
        const Column* found = arg.kind == ExprKind::Name ? input.find(arg.text) : nullptr;
        if (!found)
            fail_semantic(arg.at, fmt::format("{}(): a column is expected here", call.text));
        return *found;
    };
    const auto number_at = [&](std::size_t i, double otherwise) {
        const Expr* arg = given(i);
        return arg ? typed(*arg, ScalarType::Real).sql : fmt::format("{}::DOUBLE", otherwise);
    };
    std::set<std::string> apart;
    std::string weight = "1", in_a = "TRUE", in_b = "FALSE";
    if (const Expr* arg = given(weight_at)) {
        const Column column = column_at(*arg);
        apart.insert(column.name);
        weight = convert(column_of(column, ""), ScalarType::Real).sql;
    }
    if (differs) {
        if (call.args.size() < 3)
            fail_semantic(call.at, "diffpatterns(): a column and two of its values are expected", "SEM0219");
        const Column column = column_at(*call.args[0]);
        apart.insert(column.name);
        const std::string value = convert(column_of(column, ""), ScalarType::String).sql;
        in_a = fmt::format("{} = {}", value, convert(scalar(*call.args[1]), ScalarType::String).sql);
        in_b = fmt::format("{} = {}", value, convert(scalar(*call.args[2]), ScalarType::String).sql);
    }
    std::map<ScalarType, Scalar> wildcards;
    for (std::size_t i = second_at + 1; i < call.args.size(); ++i) {
        const Scalar value = scalar(*call.args[i]);
        wildcards[value.type == ScalarType::Int ? ScalarType::Long : value.type] = value;
    }
    std::vector<Column> attributes;
    std::vector<std::string> cells, ids;
    for (const Column& column : input.columns)
        if (!apart.contains(column.name) && !column.is_group()) {
            attributes.push_back(column);
            cells.push_back(fmt::format("COALESCE({}, 'null')", to_dynamic(column_of(column, "")).sql));
            ids.push_back(column.id);
        }
    if (attributes.empty())
        fail_semantic(call.at, fmt::format("{}(): there is no column to look at", call.text), "SEM0023");
    const std::string a = fresh(), b = fresh(), array = fresh();
    const std::string counted = fmt::format("SELECT {0}, COALESCE(sum({1}) FILTER (WHERE {2}), 0) AS {3}, "
                                            "COALESCE(sum({1}) FILTER (WHERE {4}), 0) AS {5} FROM "
                                            "({6}) WHERE ({2}) OR ({4}) GROUP BY {0}",
                                            sql::join(ids), weight, in_a, a, in_b, b, input.sql);
    const std::string gathered = fmt::format(
        "SELECT kql_patterns('[' || COALESCE(string_agg('[' || {} || ',' || {} || ',' || {} || ']', ',' ORDER BY {} "
        "DESC, {}), '') || ']', {}, {}, {}) AS {} FROM ({})",
        sql::join(cells, " || ',' || "), a, b, a, sql::join(ids), sql::text(call.text),
        number_at(first_at, call.text == "autocluster" ? 0.5 : 0.05),
        number_at(second_at, call.text == "basket"        ? 5
                             : call.text == "autocluster" ? 25
                                                          : 1000),
        array, counted);
    std::vector<Column> columns{{"SegmentId", ScalarType::Long, {}}};
    if (differs)
        columns.insert(columns.end(), {{"CountA", ScalarType::Long, {}},
                                       {"CountB", ScalarType::Long, {}},
                                       {"PercentA", ScalarType::Real, {}},
                                       {"PercentB", ScalarType::Real, {}},
                                       {"PercentDiffAB", ScalarType::Real, {}}});
    else
        columns.insert(columns.end(), {{"Count", ScalarType::Long, {}}, {"Percent", ScalarType::Real, {}}});
    const std::size_t counts = columns.size();
    for (const Column& column : attributes)
        columns.push_back({column.name, ScalarType::Dynamic, {}});
    Relation result = elements_of(gathered, array, std::move(columns), {});
    // An attribute is a pair of whether the pattern fixes it, and its value.
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < attributes.size(); ++i) {
        const Column pair = result.columns[counts + i];
        const ScalarType type = attributes[i].type;
        const Scalar value = convert(element(column_of(pair, ""), "'$[1]'"), type);
        const auto wild = wildcards.find(type == ScalarType::Int ? ScalarType::Long : type);
        const std::string free = wild == wildcards.end() ? sql::null_of(type) : convert(wild->second, type).sql;
        result.columns[counts + i] = {attributes[i].name, type, fresh()};
        parts.push_back(fmt::format("CASE WHEN json_extract({}, '$[0]') = 'true' THEN {} ELSE {} END AS {}", pair.id,
                                    value.sql, free, result.columns[counts + i].id));
    }
    result.sql = fmt::format("SELECT *, {} FROM ({})", sql::join(parts), result.sql);
    return result;
}

} // namespace sluice::kql
