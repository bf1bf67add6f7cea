#include "core/app/auth.hpp"

#include "core/base/digest.hpp"

#include <algorithm>

namespace sluice::app {
namespace {

using engine::Role;

constexpr std::string_view kScheme = "bearer ";
constexpr std::string_view kHashPrefix = "sha256:";
/// Far more than a token has; what is longer is not hashed.
constexpr std::size_t kMaxToken = 16 * 1024;

/// What a cluster role includes (commands 3.5).
bool includes(std::string_view given, Role asked) {
    if (given == "admins" || given == "alldatabasesadmins" || asked == Role::Any)
        return true;
    switch (asked) {
    case Role::Viewer:
        return given == "alldatabasesviewers" || given == "viewers" || given == "users" ||
               given == "alldatabasesmonitors" || given == "monitors";
    case Role::User:
        return given == "users";
    case Role::Monitor:
        return given == "alldatabasesmonitors" || given == "monitors" || given == "ops";
    default:
        return false;
    }
}

Error unauthorized(const char* why) {
    return {ErrorCode::Denied, why, "Unauthorized"};
}

bool begins_with_scheme(std::string_view text) {
    return text.size() > kScheme.size() &&
           std::equal(kScheme.begin(), kScheme.end(), text.begin(), [](char wanted, char given) {
               return wanted == (given >= 'A' && given <= 'Z' ? given + 32 : given);
           });
}

} // namespace

Auth::Auth(const config::Auth& settings) {
    for (const config::AuthToken& token : settings.tokens)
        tokens_.push_back({"token=" + token.name, token.hash.substr(kHashPrefix.size()), token.roles});
}

Result<std::string> Auth::principal_of(std::string_view authorization) const {
    if (authorization.empty())
        return unauthorized("The request has no Authorization header; send 'Authorization: Bearer <token>'.");
    if (!begins_with_scheme(authorization))
        return unauthorized("The Authorization header is no bearer token; send 'Authorization: Bearer <token>'.");
    const std::string_view token = authorization.substr(kScheme.size());
    if (token.size() > kMaxToken)
        return unauthorized("The bearer token is not accepted.");
    const std::string hash = to_hex(sha256(token));
    const Token* found = nullptr;
    for (const Token& known : tokens_) // all of them, so that the time says nothing about which was close
        if (equal_in_constant_time(known.hash, hash))
            found = &known;
    if (!found)
        return unauthorized("The bearer token is not accepted.");
    return found->principal;
}

bool Auth::holds(std::string_view principal, Role role) const {
    return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
        return token.principal == principal &&
               std::any_of(token.roles.begin(), token.roles.end(),
                           [&](const std::string& given) { return includes(given, role); });
    });
}

} // namespace sluice::app
