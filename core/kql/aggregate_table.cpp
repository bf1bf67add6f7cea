#include "core/kql/functions.hpp"

#include <map>

namespace sluice::kql {
namespace {

/// Types and columns as in function_table_*.cpp; $o stands for the order of the input rows.
constexpr AggregateRow kAggregates[] = {
    {"count", "", "long!", "count(*)", "count"},
    {"count", "bool", "long!", "count(*) FILTER (WHERE $1)", "count"},
    {"cnt", "", "long!", "count(*)", "cnt"},
    {"countif", "bool", "long!", "count(*) FILTER (WHERE $1)", "countif"},
    {"dcount", "scalar scalar?", "long!", "count(DISTINCT $1)", "dcount"},
    {"dcountif", "scalar bool scalar?", "long!", "count(DISTINCT $1) FILTER (WHERE $2)", "dcountif"},
    {"count_distinct", "scalar", "long!", "count(DISTINCT $1)", "count_distinct"},
    {"count_distinctif", "scalar bool", "long!", "count(DISTINCT $1) FILTER (WHERE $2)", "count_distinctif"},
    {"sum", "summable", "promoted", "COALESCE(CAST(sum($1) AS $t), 0)", "sum"},
    {"sumif", "summable bool", "promoted", "COALESCE(CAST(sum($1) FILTER (WHERE $2) AS $t), 0)", "sumif"},
    {"avg", "decimal", "decimal", "CAST(avg($1) AS $t)", "avg"},
    {"avg", "number", "real!", "COALESCE(avg($1), 'nan'::DOUBLE)", "avg"},
    {"avg", "datetime", "datetime", "CAST(trunc(avg($1)) AS BIGINT)", "avg"},
    {"avg", "timespan", "timespan", "CAST(trunc(avg($1)) AS BIGINT)", "avg"},
    {"avg", "dynamic", "real!", "COALESCE(avg(kql_dynamic_to_real($1)), 'nan'::DOUBLE)", "avg"},
    {"avgif", "decimal bool", "decimal", "CAST(avg($1) FILTER (WHERE $2) AS $t)", "avgif"},
    {"avgif", "number bool", "real!", "COALESCE(avg($1) FILTER (WHERE $2), 'nan'::DOUBLE)", "avgif"},
    {"avgif", "datetime bool", "datetime", "CAST(trunc(avg($1) FILTER (WHERE $2)) AS BIGINT)", "avgif"},
    {"avgif", "timespan bool", "timespan", "CAST(trunc(avg($1) FILTER (WHERE $2)) AS BIGINT)", "avgif"},
    {"min", "scalar", "$1", "min($1)", "min"},
    {"max", "scalar", "$1", "max($1)", "max"},
    {"minif", "scalar bool", "$1", "min($1) FILTER (WHERE $2)", "minif"},
    {"maxif", "scalar bool", "$1", "max($1) FILTER (WHERE $2)", "maxif"},
    {"stdev", "real", "real", "COALESCE(stddev_samp($1), 0)", "stdev"},
    {"stdevif", "real bool", "real", "COALESCE(stddev_samp($1) FILTER (WHERE $2), 0)", "stdevif"},
    {"stdevp", "real", "real", "COALESCE(stddev_pop($1), 0)", "stdevp"},
    {"stdevpif", "real bool", "real", "COALESCE(stddev_pop($1) FILTER (WHERE $2), 0)", "stdevpif"},
    {"variance", "real", "real", "COALESCE(var_samp($1), 0)", "variance"},
    {"varianceif", "real bool", "real", "COALESCE(var_samp($1) FILTER (WHERE $2), 0)", "varianceif"},
    {"variancep", "real", "real", "COALESCE(var_pop($1), 0)", "variancep"},
    {"variancepif", "real bool", "real", "COALESCE(var_pop($1) FILTER (WHERE $2), 0)", "variancepif"},
    {"covariance", "real real", "real", "COALESCE(covar_samp($1, $2), 0)", "covariance"},
    {"covarianceif", "real real bool", "real", "COALESCE(covar_samp($1, $2) FILTER (WHERE $3), 0)", "covarianceif"},
    {"covariancep", "real real", "real", "COALESCE(covar_pop($1, $2), 0)", "covariancep"},
    {"covariancepif", "real real bool", "real", "COALESCE(covar_pop($1, $2) FILTER (WHERE $3), 0)", "covariancepif"},
    {"binary_all_and", "long", "long", "bit_and($1)", "-"},
    {"binary_all_and", "int", "int", "bit_and($1)", "-"},
    {"binary_all_or", "long", "long", "bit_or($1)", "-"},
    {"binary_all_or", "int", "int", "bit_or($1)", "-"},
    {"binary_all_xor", "long", "long", "bit_xor($1)", "-"},
    {"binary_all_xor", "int", "int", "bit_xor($1)", "-"},
    {"take_any", "string", "string", "any_value(NULLIF($1, ''))", "-"},
    {"take_any", "scalar", "$1", "any_value($1)", "-"},
    {"take_anyif", "string bool", "string", "any_value(NULLIF($1, '')) FILTER (WHERE $2)", "-"},
    {"take_anyif", "scalar bool", "$1", "any_value($1) FILTER (WHERE $2)", "-"},
    {"any", "string", "string", "any_value(NULLIF($1, ''))", "any"},
    {"any", "scalar", "$1", "any_value($1)", "any"},
    {"anyif", "string bool", "string", "any_value(NULLIF($1, '')) FILTER (WHERE $2)", "anyif"},
    {"anyif", "scalar bool", "$1", "any_value($1) FILTER (WHERE $2)", "anyif"},
    // Elements are JSON texts already, so a list is their texts with commas between.
    {"make_list", "json", "dynamic!", "'[' || COALESCE(string_agg($1, ','$o), '') || ']'", "list"},
    {"make_list", "json long", "dynamic!", "kql_array_take('[' || COALESCE(string_agg($1, ','$o), '') || ']', $2)",
     "list"},
    {"makelist", "json long?", "dynamic!",
     "kql_array_take('[' || COALESCE(string_agg($1, ','$o), '') || ']', ${2|128})", "list"},
    {"make_list_if", "json bool", "dynamic!", "'[' || COALESCE(string_agg($1, ','$o) FILTER (WHERE $2), '') || ']'",
     "list"},
    {"make_list_if", "json bool long", "dynamic!",
     "kql_array_take('[' || COALESCE(string_agg($1, ','$o) FILTER (WHERE $2), '') || ']', $3)", "list"},
    {"make_list_with_nulls", "json", "dynamic!", "'[' || COALESCE(string_agg(COALESCE($1, 'null'), ','$o), '') || ']'",
     "list"},
    {"make_set", "json", "dynamic!", "'[' || COALESCE(string_agg(DISTINCT $1, ',' ORDER BY $1), '') || ']'", "set"},
    {"make_set", "json long", "dynamic!",
     "kql_array_take('[' || COALESCE(string_agg(DISTINCT $1, ',' ORDER BY $1), '') || ']', $2)", "set"},
    {"makeset", "json long?", "dynamic!",
     "kql_array_take('[' || COALESCE(string_agg(DISTINCT $1, ',' ORDER BY $1), '') || ']', ${2|128})", "set"},
    {"make_set_if", "json bool", "dynamic!",
     "'[' || COALESCE(string_agg(DISTINCT $1, ',' ORDER BY $1) FILTER (WHERE $2), '') || ']'", "set"},
    {"make_set_if", "json bool long", "dynamic!",
     "kql_array_take('[' || COALESCE(string_agg(DISTINCT $1, ',' ORDER BY $1) FILTER (WHERE $2), '') || ']', $3)",
     "set"},
    // A sketch is made of the registers that rows fall into, so few distinct numbers reach it however many rows there
    // are.
    {"hll", "long long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_long($1, 0), ${2|1}), ','), ${2|1})", "hll"},
    {"hll", "datetime long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_long($1, 0), ${2|1}), ','), ${2|1})", "hll"},
    {"hll", "timespan long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_long($1, 0), ${2|1}), ','), ${2|1})", "hll"},
    {"hll", "text long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_text($1, 0), ${2|1}), ','), ${2|1})", "hll"},
    {"hll_if", "long bool long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_long($1, 0), ${3|1}), ',') FILTER (WHERE $2), ${3|1})",
     "hll_if"},
    {"hll_if", "datetime bool long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_long($1, 0), ${3|1}), ',') FILTER (WHERE $2), ${3|1})",
     "hll_if"},
    {"hll_if", "timespan bool long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_long($1, 0), ${3|1}), ',') FILTER (WHERE $2), ${3|1})",
     "hll_if"},
    {"hll_if", "text bool long?", "dynamic",
     "kql_hll(string_agg(DISTINCT kql_hll_key(kql_hash_text($1, 0), ${3|1}), ',') FILTER (WHERE $2), ${3|1})",
     "hll_if"},
    {"hll_merge", "dynamic", "dynamic", "kql_hll_merge('[' || string_agg($1, ',') || ']')", "hll_merge"},
    {"tdigest_merge", "dynamic", "dynamic", "kql_tdigest_merge('[' || string_agg($1, ',') || ']')", "merge_tdigests"},
    {"merge_tdigest", "dynamic", "dynamic", "kql_tdigest_merge('[' || string_agg($1, ',') || ']')", "merge_tdigests"},
    {"buildschema", "dynamic", "dynamic",
     "kql_merge_schemas('[' || string_agg(DISTINCT kql_schema_of($1), ',') || ']')", "schema"},
    {"make_bag", "dynamic", "dynamic!", "kql_bag_of_bags('[' || COALESCE(string_agg($1, ','$o), '') || ']')", "bag"},
    {"make_bag", "dynamic long", "dynamic!",
     "kql_bag_take(kql_bag_of_bags('[' || COALESCE(string_agg($1, ','$o), '') || ']'), $2)", "bag"},
    {"make_bag_if", "dynamic bool", "dynamic!",
     "kql_bag_of_bags('[' || COALESCE(string_agg($1, ','$o) FILTER (WHERE $2), '') || ']')", "bag"},
    {"make_bag_if", "dynamic bool long", "dynamic!",
     "kql_bag_take(kql_bag_of_bags('[' || COALESCE(string_agg($1, ','$o) FILTER (WHERE $2), '') || ']'), $3)", "bag"},
    {"make_dictionary", "dynamic long?", "dynamic!",
     "kql_bag_take(kql_bag_of_bags('[' || COALESCE(string_agg($1, ','$o), '') || ']'), ${2|128})", "dictionary"},
};

const auto& by_name() {
    static const std::map<std::string_view, std::vector<const AggregateRow*>> kByName = [] {
        std::map<std::string_view, std::vector<const AggregateRow*>> map;
        for (const AggregateRow& row : kAggregates)
            map[row.name].push_back(&row);
        return map;
    }();
    return kByName;
}

} // namespace

std::span<const AggregateRow* const> find_aggregate(std::string_view name) {
    const auto found = by_name().find(name);
    return found == by_name().end() ? std::span<const AggregateRow* const>() : found->second;
}

std::vector<std::string_view> aggregate_names() {
    std::vector<std::string_view> names;
    for (const auto& [name, rows] : by_name())
        names.push_back(name);
    return names;
}

} // namespace sluice::kql
