#include "core/engine/policy_text.hpp"

#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/entity_error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<PolicyKind, 24> kPolicies{{
    {"streamingingestion", "StreamingIngestionPolicy"},
    {"ingestionbatching", "IngestionBatchingPolicy"},
    {"update", "UpdatePolicy", false},
    {"ingestiontime", "IngestionTimePolicy", false, false},
    {"retention", "RetentionPolicy"},
    {"caching", "CachingPolicy", true, false},
    {"merge", "ExtentsMergePolicy"},
    {"sharding", "ShardingPolicy"},
    {"extent_tags_retention", "ExtentTagsRetentionPolicy", true, false},
    {"roworder", "RowOrderPolicy", false},
    {"auto_delete", "AutoDeletePolicy", false, false},
    {"encoding", "EncodingPolicy"},
    {"partitioning", "PartitioningPolicy", false},
    {"managed_identity", "ManagedIdentityPolicy"},
    {"restricted_view_access", "RestrictedViewAccessPolicy", false, false},
    {"row_level_security", "RowLevelSecurityPolicy", false, false},
    // Of the cluster only.
    {"callout", "CalloutPolicy", false, true, true},
    {"capacity", "CapacityPolicy", false, true, true},
    {"sandbox", "SandboxPolicy", false, true, true},
    {"request_classification", "ClusterRequestClassificationPolicy", false, true, true},
    {"query_weak_consistency", "QueryWeakConsistencyPolicy", false, true, true},
    {"diagnostics", "DiagnosticsPolicy", false, true, true},
    {"multidatabaseadmins", "MultiDatabaseAdminsPolicy", false, true, true},
    {"rowstore", "RowStorePolicy", false, true, true},
}};
Json retention_defaults() {
    return {{"SoftDeletePeriod", "365000.00:00:00"}, {"Recoverability", "Enabled"}};
}
Json merge_defaults() {
    return {{"RowCountUpperBoundForMerge", 16'000'000},
            {"OriginalSizeMBUpperBoundForMerge", 30'000},
            {"MaxExtentsToMerge", 100},
            {"MaxRangeInHours", 24},
            {"AllowRebuild", true},
            {"AllowMerge", true},
            {"Lookback", {{"Kind", "Default"}, {"CustomPeriod", nullptr}}}};
}
Json sharding_defaults() {
    return {{"ShardEngineMaxRowCount", 1'048'576},
            {"ShardEngineMaxExtentSizeInMb", 8192},
            {"ShardEngineMaxOriginalSizeInMb", 3072}};
}

Result<Json> parse(const PolicyKind& kind, std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded())
        return policy_error(fmt::format("{} should be JSON text", kind.name));
    return json;
}

/// Writes the members of `given` over `base`; the names of `base` win over the casing of the user.
void overlay(Json& base, const Json& given) {
    for (const auto& [name, value] : given.items()) {
        std::string known = name;
        for (const auto& [other, unused] : base.items())
            if (same_word(other, name))
                known = other;
        base[known] = value;
    }
}

Result<std::string> object_policy(const PolicyKind& kind, const PolicyValue& value, Json base) {
    SLUICE_TRY(const Json given, parse(kind, value.text));
    if (!given.is_object())
        return policy_error(fmt::format("{} should be a JSON object", kind.name));
    overlay(base, given);
    return base.dump();
}

/// Any JSON document.
Result<std::string> json_policy(const PolicyKind& kind, const PolicyValue& value) {
    SLUICE_TRY(const Json given, parse(kind, value.text));
    return given.dump();
}

/// "7d", "1.00:00:00", "365.00:00:00": timespans of commands.
std::optional<Ticks> timespan_of(std::string_view text) {
    if (const auto ticks = data::parse_timespan(text))
        return ticks;
    static constexpr std::array<std::pair<std::string_view, Ticks>, 10> kUnits{{{"microseconds", kTicksPerMicrosecond},
                                                                                {"ms", kTicksPerMillisecond},
                                                                                {"seconds", kTicksPerSecond},
                                                                                {"minutes", kTicksPerMinute},
                                                                                {"hours", kTicksPerHour},
                                                                                {"days", kTicksPerDay},
                                                                                {"d", kTicksPerDay},
                                                                                {"h", kTicksPerHour},
                                                                                {"m", kTicksPerMinute},
                                                                                {"s", kTicksPerSecond}}};
    for (const auto& [unit, ticks] : kUnits)
        if (text.size() > unit.size() && same_word(text.substr(text.size() - unit.size()), unit))
            if (const auto number = data::parse_real(trimmed(text.substr(0, text.size() - unit.size()))))
                return static_cast<Ticks>(*number * static_cast<double>(ticks));
    return std::nullopt;
}

