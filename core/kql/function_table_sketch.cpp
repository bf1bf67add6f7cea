#include "core/kql/functions.hpp"

namespace sluice::kql {
namespace {

/// Sketches, hashes over many values, and smaller families.
constexpr FunctionRow kRows[] = {
    {"dcount_hll", "dynamic", "long", "COALESCE(kql_dcount_hll($1), 0)", "="},
    {"hll_merge", "dynamic dynamic*", "dynamic", "kql_hll_merge('[' || concat_ws(',', $*) || ']')",
     "!hll_merged_result"},
    {"tdigest_merge", "dynamic dynamic*", "dynamic", "kql_tdigest_merge('[' || concat_ws(',', $*) || ']')",
     "!tdigests_merge_result"},
    {"merge_tdigest", "dynamic dynamic*", "dynamic", "kql_tdigest_merge('[' || concat_ws(',', $*) || ']')",
     "!tdigests_merge_result"},
    {"rank_tdigest", "dynamic json", "real", "kql_tdigest_rank($1, $2)"},
    {"percentrank_tdigest", "dynamic json", "real", "kql_tdigest_percentrank($1, $2)"},
    {"hash_combine", "long long long*", "long", "kql_hash_combine($*)"},
    {"set_equals", "dynamic dynamic", "bool", "kql_set_equals($1, $2)"},
    {"around", "number number number", "bool", "($1 BETWEEN $2 - $3 AND $2 + $3)"},
    {"around", "datetime datetime timespan", "bool", "($1 BETWEEN $2 - $3 AND $2 + $3)"},
    {"around", "timespan timespan timespan", "bool", "($1 BETWEEN $2 - $3 AND $2 + $3)"},
    {"convert_angle", "real string string", "real", "kql_convert('angle', $1, $2, $3)"},
    {"convert_energy", "real string string", "real", "kql_convert('energy', $1, $2, $3)"},
    {"convert_force", "real string string", "real", "kql_convert('force', $1, $2, $3)"},
    {"convert_length", "real string string", "real", "kql_convert('length', $1, $2, $3)"},
    {"convert_mass", "real string string", "real", "kql_convert('mass', $1, $2, $3)"},
    {"convert_speed", "real string string", "real", "kql_convert('speed', $1, $2, $3)"},
    {"convert_temperature", "real string string", "real", "kql_convert_temperature($1, $2, $3)"},
    {"convert_volume", "real string string", "real", "kql_convert('volume', $1, $2, $3)"},
};

} // namespace

std::span<const FunctionRow> sketch_function_rows() {
    return kRows;
}

} // namespace sluice::kql
