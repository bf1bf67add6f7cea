#pragma once

#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What `.alter` and its kin let through of update policies and of the streaming they stand in the way of
/// (engine 2.3, 3.2).
namespace sluice::engine {

/// Checks V2 to V15 of the enabled entries of table `target`, in the catalogue as the command would leave it. Errors:
/// "Error during execution of a policy operation: ...". `unreferenced`: the query need not read its source
/// (AllowUnreferencedSourceTable).
Result<> check_update_policy(const catalog::Database& after, std::string_view target, bool unreferenced);

/// An enabled row level security policy of table `name`, in the catalogue as the command would leave it: its query
/// gives the table's columns, no update policy without a managed identity reads the table, and its views are not
/// restricted as well. Errors as above.
Result<> check_row_level_security(const catalog::Database& after, const std::string& name);

/// C2: no update policy that becomes streaming-fed by the change reads anything but its source. `entity` is what the
/// command turns streaming on for: "table 'GaugeRaw'".
Result<> check_streaming_change(const catalog::Database& before, const catalog::Database& after,
                                std::string_view entity);

/// An enabled entry that would fail where it runs now: functions, tables and switches may have changed since it was
/// checked.
struct PolicyViolation {
    std::string table, text;
};
std::vector<PolicyViolation> find_policy_violations(const catalog::Database& database);

} // namespace sluice::engine
