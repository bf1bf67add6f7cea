#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

/// Rows from JSON: `from` is a SELECT with a column `array_id`, an array of arrays with a value for each of `columns`;
/// its columns that are groups are carried along.
Relation Binder::elements_of(const std::string& from, const std::string& array_id, std::vector<Column> columns,
                             const std::vector<Column>& groups) {
    Relation result;
    const std::string element = fresh(), number = fresh();
    std::vector<std::string> parts{number};
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const Scalar cell{.type = ScalarType::Dynamic,
                          .sql = fmt::format("NULLIF(CAST(json_extract({}, '$[{}]') AS VARCHAR), 'null')", element, i)};
        columns[i].id = fresh();
        parts.push_back(fmt::format("{} AS {}", convert(cell, columns[i].type).sql, columns[i].id));
    }
    for (const Column& group : groups) {
        columns.push_back(group);
        parts.push_back(group.id);
    }
    result.columns = std::move(columns);
    result.sql =
        fmt::format("SELECT {} FROM (SELECT *, unnest(json_extract({}, '$[*]')) AS {}, unnest(range(0::BIGINT, "
                    "CAST(json_array_length({}) AS BIGINT))) AS {} FROM ({}))",
                    sql::join(parts), array_id, element, array_id, number, from);
    result.order = {{number}};
    return result;
}

/// `reduce by X`: texts that share their frequent words become one pattern.
Relation Binder::reduce(const ast::Reduce& node, Relation input) {
    Scalar by;
    {
        const WithRow row(*this, {.relation = &input});
        by = convert(scalar(*node.by), ScalarType::String);
    }
    std::string threshold = "0.1::DOUBLE", characters = "''";
    if (node.threshold)
        threshold = coerce(scalar(*node.threshold), ScalarType::Real, node.threshold->at, "the threshold").sql;
    if (node.characters)
        characters = convert(scalar(*node.characters), ScalarType::String).sql;
    std::vector<Column> groups;
    std::string carried, group_by;
    for (const Column& column : input.columns)
        if (column.is_group()) {
            groups.push_back(column);
            carried += column.id + ", ";
            group_by += (group_by.empty() ? " GROUP BY " : ", ") + column.id;
        }
    const std::string order = input.order_by();
    const std::string value = fresh(), place = fresh(), count = fresh(), array = fresh();
    input.sql = fmt::format("SELECT *, {} AS {}, row_number() OVER ({}{}) AS {} FROM ({})", by.sql, value,
                            order.empty() ? "" : "ORDER BY ", order, place, input.sql);
    if (node.of_source)
        input = stored(std::move(input), true);
    const std::string distinct =
        fmt::format("SELECT {0}{1}, count(*) AS {2}, min({3}) AS {3} FROM ({4}) GROUP BY {0}{1}", carried, value, count,
                    place, input.sql);
    // All texts of a group in one argument: the patterns depend on the whole.
    const std::string gathered = fmt::format("SELECT {0}kql_reduce('[' || COALESCE(string_agg('[' || "
                                             "kql_json_string({1}) || ',' || {2} || ']', ',' ORDER BY "
                                             "{3}), '') || ']', {4}, {5}, {6}) AS {7} FROM ({8}){9}",
                                             carried, value, count, place, threshold, characters,
                                             node.of_source ? "TRUE" : "FALSE", array, distinct, group_by);
    if (!node.of_source)
        return elements_of(gathered, array,
                           {{"Pattern", ScalarType::String, {}},
                            {"Count", ScalarType::Long, {}},
                            {"Representative", ScalarType::String, {}}},
                           groups);
    const Relation patterns =
        elements_of(gathered, array, {{"value", ScalarType::String, {}}, {"Pattern", ScalarType::String, {}}}, groups);
    Relation result = input;
    std::string name = "Pattern";
    for (int suffix = 1; result.find(name); ++suffix)
        name = "Pattern" + std::to_string(suffix);
    const std::string pattern = fresh();
    std::string on = fmt::format("a.{} = b.{}", value, patterns.columns[0].id);
    for (const Column& group : groups)
        on += fmt::format(" AND a.{0} = b.{0}", group.id);
    result.columns.push_back({std::move(name), ScalarType::String, pattern});
    result.sql = fmt::format("SELECT a.*, b.{} AS {} FROM ({}) AS a JOIN ({}) AS b ON {}", patterns.columns[1].id,
                             pattern, input.sql, patterns.sql, on);
    result.has_row_facts = false;
    return result;
}

} // namespace sluice::kql
