#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::kql {

std::string Relation::order_by() const {
    std::string out;
    for (const OrderKey& key : order)
        out += fmt::format("{}{}{} NULLS {}", out.empty() ? "" : ", ", key.id, key.descending ? " DESC" : "",
                           key.nulls_first ? "FIRST" : "LAST");
    return out;
}

Relation Binder::pipeline(const ast::Pipeline& node, const Relation* input, std::size_t most) {
    const Nested nested(*this, node.at);
    Relation relation;
    std::size_t next = 0;
    if (node.source) {
        relation = bind_table(*node.source);
    } else if (input) {
        relation = *input;
    } else {
        if (node.operators.empty())
            fail_semantic(node.at, "A table is expected here", "SEM0023");
        relation = source(node.operators.front());
        next = 1;
    }
    for (; next < std::min(most, node.operators.size()); ++next) {
        const ast::Operator& op = node.operators[next];
        try {
            relation = apply(op, std::move(relation));
        } catch (Failure& failure) {
            // The reference names the operator in which a name means nothing.
            if (failure.code == "SEM0100" && failure.message.starts_with("Failed to resolve"))
                failure.message = fmt::format("'{}' operator: {}", op.name, failure.message);
            throw;
        }
        check_size(relation.sql, op.at);
    }
    return relation;
}

/// Operators that make rows without an input.
Relation Binder::source(const ast::Operator& op) {
    if (const auto* list = std::get_if<ast::ColumnList>(&op.node); list && op.name == "print")
        return print(*list);
    if (const auto* node = std::get_if<ast::Range>(&op.node))
        return range(*node);
    if (const auto* node = std::get_if<ast::Datatable>(&op.node))
        return datatable(*node);
    if (const auto* node = std::get_if<ast::Search>(&op.node))
        return search(op, *node, std::nullopt);
    if (const auto* node = std::get_if<ast::Union>(&op.node))
        return union_of(op, *node, std::nullopt);
    if (const auto* node = std::get_if<ast::Evaluate>(&op.node); node && op.name == "evaluate")
        return evaluate(op, *node, Relation{});
    if (op.name == "externaldata" || op.name == "external_data" || op.name == "inline_external_table")
        fail_unsupported(
            op.at, fmt::format("Operator '{}' (a query reads no storage of its own; ingest the data first)", op.name));
    if (std::holds_alternative<ast::Opaque>(op.node))
        fail_unsupported(op.at, fmt::format("Operator '{}'", op.name));
    fail_semantic(op.at, fmt::format("Operator '{}' needs rows to work on: a table in front of it", op.name),
                  "SEM0023");
}

/// Operators on a graph; nothing when the operator is one on tables and the input is a table.
std::optional<Relation> Binder::graph_operator(const ast::Operator& op, const Relation& input) {
    const bool of_graph = op.name.starts_with("graph-");
    if (of_graph != (input.graph != nullptr) && op.name != "as")
        fail_semantic(op.at,
                      of_graph ? fmt::format("Operator '{}' needs a graph: make-graph makes one", op.name)
                               : fmt::format("Operator '{}' needs a table, its input is a graph", op.name),
                      "SEM0023");
    if (!of_graph)
        return std::nullopt;
    if (const auto* node = std::get_if<ast::GraphMatch>(&op.node))
        return graph_match(op, *node, input);
    if (const auto* node = std::get_if<ast::GraphToTable>(&op.node))
        return graph_to_table(*node, input);
    if (const auto* node = std::get_if<ast::Where>(&op.node))
        return graph_where(op, *node, input);
    if (op.name == "graph-mark-components")
        return graph_mark_components(op, input);
    fail_unsupported(op.at, fmt::format("Operator '{}'", op.name));
}

