#include "core/kql/bind.hpp"
#include "core/kql/graph.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

/// Edges of a graph as steps from `a` to `b`, as the arrow of the pattern says.
std::string steps_of(const Graph& graph, const std::string& edges, int direction) {
    const auto view = [&](const std::string& from, const std::string& to, std::string_view where) {
        return fmt::format("SELECT *, {} AS a, {} AS b FROM ({}){}", from, to, edges, where);
    };
    if (direction > 0)
        return view(graph.source, graph.target, "");
    if (direction < 0)
        return view(graph.target, graph.source, "");
    return view(graph.source, graph.target, "") + " UNION ALL " +
           view(graph.target, graph.source, fmt::format(" WHERE {} <> {}", graph.source, graph.target));
}

/// Conditions `all(edge, test)` that every match has to fulfil: they narrow the search itself.
void required(const Expr& expr, std::map<std::string, std::vector<const Expr*>>& found) {
    if (expr.kind == ExprKind::Binary && expr.text == "and")
        for (const auto& arg : expr.args)
            required(*arg, found);
    if (expr.kind == ExprKind::Call && expr.text == "all" && expr.args.size() == 2 &&
        expr.args[0]->kind == ExprKind::Name)
        found[expr.args[0]->text].push_back(expr.args[1].get());
}

} // namespace

/// Paths of `least` to `most` edges as a table of WITH: their ends a and b, the edges and the nodes between.
std::string Binder::graph_paths(const Graph& graph, const ast::GraphEdge& edge, const std::string& edges,
                                std::string_view cycles) {
    const std::int64_t least = constant_long(*edge.least, "The number of edges");
    const std::int64_t most = constant_long(*edge.most, "The number of edges");
    if (least < 0 || most < least)
        fail_semantic(edge.at, "The bounds of the number of edges do not fit together", "SEM0025");
    const std::string name = "t" + fresh(), steps = steps_of(graph, edges, edge.direction);
    const std::string check = cycles == "all"    ? "TRUE"
                              : cycles == "none" ? "s.b <> p.a AND s.b <> p.b AND NOT list_contains(p.inner_, s.b)"
                                                 : fmt::format("NOT list_contains(p.edges_, s.{})", graph.edge);
    const std::string begin = least == 0
                                  ? fmt::format("SELECT {0}, {0}, CAST([] AS BIGINT[]), [{0}][1:0], 0 FROM ({1})",
                                                graph.node, graph.nodes.sql)
                                  : fmt::format("SELECT a, b, [{}], [a][1:0], 1 FROM ({}){}", graph.edge, steps,
                                                cycles == "none" ? " WHERE a <> b" : "");
    stored_.push_back(fmt::format(
        "{0}(a, b, edges_, inner_, length_) AS ({1} UNION ALL SELECT p.a, s.b, list_append(p.edges_, s.{2}), CASE WHEN "
        "p.length_ = 0 THEN p.inner_ ELSE list_append(p.inner_, p.b) END, p.length_ + 1 FROM {0} AS p JOIN ({3}) AS s "
        "ON s.a "
        "= p.b WHERE p.length_ < {4} AND {5})",
        name, begin, graph.edge, steps, most, check));
    return fmt::format("SELECT * FROM {} WHERE length_ >= {}", name, least);
}

