#pragma once

#include "core/kql/constant.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

/// JSON texts of dynamic values, for the functions of this module. Only .cpp files include this.
namespace sluice::kql {

using Json = nlohmann::ordered_json; ///< keeps the order of the keys

/// Discarded (is_discarded()) when the text is not JSON. Not deeper than a few hundred levels.
Json parse_json(std::string_view text);
/// Compact, with numbers as the reference writes them and invalid UTF-8 replaced.
std::string dump_json(const Json& value);
/// The text as a JSON string, quotes included.
std::string json_string(std::string_view text);
/// What tostring() makes of a dynamic: strings without quotes, everything else as JSON, null as nothing.
std::string dynamic_to_string(std::string_view json);

} // namespace sluice::kql
