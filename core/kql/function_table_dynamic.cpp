#include "core/kql/functions.hpp"

namespace sluice::kql {
namespace {

constexpr FunctionRow kRows[] = {
    {"array_length", "dynamic", "long", "kql_array_length($1)"},
    {"arraylength", "dynamic", "long", "kql_array_length($1)"},
    {"array_concat", "dynamic*", "dynamic", "kql_array_concat($*)"},
    {"array_slice", "dynamic long long", "dynamic", "kql_array_slice($1, $2, $3)"},
    {"array_split", "dynamic json", "dynamic", "kql_array_split($1, $2)"},
    {"array_reverse", "dynamic", "dynamic", "kql_array_reverse($1)"},
    {"array_rotate_left", "dynamic long", "dynamic", "kql_array_rotate($1, $2)"},
    {"array_rotate_right", "dynamic long", "dynamic", "kql_array_rotate($1, -$2)"},
    {"array_shift_left", "dynamic long json?", "dynamic", "kql_array_shift($1, $2, ${3|NULL::VARCHAR})"},
    {"array_shift_right", "dynamic long json?", "dynamic", "kql_array_shift($1, -$2, ${3|NULL::VARCHAR})"},
    {"array_sum", "dynamic", "real", "kql_array_sum($1)"},
    {"array_index_of", "dynamic json long? long? long?", "long", "kql_array_index_of($1, $2, ${3|0}, ${4|-1}, ${5|1})"},
    {"array_iff", "dynamic json json", "dynamic", "kql_array_iff($1, $2, $3)"},
    {"array_iif", "dynamic json json", "dynamic", "kql_array_iff($1, $2, $3)"},
    {"array_sort_asc", "dynamic bool?", "dynamic", "kql_array_sort($1, FALSE, ${2|TRUE})", "_sorted"},
    {"array_sort_desc", "dynamic bool?", "dynamic", "kql_array_sort($1, TRUE, ${2|TRUE})", "_sorted"},
    {"zip", "json*", "dynamic", "kql_zip($*)"},
    {"repeat", "json long", "dynamic", "kql_repeat($1, $2)", "repeat"},
    {"set_union", "dynamic*", "dynamic", "kql_set_union($*)"},
    {"set_intersect", "dynamic*", "dynamic", "kql_set_intersect($*)"},
    {"set_difference", "dynamic*", "dynamic", "kql_set_difference($*)"},
    {"set_has_element", "dynamic json", "bool", "kql_array_has($1, $2, FALSE)"},
    {"jaccard_index", "dynamic dynamic", "real", "kql_jaccard_index($1, $2)"},
    {"split", "text string", "dynamic", "kql_split($1, $2)", "1"},
    {"split", "text string long", "dynamic", "kql_split_at($1, $2, $3)", "1"},
    {"strcat_array", "dynamic text", "string", "kql_strcat_array($1, $2)"},
    {"array_strcat", "dynamic text", "string", "kql_strcat_array($1, $2)"},
};

} // namespace

std::span<const FunctionRow> dynamic_function_rows() {
    return kRows;
}

} // namespace sluice::kql
