#pragma once

#include "core/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::catalog {

/// One entry of the update policy of a table (engine 3.1). The table it is stored on is its target.
struct UpdatePolicy {
    bool is_enabled = true;
    std::string source; ///< name of a table; with source_is_wildcard a pattern with '*'
    bool source_is_wildcard = false;
    std::string query;
    bool is_transactional = false;
    bool propagate_ingestion_properties = false;
    std::optional<std::string> managed_identity = {};

    friend bool operator==(const UpdatePolicy&, const UpdatePolicy&) = default;
};

/// The JSON text of `.alter table T policy update`: an array of objects, or one object. Names are matched
/// case-insensitively, flags may be texts, unknown members are ignored. Errors: "Error during execution of a policy
/// operation: ..." (engine 3.2 V1).
Result<std::vector<UpdatePolicy>> parse_update_policy(std::string_view json);

/// The text of `.show ... policy update`; ManagedIdentity only where it is set.
std::string to_json(const std::vector<UpdatePolicy>& policy);

/// Whether rows that go into `source` make this entry of table `target` run, were it enabled. A wildcard never means
/// the target itself (engine 3.7). Case-sensitive.
bool is_triggered_by(const UpdatePolicy& policy, std::string_view target, std::string_view source);

} // namespace sluice::catalog
