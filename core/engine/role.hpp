#pragma once

#include <cstdint>

namespace sluice::engine {

/// What a command asks of its caller (commands 1, column "Rights"). `Viewer` stands for database user, viewer or
/// monitor.
enum class Role : std::uint8_t {
    Any,
    Viewer,
    User,
    TableIngestor,
    TableAdmin,
    FunctionAdmin,
    DatabaseIngestor,
    DatabaseAdmin,
    Monitor,
    AllDatabasesAdmin,
};

/// "Table Admin", as in messages.
constexpr const char* to_string(Role role) {
    switch (role) {
    case Role::Any:
        return "any";
    case Role::Viewer:
        return "Database Viewer";
    case Role::User:
        return "Database User";
    case Role::TableIngestor:
        return "Table Ingestor";
    case Role::TableAdmin:
        return "Table Admin";
    case Role::FunctionAdmin:
        return "Function Admin";
    case Role::DatabaseIngestor:
        return "Database Ingestor";
    case Role::DatabaseAdmin:
        return "Database Admin";
    case Role::Monitor:
        return "Monitor";
    case Role::AllDatabasesAdmin:
        break;
    }
    return "AllDatabasesAdmin";
}

} // namespace sluice::engine
