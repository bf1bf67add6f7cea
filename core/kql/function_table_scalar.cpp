#include "core/kql/functions.hpp"

#include <algorithm>
#include <map>

namespace sluice::kql {

// Tables of the other files.
std::span<const FunctionRow> string_function_rows();
std::span<const FunctionRow> dynamic_function_rows();
std::span<const FunctionRow> net_function_rows();
std::span<const FunctionRow> series_function_rows();
std::span<const FunctionRow> sketch_function_rows();
std::span<const FunctionRow> geo_function_rows();

namespace {

constexpr FunctionRow kRows[] = {
    // numbers
    {"abs", "int", "long", "abs(CAST($1 AS BIGINT))", "1"},
    {"abs", "long", "$1", "abs($1)", "1"},
    {"abs", "timespan", "timespan", "abs($1)", "1"},
    {"abs", "number", "$1", "abs($1)", "1"},
    {"ceiling", "number", "$1", "CAST(ceil($1) AS $t)", "1"},
    {"sign", "number", "real", "CAST(sign($1) AS DOUBLE)"},
    {"sqrt", "real", "real", "kql_sqrt($1)", "1"},
    {"pow", "real real", "real", "kql_pow($1, $2)", "1"},
    {"exp", "real", "real", "kql_exp($1)", "1"},
    {"exp2", "real", "real", "kql_pow(2::DOUBLE, $1)", "1"},
    {"exp10", "real", "real", "kql_pow(10::DOUBLE, $1)", "1"},
    {"log", "real", "real", "kql_log($1)", "1"},
    {"log2", "real", "real", "kql_log2($1)", "1"},
    {"log10", "real", "real", "kql_log10($1)", "1"},
    {"sin", "real", "real", "sin($1)", "1"},
    {"cos", "real", "real", "cos($1)", "1"},
    {"tan", "real", "real", "tan($1)", "1"},
    {"cot", "real", "real", "kql_cot($1)"},
    {"asin", "real", "real", "kql_asin($1)", "1"},
    {"acos", "real", "real", "kql_acos($1)", "1"},
    {"atan", "real", "real", "atan($1)", "1"},
    {"atan2", "real real", "real", "atan2($1, $2)", "1"},
    {"degrees", "real", "real", "degrees($1)"},
    {"radians", "real", "real", "radians($1)"},
    {"pi", "", "real!", "pi()"},
    {"gamma", "real", "real", "kql_gamma($1)", "1"},
    {"loggamma", "real", "real", "kql_loggamma($1)", "1"},
    {"erf", "real", "real", "kql_erf($1)", "1"},
    {"erfc", "real", "real", "kql_erfc($1)", "1"},
    {"beta_cdf", "real real real", "real", "kql_beta_cdf($1, $2, $3)"},
    {"beta_inv", "real real real", "real", "kql_beta_inv($1, $2, $3)"},
    {"beta_pdf", "real real real", "real", "kql_beta_pdf($1, $2, $3)"},
    {"welch_test", "real real real real real real", "real", "kql_welch_test($1, $2, $3, $4, $5, $6)"},
    {"isnan", "real", "bool", "isnan($1)"},
    {"isinf", "real", "bool", "isinf($1)"},
    {"isfinite", "real", "bool", "isfinite($1)"},
    {"rand", "long?", "real!", "CASE WHEN ${1|0} > 1 THEN floor(random() * ${1|0}) ELSE random() END", "1"},
    {"binary_and", "long long", "long", "($1 & $2)", "1"},
    {"binary_or", "long long", "long", "($1 | $2)", "1"},
    {"binary_xor", "long long", "long", "xor($1, $2)", "1"},
    {"binary_not", "long", "long", "(~$1)", "1"},
    {"binary_shift_left", "long long", "long", "kql_shift_left($1, $2)", "1"},
    {"binary_shift_right", "long long", "long", "CASE WHEN $2 >= 0 THEN $1 >> ($2 & 63) END", "1"},
    {"bitset_count_ones", "long", "long", "CAST(bit_count($1) AS BIGINT)", "1"},
    {"tohex", "int long?", "string", "kql_tohex(CAST($1 AS BIGINT) & 4294967295, ${2|0})", "1"},
    {"tohex", "long long?", "string", "kql_tohex($1, ${2|0})", "1"},
    {"format_bytes", "real long? string?", "string", "kql_format_bytes($1, ${2|0}, ${3|''})", "1"},
    {"new_guid", "", "guid!", "gen_random_uuid()"},
    // dates and times
    {"startofday", "datetime long?", "datetime", "kql_startofday($1, ${2|0})", "1"},
    {"startofweek", "datetime long?", "datetime", "kql_startofweek($1, ${2|0})"},
    {"startofmonth", "datetime long?", "datetime", "kql_startofmonth($1, ${2|0})"},
    {"startofyear", "datetime long?", "datetime", "kql_startofyear($1, ${2|0})"},
    {"endofday", "datetime long?", "datetime", "kql_endofday($1, ${2|0})"},
    {"endofweek", "datetime long?", "datetime", "kql_endofweek($1, ${2|0})"},
    {"endofmonth", "datetime long?", "datetime", "kql_endofmonth($1, ${2|0})"},
    {"endofyear", "datetime long?", "datetime", "kql_endofyear($1, ${2|0})"},
    {"datetime_add", "string long datetime", "datetime", "kql_datetime_add($1, $2, $3)"},
    {"datetime_diff", "string datetime datetime", "long", "kql_datetime_diff($1, $2, $3)"},
    {"datetime_part", "string datetime", "int", "CAST(kql_datetime_part($1, $2) AS INTEGER)"},
    {"datepart", "string datetime", "int", "CAST(kql_datetime_part($1, $2) AS INTEGER)"},
    {"dayofweek", "datetime", "timespan", "kql_dayofweek($1)"},
    {"dayofmonth", "datetime", "int", "CAST(kql_datetime_part('day', $1) AS INTEGER)"},
    {"dayofyear", "datetime", "int", "CAST(kql_datetime_part('dayofyear', $1) AS INTEGER)"},
    {"hourofday", "datetime", "int", "CAST(kql_datetime_part('hour', $1) AS INTEGER)"},
    {"week_of_year", "datetime", "int", "CAST(kql_datetime_part('weekofyear', $1) AS INTEGER)"},
    {"weekofyear", "datetime", "int", "CAST(kql_datetime_part('weekofyear', $1) AS INTEGER)"},
    {"monthofyear", "datetime", "int", "CAST(kql_datetime_part('month', $1) AS INTEGER)"},
    {"getmonth", "datetime", "int", "CAST(kql_datetime_part('month', $1) AS INTEGER)"},
    {"getyear", "datetime", "int", "CAST(kql_datetime_part('year', $1) AS INTEGER)"},
    {"make_datetime", "long long long long? long? real?", "datetime",
     "kql_make_datetime($1, $2, $3, ${4|0}, ${5|0}, ${6|0})"},
    {"make_datetime", "datetime", "datetime", "$1", "1"},
    {"make_datetime", "text", "datetime", "kql_to_datetime($1)", "1"},
    {"make_timespan", "long long long real", "timespan", "kql_make_timespan($1, $2, $3, $4)"},
    {"make_timespan", "long long real?", "timespan", "kql_make_timespan(0, $1, $2, ${3|0})"},
    {"make_timespan", "timespan", "timespan", "$1", "1"},
    {"make_timespan", "text", "timespan", "kql_to_timespan($1)", "1"},
    {"format_datetime", "datetime string", "string", "kql_format_datetime($1, $2)", "1"},
    {"format_timespan", "timespan string", "string", "kql_format_timespan($1, $2)", "1"},
    {"unixtime_seconds_todatetime", "long", "datetime", "kql_unix_long($1, 10000000, 1)"},
    {"unixtime_seconds_todatetime", "real", "datetime", "kql_unix_real($1, 10000000)"},
    {"unixtime_milliseconds_todatetime", "long", "datetime", "kql_unix_long($1, 10000, 1)"},
    {"unixtime_milliseconds_todatetime", "real", "datetime", "kql_unix_real($1, 10000)"},
    {"unixtime_microseconds_todatetime", "long", "datetime", "kql_unix_long($1, 10, 1)"},
    {"unixtime_microseconds_todatetime", "real", "datetime", "kql_unix_real($1, 10)"},
    {"unixtime_nanoseconds_todatetime", "long", "datetime", "kql_unix_long($1, 1, 100)"},
    {"unixtime_nanoseconds_todatetime", "real", "datetime", "kql_unix_real($1, 0.01)"},
    // bags
    {"bag_keys", "dynamic", "dynamic", "kql_bag_keys($1)"},
    {"bag_merge", "dynamic*", "dynamic", "kql_bag_merge($*)"},
    {"bag_has_key", "dynamic string", "bool", "kql_bag_has_key($1, $2)"},
    {"bag_set_key", "dynamic string json", "dynamic", "kql_bag_set_key($1, $2, $3)"},
    {"bag_remove_keys", "dynamic dynamic", "dynamic", "kql_bag_remove_keys($1, $2)"},
    {"bag_zip", "dynamic dynamic", "dynamic", "kql_bag_zip($1, $2)"},
    {"treepath", "dynamic", "dynamic", "kql_treepath($1)", "tree"},
    {"dynamic_to_json", "dynamic", "string", "kql_canonical_json($1)"},
    {"dynamic_to_json", "text", "string", "$1"},
};

constexpr std::string_view kMissing[] = {
    "cursor_after",
    "cursor_before_or_at",
    "cursor_current",
    "current_cursor",
    "current_node_id",
    "geo_h3cell_children",
    "geo_h3cell_level",
    "geo_h3cell_neighbors",
    "geo_h3cell_parent",
    "geo_h3cell_rings",
    "geo_h3cell_to_central_point",
    "geo_h3cell_to_polygon",
    "geo_info_from_ip_address",
    "geo_intersection_2polygons",
    "geo_intersection_line_with_polygon",
    "geo_line_buffer",
    "geo_point_buffer",
    "geo_point_to_h3cell",
    "geo_polygon_buffer",
    "geo_polygon_to_h3cells",
    "geo_simplify_polygons_array",
    "geo_union_lines_array",
    "geo_union_polygons_array",
    "row_id",
    "rowstore_ordinal_range",
};

const auto& by_name() {
    static const std::map<std::string_view, std::vector<const FunctionRow*>> kByName = [] {
        std::map<std::string_view, std::vector<const FunctionRow*>> map;
        for (const FunctionRow& row : kRows)
            map[row.name].push_back(&row);
        for (const auto& rows : {string_function_rows(), dynamic_function_rows(), net_function_rows(),
                                 series_function_rows(), sketch_function_rows(), geo_function_rows()})
            for (const FunctionRow& row : rows)
                map[row.name].push_back(&row);
        return map;
    }();
    return kByName;
}

} // namespace

bool is_missing_function(std::string_view name) {
    return std::find(std::begin(kMissing), std::end(kMissing), name) != std::end(kMissing);
}

std::span<const FunctionRow* const> find_function(std::string_view name) {
    const auto found = by_name().find(name);
    return found == by_name().end() ? std::span<const FunctionRow* const>() : found->second;
}

std::vector<std::string_view> function_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, rows] : by_name())
        names.push_back(name);
    return names;
}

} // namespace sluice::kql
