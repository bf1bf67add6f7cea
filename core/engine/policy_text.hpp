#pragma once

#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Policies as commands read and show them (engine Appendix A). Those without a type of their own are kept as
/// normalised JSON text.
namespace sluice::engine {

/// One policy keyword.
struct PolicyKind {
    std::string_view keyword; ///< "retention"
    std::string_view name;    ///< "RetentionPolicy"
    bool on_database = true;  ///< may be set on a database too
    bool mergeable = true;    ///< knows `.alter-merge`
    bool cluster_only = false;
};
/// Case-insensitive; an error that lists the keywords for what is unknown.
Result<const PolicyKind*> find_policy(std::string_view keyword);

/// Text of the policy of one level; nothing when it is not set there.
std::optional<std::string> policy_text(const catalog::Policies& policies, const PolicyKind& kind);
/// What applies to the table: its own, else the database's, else nothing.
std::optional<std::string> effective_policy_text(const catalog::Database& database, const catalog::Table& table,
                                                 const PolicyKind& kind);

/// What the user wrote behind the keyword.
struct PolicyValue {
    std::string text;
    bool literal = false; ///< string literals; else raw text such as `hot = 30d` or `enable`
};
/// Sets the policy. `merge` keeps what the value does not mention.
/// Errors: "Error during execution of a policy operation: ...".
Result<> set_policy(catalog::Policies& policies, const PolicyKind& kind, const PolicyValue& value, bool merge,
                    bool on_table);
/// The policy of the cluster that a value makes; with `before` it keeps what the value does not mention.
Result<std::string> cluster_policy_text(const PolicyKind& kind, const PolicyValue& value,
                                        const std::optional<std::string>& before);
/// What is shown of the cluster when nothing was set.
std::optional<std::string> default_cluster_policy(const PolicyKind& kind);
void clear_policy(catalog::Policies& policies, const PolicyKind& kind);

} // namespace sluice::engine