/// graph-match and graph-shortest-paths: the pattern becomes a join of nodes, edges and paths.
Relation Binder::graph_match(const ast::Operator& op, const ast::GraphMatch& node, const Relation& input) {
    const Graph& graph = *input.graph;
    const bool shortest = op.name == "graph-shortest-paths";
    const ast::Property* asked = op.property("cycles");
    const std::string cycles = asked ? asked->value : shortest ? "none" : "unique_edges";
    if (cycles != "all" && cycles != "none" && cycles != "unique_edges")
        fail_semantic(op.at, "cycles has to be all, none or unique_edges", "SEM0025");
    std::map<std::string, std::vector<const Expr*>> conditions;
    if (node.where)
        required(*node.where, conditions);
    GraphNames names{.graph = &graph, .nodes = {}, .paths = {}, .here = {}};
    std::map<std::string, Relation> variables;
    std::vector<std::string> from, where, node_keys, single_edges, path_edges, lengths;
    const auto node_key = [&](const std::string& name) {
        if (const auto known = names.nodes.find(name); !name.empty() && known != names.nodes.end())
            return known->second;
        const std::string alias = "n" + fresh();
        from.push_back(fmt::format("({}) AS {}", graph.nodes.sql, alias));
        const std::string key = alias + "." + graph.node;
        node_keys.push_back(key);
        if (!name.empty()) {
            names.nodes[name] = key;
            for (const Column& column : graph.nodes.columns)
                variables[name].columns.push_back({column.name, column.type, alias + "." + column.id});
        }
        return key;
    };
    for (const ast::GraphPath& path : node.paths) {
        std::string left = node_key(path.nodes.front());
        for (std::size_t i = 0; i < path.edges.size(); ++i) {
            const ast::GraphEdge& edge = path.edges[i];
            std::string edges = graph.edges.sql;
            for (const Expr* test : conditions[edge.name]) {
                const WithRow row(*this, {.relation = &graph.edges});
                edges = fmt::format("SELECT * FROM ({}) WHERE {}", edges, boolean(*test).as_filter());
            }
            const std::string alias = "e" + fresh();
            if (edge.most) {
                from.push_back(fmt::format("({}) AS {}", graph_paths(graph, edge, edges, cycles), alias));
                path_edges.push_back(alias);
                lengths.push_back(alias + ".length_");
                if (!edge.name.empty())
                    names.paths[edge.name] = {alias + ".edges_", alias + ".inner_"};
            } else {
                from.push_back(fmt::format("({}) AS {}", steps_of(graph, edges, edge.direction), alias));
                single_edges.push_back(fmt::format("{}.{}", alias, graph.edge));
                if (!edge.name.empty()) {
                    names.paths[edge.name] = {fmt::format("[{}.{}]", alias, graph.edge),
                                              fmt::format("[{}][1:0]", left)};
                    for (const Column& column : graph.edges.columns)
                        variables[edge.name].columns.push_back({column.name, column.type, alias + "." + column.id});
                }
            }
            where.push_back(fmt::format("{}.a = {}", alias, left));
            left = node_key(path.nodes[i + 1]);
            where.push_back(fmt::format("{}.b = {}", alias, left));
        }
    }
    for (std::size_t i = 0; cycles == "unique_edges" && i < single_edges.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            where.push_back(fmt::format("{} <> {}", single_edges[i], single_edges[j]));
        for (const std::string& path : path_edges)
            where.push_back(fmt::format("NOT list_contains({}.edges_, {})", path, single_edges[i]));
    }
    for (std::size_t i = 0; i < path_edges.size() && cycles != "all"; ++i)
        for (std::size_t j = 0; j < i; ++j)
            where.push_back(fmt::format("NOT list_has_any({0}.{2}, {1}.{2})", path_edges[i], path_edges[j],
                                        cycles == "none" ? "inner_" : "edges_"));
    for (std::size_t i = 0; cycles == "none" && i < node_keys.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            where.push_back(fmt::format("{} <> {}", node_keys[i], node_keys[j]));
        for (const std::string& path : path_edges)
            where.push_back(fmt::format("NOT list_contains({}.inner_, {})", path, node_keys[i]));
    }
    // Properties of edges that repeat are arrays.
    for (const ast::GraphPath& path : node.paths)
        for (const ast::GraphEdge& edge : path.edges)
            if (edge.most && !edge.name.empty())
                for (const Column& column : graph.edges.columns)
                    variables[edge.name].columns.push_back(
                        {column.name, ScalarType::Dynamic,
                         graph_list(names, names.paths[edge.name].edges, false,
                                    fmt::format("COALESCE({}, 'null')", to_dynamic(column_of(column, "q.")).sql))});
    const Relation nothing;
    const WithRow row(*this, {.relation = &nothing, .steps = &variables, .graph = &names});
    if (node.where)
        where.push_back(boolean(*node.where).as_filter());
    std::string matches = sql::join(from);
    if (!where.empty())
        matches += " WHERE " + sql::join(where, " AND ");
    Relation result;
    std::vector<std::string> parts;
    int unnamed = 0;
    const auto give = [&](std::string name, const Scalar& value) {
        std::string unique = name;
        for (int suffix = 1; result.find(unique); ++suffix)
            unique = name + std::to_string(suffix);
        result.columns.push_back({std::move(unique), value.type, fresh()});
        parts.push_back(fmt::format("{} AS {}", value.sql, result.columns.back().id));
    };
    for (const ast::NamedExpr& item : node.project) {
        const Scalar value = scalar(*item.value);
        std::string name = !item.names.empty() ? item.names.front() : value.name;
        if (name.empty())
            name = fmt::format("Column{}", ++unnamed);
        give(std::move(name), value);
    }
    if (node.project.empty())
        for (const auto& [variable, relation] : variables)
            for (const Column& column : relation.columns)
                give(variable + "_" + column.name, column_of(column, ""));
    if (parts.empty())
        parts.emplace_back("1");
    result.sql = fmt::format("SELECT {} FROM {}", sql::join(parts), matches);
    if (shortest) {
        if (lengths.empty() || node.paths.size() != 1)
            fail_semantic(op.at,
                          "'graph-shortest-paths' operator: one sequence with an edge of variable length is expected",
                          "SEM0025");
        const ast::Property* output = op.property("output");
        result.sql += fmt::format(" QUALIFY {}() OVER (PARTITION BY {}, {} ORDER BY {}) = 1",
                                  output && output->value == "all" ? "rank" : "row_number", node_keys.front(),
                                  node_keys.back(), sql::join(lengths, " + "));
    }
    return result;
}

