#include "core/kql/bind.hpp"
#include "core/kql/graph.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

const Column& column_named(const Relation& relation, const std::string& name, Offset at) {
    const Column* found = relation.find(name);
    if (!found)
        fail_semantic(at, fmt::format("'make-graph' operator: Failed to resolve column named '{}'", name));
    return *found;
}

} // namespace

/// The nodes: rows of the tables, one for each id, and ends of edges that no table knows.
Relation Binder::graph_nodes(const ast::Operator& op, const ast::MakeGraph& node, Graph& graph) {
    const std::string ends = fmt::format("SELECT {0} AS {2} FROM ({3}) UNION SELECT {1} FROM ({3})", graph.source,
                                         graph.target, graph.node, graph.edges.sql);
    const auto id_of = [&](const std::string& key) {
        return node.partition.empty() ? key : fmt::format("struct_extract({}, 'i')", key);
    };
    Relation result;
    graph.shown = id_of(graph.node);
    if (node.nodes.empty()) {
        result.sql = ends;
        if (const ast::Property* name = op.property("with_node_id")) {
            result.columns.push_back({name->value, graph.id_type, fresh()});
            result.sql = fmt::format("SELECT *, {} AS {} FROM ({})", graph.shown, result.columns[0].id, ends);
        }
        return result;
    }
    const std::string key_name = "\x02key";
    std::vector<std::pair<std::string, Relation>> tables;
    std::string id_name;
    for (const ast::GraphNodes& one : node.nodes) {
        const WithRow none(*this, Row{});
        Relation table = bind_table(*one.table);
        const Column& id = column_named(table, one.id->text, one.id->at);
        if (id.type != graph.id_type)
            fail_semantic(one.id->at, "'make-graph' operator: ids of nodes and of edges differ in type", "SEM0064");
        if (id_name.empty())
            id_name = id.name;
        const std::string key = fresh();
        std::string value = id.id;
        if (!node.partition.empty())
            value = fmt::format("{{'p': {}, 'i': {}}}", column_named(table, node.partition, op.at).id, id.id);
        table.sql = fmt::format("SELECT *, {} AS {} FROM ({})", value, key, table.sql);
        table.columns.push_back({key_name, graph.id_type, key});
        tables.emplace_back("", std::move(table));
    }
    const Relation rows = union_rows(std::move(tables), false, "");
    const std::string key = rows.find(key_name)->id;
    std::vector<std::string> merged{fmt::format("{} AS {}", key, graph.node)}, missing{graph.node};
    for (const Column& column : rows.columns) {
        if (column.name == key_name)
            continue;
        result.columns.push_back({column.name, column.type, fresh()});
        merged.push_back(fmt::format("any_value({}) AS {}", column.id, result.columns.back().id));
        missing.push_back(column.name == id_name ? id_of(graph.node) : sql::null_of(column.type));
    }
    const std::string known = "t" + fresh();
    stored_.push_back(
        fmt::format("{} AS MATERIALIZED (SELECT {} FROM ({}) GROUP BY {})", known, sql::join(merged), rows.sql, key));
    result.sql = fmt::format("SELECT * FROM {0} UNION ALL SELECT {1} FROM ({2}) WHERE {3} NOT IN (SELECT {3} FROM {0})",
                             known, sql::join(missing), ends, graph.node);
    return result;
}

Relation Binder::make_graph(const ast::Operator& op, const ast::MakeGraph& node, Relation input) {
    auto graph = std::make_shared<Graph>();
    const Column& source = column_named(input, node.source->text, node.source->at);
    const Column& target = column_named(input, node.target->text, node.target->at);
    if (source.type != target.type)
        fail_semantic(node.target->at, "'make-graph' operator: both ends of an edge have to be of one type", "SEM0064");
    graph->id_type = source.type;
    graph->node = fresh();
    graph->edge = fresh();
    graph->source = fresh();
    graph->target = fresh();
    const auto key = [&](const Column& id) {
        return node.partition.empty()
                   ? id.id
                   : fmt::format("{{'p': {}, 'i': {}}}", column_named(input, node.partition, op.at).id, id.id);
    };
    graph->edges = input;
    graph->edges.order.clear();
    graph->edges.sql = fmt::format("SELECT *, row_number() OVER () AS {}, {} AS {}, {} AS {} FROM ({})", graph->edge,
                                   key(source), graph->source, key(target), graph->target, input.sql);
    graph->edges = stored(std::move(graph->edges), true);
    graph->nodes = stored(graph_nodes(op, node, *graph), true);
    Relation result;
    result.graph = std::move(graph);
    result.sql = "SELECT 1 LIMIT 0";
    return node.body ? pipeline(*node.body, &result) : result;
}