Relation Binder::apply(const ast::Operator& op, Relation input) {
    if (input.graph || op.name.starts_with("graph-"))
        if (auto result = graph_operator(op, input))
            return std::move(*result);
    return std::visit(
        [&]<class Node>(const Node& node) -> Relation {
            if constexpr (std::is_same_v<Node, ast::Where>)
                return where(node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::ColumnList>)
                return columns_operator(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Summarize>)
                return summarize(node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Sort>)
                return sort(node.keys, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Top>)
                return top(node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Take>)
                return take(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Join>)
                return op.name == "lookup" ? lookup(op, node, std::move(input)) : join(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Union>)
                return union_of(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::MvExpand>)
                return op.name == "mv-apply" ? mv_apply(op, node, std::move(input))
                                             : mv_expand(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::MakeSeries>)
                return make_series(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Search>)
                return search(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Scan>)
                return scan_rows(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::TopNested>)
                return top_nested(node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::MakeGraph>)
                return make_graph(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Reduce>)
                return reduce(node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Partition>)
                return partition(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Parse>)
                return parse(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::ParseKv>)
                return parse_kv(op, node, std::move(input));
            else if constexpr (std::is_same_v<Node, ast::Evaluate>) {
                if (op.name == "invoke")
                    return invoke(node, std::move(input));
                return evaluate(op, node, std::move(input));
            } else if constexpr (std::is_same_v<Node, ast::Render>) {
                render(op, node);
                return std::move(input);
            } else if constexpr (std::is_same_v<Node, ast::As>) {
                if (op.name == "count") {
                    Relation counted = count(std::move(input));
                    counted.columns.front().name = node.name;
                    return counted;
                }
                return as(node, std::move(input));
            } else if constexpr (std::is_same_v<Node, ast::Nothing>) {
                if (op.name == "count")
                    return count(std::move(input));
                if (op.name == "getschema")
                    return getschema(op, std::move(input));
                return limited(std::move(input), "0"); // consume
            } else if constexpr (std::is_same_v<Node, ast::Fork> || std::is_same_v<Node, ast::Facet>)
                fail_semantic(op.at, fmt::format("Operator '{}' has to be the last of the query", op.name), "SEM0025");
            else
                fail_unsupported(op.at, fmt::format("Operator '{}'", op.name));
        },
        op.node);
}

Relation Binder::where(const ast::Where& node, Relation input) {
    used_window_ = false;
    Scalar condition;
    {
        const WithRow row(*this, {.relation = &input});
        condition = boolean(*node.condition);
    }
    if (used_window_) {
        // SQL computes windows after its WHERE, so the condition becomes a column first.
        const std::string id = fresh();
        input.sql = fmt::format("SELECT *, {} AS {} FROM ({})", condition.sql, id, input.sql);
        condition = {.type = ScalarType::Bool, .sql = id};
    }
    return filtered(std::move(input), condition);
}

Relation Binder::filtered(Relation input, const Scalar& condition) {
    input.sql = fmt::format("SELECT * FROM ({}) WHERE {}", input.sql, condition.as_filter());
    return input;
}

Relation Binder::limited(Relation input, const std::string& limit_sql) {
    const std::string order = input.order_by();
    const std::string group = group_ids(input);
    if (group.empty()) {
        input.sql = fmt::format("SELECT * FROM ({}){}{} LIMIT {}", input.sql, order.empty() ? "" : " ORDER BY ", order,
                                limit_sql);
        return input;
    }
    const std::string number = fresh();
    input.sql =
        fmt::format("SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {}{}{}) AS {} FROM ({})) WHERE {} <= {}",
                    group, order.empty() ? "" : " ORDER BY ", order, number, input.sql, number, limit_sql);
    return input;
}

/// Ids of the columns that keep the rows of an outer row or partition together, separated by commas.
std::string Binder::group_ids(const Relation& relation) const {
    std::string ids;
    for (const Column& column : relation.columns)
        if (column.is_group())
            ids += (ids.empty() ? "" : ", ") + column.id;
    return ids;
}

namespace {

std::string limit_of(const Scalar& count, Offset at) {
    if (count.type != ScalarType::Long && count.type != ScalarType::Int && count.type != ScalarType::Real)
        fail_semantic(at, "The number of rows has to be a number", "SEM0031");
    if (count.constant && count.constant->type == ScalarType::Real) {
        // No table has more rows; what is not a number asks for none.
        constexpr double kAll = 1e18;
        const double rows = std::isnan(count.constant->real) ? 0 : std::clamp(count.constant->real, 0.0, kAll);
        return std::to_string(static_cast<std::int64_t>(rows));
    }
    if (count.constant)
        return std::to_string(std::max<std::int64_t>(0, count.constant->integer));
    return fmt::format("(SELECT greatest(0, CAST({} AS BIGINT)))", count.sql);
}

} // namespace

Relation Binder::take(const ast::Operator& op, const ast::Take& node, Relation input) {
    if (op.name == "sample-distinct")
        return sample_distinct(node, std::move(input));
    if (op.name == "top-hitters")
        return top_hitters(node, std::move(input));
    const std::string limit = limit_of(scalar(*node.count), node.count->at);
    if (op.name == "sample") {
        input.order = {{fresh()}};
        input.sql = fmt::format("SELECT *, random() AS {} FROM ({})", input.order.front().id, input.sql);
        input = limited(std::move(input), limit);
        input.order.clear();
        return input;
    }
    return limited(std::move(input), limit);
}