/// Array of what `item` gives for each edge or node of a list; `item` reads the columns of the row `q`.
std::string Binder::graph_list(const GraphNames& names, const std::string& list, bool nodes,
                               const std::string& item) const {
    const Graph& graph = *names.graph;
    return fmt::format("(SELECT '[' || COALESCE(string_agg({}, ',' ORDER BY u.o), '') || ']' FROM {})", item,
                       graph_items(graph, list, nodes));
}

std::string Binder::graph_items(const Graph& graph, const std::string& list, bool nodes) const {
    return fmt::format(
        "(SELECT unnest({0}) AS x, unnest(range(1::BIGINT, len({0}) + 1)) AS o) AS u JOIN ({1}) AS q ON q.{2} "
        "= u.x",
        list, nodes ? graph.nodes.sql : graph.edges.sql, nodes ? graph.node : graph.edge);
}

/// Functions of graphs: map, all, any, inner_nodes, node_degree_in, node_degree_out, node_id.
std::optional<Scalar> Binder::graph_call(const Expr& expr) {
    const GraphNames& names = *row_.graph;
    const Graph& graph = *names.graph;
    if (expr.text == "node_degree_in" || expr.text == "node_degree_out" || expr.text == "node_id") {
        expect_arguments(expr, 0, 1);
        std::string key = names.here;
        if (!expr.args.empty()) {
            const auto found = names.nodes.find(expr.args[0]->text);
            if (expr.args[0]->kind != ExprKind::Name || found == names.nodes.end())
                fail_semantic(expr.args[0]->at, fmt::format("{}(): a node of the pattern is expected", expr.text),
                              "SEM0025");
            key = found->second;
        }
        if (key.empty())
            fail_semantic(expr.at, fmt::format("{}(): a node of the pattern is expected", expr.text), "SEM0025");
        if (expr.text == "node_id") {
            const Scalar id{.type = graph.id_type,
                            .sql = graph.shown == graph.node ? key : fmt::format("struct_extract({}, 'i')", key)};
            return id;
        }
        return Scalar{.type = ScalarType::Long,
                      .sql = fmt::format("(SELECT count(*) FROM ({}) AS d WHERE d.{} = {})", graph.edges.sql,
                                         expr.text == "node_degree_in" ? graph.target : graph.source, key),
                      .never_null = true,
                      .name = expr.text};
    }
    if (expr.text == "labels")
        fail_unsupported(expr.at, "Function 'labels'");
    if ((expr.text != "map" && expr.text != "all" && expr.text != "any") || expr.args.size() != 2)
        return std::nullopt;
    const Expr& over = *expr.args[0];
    const bool nodes = over.kind == ExprKind::Call && over.text == "inner_nodes" && over.args.size() == 1;
    const Expr& variable = nodes ? *over.args[0] : over;
    const auto path = variable.kind == ExprKind::Name ? names.paths.find(variable.text) : names.paths.end();
    if (path == names.paths.end())
        fail_semantic(over.at, fmt::format("{}(): an edge of the pattern is expected", expr.text), "SEM0025");
    const std::string list = nodes ? path->second.inner : path->second.edges;
    GraphNames inner = names;
    inner.here = nodes ? "q." + graph.node : "";
    const WithRow row(
        *this,
        {.relation = nodes ? &graph.nodes : &graph.edges, .left_prefix = "q.", .steps = row_.steps, .graph = &inner});
    if (expr.text == "map")
        return Scalar{.type = ScalarType::Dynamic,
                      .sql = graph_list(names, list, nodes,
                                        fmt::format("COALESCE({}, 'null')", to_dynamic(scalar(*expr.args[1])).sql)),
                      .never_null = true,
                      .name = "map"};
    const bool all = expr.text == "all";
    return Scalar{.type = ScalarType::Bool,
                  .sql = fmt::format("COALESCE((SELECT bool_{}({}) FROM {}), {})", all ? "and" : "or",
                                     boolean(*expr.args[1]).as_filter(), graph_items(graph, list, nodes),
                                     all ? "TRUE" : "FALSE"),
                  .never_null = true};
}

} // namespace sluice::kql
