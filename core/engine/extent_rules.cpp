#include "core/engine/extent_rules.hpp"

#include "core/data/text.hpp"
#include "core/engine/policy_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

/// The effective policy; an empty object when none is set.
Json policy_of(const catalog::Database& database, const catalog::Table& table, std::string_view keyword) {
    const auto kind = find_policy(keyword);
    const auto text = kind ? effective_policy_text(database, table, **kind) : std::nullopt;
    Json json = text ? Json::parse(*text, nullptr, false) : Json::object();
    return json.is_discarded() ? Json::object() : json;
}

std::optional<Ticks> span(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string())
        return std::nullopt;
    return data::parse_timespan(found->get_ref<const std::string&>());
}

std::int64_t number(const Json& object, const char* name, std::int64_t otherwise) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number() ? found->get<std::int64_t>() : otherwise;
}

bool flag(const Json& object, const char* name, bool otherwise) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::optional<Ticks> hot_span(const Json& policy) {
    const auto found = policy.find("DataHotSpan");
    if (found == policy.end())
        return std::nullopt;
    return found->is_object() ? span(*found, "Value") : span(policy, "DataHotSpan");
}

} // namespace

std::optional<Ticks> soft_delete_period(const catalog::Database& database, const catalog::Table& table) {
    return span(policy_of(database, table, "retention"), "SoftDeletePeriod");
}

std::vector<TagRetention> tag_retention(const catalog::Database& database, const catalog::Table& table) {
    std::vector<TagRetention> out;
    const Json policy = policy_of(database, table, "extent_tags_retention");
    if (policy.is_array())
        for (const Json& entry : policy)
            if (const auto period = span(entry, "RetentionPeriod"); period && entry.contains("TagPrefix"))
                out.push_back({entry["TagPrefix"].get<std::string>(), *period});
    return out;
}

std::vector<std::string> kept_tags(const store::Part& extent, const std::vector<TagRetention>& rules, Ticks now) {
    std::vector<std::string> kept = extent.tags;
    std::erase_if(kept, [&](const std::string& tag) {
        return std::any_of(rules.begin(), rules.end(), [&](const TagRetention& rule) {
            return tag.starts_with(rule.prefix) && extent.created < now - rule.period;
        });
    });
    return kept;
}

ingest::MergeRules merge_rules(const catalog::Database& database, const catalog::Table& table) {
    const Json merge = policy_of(database, table, "merge");
    const Json sharding = policy_of(database, table, "sharding");
    ingest::MergeRules rules;
    rules.allowed = flag(merge, "AllowMerge", true) || flag(merge, "AllowRebuild", true);
    rules.at_most =
        static_cast<std::size_t>(std::clamp<std::int64_t>(number(merge, "MaxExtentsToMerge", 100), 2, 1000));
    rules.max_range = std::clamp<std::int64_t>(number(merge, "MaxRangeInHours", 24), 0, 24 * 365 * 100) * kTicksPerHour;
    const std::int64_t sharded = std::max<std::int64_t>(1, number(sharding, "ShardEngineMaxRowCount", 1'048'576));
    const std::int64_t merged = std::max<std::int64_t>(1, number(merge, "RowCountUpperBoundForMerge", 16'000'000));
    rules.max_rows = static_cast<std::uint64_t>(std::min(sharded, merged));
    rules.small_rows = static_cast<std::uint64_t>(std::max<std::int64_t>(1, sharded / 10));
    const Json lookback = merge.value("Lookback", Json::object());
    const std::string kind = lookback.is_object() ? lookback.value("Kind", "Default") : "Default";
    if (kind == "All")
        rules.lookback.reset();
    else if (kind == "Custom")
        rules.lookback = span(lookback, "CustomPeriod");
    else if (kind == "HotCache")
        rules.lookback = hot_span(policy_of(database, table, "caching"));
    return rules;
}

bool is_hot(const catalog::Database& database, const catalog::Table& table, Ticks created, Ticks now) {
    const Json policy = policy_of(database, table, "caching");
    const auto hot = hot_span(policy);
    if (!hot || created >= now - *hot)
        return true;
    const auto windows = policy.find("HotWindows");
    if (windows == policy.end() || !windows->is_array())
        return false;
    return std::any_of(windows->begin(), windows->end(), [&](const Json& window) {
        const auto from = data::parse_datetime(window.value("MinValue", ""));
        const auto to = data::parse_datetime(window.value("MaxValue", ""));
        return from && to && created >= *from && created < *to;
    });
}

std::optional<AutoDelete> auto_delete(const catalog::Policies& policies) {
    const auto found = policies.other.find("auto_delete");
    if (found == policies.other.end())
        return std::nullopt;
    const Json json = Json::parse(found->second, nullptr, false);
    const auto expiry = json.is_object() ? data::parse_datetime(json.value("ExpiryDate", "")) : std::nullopt;
    if (!expiry)
        return std::nullopt;
    return AutoDelete{*expiry, flag(json, "DeleteIfNotEmpty", false)};
}

} // namespace sluice::engine
