#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::ExprKind;

/// One row for each element; `made` are the names of the new columns. The elements of several items go side by side.
Relation Binder::expanded(const ast::Operator& op, const ast::MvExpand& node, Relation input,
                          std::vector<std::string>& made) {
    const ast::Property* kind = op.property("bagexpansion") ? op.property("bagexpansion") : op.property("kind");
    const bool pairs = kind && kind->value == "array";
    struct Item {
        std::string name, list;
        ScalarType type;
        bool typed;
    };
    std::vector<Item> items;
    Relation result = input;
    {
        const WithRow row(*this, {.relation = &input});
        for (const ast::MvItem& one : node.items) {
            const Scalar value = scalar(*one.value);
            std::string name = !one.name.empty() ? one.name : value.name;
            if (name.empty())
                name = fmt::format("Column{}", items.size() + 1);
            const ScalarType type = one.type.empty() ? ScalarType::Dynamic : type_named(one.type, one.at);
            items.push_back({name,
                             fmt::format("kql_expandable({}, {})", to_dynamic(value).sql, pairs ? "TRUE" : "FALSE"),
                             type, !one.type.empty()});
        }
    }
    // Lists first, then their elements, then the conversions: SQL unnests only at the top of a SELECT.
    std::vector<std::string> lists, lengths, elements, converted;
    for (Item& item : items) {
        const std::string list = fresh();
        lists.push_back(fmt::format("json_extract({}, '$[*]') AS {}", item.list, list));
        lengths.push_back(fmt::format("len({})", list));
        item.list = list;
    }
    const std::string with_lists = fmt::format("SELECT *, {} FROM ({})", sql::join(lists), input.sql);
    const std::string index = fresh();
    const bool apply = op.name == "mv-apply";
    // A value that is null or an empty array gives one row of null; mv-apply gives none.
    std::string most = items.size() == 1 ? lengths[0] : fmt::format("greatest({})", sql::join(lengths));
    if (!apply)
        most = fmt::format("greatest(1, COALESCE({}, 1))", most);
    const std::string limit = node.limit ? scalar(*node.limit).sql : "";
    if (!limit.empty())
        most = fmt::format("least({}, {})", most, limit);
    // One list is unnested itself; several go side by side by the number of the element.
    const bool single = items.size() == 1;
    const std::string element_id = fresh();
    std::string numbered;
    if (single) {
        std::string list = items[0].list;
        if (!limit.empty())
            list = fmt::format("{}[1:{}]", list, limit);
        if (!apply)
            list = fmt::format("CASE WHEN COALESCE(len({0}), 0) = 0 THEN [NULL] ELSE {0} END", list);
        numbered = fmt::format("SELECT *, unnest({0}) AS {1}, unnest(range(0::BIGINT, len({0}))) AS {2} FROM ({3})",
                               list, element_id, index, with_lists);
    } else {
        numbered = fmt::format("SELECT *, unnest(range(0::BIGINT, CAST({} AS BIGINT))) AS {} FROM ({})", most, index,
                               with_lists);
    }
    for (const Item& item : items) {
        const Scalar element{.type = ScalarType::Dynamic,
                             .sql = fmt::format("NULLIF(CAST({} AS VARCHAR), 'null')",
                                                single ? element_id : fmt::format("{}[{} + 1]", item.list, index))};
        const Scalar value = convert(element, item.type);
        const std::string id = fresh();
        converted.push_back(fmt::format("{} AS {}", value.sql, id));
        const auto old = std::find_if(result.columns.begin(), result.columns.end(),
                                      [&](const Column& c) { return c.name == item.name; });
        if (old != result.columns.end()) {
            old->id = id;
            old->type = item.type;
        } else {
            result.columns.push_back({item.name, item.type, id});
        }
        made.push_back(item.name);
    }
    if (const ast::Property* number = op.property("with_itemindex")) {
        result.columns.push_back({number->value, ScalarType::Long, index});
        made.push_back(number->value);
    }
    result.sql = fmt::format("SELECT *, {} FROM ({})", sql::join(converted), numbered);
    result.order.push_back({index});
    if (input.order.empty())
        result.order.clear();
    result.has_row_facts = false;
    return result;
}

Relation Binder::mv_expand(const ast::Operator& op, const ast::MvExpand& node, Relation input) {
    std::vector<std::string> made;
    return expanded(op, node, std::move(input), made);
}

/// The subquery runs once for the elements of each row. It is translated once, over all elements, with the number of
/// the row as a key of everything that combines rows.
Relation Binder::mv_apply(const ast::Operator& op, const ast::MvExpand& node, Relation input) {
    const std::string key = fresh();
    const std::string order = input.order_by();
    input.sql = fmt::format("SELECT *, row_number() OVER ({}{}) AS {} FROM ({})", order.empty() ? "" : "ORDER BY ",
                            order, key, input.sql);
    input.order = {{key}};
    std::vector<std::string> made;
    const std::vector<Column> outer = input.columns;
    input = stored(std::move(input), true);
    Relation elements = expanded(op, node, input, made);
    elements.serialized = true;
    return grouped_subquery(*node.subquery, std::move(elements), input, key, &made);
}