/// `name = value` pairs of a raw policy, in the order they stand: values run up to the next `, name =` or `name =`.
Result<std::vector<std::pair<std::string, std::string>>> raw_pairs(const PolicyKind& kind, std::string_view text) {
    struct Name {
        std::string name;
        std::size_t begin, value;
    };
    std::vector<Name> names;
    Token before;
    for (Token token = next_token(text, 0); token.kind != Token::Kind::End; token = next_token(text, token.end)) {
        if (token.is('(')) {
            const std::size_t close = end_of_bracket(text, token.begin);
            token.end = close == std::string_view::npos ? text.size() : close;
        } else if (token.is('=') && before.kind == Token::Kind::Word) {
            names.push_back({to_lower(before.text), before.begin, token.end});
        }
        before = token;
    }
    std::vector<std::pair<std::string, std::string>> out;
    if (names.empty() || !trimmed(text.substr(0, names[0].begin)).empty())
        return policy_error(fmt::format("{} is written as JSON text or as name = value", kind.name));
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::size_t end = i + 1 < names.size() ? names[i + 1].begin : text.size();
        std::string value = trimmed(text.substr(names[i].value, end - names[i].value));
        if (!value.empty() && value.back() == ',')
            value = trimmed(std::string_view(value).substr(0, value.size() - 1));
        out.emplace_back(names[i].name, std::move(value));
    }
    return out;
}

Result<std::string> span_text(const PolicyKind& kind, std::string_view name, std::string_view value) {
    const auto ticks = timespan_of(value);
    if (!ticks || *ticks < 0)
        return policy_error(fmt::format("{}: {} should be a timespan, such as 30d", kind.name, name));
    return data::format_timespan(*ticks);
}

Result<std::string> check_retention(const PolicyKind& kind, Json json, bool on_table, bool recoverability_given) {
    const auto period =
        json["SoftDeletePeriod"].is_string() ? timespan_of(json["SoftDeletePeriod"].get<std::string>()) : std::nullopt;
    if (!period || *period < 0)
        return policy_error("SoftDeletePeriod should be a timespan, such as \"10.00:00:00\"");
    if (*period == 0 && !on_table)
        return policy_error("SoftDeletePeriod 0 is possible on a table only");
    json["SoftDeletePeriod"] = data::format_timespan(*period);
    const std::string given = json["Recoverability"].is_string() ? json["Recoverability"].get<std::string>() : "";
    if (!same_word(given, "Enabled") && !same_word(given, "Disabled"))
        return policy_error("Recoverability should be Enabled or Disabled");
    bool enabled = same_word(given, "Enabled");
    if (*period == 0 && enabled && recoverability_given)
        return policy_error("With SoftDeletePeriod 0, Recoverability should be Disabled");
    enabled = enabled && *period != 0;
    json["Recoverability"] = enabled ? "Enabled" : "Disabled";
    static_cast<void>(kind);
    return json.dump();
}

Result<std::string> retention_policy(const PolicyKind& kind, const PolicyValue& value,
                                     const std::optional<std::string>& base, bool on_table) {
    Json json = base ? Json::parse(*base, nullptr, false) : retention_defaults();
    bool recoverability = false;
    if (value.literal) {
        SLUICE_TRY(const Json given, parse(kind, value.text));
        if (!given.is_object())
            return policy_error("RetentionPolicy should be a JSON object");
        for (const auto& [name, unused] : given.items())
            recoverability = recoverability || same_word(name, "Recoverability");
        overlay(json, given);
    } else {
        SLUICE_TRY(const auto pairs, raw_pairs(kind, value.text));
        for (const auto& [name, text] : pairs) {
            if (name == "softdelete") {
                SLUICE_TRY(json["SoftDeletePeriod"], span_text(kind, "softdelete", text));
            } else if (name == "recoverability") {
                json["Recoverability"] = text;
                recoverability = true;
            } else {
                return policy_error(
                    fmt::format("'{}' is unknown here; a retention policy has softdelete and recoverability", name));
            }
        }
    }
    return check_retention(kind, std::move(json), on_table, recoverability);
}

