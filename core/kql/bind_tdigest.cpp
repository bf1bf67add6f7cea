#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

/// tdigest() and the functions that read digests; hash_many().
namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;
using enum ScalarType;

namespace {

/// Shares at which a digest of many values keeps them: dense at both ends, where percentiles are asked for.
const std::string& shares() {
    static const std::string kShares = [] {
        constexpr int kSteps = 400;
        std::string text;
        for (int i = 0; i <= kSteps; ++i)
            text += fmt::format("{}{:.7f}", i > 0 ? "," : "",
                                (std::sin(std::numbers::pi * (static_cast<double>(i) / kSteps - 0.5)) + 1) / 2);
        return text;
    }();
    return kShares;
}

} // namespace

/// The aggregate tdigest(x [, weight]). Few values are kept as they are, many as quantiles.
Scalar Binder::tdigest(const Expr& expr) {
    if (expr.args.empty() || expr.args.size() > 2)
        fail_semantic(expr.at, "tdigest(): function expects 1 to 2 arguments", "SEM0219");
    Scalar of = scalar(*expr.args[0]);
    const std::string name = "tdigest_" + of.name;
    if (of.type == Dynamic || of.type == Decimal)
        of = convert(std::move(of), Real);
    if (of.type == String || of.type == Guid || of.type == Bool)
        fail_semantic(expr.args[0]->at,
                      fmt::format("tdigest(): values of type {} have no percentiles", data::to_string(of.type)),
                      "SEM0219");
    const std::string_view kind = of.type == DateTime   ? "'\"datetime\"'"
                                  : of.type == TimeSpan ? "'\"timespan\"'"
                                                        : "'7'";
    Scalar result{.type = Dynamic, .sql = {}, .name = name};
    if (expr.args.size() == 2) {
        const Scalar weight = coerce(scalar(*expr.args[1]), Long, expr.args[1]->at, "the weight");
        result.sql = fmt::format("kql_tdigest_weighted({}, '[' || string_agg('[' || CAST({} AS VARCHAR) || ',' || "
                                 "CAST({} AS VARCHAR) || ']', ',') || ']')",
                                 kind, of.sql, weight.sql);
        return result;
    }
    const std::string finite = of.type == Real ? fmt::format(" FILTER (isfinite({}))", of.sql) : "";
    result.sql = fmt::format("kql_tdigest({0}, count({1}){3}, CAST(to_json(min({1}, 1000){3}) AS VARCHAR), "
                             "CAST(to_json(quantile_disc({1}, [{2}]){3}) AS VARCHAR), '[{2}]')",
                             kind, of.sql, shares(), finite);
    return result;
}

/// percentile_tdigest(digest, percent [, typeof(T)]) and percentiles_array_tdigest(digest, percents ... [, typeof(T)]).
Scalar Binder::special_percentile_tdigest(const Expr& expr) {
    const bool array = expr.text != "percentile_tdigest";
    std::size_t count = expr.args.size();
    std::optional<ScalarType> type;
    if (count > 0 && expr.args[count - 1]->kind == ExprKind::TypeOf)
        type = type_named(expr.args[--count]->text, expr.args.back()->at);
    if (count < 2 || (!array && count > 2))
        fail_semantic(expr.at, fmt::format("{}(): function expects a digest and a percentage", expr.text), "SEM0219");
    const Scalar digest = coerce(scalar(*expr.args[0]), Dynamic, expr.args[0]->at, "the digest");
    Scalar result{.type = Dynamic, .sql = {}, .name = "percentile_tdigest_" + digest.name};
    if (!array) {
        result.sql = fmt::format("kql_tdigest_percentile({}, {})", digest.sql, typed(*expr.args[1], Real).sql);
        if (!type)
            return result;
        const std::string name = result.name;
        result = convert(std::move(result), *type);
        result.name = name;
        return result;
    }
    std::vector<std::string> percents;
    for (std::size_t i = 1; i < count; ++i) {
        const Scalar percent = scalar(*expr.args[i]);
        if (percent.type == Dynamic && count == 2) {
            result.sql = fmt::format("kql_tdigest_percentiles({}, {})", digest.sql, percent.sql);
            return result;
        }
        percents.push_back(to_dynamic(percent).sql);
    }
    result.sql =
        fmt::format("kql_tdigest_percentiles({}, '[' || {} || ']')", digest.sql, sql::join(percents, " || ',' || "));
    return result;
}

/// hash_many(a, b, ...): the hashes of the values, combined.
Scalar Binder::special_hash_many(const Expr& expr) {
    std::vector<std::string> hashes;
    bool never_null = true;
    for (const auto& arg : expr.args) {
        Scalar value = scalar(*arg);
        if (value.type == Dynamic)
            value = convert(std::move(value), String);
        auto chosen = choose(find_function("hash"), {value});
        if (!chosen)
            fail_arguments(expr, {value}, find_function("hash"));
        const Scalar hash = call_row(*chosen->first, expr, std::move(chosen->second));
        never_null = never_null && hash.never_null;
        hashes.push_back(hash.sql);
    }
    if (hashes.empty())
        fail_semantic(expr.at, "hash_many(): function expects at least 1 argument", "SEM0219");
    return {.type = Long, .sql = fmt::format("kql_hash_combine({})", sql::join(hashes)), .never_null = never_null};
}

/// There is no directory to ask for groups, so a principal is a member of itself only.
Scalar Binder::special_member_of(const Expr& expr) {
    if (expr.args.empty())
        fail_semantic(expr.at, "current_principal_is_member_of(): function expects at least 1 argument", "SEM0219");
    Constant principal{.type = String, .text = options_.principal};
    const std::string name = literal(principal).sql;
    std::vector<std::string> tests;
    for (const auto& arg : expr.args) {
        const Scalar group = scalar(*arg);
        tests.push_back(
            group.type == Dynamic
                ? fmt::format("COALESCE(kql_array_has({}, kql_json_string({}), TRUE), FALSE)", group.sql, name)
                : fmt::format("(lower({}) = lower({}))", convert(group, String).sql, name));
    }
    return {.type = Bool, .sql = fmt::format("({})", sql::join(tests, " OR ")), .never_null = true};
}

} // namespace sluice::kql