Relation Binder::sample_distinct(const ast::Take& node, Relation input) {
    const std::string limit = limit_of(scalar(*node.count), node.count->at);
    const WithRow row(*this, {.relation = &input});
    Scalar value = scalar(*node.of);
    std::string name = value.name.empty() ? "Column1" : value.name;
    return limited(select(input, {{std::move(name), std::move(value), nullptr}}, "DISTINCT "), limit);
}

Relation Binder::sort(const std::vector<ast::SortKey>& keys, Relation input) {
    std::vector<OrderKey> order;
    std::vector<std::string> computed;
    {
        const WithRow row(*this, {.relation = &input});
        for (const ast::SortKey& key : keys) {
            Scalar value = scalar(*key.value);
            if (value.type == ScalarType::Dynamic)
                value.sql = fmt::format("kql_dynamic_sort_key({})", value.sql);
            // Nulls come first going up and last going down, unless asked otherwise. What is not a number stands beside
            // them, whatever the direction.
            const bool nulls_first = key.nulls_first.value_or(!key.descending);
            const bool may_be_nan = value.type == ScalarType::Real && !value.constant;
            order.push_back({fresh(), key.descending, nulls_first});
            computed.push_back(may_be_nan ? fmt::format("CASE WHEN isnan({0}) THEN NULL ELSE {0} END AS {1}", value.sql,
                                                        order.back().id)
                                          : fmt::format("{} AS {}", value.sql, order.back().id));
            // Behind the value, which decides nearly always: the search for the top rows compares one key then.
            if (may_be_nan) {
                order.push_back({fresh(), nulls_first, nulls_first});
                computed.push_back(fmt::format("isnan({}) AS {}", value.sql, order.back().id));
            }
        }
    }
    // Rows that tie keep the order they had.
    order.insert(order.end(), input.order.begin(), input.order.end());
    input.sql = fmt::format("SELECT *, {} FROM ({})", sql::join(computed), input.sql);
    input.order = std::move(order);
    input.serialized = true;
    input.sorted = true;
    return input;
}

/// The first rows of a whole table by a column of real numbers. DuckDB's search skips what the bound of a plain column
/// rules out, but its order has what is not a number at the wrong end: so numbers, nulls and what is not a number are
/// searched apart, and statistics answer for the last two where the column has none.
Relation Binder::top_real(const Column& by, const std::string& limit, bool descending, bool nulls_first,
                          Relation input) {
    const std::string key = fresh(), no_number = fresh();
    const auto some = [&](std::string_view value, std::string_view is_nan, std::string_view which,
                          std::string_view order) {
        return fmt::format("SELECT * FROM (SELECT *, {} AS {}, {} AS {} FROM ({}) WHERE {}{} LIMIT {})", value, key,
                           is_nan, no_number, input.sql, which, order, limit);
    };
    constexpr std::string_view kInfinity = "'Infinity'::DOUBLE", kNull = "NULL::DOUBLE";
    input.sql = fmt::format("{} UNION ALL {} UNION ALL {}",
                            some(by.id, "false", fmt::format("{} <= {}", by.id, kInfinity),
                                 fmt::format(" ORDER BY {}{}", by.id, descending ? " DESC" : "")),
                            some(kNull, "NULL::BOOLEAN", fmt::format("{} IS NULL", by.id), ""),
                            some(kNull, "true", fmt::format("{} > {}", by.id, kInfinity), ""));
    input.order = {{key, descending, nulls_first}, {no_number, nulls_first, nulls_first}};
    input.serialized = input.sorted = true;
    return limited(std::move(input), limit);
}

Relation Binder::top(const ast::Top& node, Relation input) {
    const std::string limit = limit_of(scalar(*node.count), node.count->at);
    if (options_.rewrites && input.is_scan() && group_ids(input).empty() && scalar(*node.count).constant) {
        const WithRow row(*this, {.relation = &input});
        const Scalar value = scalar(*node.key.value);
        const auto column = std::find_if(input.columns.begin(), input.columns.end(),
                                         [&](const Column& one) { return one.id == value.sql; });
        if (value.type == ScalarType::Real && column != input.columns.end()) {
            const Column by = *column;
            return top_real(by, limit, node.key.descending, node.key.nulls_first.value_or(!node.key.descending),
                            std::move(input));
        }
    }
    std::vector<ast::SortKey> keys(1);
    keys[0].descending = node.key.descending;
    keys[0].nulls_first = node.key.nulls_first;
    // The key is borrowed for the call only.
    keys[0].value.reset(node.key.value.get());
    struct GiveBack {
        ast::ExprPtr& pointer;
        ~GiveBack() { (void)pointer.release(); }
    } give_back{keys[0].value};
    return limited(sort(keys, std::move(input)), limit);
}

