#pragma once

#include "core/base/result.hpp"
#include "core/config/settings.hpp"
#include "core/engine/role.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::app {

/// Who a caller is and which cluster roles it holds, by the bearer tokens of the configuration (configuration 2.2).
/// Tokens are known by their hashes only; comparing takes as long for a wrong one as for a right one. Thread-safe.
class Auth {
public:
    explicit Auth(const config::Auth& settings);

    /// Without a token nobody is asked, and everybody holds every role.
    bool enabled() const { return !tokens_.empty(); }
    /// The principal behind an `Authorization` header. Denied, reason Unauthorized: there is none, or not one of ours;
    /// the message holds nothing of what was sent.
    Result<std::string> principal_of(std::string_view authorization) const;
    bool holds(std::string_view principal, engine::Role role) const;

private:
    struct Token {
        std::string principal, hash; ///< hexadecimal
        std::vector<std::string> roles;
    };
    std::vector<Token> tokens_;
};

} // namespace sluice::app