/// `datetime(a) .. datetime(b)`
Result<Json> hot_window(const PolicyKind& kind, std::string_view text) {
    const std::size_t dots = text.find("..");
    const auto point = [](std::string_view part) -> std::optional<Ticks> {
        std::string inside = trimmed(part);
        if (inside.size() > 10 && same_word(std::string_view(inside).substr(0, 9), "datetime(") && inside.back() == ')')
            inside = trimmed(std::string_view(inside).substr(9, inside.size() - 10));
        return data::parse_datetime(inside);
    };
    const auto from = dots == std::string_view::npos ? std::nullopt : point(text.substr(0, dots));
    const auto to = dots == std::string_view::npos ? std::nullopt : point(text.substr(dots + 2));
    if (!from || !to || *from > *to)
        return policy_error(
            fmt::format("{}: hot_window is written as datetime(2025-01-01) .. datetime(2025-02-01)", kind.name));
    return Json{{"MinValue", data::format_datetime(*from)}, {"MaxValue", data::format_datetime(*to)}};
}

Result<std::string> caching_policy(const PolicyKind& kind, const PolicyValue& value) {
    if (value.literal)
        return object_policy(kind, value, Json::object());
    SLUICE_TRY(const auto pairs, raw_pairs(kind, value.text));
    Json json = Json::object();
    Json windows = Json::array();
    for (const auto& [name, text] : pairs) {
        if (name == "hot_window") {
            SLUICE_TRY(auto window, hot_window(kind, text));
            windows.push_back(std::move(window));
            continue;
        }
        if (name != "hot" && name != "hotdata" && name != "hotindex")
            return policy_error(
                fmt::format("'{}' is unknown here; a caching policy has hot, hotdata, hotindex and hot_window", name));
        SLUICE_TRY(const std::string span, span_text(kind, name, text));
        if (name != "hotindex")
            json["DataHotSpan"] = {{"Value", span}};
        if (name != "hotdata")
            json["IndexHotSpan"] = {{"Value", span}};
    }
    if (!json.contains("DataHotSpan") || !json.contains("IndexHotSpan"))
        return policy_error("a caching policy needs hot, or hotdata and hotindex");
    if (!windows.empty())
        json["HotWindows"] = std::move(windows);
    return json.dump();
}

Result<std::string> tags_retention_policy(const PolicyKind& kind, const PolicyValue& value) {
    SLUICE_TRY(const Json given, parse(kind, value.text));
    if (!given.is_array())
        return policy_error("ExtentTagsRetentionPolicy should be a JSON array");
    Json out = Json::array();
    for (const auto& entry : given) {
        Json normal{{"TagPrefix", nullptr}, {"RetentionPeriod", nullptr}};
        if (entry.is_object())
            overlay(normal, entry);
        const std::string prefix = normal["TagPrefix"].is_string() ? normal["TagPrefix"].get<std::string>() : "";
        if (prefix.size() < 2 || std::count(prefix.begin(), prefix.end(), ':') != 1 || prefix.back() != ':')
            return policy_error("TagPrefix should end with ':' and contain no other ':'");
        const auto period = normal["RetentionPeriod"].is_string()
                                ? timespan_of(normal["RetentionPeriod"].get<std::string>())
                                : std::nullopt;
        if (!period || *period < 0)
            return policy_error("RetentionPeriod should be a timespan, such as \"3.00:00:00\"");
        normal["RetentionPeriod"] = data::format_timespan(*period);
        out.push_back(std::move(normal));
    }
    return out.dump();
}

/// `enable`-like switches: true or false.
Result<std::string> flag_policy(const PolicyKind& kind, const PolicyValue& value) {
    if (!value.literal && (same_word(value.text, "true") || same_word(value.text, "false")))
        return to_lower(value.text);
    return policy_error(fmt::format("{} is true or false", kind.name));
}

/// `type='Identifier'`; nothing of it: the default again.
Result<std::string> encoding_policy(const PolicyKind& kind, const PolicyValue& value, Json base) {
    if (value.literal)
        return object_policy(kind, value, std::move(base));
    SLUICE_TRY(const auto pairs, raw_pairs(kind, value.text));
    static constexpr std::array<std::string_view, 3> kTypes{"Identifier", "BigObject", "BigObject32"};
    for (const auto& [name, text] : pairs) {
        const Token type = next_token(text, 0);
        const auto* const known = std::find_if(
            kTypes.begin(), kTypes.end(), [&](std::string_view candidate) { return same_word(candidate, type.text); });
        if (name != "type" || type.kind != Token::Kind::Text || known == kTypes.end())
            return policy_error("an encoding policy is written as type='Identifier', 'BigObject' or 'BigObject32'");
        base["EncodingPolicyType"] = std::string(*known);
        base["MaxValueSize"] = *known == "BigObject32" ? 33'554'432 : *known == "BigObject" ? 2'097'152 : 1'048'576;
    }
    return base.dump();
}

