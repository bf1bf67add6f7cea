#include "core/kql/functions.hpp"

namespace sluice::kql {
namespace {

constexpr FunctionRow kRows[] = {
    {"series_add", "json json", "dynamic", "kql_series_add($1, $2)"},
    {"series_subtract", "json json", "dynamic", "kql_series_subtract($1, $2)"},
    {"series_multiply", "json json", "dynamic", "kql_series_multiply($1, $2)"},
    {"series_divide", "json json", "dynamic", "kql_series_divide($1, $2)"},
    {"series_pow", "json json", "dynamic", "kql_series_pow($1, $2)"},
    {"series_less", "json json", "dynamic", "kql_series_less($1, $2)"},
    {"series_less_equals", "json json", "dynamic", "kql_series_less_equals($1, $2)"},
    {"series_greater", "json json", "dynamic", "kql_series_greater($1, $2)"},
    {"series_greater_equals", "json json", "dynamic", "kql_series_greater_equals($1, $2)"},
    {"series_equals", "json json", "dynamic", "kql_series_equals($1, $2)"},
    {"series_not_equals", "json json", "dynamic", "kql_series_not_equals($1, $2)"},
    {"series_abs", "dynamic", "dynamic", "kql_series_abs($1)"},
    {"series_acos", "dynamic", "dynamic", "kql_series_acos($1)"},
    {"series_asin", "dynamic", "dynamic", "kql_series_asin($1)"},
    {"series_atan", "dynamic", "dynamic", "kql_series_atan($1)"},
    {"series_ceiling", "dynamic", "dynamic", "kql_series_ceiling($1)"},
    {"series_cos", "dynamic", "dynamic", "kql_series_cos($1)"},
    {"series_exp", "dynamic", "dynamic", "kql_series_exp($1)"},
    {"series_floor", "dynamic", "dynamic", "kql_series_floor($1)"},
    {"series_log", "dynamic", "dynamic", "kql_series_log($1)"},
    {"series_sign", "dynamic", "dynamic", "kql_series_sign($1)"},
    {"series_sin", "dynamic", "dynamic", "kql_series_sin($1)"},
    {"series_tan", "dynamic", "dynamic", "kql_series_tan($1)"},
    {"series_sum", "dynamic", "real", "kql_series_sum($1)"},
    {"series_product", "dynamic", "real", "kql_series_product($1)"},
    {"series_magnitude", "dynamic", "real", "kql_series_magnitude($1)"},
    {"series_dot_product", "json json", "real", "kql_series_dot_product($1, $2)"},
    {"series_cosine_similarity", "dynamic dynamic real? real?", "real",
     "kql_series_cosine_similarity($1, $2, ${3|NULL}, ${4|NULL})"},
    {"series_pearson_correlation", "dynamic dynamic", "real", "kql_series_pearson($1, $2)"},
    {"series_fill_backward", "dynamic real?", "dynamic", "kql_series_fill_backward($1, ${2|NULL})", "1"},
    {"series_fill_forward", "dynamic real?", "dynamic", "kql_series_fill_forward($1, ${2|NULL})", "1"},
    {"series_fill_const", "dynamic json? real?", "dynamic", "kql_series_fill_const($1, ${3|NULL}, ${2|'0'})", "1"},
    {"series_fill_linear", "dynamic real? bool? json?", "dynamic",
     "kql_series_fill_linear($1, ${2|NULL}, ${3|TRUE}, ${4|'0.0'})", "1"},
    {"series_fir", "dynamic dynamic bool? bool?", "dynamic", "kql_series_fir($1, $2, ${3|NULL}, ${4|FALSE})", "1"},
    {"series_iir", "dynamic dynamic dynamic", "dynamic", "kql_series_iir($1, $2, $3)", "1"},
    {"series_seasonal", "dynamic long? long?", "dynamic", "kql_series_seasonal($1, ${2|-1}, ${3|0})"},
    {"series_outliers", "dynamic string? real? real? real? long?", "dynamic",
     "kql_series_outliers($1, ${2|''}, ${3|NULL}, ${4|NULL}, ${5|NULL}, ${6|0})", "1"},
    {"series_stats_dynamic", "dynamic bool?", "dynamic", "kql_series_stats($1, ${2|FALSE})"},
    {"series_fit_line_dynamic", "dynamic", "dynamic", "kql_series_fit_line($1)"},
    {"series_fit_2lines_dynamic", "dynamic", "dynamic", "kql_series_fit_2lines($1)"},
    {"series_decompose_forecast", "dynamic long long? string? real?", "dynamic",
     "kql_series_decompose_forecast($1, $2, ${3|-1}, ${4|'avg'}, ${5|0.6})", "="},
    // Functions that give several columns: their SQL gives a bag, bind_several.cpp takes it apart.
    {"series_stats", "dynamic bool?", "dynamic", "kql_series_stats($1, ${2|FALSE})"},
    {"series_fit_line", "dynamic", "dynamic", "kql_series_fit_line($1)"},
    {"series_fit_2lines", "dynamic", "dynamic", "kql_series_fit_2lines($1)"},
    {"series_fit_poly", "dynamic dynamic? long?", "dynamic", "kql_series_fit_poly($1, ${2|NULL}, ${3|1})"},
    {"series_fft", "dynamic dynamic?", "dynamic", "kql_series_fft($1, ${2|NULL})"},
    {"series_ifft", "dynamic dynamic?", "dynamic", "kql_series_ifft($1, ${2|NULL})"},
    {"series_periods_detect", "dynamic real real long", "dynamic", "kql_series_periods_detect($1, $2, $3, $4)"},
    {"series_periods_validate", "dynamic real real*", "dynamic", "kql_series_periods_validate($*)"},
    {"series_decompose", "dynamic long? string? long? real?", "dynamic",
     "kql_series_decompose($1, ${2|-1}, ${3|'avg'}, ${4|0}, ${5|0.6})"},
    {"series_decompose_anomalies", "dynamic real? long? string? long? string? real?", "dynamic",
     "kql_series_decompose_anomalies($1, ${2|1.5}, ${3|-1}, ${4|'avg'}, ${5|0}, ${6|'ctukey'}, ${7|0.6})"},
};

} // namespace

std::span<const FunctionRow> series_function_rows() {
    return kRows;
}

} // namespace sluice::kql