/// graph-where-nodes, graph-where-edges: a smaller graph. An edge goes with either of its ends.
Relation Binder::graph_where(const ast::Operator& op, const ast::Where& node, const Relation& input) {
    auto graph = std::make_shared<Graph>(*input.graph);
    const bool nodes = op.name == "graph-where-nodes";
    Relation& part = nodes ? graph->nodes : graph->edges;
    {
        GraphNames names{.graph = &*input.graph, .nodes = {}, .paths = {}, .here = nodes ? graph->node : ""};
        const WithRow row(*this, {.relation = &part, .graph = &names});
        part = filtered(part, boolean(*node.condition));
    }
    part = stored(std::move(part), true);
    if (nodes)
        graph->edges = stored(
            [&] {
                Relation edges = graph->edges;
                edges.sql =
                    fmt::format("SELECT * FROM ({0}) WHERE {1} IN (SELECT {3} FROM ({4})) AND {2} IN (SELECT {3} "
                                "FROM ({4}))",
                                edges.sql, graph->source, graph->target, graph->node, graph->nodes.sql);
                return edges;
            }(),
            true);
    Relation result;
    result.sql = input.sql;
    result.graph = std::move(graph);
    return result;
}

/// graph-mark-components: every node with the number of the part of the graph that it is connected to.
Relation Binder::graph_mark_components(const ast::Operator& op, const Relation& input) {
    auto graph = std::make_shared<Graph>(*input.graph);
    const ast::Property* kind = op.property("kind");
    const bool strong = kind && kind->value == "strong";
    const ast::Property* name = op.property("with_component_id");
    const std::string reach = "t" + fresh(), component = fresh();
    const std::string steps =
        strong ? fmt::format("SELECT {} AS a, {} AS b FROM ({})", graph->source, graph->target, graph->edges.sql)
               : fmt::format("SELECT {0} AS a, {1} AS b FROM ({2}) UNION SELECT {1}, {0} FROM ({2})", graph->source,
                             graph->target, graph->edges.sql);
    stored_.push_back(
        fmt::format("{0}(a, b) AS (SELECT {1}, {1} FROM ({2}) UNION SELECT r.a, s.b FROM {0} AS r JOIN ({3}) AS "
                    "s ON s.a = r.b)",
                    reach, graph->node, graph->nodes.sql, steps));
    const std::string together =
        strong ? fmt::format(
                     "SELECT x.a, min(x.b) AS low FROM {0} AS x JOIN {0} AS y ON x.a = y.b AND x.b = y.a GROUP BY x.a",
                     reach)
               : fmt::format("SELECT a, min(b) AS low FROM {} GROUP BY a", reach);
    graph->nodes.sql =
        fmt::format("SELECT n.*, dense_rank() OVER (ORDER BY c.low) - 1 AS {} FROM ({}) AS n JOIN ({}) AS c ON "
                    "n.{} = c.a",
                    component, graph->nodes.sql, together, graph->node);
    std::erase_if(graph->nodes.columns,
                  [&](const Column& c) { return c.name == (name ? name->value : "ComponentId"); });
    graph->nodes.columns.push_back({name ? name->value : "ComponentId", ScalarType::Long, component});
    graph->nodes = stored(std::move(graph->nodes), true);
    Relation result;
    result.sql = input.sql;
    result.graph = std::move(graph);
    return result;
}

/// graph-to-table: the first part is the result; parts with a name can be used by the statements behind.
Relation Binder::graph_to_table(const ast::GraphToTable& node, const Relation& input) {
    const Graph& graph = *input.graph;
    std::optional<Relation> first;
    for (const ast::GraphToTable::Part& part : node.parts) {
        Relation table = part.nodes ? graph.nodes : graph.edges;
        std::ptrdiff_t place = 0; // the ids stand in front
        const auto add = [&](const std::string& name, const std::string& key) {
            if (name.empty())
                return;
            const std::string id = fresh();
            table.sql = fmt::format("SELECT *, CAST(hash({}) >> 1 AS BIGINT) AS {} FROM ({})", key, id, table.sql);
            table.columns.insert(table.columns.begin() + place++, {name, ScalarType::Long, id});
        };
        if (part.nodes) {
            add(part.id, graph.node);
        } else {
            add(part.source, graph.source);
            add(part.target, graph.target);
        }
        if (!part.name.empty())
            scope_->names[part.name] = table;
        if (!first)
            first = std::move(table);
    }
    return *first;
}

} // namespace sluice::kql
