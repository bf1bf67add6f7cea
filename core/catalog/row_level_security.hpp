#pragma once

#include "core/catalog/catalog.hpp"

#include <optional>
#include <string>

namespace sluice::catalog {

/// What queries see of a table instead of all its rows: the result of `query`, which has the table's columns.
struct RowLevelSecurity {
    bool is_enabled = false;
    std::string query;
};

/// Keyword under which Policies::other keeps it.
inline constexpr auto kRowLevelSecurity = "row_level_security";

/// Nothing when the table has no such policy.
std::optional<RowLevelSecurity> row_level_security(const Policies& policies);
/// `{"IsEnabled":true,"Query":"..."}`
std::string to_json(const RowLevelSecurity& policy);

} // namespace sluice::catalog