/// A table that goes by itself: its day has to be ahead.
Result<std::string> auto_delete_policy(const PolicyKind& kind, const PolicyValue& value) {
    SLUICE_TRY(const auto text, object_policy(kind, value, {{"ExpiryDate", nullptr}, {"DeleteIfNotEmpty", false}}));
    Json json = Json::parse(text);
    const auto expiry =
        json["ExpiryDate"].is_string() ? data::parse_datetime(json["ExpiryDate"].get<std::string>()) : std::nullopt;
    if (!expiry)
        return policy_error("AutoDeletePolicy: ExpiryDate should be a datetime, such as \"2030-01-31\"");
    if (!json["DeleteIfNotEmpty"].is_boolean())
        return policy_error("AutoDeletePolicy: DeleteIfNotEmpty should be true or false");
    return json.dump();
}

Result<std::string> ingestion_time_policy(const PolicyValue& value) {
    if (!value.literal && (same_word(value.text, "true") || same_word(value.text, "false")))
        return std::string(same_word(value.text, "true") ? R"({"IsEnabled":true})" : R"({"IsEnabled":false})");
    const Json json = value.literal ? Json::parse(value.text, nullptr, false) : Json();
    if (json.is_object() && json.value("IsEnabled", Json()).is_boolean())
        return Json{{"IsEnabled", json["IsEnabled"]}}.dump();
    return policy_error("IngestionTimePolicy is true or false");
}

/// `(a asc, b desc)`
Result<std::string> row_order_policy(const PolicyValue& value) {
    std::string out;
    const std::string_view text = value.text;
    Token token = next_token(text, 0);
    const auto refused = [] { return policy_error("RowOrderPolicy is written as (column asc, column desc)"); };
    if (value.literal || !token.is('('))
        return refused();
    do {
        const Token column = next_token(text, token.end);
        const Token direction = next_token(text, column.end);
        const std::string order = to_lower(direction.text);
        token = next_token(text, direction.end);
        if (column.kind != Token::Kind::Word || (order != "asc" && order != "desc") ||
            !(token.is(',') || token.is(')')))
            return refused();
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", column.text, order);
    } while (token.is(','));
    return "(" + out + ")";
}

Result<std::string> other_policy(const PolicyKind& kind, const PolicyValue& value,
                                 const std::optional<std::string>& base, bool on_table) {
    const std::string_view keyword = kind.keyword;
    if (keyword == "retention")
        return retention_policy(kind, value, base, on_table);
    if (keyword == "caching")
        return caching_policy(kind, value);
    if (keyword == "extent_tags_retention")
        return tags_retention_policy(kind, value);
    if (keyword == "ingestiontime")
        return ingestion_time_policy(value);
    if (keyword == "roworder")
        return row_order_policy(value);
    if (keyword == "restricted_view_access")
        return flag_policy(kind, value);
    if (keyword == "auto_delete")
        return auto_delete_policy(kind, value);
    if (keyword == "encoding")
        return encoding_policy(kind, value, base ? Json::parse(*base, nullptr, false) : Json::object());
    if (keyword == "row_level_security")
        return policy_error("RowLevelSecurityPolicy is set with: enable | disable 'query'");
    if (keyword == "managed_identity")
        return json_policy(kind, value);
    Json defaults = keyword == "merge"      ? merge_defaults()
                    : keyword == "sharding" ? sharding_defaults()
                                            : Json::object();
    return object_policy(kind, value, base ? Json::parse(*base, nullptr, false) : std::move(defaults));
}

} // namespace

Result<const PolicyKind*> find_policy(std::string_view keyword) {
    for (const auto& kind : kPolicies)
        if (same_word(kind.keyword, keyword))
            return &kind;
    std::string known;
    for (const auto& kind : kPolicies)
        if (!kind.cluster_only)
            known += fmt::format("{}{}", known.empty() ? "" : ", ", kind.keyword);
    return bad_request(fmt::format("'{}' is no policy; the policies are {}.", keyword, known));
}

Result<std::string> cluster_policy_text(const PolicyKind& kind, const PolicyValue& value,
                                        const std::optional<std::string>& before) {
    if (kind.keyword == "caching")
        return caching_policy(kind, value);
    SLUICE_TRY(const Json given, parse(kind, value.text));
    Json base = before ? Json::parse(*before, nullptr, false) : Json();
    if (!base.is_object() || !given.is_object())
        return given.dump();
    overlay(base, given);
    return base.dump();
}

