#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

std::string percent_name(double percent) {
    std::string text = fmt::format("{}", percent);
    for (char& c : text)
        if (c == '.')
            c = '_';
    return text;
}

} // namespace

/// A call of an aggregate function; nothing when it is none. Only inside summarize and its relatives.
std::optional<Scalar> Binder::aggregate(const Expr& expr) {
    const std::string& name = expr.text;
    const bool percentile = name == "percentile" || name == "percentilew" || name == "percentiles_array" ||
                            name == "percentilesw_array" || name == "percentiles" || name == "percentilesw";
    const bool by = name == "arg_max" || name == "arg_min" || name == "argmax" || name == "argmin";
    const auto rows = find_aggregate(name);
    if (rows.empty() && !percentile && !by && name != "tdigest")
        return std::nullopt;
    // max(...) and min(...) with several arguments are no aggregates.
    Row inner = row_;
    inner.aggregates = false;
    const WithRow row(*this, inner);
    used_aggregate_ = true;
    if (name == "tdigest")
        return tdigest(expr);
    if (percentile || by) {
        std::vector<std::string> names;
        if (by) {
            const Scalar of = scalar(*expr.args.at(0));
            return Scalar{.type = of.type,
                          .sql = fmt::format("{}({})", name.ends_with("max") ? "max" : "min", of.sql),
                          .name = of.name};
        }
        return percentile_list(expr, names).front();
    }
    std::vector<Scalar> args;
    for (const ast::ExprPtr& arg : expr.args) {
        if (arg->kind == ExprKind::Wildcard)
            fail_semantic(arg->at, fmt::format("Function '{}': '*' is not expected here", name), "SEM0022");
        args.push_back(scalar(*arg));
    }
    if (auto chosen = choose(rows, args))
        return aggregate_call(expr, *chosen->first, std::move(chosen->second));
    std::string types;
    for (const Scalar& arg : args)
        types += fmt::format("{}{}", types.empty() ? "" : ", ", data::to_string(arg.type));
    fail_semantic(
        expr.at,
        fmt::format("{}(): the arguments ({}) do not fit; it takes ({})", name, types, rows.front()->arguments),
        "SEM0219");
}

/// percentile(x, 50) and its relatives: one value for each percentage, or one array of them.
std::vector<Scalar> Binder::percentile_list(const Expr& expr, std::vector<std::string>& names) {
    const bool weighted = expr.text.starts_with("percentilesw") || expr.text == "percentilew";
    const bool array = expr.text.ends_with("_array");
    const std::size_t first = weighted ? 2 : 1;
    if (expr.args.size() <= first)
        fail_semantic(expr.at, fmt::format("{}(): arguments are missing", expr.text), "SEM0219");
    Scalar of = scalar(*expr.args[0]);
    if (of.type == ScalarType::Dynamic)
        of = convert(std::move(of), ScalarType::Real);
    std::vector<double> percents;
    for (std::size_t i = first; i < expr.args.size(); ++i) {
        const auto value = fold(*expr.args[i]);
        if (!value || value->null)
            fail_semantic(expr.args[i]->at, "A percentage has to be a constant", "SEM0027");
        if (value->type == ScalarType::Dynamic) {
            for (const auto& item : nlohmann::json::parse(value->text))
                percents.push_back(item.is_number() ? item.get<double>() : 0);
        } else {
            percents.push_back(value->type == ScalarType::Real ? value->real : static_cast<double>(value->integer));
        }
    }
    std::vector<std::string> shares;
    for (const double percent : percents)
        shares.push_back(fmt::format("{}", std::min(1.0, std::max(0.0, percent / 100))));
    // All that are asked of one expression are one aggregate, which DuckDB computes once however often it is named: the
    // values are kept and sorted once, not for each percentage.
    const std::string quantiles = fmt::format("quantile_disc({}, [{}])", of.sql, sql::join(shares));
    std::vector<Scalar> values;
    for (std::size_t i = 0; i < percents.size(); ++i) {
        const double percent = percents[i];
        Scalar value{.type = of.type == ScalarType::Int ? ScalarType::Long : of.type, .sql = {}};
        if (weighted) {
            const Scalar weight = convert(scalar(*expr.args[1]), ScalarType::Long);
            // The smallest value at which the weights reach the share of their sum.
            value.sql =
                fmt::format("CAST(kql_weighted_percentile('[' || string_agg('[' || CAST(CAST({0} AS DOUBLE) AS "
                            "VARCHAR) || ',' || CAST({1} AS VARCHAR) || ']', ',' "
                            "ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL AND {1} > 0) || ']', '{2}'::DOUBLE) AS {3})",
                            of.sql, weight.sql, percent, sql::physical_type(value.type));
        } else {
            value.sql = percents.size() > 1 ? fmt::format("{}[{}]", quantiles, i + 1)
                                            : fmt::format("quantile_disc({}, {})", of.sql, shares[i]);
            if (of.type != value.type)
                value.sql = fmt::format("CAST({} AS BIGINT)", value.sql);
        }
        names.push_back(fmt::format("percentile_{}_{}", of.name, percent_name(percent)));
        value.name = names.back();
        values.push_back(std::move(value));
    }
    if (!array)
        return values;
    std::vector<std::string> parts;
    for (const Scalar& value : values)
        parts.push_back(to_dynamic(value).sql);
    // The weighted form has the name of the plain one.
    names.assign(1, fmt::format("percentiles_{}", of.name));
    Scalar list{.type = ScalarType::Dynamic,
                .sql = fmt::format("('[' || {} || ']')", sql::join(parts, " || ',' || ")),
                .name = names.front()};
    return {std::move(list)};
}

