#include "core/kql/functions.hpp"

namespace sluice::kql {
namespace {

/// Addresses, encodings and texts of other formats.
constexpr FunctionRow kRows[] = {
    {"parse_ipv4", "string", "long", "kql_parse_ipv4($1)"},
    {"parse_ipv4_mask", "string long", "long", "kql_parse_ipv4_mask($1, $2)"},
    {"ipv4_compare", "string string long?", "long", "kql_ipv4_compare($1, $2, ${3|32})"},
    {"ipv4_is_match", "string string long?", "bool", "(kql_ipv4_compare($1, $2, ${3|32}) = 0)"},
    {"ipv4_is_in_range", "string string", "bool", "kql_ipv4_is_in_range($1, $2)"},
    {"ipv4_is_in_any_range", "string dynamic", "bool", "kql_ipv4_in_any_list($1, $2)"},
    {"ipv4_is_in_any_range", "string string*", "bool", "kql_ipv4_in_any_range($*)"},
    {"ipv4_netmask_suffix", "string", "long", "kql_ipv4_netmask_suffix($1)"},
    {"ipv4_is_private", "string", "bool", "kql_ipv4_is_private($1)"},
    {"ipv4_range_to_cidr_list", "string string", "dynamic", "kql_ipv4_cidr_list($1, $2)"},
    {"format_ipv4", "string long?", "string", "kql_format_ipv4_text($1, ${2|32})"},
    {"format_ipv4", "long long?", "string", "kql_format_ipv4_number($1, ${2|32})"},
    {"format_ipv4_mask", "string long?", "string", "kql_format_ipv4_mask_text($1, ${2|32})"},
    {"format_ipv4_mask", "long long?", "string", "kql_format_ipv4_mask_number($1, ${2|32})"},
    {"parse_ipv6", "string", "string", "kql_parse_ipv6($1, 128)"},
    {"parse_ipv6_mask", "string long", "string", "kql_parse_ipv6($1, $2)"},
    {"ipv6_compare", "string string long?", "long", "kql_ipv6_compare($1, $2, ${3|128})"},
    {"ipv6_is_match", "string string long?", "bool", "(kql_ipv6_compare($1, $2, ${3|128}) = 0)"},
    {"ipv6_is_in_range", "string string", "bool", "kql_ipv6_is_in_range($1, $2)"},
    {"ipv6_is_in_any_range", "string dynamic", "bool", "kql_ipv6_in_any_list($1, $2)"},
    {"ipv6_is_in_any_range", "string string*", "bool", "kql_ipv6_in_any_range($*)"},
    {"has_ipv4", "text string", "bool!", "kql_has_any_ipv4($1, $2)"},
    {"has_ipv4_prefix", "text string", "bool!", "kql_has_any_ipv4_prefix($1, $2)"},
    {"has_any_ipv4", "text dynamic", "bool", "kql_has_any_ipv4_of($1, $2)"},
    {"has_any_ipv4", "text string*", "bool!", "kql_has_any_ipv4($*)"},
    {"has_any_ipv4_prefix", "text dynamic", "bool", "kql_has_any_ipv4_prefix_of($1, $2)"},
    {"has_any_ipv4_prefix", "text string*", "bool!", "kql_has_any_ipv4_prefix($*)"},
    {"base64_decode_toarray", "string", "dynamic", "kql_base64_to_array($1)"},
    {"base64_decode_toguid", "string", "guid", "kql_base64_to_guid($1)"},
    {"base64_encode_fromarray", "dynamic", "string", "kql_base64_from_array($1)"},
    {"base64_encode_fromguid", "guid", "string", "kql_base64_from_guid($1)"},
    {"zlib_compress_to_base64_string", "string", "string", "kql_zlib_compress($1)"},
    {"zlib_decompress_from_base64_string", "string", "string", "kql_zlib_decompress($1)"},
    {"gzip_compress_to_base64_string", "string", "string", "kql_gzip_compress($1)"},
    {"gzip_decompress_from_base64_string", "string", "string", "kql_gzip_decompress($1)"},
    {"unicode_codepoints_from_string", "text", "dynamic", "kql_code_points($1)"},
    {"to_utf8", "text", "dynamic", "kql_code_points($1)"},
    {"unicode_codepoints_to_string", "json*", "string", "kql_from_code_points($*)"},
    {"make_string", "json*", "string", "kql_from_code_points($*)"},
    {"punycode_from_string", "string", "string", "kql_punycode_encode($1)"},
    {"punycode_to_string", "string", "string", "kql_punycode_decode($1)"},
    {"punycode_domain_to_string", "string", "string", "kql_punycode_encode_domain($1)"},
    {"punycode_domain_from_string", "string", "string", "kql_punycode_decode_domain($1)"},
    {"parse_xml", "text", "dynamic", "kql_parse_xml($1)", "1"},
    {"parse_path", "string", "dynamic", "kql_parse_path($1)"},
    {"parse_command_line", "text string", "dynamic", "kql_parse_command_line($1, $2)"},
    {"parse_user_agent", "string string?", "dynamic", "kql_parse_user_agent($1, kql_json_string(${2|'browser'}))"},
    {"parse_user_agent", "string dynamic", "dynamic", "kql_parse_user_agent($1, $2)"},
    {"parse_version", "string", "decimal", "TRY_CAST(kql_parse_version($1) AS DECIMAL(38,0))"},
    {"parseurlquery", "string", "dynamic", "kql_parse_urlquery($1)"},
    {"datetime_utc_to_local", "datetime string", "datetime", "kql_utc_to_local($1, $2)"},
    {"datetime_local_to_utc", "datetime string", "datetime", "kql_local_to_utc($1, $2)"},
    {"datetime_list_timezones", "", "dynamic!", "kql_list_timezones()"},
};

} // namespace

std::span<const FunctionRow> net_function_rows() {
    return kRows;
}

} // namespace sluice::kql