/// The number of rows as the only column of `result`.
Relation Binder::count_of(const Relation& input, Relation result) const {
    const std::string& id = result.columns[0].id;
    if (options_.rewrites && input.is_scan())
        result.sql = fmt::format("SELECT * FROM ({}) AS counted({})", input.scan_count, id);
    else
        result.sql = fmt::format("SELECT count(*) AS {} FROM ({})", id, input.sql);
    return result;
}

Relation Binder::count(Relation input) {
    Relation result;
    result.columns.push_back({"Count", ScalarType::Long, fresh()});
    const std::string group = group_ids(input);
    if (group.empty())
        return count_of(input, std::move(result));
    std::vector<std::string> parts{fmt::format("count(*) AS {}", result.columns[0].id)};
    for (const Column& column : input.columns)
        if (column.is_group()) {
            result.columns.push_back(column);
            parts.push_back(column.id);
        }
    result.sql = fmt::format("SELECT {} FROM ({}) GROUP BY {}", sql::join(parts), input.sql, group);
    return result;
}

Relation Binder::getschema(const ast::Operator& op, Relation input) {
    Relation result;
    std::erase_if(input.columns, [](const Column& column) { return column.is_group(); });
    if (const ast::Property* kind = op.property("kind"); kind && kind->value == "csl") {
        std::string schema;
        for (const Column& column : input.columns)
            schema += fmt::format("{}{}:{}", schema.empty() ? "" : ",", column.name, data::to_string(column.type));
        result.columns = {{"Schema", ScalarType::String, fresh()}};
        result.sql = fmt::format("SELECT {} AS {}", sql::text(schema), result.columns[0].id);
        return result;
    }
    result.columns = {{"ColumnName", ScalarType::String, fresh()},
                      {"ColumnOrdinal", ScalarType::Long, fresh()},
                      {"DataType", ScalarType::String, fresh()},
                      {"ColumnType", ScalarType::String, fresh()}};
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < input.columns.size(); ++i)
        rows.push_back(fmt::format("({}, {}, {}, {})", sql::text(input.columns[i].name), i,
                                   sql::text(data::net_name(input.columns[i].type)),
                                   sql::text(data::to_string(input.columns[i].type))));
    std::vector<std::string> ids;
    for (const Column& column : result.columns)
        ids.push_back(column.id);
    result.sql = fmt::format("SELECT * FROM (VALUES {}) AS s({})", rows.empty() ? "('', 0, '', '')" : sql::join(rows),
                             sql::join(ids));
    if (rows.empty())
        result.sql += " LIMIT 0";
    result.order.push_back({result.columns[1].id});
    return result;
}

/// `as Name`: the rows under a name, for the operators behind it and as the name of the result.
Relation Binder::as(const ast::As& node, Relation input) {
    input = stored(std::move(input), false);
    scope_->names[node.name] = input;
    result_name_ = node.name;
    return input;
}

/// Property names as the wire shows them (rest-api 5.1).
void Binder::render(const ast::Operator& op, const ast::Render& node) {
    static constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"title", "Title"},
                                                                               {"xcolumn", "XColumn"},
                                                                               {"series", "Series"},
                                                                               {"ycolumns", "YColumns"},
                                                                               {"anomalycolumns", "AnomalyColumns"},
                                                                               {"xtitle", "XTitle"},
                                                                               {"ytitle", "YTitle"},
                                                                               {"xaxis", "XAxis"},
                                                                               {"yaxis", "YAxis"},
                                                                               {"legend", "Legend"},
                                                                               {"ysplit", "YSplit"},
                                                                               {"accumulate", "Accumulate"},
                                                                               {"kind", "Kind"},
                                                                               {"ymin", "Ymin"},
                                                                               {"ymax", "Ymax"},
                                                                               {"xmin", "Xmin"},
                                                                               {"xmax", "Xmax"}};
    visualization_["Visualization"] = node.chart;
    for (const ast::Property& property : op.properties)
        for (const auto& [written, shown] : kNames)
            if (property.name == written)
                visualization_[std::string(shown)] = property.value;
}

} // namespace sluice::kql
