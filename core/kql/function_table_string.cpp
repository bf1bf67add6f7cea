#include "core/kql/functions.hpp"

namespace sluice::kql {
namespace {

constexpr FunctionRow kRows[] = {
    {"strlen", "text", "long", "length($1)", "="},
    {"string_size", "text", "long", "strlen($1)", "="},
    {"strcat", "text*", "string!", "concat($*)"},
    {"strcat_delim", "text text*", "string!", "concat_ws($*)"},
    {"strcmp", "text text", "long", "kql_strcmp($1, $2)"},
    {"strrep", "text long text?", "string", "kql_strrep($1, $2, ${3|''})"},
    {"toupper", "text", "string!", "upper($1)"},
    {"tolower", "text", "string!", "lower($1)"},
    {"substring", "text long long?", "string", "kql_substring($1, $2, ${3|9223372036854775807})"},
    {"indexof", "text text long? long? long?", "long", "kql_indexof($1, $2, ${3|0}, ${4|-1}, ${5|1})"},
    {"indexof_regex", "text text long? long? long?", "long", "kql_indexof_regex($1, $2, ${3|0}, ${4|-1}, ${5|1})"},
    {"has_any_index", "text dynamic", "long", "kql_has_any_index($1, $2)"},
    {"reverse", "text", "string", "kql_reverse($1)"},
    {"replace_string", "text text text", "string", "kql_replace_string($1, $2, $3)"},
    {"replace_strings", "text dynamic dynamic", "string", "kql_replace_strings($1, $2, $3)"},
    {"replace_strings", "text dynamic string", "string", "kql_replace_strings($1, $2, kql_json_string($3))"},
    {"replace_regex", "text string string", "string", "kql_replace_regex($1, $2, $3)"},
    {"replace", "string string text", "string", "kql_replace_regex($3, $1, $2)"},
    {"trim", "string text", "string", "kql_trim($1, $2)"},
    {"trim_start", "string text", "string", "kql_trim_start($1, $2)"},
    {"trim_end", "string text", "string", "kql_trim_end($1, $2)"},
    {"extract_all", "string text", "dynamic", "kql_extract_all($1, $2)"},
    {"extract_all", "string dynamic text", "dynamic", "kql_extract_all_groups($1, $2, $3)"},
    {"extractall", "string text", "dynamic", "kql_extract_all($1, $2)"},
    {"extractall", "string dynamic text", "dynamic", "kql_extract_all_groups($1, $2, $3)"},
    {"countof", "text text", "long", "kql_countof($1, $2)"},
    {"countof", "text text string", "long",
     "CASE WHEN $3 = 'regex' THEN kql_countof_regex($1, $2) ELSE kql_countof($1, $2) END"},
    {"translate", "text text text", "string", "kql_translate($1, $2, $3)"},
    {"regex_quote", "text", "string", "kql_regex_quote($1)"},
    {"isascii", "text", "bool", "kql_isascii($1)"},
    {"isutf8", "text", "bool", "kql_isutf8($1)"},
    {"parse_csv", "text", "dynamic", "kql_parse_csv($1)", "1"},
    {"parse_url", "string", "dynamic", "kql_parse_url($1)"},
    {"parseurl", "string", "dynamic", "kql_parse_url($1)"},
    {"parse_urlquery", "string", "dynamic", "kql_parse_urlquery($1)"},
    {"url_encode", "string", "string", "kql_url_encode($1, FALSE)"},
    {"url_encode_component", "string", "string", "kql_url_encode($1, TRUE)"},
    {"url_decode", "string", "string", "kql_url_decode($1)"},
    {"base64_encode_tostring", "string", "string", "kql_base64_encode($1)"},
    {"base64_encodestring", "string", "string", "kql_base64_encode($1)"},
    {"base64_decode_tostring", "string", "string", "kql_base64_decode($1)"},
    {"base64_decodestring", "string", "string", "kql_base64_decode($1)"},
    {"hash", "string long?", "long", "kql_hash_text($1, ${2|0})"},
    {"hash", "long long?", "long", "kql_hash_long($1, ${2|0})"},
    {"hash", "int long?", "long", "kql_hash_int($1, ${2|0})"},
    {"hash", "datetime long?", "long", "kql_hash_long($1, ${2|0})"},
    {"hash", "timespan long?", "long", "kql_hash_long($1, ${2|0})"},
    {"hash", "real long?", "long", "kql_hash_real($1, ${2|0})"},
    {"hash", "bool long?", "long", "kql_hash_bool($1, ${2|0})"},
    {"hash", "guid long?", "long", "kql_hash_guid($1, ${2|0})"},
    {"hash", "decimal long?", "long", "kql_hash_decimal($1, ${2|0})"},
    {"hash_xxhash64", "string long?", "long", "kql_hash_text($1, ${2|0})"},
    {"hash_xxhash64", "long long?", "long", "kql_hash_long($1, ${2|0})"},
    {"hash_xxhash64", "int long?", "long", "kql_hash_int($1, ${2|0})"},
    {"hash_xxhash64", "datetime long?", "long", "kql_hash_long($1, ${2|0})"},
    {"hash_xxhash64", "timespan long?", "long", "kql_hash_long($1, ${2|0})"},
    {"hash_xxhash64", "real long?", "long", "kql_hash_real($1, ${2|0})"},
    {"hash_xxhash64", "bool long?", "long", "kql_hash_bool($1, ${2|0})"},
    {"hash_xxhash64", "guid long?", "long", "kql_hash_guid($1, ${2|0})"},
    {"hash_xxhash64", "decimal long?", "long", "kql_hash_decimal($1, ${2|0})"},
    {"hash_md5", "text", "string", "md5($1)"},
    {"hash_sha1", "text", "string", "sha1($1)"},
    {"hash_sha256", "text", "string", "sha256($1)"},
};

} // namespace

std::span<const FunctionRow> string_function_rows() {
    return kRows;
}

} // namespace sluice::kql
