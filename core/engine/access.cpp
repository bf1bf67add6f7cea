#include "core/engine/access.hpp"

#include "core/engine/command_lexer.hpp"
#include "core/engine/database_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using catalog::Principal;

/// What a role given on a database includes.
bool database_role_includes(std::string_view given, Role asked) {
    if (given == "admins")
        return asked != Role::AllDatabasesAdmin;
    switch (asked) {
    case Role::Any:
        return true;
    case Role::Viewer:
        return given == "viewers" || given == "users" || given == "monitors";
    case Role::User:
        return given == "users";
    case Role::TableIngestor:
    case Role::DatabaseIngestor:
        return given == "ingestors";
    case Role::Monitor:
        return given == "monitors";
    default:
        return false;
    }
}

bool table_role_includes(std::string_view given, Role asked) {
    if (given == "admins")
        return asked == Role::TableAdmin || asked == Role::TableIngestor;
    return given == "ingestors" && asked == Role::TableIngestor;
}

bool given(const std::vector<Principal>& list, std::string_view principal, Role asked,
           bool (*includes)(std::string_view, Role)) {
    return std::any_of(list.begin(), list.end(), [&](const Principal& entry) {
        return includes(entry.role, asked) && same_principal(entry.fqn, principal);
    });
}

Error forbidden(std::string_view principal, Role role) {
    return {ErrorCode::Denied,
            fmt::format("Forbidden: principal '{}' is not authorized to run this command; it needs the role {}.",
                        principal, to_string(role)),
            "Forbidden"};
}

} // namespace

bool same_principal(std::string_view granted, std::string_view principal) {
    const auto id = [](std::string_view fqn) { return fqn.substr(0, fqn.find(';')); };
    const auto tenant = [](std::string_view fqn) {
        const std::size_t at = fqn.find(';');
        return at == std::string_view::npos ? std::string_view() : fqn.substr(at + 1);
    };
    if (!same_word(id(granted), id(principal)))
        return false;
    return tenant(granted).empty() || tenant(principal).empty() || same_word(tenant(granted), tenant(principal));
}

bool Access::allows(std::string_view principal, Role role, const Scope& scope) const {
    if (!holds_ || role == Role::Any || holds_(principal, role))
        return true;
    if (scope.database && given(scope.database->principals, principal, role, database_role_includes))
        return true;
    if (scope.table && given(scope.table->principals, principal, role, table_role_includes))
        return true;
    return scope.function && role == Role::FunctionAdmin &&
           std::any_of(scope.function->principals.begin(), scope.function->principals.end(),
                       [&](const Principal& entry) { return same_principal(entry.fqn, principal); });
}

Result<> Access::check(const Request& request, Role role, const Arguments& arguments) const {
    if (!holds_ || role == Role::Any)
        return {};
    const Argument& path = arguments.get("table");
    std::string name = arguments.text("database");
    if (path.items.size() == 2)
        name = path.items.front();
    const auto database = choose_database(catalog_, name.empty() ? request.database : name);
    Scope scope;
    std::shared_ptr<const catalog::Table> table;
    Role asked = role;
    if (database) {
        scope.database = database->get();
        table = scope.database->find_table(path.text);
        scope.table = table.get();
        if (const auto function = scope.database->functions.find(arguments.text("function"));
            function != scope.database->functions.end())
            scope.function = &function->second;
        // Whoever may create an entity needs no right on it before it exists.
        const bool creates = (role == Role::FunctionAdmin && !scope.function && !arguments.said("drop")) ||
                             (role == Role::TableIngestor && arguments.has("query") && !scope.table);
        if (creates)
            asked = Role::User;
    }
    if (allows(request.principal, asked, scope))
        return {};
    return forbidden(request.principal, asked);
}

Result<> Access::check_query(const Request& request, const catalog::Database& database) const {
    if (allows(request.principal, Role::Viewer, {&database}))
        return {};
    return forbidden(request.principal, Role::Viewer);
}

} // namespace sluice::engine
