#pragma once

#include "core/catalog/catalog.hpp"
#include "core/engine/command_parser.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/role.hpp"

#include <functional>
#include <string_view>

namespace sluice::engine {

/// Whether the entity `principal` ("aadapp=id;tenant") is meant by `granted`: the kind and the id without regard to
/// case, the tenant only where both name one.
bool same_principal(std::string_view granted, std::string_view principal);

/// Decides who may run what: roles of the configuration first, then those that commands gave out (commands 3.5).
/// Without a source of roles authentication is off and every caller holds every role. Borrowed members; one request.
class Access {
public:
    using Holds = std::function<bool(std::string_view principal, Role role)>;
    Access(const catalog::Catalog& catalog, const Holds& holds) : catalog_(catalog), holds_(holds) {}

    /// 403 Forbidden when the caller lacks the role on what the command names.
    Result<> check(const Request& request, Role role, const Arguments& arguments) const;
    Result<> check_query(const Request& request, const catalog::Database& database) const;

    struct Scope {
        const catalog::Database* database = nullptr;
        const catalog::Table* table = nullptr;
        const catalog::Function* function = nullptr;
    };
    bool allows(std::string_view principal, Role role, const Scope& scope) const;

private:
    const catalog::Catalog& catalog_;
    const Holds& holds_;
};

} // namespace sluice::engine