std::optional<std::string> default_cluster_policy(const PolicyKind& kind) {
    if (kind.keyword != "capacity")
        return std::nullopt;
    // Engine Appendix A.
    return R"({"IngestionCapacity":{"ClusterMaximumConcurrentOperations":512,"CoreUtilizationCoefficient":0.75},)"
           R"("ExtentsMergeCapacity":{"MinimumConcurrentOperationsPerNode":1,"MaximumConcurrentOperationsPerNode":3},)"
           R"("ExtentsPurgeRebuildCapacity":{"MaximumConcurrentOperationsPerNode":1},)"
           R"("ExportCapacity":{"ClusterMaximumConcurrentOperations":100,"CoreUtilizationCoefficient":0.25},)"
           R"("ExtentsPartitionCapacity":{"ClusterMinimumConcurrentOperations":1,"ClusterMaximumConcurrentOperations":32},)"
           R"("MaterializedViewsCapacity":{"ClusterMaximumConcurrentOperations":1,"ExtentsRebuildCapacity":)"
           R"({"ClusterMaximumConcurrentOperations":50,"MaximumConcurrentOperationsPerNode":5}},)"
           R"("StoredQueryResultsCapacity":{"MaximumConcurrentOperationsPerDbAdmin":250,"CoreUtilizationCoefficient":0.75},)"
           R"("StreamingIngestionPostProcessingCapacity":{"MaximumConcurrentOperationsPerNode":4},)"
           R"("PurgeStorageArtifactsCleanupCapacity":{"MaximumConcurrentOperationsPerCluster":2},)"
           R"("PeriodicStorageArtifactsCleanupCapacity":{"MaximumConcurrentOperationsPerCluster":2},)"
           R"("QueryAccelerationCapacity":{"ClusterMaximumConcurrentOperations":100,"CoreUtilizationCoefficient":0.5},)"
           R"("GraphSnapshotsCapacity":{"ClusterMaximumConcurrentOperations":5}})";
}

std::optional<std::string> policy_text(const catalog::Policies& policies, const PolicyKind& kind) {
    if (kind.keyword == "streamingingestion")
        return policies.streaming ? std::optional(to_json(*policies.streaming)) : std::nullopt;
    if (kind.keyword == "ingestionbatching")
        return policies.batching ? std::optional(to_json(*policies.batching)) : std::nullopt;
    if (kind.keyword == "update")
        return policies.update.empty() ? std::nullopt : std::optional(to_json(policies.update));
    const auto found = policies.other.find(kind.keyword);
    return found == policies.other.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> effective_policy_text(const catalog::Database& database, const catalog::Table& table,
                                                 const PolicyKind& kind) {
    auto own = policy_text(table.policies, kind);
    return own || !kind.on_database ? own : policy_text(database.policies, kind);
}

Result<> set_policy(catalog::Policies& policies, const PolicyKind& kind, const PolicyValue& value, bool merge,
                    bool on_table) {
    if (kind.keyword == "update")
        return policy_error("UpdatePolicy is set on one table at a time, as a string literal that holds JSON");
    if (merge && !kind.mergeable)
        return policy_error(fmt::format("{} knows '.alter', not '.alter-merge'", kind.name));
    if (kind.keyword == "streamingingestion") {
        const bool enable = !value.literal && same_word(value.text, "enable");
        if (enable || (!value.literal && same_word(value.text, "disable"))) {
            policies.streaming = catalog::StreamingPolicy{.is_enabled = enable, .hint_allocated_rate = {}};
            return {};
        }
        SLUICE_TRY(policies.streaming,
                   catalog::parse_streaming_policy(value.text, merge ? policies.streaming : std::nullopt));
        return {};
    }
    if (kind.keyword == "ingestionbatching") {
        SLUICE_TRY(policies.batching,
                   catalog::parse_batching_policy(value.text, merge ? policies.batching : std::nullopt));
        return {};
    }
    SLUICE_TRY(policies.other[std::string(kind.keyword)],
               other_policy(kind, value, merge ? policy_text(policies, kind) : std::nullopt, on_table));
    return {};
}

void clear_policy(catalog::Policies& policies, const PolicyKind& kind) {
    if (kind.keyword == "streamingingestion")
        policies.streaming.reset();
    else if (kind.keyword == "ingestionbatching")
        policies.batching.reset();
    else if (kind.keyword == "update")
        policies.update.clear();
    else
        policies.other.erase(std::string(kind.keyword));
}

} // namespace sluice::engine
