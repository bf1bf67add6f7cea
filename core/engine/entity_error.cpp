#include "core/engine/entity_error.hpp"

#include <fmt/format.h>

namespace sluice::engine {

Error entity_not_found(std::string_view kind, std::string_view name) {
    return {ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind '{}' was not found.", name, kind),
            "BadRequest_EntityNotFound"};
}

Error entity_exists(std::string_view kind, std::string_view name) {
    return {ErrorCode::Conflict, fmt::format("Entity '{}' of kind '{}' already exists.", name, kind),
            "General_BadRequest"};
}

Error database_not_found(std::string_view name) {
    return {ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind 'Database' was not found.", name),
            "BadRequest_DatabaseNotExist"};
}

Error policy_error(std::string_view detail) {
    return {ErrorCode::Invalid, fmt::format("Error during execution of a policy operation: {}", detail),
            "General_BadRequest"};
}

Error bad_request(std::string message) {
    return {ErrorCode::Invalid, std::move(message), "General_BadRequest"};
}

Error not_supported(std::string message) {
    return {ErrorCode::Unsupported, std::move(message), "BadRequest_NotSupported"};
}

} // namespace sluice::engine
