#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::ExprKind;

Relation Binder::summarize(const ast::Summarize& node, Relation input) {
    // Keys become columns first, so that aggregates and keys speak of the same values.
    std::vector<Computed> keys = computed(node.by, input, false);
    if (node.aggregates.empty())
        return select(input, std::move(keys), "DISTINCT ");
    for (const Column& column : input.columns)
        if (column.is_group())
            keys.push_back({column.name, column_of(column, ""), nullptr});
    Relation result;
    std::vector<std::string> parts, groups;
    std::set<std::string> names;
    for (const Computed& key : keys) {
        result.columns.push_back({key.name, key.value.type, fresh()});
        parts.push_back(fmt::format("{} AS {}", key.value.sql, result.columns.back().id));
        groups.push_back(std::to_string(parts.size()));
        names.insert(key.name);
    }
    int unnamed = 0;
    {
        const WithRow row(*this, {.relation = &input, .aggregates = true});
        for (const ast::NamedExpr& item : node.aggregates)
            for (auto& [name, value] : aggregate_columns(item, names, unnamed)) {
                std::string unique = name;
                for (int suffix = 1; result.find(unique); ++suffix)
                    unique = name + std::to_string(suffix);
                result.columns.push_back({unique, value.type, fresh()});
                parts.push_back(fmt::format("{} AS {}", value.sql, result.columns.back().id));
            }
    }
    if (parts.size() == 1 && parts[0] == fmt::format("count(*) AS {}", result.columns[0].id))
        return count_of(input, std::move(result));
    result.sql = fmt::format("SELECT {} FROM ({})", sql::join(parts), input.sql);
    if (!groups.empty())
        result.sql += " GROUP BY " + sql::join(groups);
    return result;
}

Relation Binder::top_hitters(const ast::Take& node, Relation input) {
    const WithRow row(*this, {.relation = &input});
    const Scalar count = scalar(*node.count);
    const Scalar of = scalar(*node.of);
    const std::optional<Scalar> by = node.by ? std::optional(scalar(*node.by)) : std::nullopt;
    Relation result;
    const std::string name = of.name.empty() ? "Column1" : of.name;
    const std::string by_name = by ? (by->name.empty() ? "sum" : by->name) : name;
    result.columns = {
        {name, of.type, fresh()},
        {fmt::format("approximate_{}_{}", by ? "sum" : "count", by_name), by ? by->type : ScalarType::Long, fresh()}};
    std::vector<std::string> parts{fmt::format("{} AS {}", of.sql, result.columns[0].id)};
    std::string groups = "1";
    for (const Column& column : input.columns)
        if (column.is_group()) {
            result.columns.push_back(column);
            parts.push_back(column.id);
            groups += ", " + column.id;
        }
    parts.push_back(fmt::format("{} AS {}", by ? fmt::format("sum({})", by->sql) : "count(*)", result.columns[1].id));
    result.sql = fmt::format("SELECT {} FROM ({}) GROUP BY {}", sql::join(parts), input.sql, groups);
    result.order.push_back({result.columns[1].id, true, false});
    result.serialized = true;
    result.sorted = true;
    return limited(std::move(result), fmt::format("(SELECT greatest(0, CAST({} AS BIGINT)))", count.sql));
}

} // namespace sluice::kql