/// Runs `body` separately for each group of rows that share the column `key` of the SQL, and puts the columns of
/// `outer` beside its results. `made` names the columns that belong to the elements rather than to the outer row;
/// nothing: results only.
Relation Binder::grouped_subquery(const ast::Pipeline& body, Relation elements, const Relation& outer,
                                  const std::string& key, const std::vector<std::string>* made) {
    // The group is a column that users cannot name, carried along by every operator that keeps rows and a key of those
    // that combine.
    const std::string group_column = "\x01" + fresh();
    elements.columns.push_back({group_column, ScalarType::Long, key});
    Relation result = pipeline(body, &elements);
    const Column* group = result.find(group_column);
    if (!group)
        fail_unsupported(body.at, "This operator inside of mv-apply or partition");
    const std::string group_id = group->id;
    std::erase_if(result.columns, [&](const Column& c) { return c.name == group_column; });
    if (!made)
        return result;
    // Columns of the outer row that the subquery did not keep or replace come back by the number of the row.
    Relation joined;
    std::vector<std::string> parts;
    for (const Column& column : outer.columns) {
        const bool replaced =
            std::find(made->begin(), made->end(), column.name) != made->end() || result.find(column.name);
        if (replaced)
            continue;
        joined.columns.push_back({column.name, column.type, fresh()});
        parts.push_back(fmt::format("o.{} AS {}", column.id, joined.columns.back().id));
    }
    for (const Column& column : result.columns) {
        joined.columns.push_back({column.name, column.type, fresh()});
        parts.push_back(fmt::format("i.{} AS {}", column.id, joined.columns.back().id));
    }
    const std::string group_order = fresh();
    parts.push_back(fmt::format("i.{} AS {}", group_id, group_order));
    joined.order.push_back({group_order});
    for (const OrderKey& one : result.order) {
        const std::string id = fresh();
        parts.push_back(fmt::format("i.{} AS {}", one.id, id));
        joined.order.push_back({id, one.descending, one.nulls_first});
    }
    // Outer columns come first in their own order, as the row had them.
    std::vector<Column> arranged;
    for (const Column& column : outer.columns)
        if (const Column* found = joined.find(column.name))
            arranged.push_back(*found);
    for (const Column& column : joined.columns)
        if (std::none_of(arranged.begin(), arranged.end(), [&](const Column& c) { return c.name == column.name; }))
            arranged.push_back(column);
    joined.columns = std::move(arranged);
    joined.serialized = true;
    joined.sql = fmt::format("SELECT {} FROM ({}) AS o JOIN ({}) AS i ON o.{} = i.{}", sql::join(parts), outer.sql,
                             result.sql, key, group_id);
    return joined;
}

Relation Binder::partition(const ast::Operator&, const ast::Partition& node, Relation input) {
    Scalar by;
    {
        const WithRow row(*this, {.relation = &input});
        by = scalar(*node.by);
    }
    if (node.body->source)
        return partition_of_source(*node.body, by.name, by, std::move(input));
    const std::string key = fresh();
    input.sql = fmt::format("SELECT *, dense_rank() OVER (ORDER BY {}) AS {} FROM ({})", by.sql, key, input.sql);
    const Relation outer;
    Relation result = grouped_subquery(*node.body, std::move(input), outer, key, nullptr);
    result.serialized = false;
    return result;
}

/// `partition by Key { Source | ... }`: the source once for each value of the key, which the subquery may name.
Relation Binder::partition_of_source(const ast::Pipeline& body, const std::string& name, const Scalar& by,
                                     Relation input) {
    const ast::Expr& whole = *body.source;
    const bool piped = whole.kind == ExprKind::Tabular;
    const std::string key = fresh(), group_column = "\x01" + fresh();
    const std::string keys = fmt::format("SELECT DISTINCT {} AS {} FROM ({})", by.sql, key, input.sql);
    const WithRow none(*this, Row{});
    std::size_t next = 0;
    Relation rows;
    if (!piped || whole.pipeline->source)
        rows = bind_table(piped ? *whole.pipeline->source : whole);
    else
        rows = source(whole.pipeline->operators.at(next++));
    rows.sql = fmt::format("SELECT * FROM ({}), ({})", rows.sql, keys);
    rows.columns.push_back({group_column, by.type, key});
    rows.has_row_facts = false;
    const auto saved = partition_keys_;
    if (!name.empty())
        partition_keys_[name] = group_column;
    struct Restore {
        Binder& binder;
        decltype(saved) keys;
        ~Restore() { binder.partition_keys_ = std::move(keys); }
    } restore{*this, saved};
    for (; piped && next < whole.pipeline->operators.size(); ++next)
        rows = apply(whole.pipeline->operators[next], std::move(rows));
    if (!rows.find(group_column))
        fail_unsupported(body.at, "This operator inside of partition");
    std::erase_if(rows.columns, [&](const Column& c) { return c.name == group_column; });
    rows.serialized = false;
    return rows;
}

} // namespace sluice::kql
