#pragma once

#include "core/catalog/catalog.hpp"
#include "core/ingest/extents.hpp"

#include <optional>
#include <string>
#include <vector>

/// What the stored policies mean for extents (engine 5). Reads the policies' JSON texts; pure.
namespace sluice::engine {

/// Effective `SoftDeletePeriod`; nothing when no policy is set.
std::optional<Ticks> soft_delete_period(const catalog::Database& database, const catalog::Table& table);

/// Tags with the prefix go when their extent is older than the period.
struct TagRetention {
    std::string prefix; ///< "drop-by:"
    Ticks period = 0;
};
std::vector<TagRetention> tag_retention(const catalog::Database& database, const catalog::Table& table);
/// What the rules leave of the extent's tags.
std::vector<std::string> kept_tags(const store::Part& extent, const std::vector<TagRetention>& rules, Ticks now);

/// From the merge and sharding policies.
ingest::MergeRules merge_rules(const catalog::Database& database, const catalog::Table& table);

/// Whether an extent created then is inside the caching policy's hot span or one of its windows; without a policy
/// everything is hot.
bool is_hot(const catalog::Database& database, const catalog::Table& table, Ticks created, Ticks now);

/// `.alter table T policy auto_delete`.
struct AutoDelete {
    Ticks expiry = 0;
    bool if_not_empty = false;
};
std::optional<AutoDelete> auto_delete(const catalog::Policies& policies);

} // namespace sluice::engine
