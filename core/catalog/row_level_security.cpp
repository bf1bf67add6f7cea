#include "core/catalog/row_level_security.hpp"

#include <nlohmann/json.hpp>

namespace sluice::catalog {

std::optional<RowLevelSecurity> row_level_security(const Policies& policies) {
    const auto stored = policies.other.find(kRowLevelSecurity);
    if (stored == policies.other.end())
        return std::nullopt;
    const auto json = nlohmann::json::parse(stored->second, nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    return RowLevelSecurity{json.value("IsEnabled", false), json.value("Query", std::string())};
}

std::string to_json(const RowLevelSecurity& policy) {
    nlohmann::ordered_json json;
    json["IsEnabled"] = policy.is_enabled;
    json["Query"] = policy.query;
    return json.dump();
}

} // namespace sluice::catalog
