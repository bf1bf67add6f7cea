#pragma once

#include "core/base/error.hpp"

#include <string>
#include <string_view>

/// Errors with the texts of engine 0.3.
namespace sluice::engine {

/// "Entity ID 'GaugeX' of kind 'Table' was not found."
Error entity_not_found(std::string_view kind, std::string_view name);
/// "Entity 'GaugeRaw' of kind 'Table' already exists."
Error entity_exists(std::string_view kind, std::string_view name);
/// Entity ID 'X' of kind 'Database' was not found, with the code clients know.
Error database_not_found(std::string_view name);
/// "Error during execution of a policy operation: <detail>"
Error policy_error(std::string_view detail);
/// 400 General_BadRequest with a sentence of ours.
Error bad_request(std::string message);
/// 400 BadRequest_NotSupported: known in Azure Data Explorer, not offered here.
Error not_supported(std::string message);

} // namespace sluice::engine