namespace {

/// SQL of a number that loses against every value of the type when the largest (or else the smallest) is looked for.
std::optional<std::string> behind_all(ScalarType type, bool max) {
    switch (type) {
    case ScalarType::DateTime: // ticks of the years 0001 to 9999
        return max ? "-1::BIGINT" : "9223372036854775807::BIGINT";
    case ScalarType::Int:
        return max ? "-2147483649::BIGINT" : "2147483648::BIGINT";
    default:
        return std::nullopt;
    }
}

} // namespace

std::vector<std::pair<std::string, Scalar>> Binder::aggregate_columns(const ast::NamedExpr& item,
                                                                      const std::set<std::string>& keys, int& unnamed) {
    std::vector<std::pair<std::string, Scalar>> result;
    const Expr& expr = *item.value;
    const auto name_at = [&](std::size_t i, std::string otherwise) {
        return i < item.names.size() ? item.names[i] : otherwise;
    };
    const bool call = expr.kind == ExprKind::Call;
    const bool max = call && (expr.text == "arg_max" || expr.text == "argmax");
    const bool min = call && (expr.text == "arg_min" || expr.text == "argmin");
    Row inner = row_;
    inner.aggregates = false;
    if (max || min) {
        const WithRow row(*this, inner);
        if (expr.args.empty())
            fail_semantic(expr.at, fmt::format("{}(): arguments are missing", expr.text), "SEM0219");
        const Scalar of = scalar(*expr.args[0]);
        std::vector<std::pair<std::string, Scalar>> wanted;
        for (std::size_t i = 1; i < expr.args.size(); ++i) {
            const Expr& arg = *expr.args[i];
            if (arg.kind == ExprKind::Wildcard) {
                for (const Column* column : columns_like(*row_.relation, arg))
                    if (column->name != of.name && !keys.contains(column->name))
                        wanted.emplace_back(column->name, column_of(*column, row_.left_prefix));
            } else {
                Scalar value = scalar(arg);
                std::string name = value.name.empty() ? fmt::format("Column{}", ++unnamed) : value.name;
                wanted.emplace_back(std::move(name), std::move(value));
            }
        }
        const std::string_view extreme = max ? "max" : "min";
        // Which row wins depends on the compared value alone, and rows that tie meet every aggregate of a query in the
        // same order, so the values come from one row without being packed together for each. Rows without a value to
        // compare count only where no row has one: they come behind any that a value of the type can have, or, where
        // each value of the stored type is one of the type, are looked for by themselves.
        const std::optional<std::string> behind = behind_all(of.type, max);
        const std::string by = of.never_null || !behind ? of.sql : fmt::format("coalesce({}, {})", of.sql, *behind);
        const auto of_winner = [&](const Scalar& value) {
            std::string text = fmt::format("arg_{}_null({}, {})", extreme, value.sql, by);
            if (!of.never_null && !behind)
                text = fmt::format("CASE WHEN count({}) = 0 THEN first({}) ELSE {} END", of.sql, value.sql, text);
            return Scalar{.type = value.type,
                          .sql = value.type == ScalarType::String ? fmt::format("COALESCE({}, '')", text) : text};
        };
        Scalar best{.type = of.type, .sql = fmt::format("{}({})", extreme, of.sql)};
        if (of.type == ScalarType::String)
            best.sql = fmt::format("COALESCE({}, '')", best.sql);
        // The names of old: argmax(a, b) gives max_a and max_a_b.
        const bool old = expr.text.starts_with("argm");
        const std::string first = old || of.name.empty() ? fmt::format("{}_{}", extreme, of.name) : of.name;
        result.emplace_back(name_at(0, first), std::move(best));
        for (std::size_t i = 0; i < wanted.size(); ++i)
            result.emplace_back(name_at(i + 1, old ? fmt::format("{}_{}", first, wanted[i].first) : wanted[i].first),
                                of_winner(wanted[i].second));
        return result;
    }
    if (call && (expr.text == "percentiles" || expr.text == "percentilesw")) {
        const WithRow row(*this, inner);
        std::vector<std::string> names;
        std::vector<Scalar> values = percentile_list(expr, names);
        for (std::size_t i = 0; i < values.size(); ++i)
            result.emplace_back(name_at(i, names[i]), std::move(values[i]));
        return result;
    }
    if (call && (expr.text == "take_any" || expr.text == "any") &&
        (expr.args.size() > 1 || (!expr.args.empty() && expr.args[0]->kind == ExprKind::Wildcard))) {
        const WithRow row(*this, inner);
        std::vector<std::pair<std::string, Scalar>> wanted;
        for (const ast::ExprPtr& arg : expr.args) {
            if (arg->kind == ExprKind::Wildcard) {
                for (const Column* column : columns_like(*row_.relation, *arg))
                    if (!keys.contains(column->name))
                        wanted.emplace_back(column->name, column_of(*column, row_.left_prefix));
            } else {
                Scalar value = scalar(*arg);
                std::string name = value.name;
                wanted.emplace_back(std::move(name), std::move(value));
            }
        }
        std::vector<std::string> fields;
        for (std::size_t i = 0; i < wanted.size(); ++i)
            fields.push_back(fmt::format("'f{}': {}", i, wanted[i].second.sql));
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            std::string text = fmt::format("struct_extract(first({{{}}}), 'f{}')", sql::join(fields), i);
            if (wanted[i].second.type == ScalarType::String)
                text = fmt::format("COALESCE({}, '')", text);
            const std::string name = expr.text == "any" ? "any_" + wanted[i].first : wanted[i].first;
            result.emplace_back(name_at(i, name), Scalar{.type = wanted[i].second.type, .sql = text});
        }
        return result;
    }
    used_aggregate_ = false;
    Scalar value = scalar(expr);
    if (!used_aggregate_ && !value.constant && !keys.contains(value.name))
        fail_semantic(expr.at,
                      "'summarize' operator: the expression has no aggregate function; columns belong behind 'by'",
                      "SEM0033");
    std::string name = value.name;
    if (name.empty())
        name = fmt::format("Column{}", ++unnamed);
    result.emplace_back(name_at(0, name), std::move(value));
    return result;
}

} // namespace sluice::kql
