#include "core/kql/bind.hpp"
#include "core/kql/sql.hpp"

#include <fmt/format.h>

/// Functions that give several columns: series_stats(), series_fit_line(), array_sort_asc() of many arrays ...
namespace sluice::kql {

using ast::Expr;
using ast::ExprKind;

namespace {

struct SeveralRow {
    std::string_view name;
    std::string_view columns; ///< "name:type" separated by blanks, in the order of the columns
};

constexpr SeveralRow kRows[] = {
    {"series_stats", "min:real min_idx:long max:real max_idx:long avg:real stdev:real variance:real"},
    {"series_fit_line", "rsquare:real slope:real variance:real rvariance:real interception:real line_fit:dynamic"},
    {"series_fit_2lines",
     "rsquare:real split_idx:long variance:real rvariance:real line_fit:dynamic right_rsquare:real right_slope:real "
     "right_interception:real right_variance:real right_rvariance:real left_rsquare:real left_slope:real "
     "left_interception:real left_variance:real left_rvariance:real"},
    {"series_fit_poly", "rsquare:real coefficients:dynamic variance:real rvariance:real poly_fit:dynamic"},
    {"series_fft", "real:dynamic imag:dynamic"},
    {"series_ifft", "real:dynamic imag:dynamic"},
    {"series_periods_detect", "periods:dynamic scores:dynamic"},
    {"series_periods_validate", "periods:dynamic scores:dynamic"},
    {"series_decompose", "baseline:dynamic seasonal:dynamic trend:dynamic residual:dynamic"},
    {"series_decompose_anomalies", "ad_flag:dynamic ad_score:dynamic baseline:dynamic"},
};

const SeveralRow* find_several(std::string_view name) {
    for (const SeveralRow& row : kRows)
        if (row.name == name)
            return &row;
    return nullptr;
}

} // namespace

/// The columns of a call that gives more than one, with the names they get by themselves; nothing for other calls.
std::optional<std::vector<std::pair<std::string, Scalar>>> Binder::several(const Expr& expr) {
    if (expr.kind != ExprKind::Call)
        return std::nullopt;
    const bool sort = (expr.text == "array_sort_asc" || expr.text == "array_sort_desc") && expr.args.size() > 1;
    const SeveralRow* row = find_several(expr.text);
    if ((!row && !sort) || find_name(expr.text))
        return std::nullopt;
    std::vector<Scalar> args;
    for (const ast::ExprPtr& arg : expr.args)
        args.push_back(scalar(*arg));
    if (sort)
        return sorted_arrays(expr, std::move(args));
    const std::string argument = args.empty() ? "" : args.front().name;
    auto chosen = choose(find_function(expr.text), args);
    if (!chosen)
        fail_arguments(expr, args, find_function(expr.text));
    const Scalar bag = call_row(*chosen->first, expr, std::move(chosen->second));
    std::vector<std::pair<std::string, Scalar>> columns;
    for (std::string_view rest = row->columns; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
        const std::size_t colon = one.find(':');
        const std::string_view name = one.substr(0, colon);
        Scalar value = convert(element(bag, sql::text(fmt::format("$.{}", name))),
                               data::parse_scalar_type(one.substr(colon + 1)).value());
        value.name = fmt::format("{}_{}_{}", expr.text, argument, name);
        columns.emplace_back(value.name, std::move(value));
    }
    return columns;
}

/// array_sort_asc(a, b, ... [, nulls_last]): every array in the order of the first.
std::vector<std::pair<std::string, Scalar>> Binder::sorted_arrays(const Expr& expr, std::vector<Scalar> args) {
    std::string nulls_last = "TRUE";
    if (args.back().type == ScalarType::Bool) {
        nulls_last = args.back().sql;
        args.pop_back();
    }
    std::vector<std::pair<std::string, Scalar>> columns;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const std::string name = args[i].name.empty() ? fmt::format("array{}_sorted", i) : args[i].name + "_sorted";
        if (args[i].type != ScalarType::Dynamic)
            fail_semantic(expr.args[i]->at, fmt::format("{}(): an array is expected", expr.text), "SEM0219");
        columns.emplace_back(name, Scalar{.type = ScalarType::Dynamic,
                                          .sql = fmt::format("kql_array_sort_by({}, {}, {}, {})", args.front().sql,
                                                             args[i].sql, expr.text.ends_with("desc"), nulls_last),
                                          .name = name});
    }
    return columns;
}

} // namespace sluice::kql
