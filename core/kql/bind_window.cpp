#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

using ast::Expr;
using enum ScalarType;

std::string Binder::window_order(Offset at, std::string_view function) {
    if (!row_.relation || !row_.relation->serialized)
        fail_semantic(at,
                      fmt::format("Function '{}' cannot be invoked in current context: the rows have to be serialized "
                                  "(sort, or serialize)",
                                  function),
                      "SEM0035");
    used_window_ = true;
    const std::string order = row_.relation->order_by();
    return order.empty() ? "" : "ORDER BY " + order;
}

Scalar Binder::window(const Expr& expr) {
    const std::string order = window_order(expr.at, expr.text);
    const std::string& name = expr.text;
    const auto argument = [&](std::size_t i) {
        return i < expr.args.size() ? std::optional(scalar(*expr.args[i])) : std::nullopt;
    };
    const std::string outer = row_.relation ? group_ids(*row_.relation) : "";
    const auto over = [&](std::string_view restart_group = "", std::string_view frame = "") {
        const std::string partition =
            fmt::format("{}{}{}", outer, outer.empty() || restart_group.empty() ? "" : ", ", restart_group);
        return fmt::format("OVER ({}{}{}{}{})", partition.empty() ? "" : "PARTITION BY ", partition,
                           partition.empty() || order.empty() ? "" : " ", order, frame);
    };
    // A restart flag begins a new group: the number of flags so far names it.
    const auto groups = [&](std::size_t i) -> std::string {
        const auto restart = argument(i);
        if (!restart)
            return "";
        if (restart->constant && restart->constant->integer == 0)
            return "";
        return restart->sql;
    };
    const auto grouped = [&](const std::string& restart) -> std::string {
        if (restart.empty())
            return "";
        // SQL does not nest windows, so the group number becomes a column of the relation below.
        Relation& relation = const_cast<Relation&>(*row_.relation);
        const std::string flag = fresh(), group = fresh();
        relation.sql = fmt::format("SELECT *, {} AS {} FROM ({})", restart, flag, relation.sql);
        relation.sql = fmt::format(
            "SELECT *, sum(CASE WHEN {} THEN 1 ELSE 0 END) OVER ({} ROWS UNBOUNDED PRECEDING) AS {} FROM ({})", flag,
            order, group, relation.sql);
        return group;
    };
    if (name == "prev" || name == "next") {
        const auto value = argument(0);
        if (!value)
            fail_semantic(expr.at, fmt::format("{}(): function expects 1 to 3 arguments", name), "SEM0219");
        const auto offset = argument(1);
        auto fallback = argument(2);
        if (fallback)
            fallback = coerce(std::move(*fallback), value->type, expr.at, "the default value");
        std::string sql =
            fmt::format("{}({}, {}{}{}) {}", name == "prev" ? "lag" : "lead", value->sql, offset ? offset->sql : "1",
                        fallback ? ", " : "", fallback ? fallback->sql : "", over());
        if (value->type == String)
            sql = fmt::format("COALESCE({}, '')", sql);
        return {.type = value->type, .sql = std::move(sql), .never_null = value->type == String};
    }
    if (name == "row_number") {
        const auto start = argument(0);
        const std::string group = grouped(groups(1));
        return {.type = Long,
                .sql = fmt::format("(row_number() {} + {} - 1)", over(group), start ? start->sql : "1"),
                .never_null = true};
    }
    if (name == "row_cumsum") {
        Scalar term = *argument(0);
        if (term.type == Dynamic)
            term = convert(std::move(term), Real);
        const std::string group = grouped(groups(1));
        return {.type = term.type,
                .sql = fmt::format("CAST(sum({}) {} AS {})", term.sql, over(group, " ROWS UNBOUNDED PRECEDING"),
                                   sql::physical_type(term.type))};
    }
    if (name == "row_rank_min" || name == "row_rank_dense" || name == "row_rank") {
        const Scalar term = *argument(0);
        const std::string restart = groups(1);
        const std::string group = grouped(restart);
        // A new rank wherever the value differs from that of the row before.
        Relation& relation = const_cast<Relation&>(*row_.relation);
        const std::string changed = fresh(), number = fresh();
        const std::string partition = group.empty() ? "" : fmt::format("PARTITION BY {} ", group);
        relation.sql = fmt::format("SELECT *, CASE WHEN row_number() OVER ({0}{1}) = 1 OR {2} IS DISTINCT FROM "
                                   "lag({2}) OVER ({0}{1}) THEN 1 ELSE 0 END AS {3}, "
                                   "row_number() OVER ({0}{1}) AS {4} FROM ({5})",
                                   partition, order, term.sql, changed, number, relation.sql);
        const std::string window = over(group, " ROWS UNBOUNDED PRECEDING");
        return {.type = Long,
                .sql = name == "row_rank_min"
                           ? fmt::format("max(CASE WHEN {} = 1 THEN {} END) {}", changed, number, window)
                           : fmt::format("CAST(sum({}) {} AS BIGINT)", changed, window),
                .never_null = true};
    }
    return row_window_session(expr, order);
}

/// A session depends on where it began, which no window of SQL can say: a function goes through all rows of a group.
Scalar Binder::row_window_session(const Expr& expr, const std::string& order) {
    expect_arguments(expr, 3, 4);
    const Scalar value = scalar(*expr.args[0]);
    if (value.type != DateTime && value.type != TimeSpan)
        fail_semantic(expr.at, "row_window_session(): the first argument has to be a datetime", "SEM0219");
    const Scalar from_first = typed(*expr.args[1], TimeSpan), from_last = typed(*expr.args[2], TimeSpan);
    const std::string restart = expr.args.size() > 3 ? boolean(*expr.args[3]).sql : "FALSE";
    Relation& relation = const_cast<Relation&>(*row_.relation);
    std::vector<std::string> groups;
    for (const Column& column : relation.columns)
        if (column.is_group())
            groups.push_back(column.id);
    const std::string by = sql::join(groups), comma = groups.empty() ? "" : ", ";
    const std::string number = fresh(), text = fresh(), list = fresh(), begin = fresh();
    const auto shown = [](const std::string& sql) { return fmt::format("COALESCE(CAST({} AS VARCHAR), 'null')", sql); };
    relation.sql =
        fmt::format("SELECT *, row_number() OVER ({}{} {}) AS {}, '[' || {} || CASE WHEN {} THEN ',1,' ELSE ',0,' "
                    "END || {} || ',' || {} || ']' AS {} FROM ({})",
                    groups.empty() ? "" : "PARTITION BY ", by, order, number, shown(value.sql), restart,
                    shown(from_first.sql), shown(from_last.sql), text, relation.sql);
    Relation numbered = stored(relation, true);
    std::string on = fmt::format("a.{0} = b.{0}", number);
    for (const std::string& group : groups)
        on += fmt::format(" AND a.{0} = b.{0}", group);
    relation.sql =
        fmt::format("SELECT a.*, b.{0} FROM ({1}) AS a JOIN (SELECT {2}{3}unnest({4}) AS {0}, unnest(range(1::BIGINT, "
                    "len({4}) + 1)) AS "
                    "{5} FROM (SELECT {2}{3}CAST(CAST(kql_row_sessions('[' || string_agg({6}, ',' ORDER BY {5}) || "
                    "']') AS JSON) AS "
                    "BIGINT[]) AS {4} FROM ({1}){7}{2})) AS b ON {8}",
                    begin, numbered.sql, by, comma, list, number, text, groups.empty() ? "" : " GROUP BY ", on);
    return {.type = value.type, .sql = begin};
}

} // namespace sluice::kql
