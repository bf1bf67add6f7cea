#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

namespace sluice::kql {

Relation Binder::print(const ast::ColumnList& node) {
    Relation result;
    std::vector<std::string> parts;
    int number = 0;
    const Relation nothing;
    const WithRow row(*this, {.relation = &nothing});
    for (const ast::NamedExpr& item : node.columns) {
        if (auto columns = several(*item.value)) {
            // Without names all of them, otherwise as many as there are names.
            const std::size_t count = item.names.empty() ? columns->size() : item.names.size();
            for (std::size_t i = 0; i < count && i < columns->size(); ++i) {
                const Scalar& one = (*columns)[i].second;
                result.columns.push_back({item.names.empty() ? (*columns)[i].first : item.names[i], one.type, fresh()});
                parts.push_back(fmt::format("{} AS {}", one.sql, result.columns.back().id));
            }
            ++number;
            continue;
        }
        const Scalar value = scalar(*item.value);
        if (item.names.size() > 1) {
            for (std::size_t i = 0; i < item.names.size(); ++i) {
                const Scalar one = element(value, fmt::format("'$[{}]'", i));
                result.columns.push_back({item.names[i], one.type, fresh()});
                parts.push_back(fmt::format("{} AS {}", one.sql, result.columns.back().id));
            }
            ++number;
            continue;
        }
        std::string name = item.names.empty() ? fmt::format("print_{}", number) : item.names.front();
        if (result.find(name)) {
            int suffix = 1;
            while (result.find(name + std::to_string(suffix)))
                ++suffix;
            name += std::to_string(suffix);
        }
        ++number;
        result.columns.push_back({std::move(name), value.type, fresh()});
        parts.push_back(fmt::format("{} AS {}", value.sql, result.columns.back().id));
    }
    result.sql = "SELECT " + sql::join(parts);
    result.serialized = true;
    return result;
}

/// `range x from a to b step c`. Ends where the next value would pass the end.
Relation Binder::range(const ast::Range& node) {
    using enum ScalarType;
    Scalar from = scalar(*node.from);
    Scalar to = scalar(*node.to);
    Scalar step = scalar(*node.step);
    const auto undynamic = [&](Scalar& value) {
        if (value.type == Dynamic)
            value = convert(std::move(value), Long);
    };
    undynamic(from);
    undynamic(to);
    undynamic(step);
    const bool times = from.type == DateTime || from.type == TimeSpan;
    const bool real = !times && (from.type == Real || to.type == Real || step.type == Real);
    if (times ? step.type != TimeSpan || to.type != from.type
              : from.type == String || to.type == String || step.type == String)
        fail_semantic(node.from->at, "'range' operator: from, to and step do not fit together", "SEM0064");
    Relation result;
    const std::string counter = fresh();
    result.columns.push_back({node.name,
                              times                                                    ? from.type
                              : real                                                   ? Real
                              : from.type == Decimal                                   ? Decimal
                              : from.type == Int && to.type == Int && step.type == Int ? Int
                                                                                       : Long,
                              fresh()});
    const auto number = [&](const Scalar& s) {
        return real ? fmt::format("CAST({} AS DOUBLE)", s.sql) : fmt::format("CAST({} AS BIGINT)", s.sql);
    };
    const std::string a = number(from), b = number(to), c = number(step);
    const std::string steps = real ? fmt::format("CAST(floor(({} - {}) / {} + 1e-9) AS BIGINT)", b, a, c)
                                   : fmt::format("(({} - {}) // {})", b, a, c);
    result.sql = fmt::format("SELECT {0} + {1} * {2} AS {3}, {1} AS {1}o FROM (SELECT "
                             "unnest(generate_series(0::BIGINT, CASE WHEN {2} = 0 OR ({4} - {0}) / {2} < 0 "
                             "THEN -1 ELSE {5} END)) AS {1})",
                             a, counter, c, result.columns[0].id, b, steps);
    result.order.push_back({counter + "o"});
    result.serialized = true;
    return result;
}

std::vector<Column> Binder::declared_columns(const std::vector<ast::ColumnDeclaration>& columns) {
    std::vector<Column> result;
    for (const ast::ColumnDeclaration& column : columns)
        result.push_back({column.name, type_named(column.type, column.at), fresh()});
    return result;
}

Relation Binder::datatable(const ast::Datatable& node) {
    Relation result;
    result.columns = declared_columns(node.columns);
    result.serialized = true;
    const std::size_t width = result.columns.size();
    if (width == 0 || node.values.size() % width != 0)
        fail_semantic(
            node.values.empty() ? 0 : node.values.back()->at,
            fmt::format("'datatable' operator: the number of values ({}) is no multiple of the number of columns ({})",
                        node.values.size(), width),
            "SEM0032");
    const std::string order = fresh();
    std::vector<std::string> ids, first;
    for (const Column& column : result.columns)
        ids.push_back(column.id);
    ids.push_back(order);
    std::vector<std::string> rows;
    for (std::size_t row = 0; row * width < node.values.size(); ++row) {
        std::string text = "(";
        for (std::size_t i = 0; i < width; ++i) {
            const ast::Expr& expr = *node.values[row * width + i];
            Scalar value = scalar(expr);
            if (value.type != result.columns[i].type)
                value = convert(std::move(value), result.columns[i].type);
            text += value.sql;
            text += ", ";
        }
        text += std::to_string(row) + ")";
        rows.push_back(std::move(text));
    }
    if (rows.empty()) {
        std::vector<std::string> nulls;
        for (const Column& column : result.columns)
            nulls.push_back(sql::null_of(column.type));
        nulls.emplace_back("0");
        result.sql = fmt::format("SELECT * FROM (VALUES ({})) AS d({}) LIMIT 0", sql::join(nulls), sql::join(ids));
    } else {
        // A column of nulls only has no type of its own.
        std::vector<std::string> casts;
        for (const Column& column : result.columns)
            casts.push_back(fmt::format("CAST({0} AS {1}) AS {0}", column.id, sql::physical_type(column.type)));
        casts.push_back(order);
        result.sql =
            fmt::format("SELECT {} FROM (VALUES {}) AS d({})", sql::join(casts), sql::join(rows), sql::join(ids));
    }
    result.order.push_back({order});
    return result;
}

} // namespace sluice::kql
