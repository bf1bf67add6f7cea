#include "core/catalog/update_policy.hpp"

#include "core/base/log.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace sluice::catalog {
namespace {

using Json = nlohmann::ordered_json;

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

Error invalid(std::string_view detail) {
    return Error{
        ErrorCode::Invalid,
        fmt::format("Error during execution of a policy operation: Update policy is not a valid JSON array: {}",
                    detail)};
}

Result<bool> read_flag(const Json& value, std::string_view name) {
    if (value.is_boolean())
        return value.get<bool>();
    if (value.is_string()) {
        // Published samples write "True" as often as true.
        const auto& text = value.get_ref<const std::string&>();
        if (same_name(text, "true") || same_name(text, "false"))
            return same_name(text, "true");
    }
    return invalid(fmt::format("{} should be true or false", name));
}

Result<std::string> read_text(const Json& value, std::string_view name) {
    if (value.is_string() && !value.get_ref<const std::string&>().empty())
        return value.get<std::string>();
    return invalid(fmt::format("{} should be a text that is not empty", name));
}

Result<UpdatePolicy> read_entry(const Json& object) {
    if (!object.is_object())
        return invalid("its members should be objects");
    UpdatePolicy entry;
    for (const auto& [name, value] : object.items()) {
        if (value.is_null())
            continue; // a property that is null counts as not given
        if (same_name(name, "IsEnabled")) {
            SLUICE_TRY(entry.is_enabled, read_flag(value, "IsEnabled"));
        } else if (same_name(name, "Source")) {
            SLUICE_TRY(entry.source, read_text(value, "Source"));
        } else if (same_name(name, "SourceIsWildCard")) {
            SLUICE_TRY(entry.source_is_wildcard, read_flag(value, "SourceIsWildCard"));
        } else if (same_name(name, "Query")) {
            SLUICE_TRY(entry.query, read_text(value, "Query"));
        } else if (same_name(name, "IsTransactional")) {
            SLUICE_TRY(entry.is_transactional, read_flag(value, "IsTransactional"));
        } else if (same_name(name, "PropagateIngestionProperties")) {
            SLUICE_TRY(entry.propagate_ingestion_properties, read_flag(value, "PropagateIngestionProperties"));
        } else if (same_name(name, "ManagedIdentity")) {
            if (value.is_string() && value.get_ref<const std::string&>().empty())
                continue;
            SLUICE_TRY(entry.managed_identity, read_text(value, "ManagedIdentity"));
        } else {
            log::warn("unknown property of a policy ignored", {{"policy", "UpdatePolicy"}, {"property", name}});
        }
    }
    if (entry.source.empty())
        return invalid("an entry has no Source");
    if (entry.query.empty())
        return invalid("an entry has no Query");
    return entry;
}

bool fits(std::string_view pattern, std::string_view text) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos)
        return pattern == text;
    if (!text.starts_with(pattern.substr(0, star)))
        return false;
    const std::string_view rest = pattern.substr(star + 1);
    for (std::size_t i = star; i <= text.size(); ++i)
        if (fits(rest, text.substr(i)))
            return true;
    return false;
}

} // namespace

Result<std::vector<UpdatePolicy>> parse_update_policy(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    std::vector<UpdatePolicy> policy;
    if (json.is_object()) {
        SLUICE_TRY(auto entry, read_entry(json));
        policy.push_back(std::move(entry));
        return policy;
    }
    if (!json.is_array())
        return invalid(json.is_discarded() ? "the text is no JSON" : "it is neither an array nor an object");
    for (const Json& object : json) {
        SLUICE_TRY(auto entry, read_entry(object));
        policy.push_back(std::move(entry));
    }
    return policy;
}

std::string to_json(const std::vector<UpdatePolicy>& policy) {
    Json json = Json::array();
    for (const UpdatePolicy& entry : policy) {
        Json object{{"IsEnabled", entry.is_enabled},
                    {"Source", entry.source},
                    {"SourceIsWildCard", entry.source_is_wildcard},
                    {"Query", entry.query},
                    {"IsTransactional", entry.is_transactional},
                    {"PropagateIngestionProperties", entry.propagate_ingestion_properties}};
        if (entry.managed_identity)
            object["ManagedIdentity"] = *entry.managed_identity;
        json.push_back(std::move(object));
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_triggered_by(const UpdatePolicy& policy, std::string_view target, std::string_view source) {
    if (!policy.source_is_wildcard)
        return policy.source == source;
    return target != source && fits(policy.source, source);
}

} // namespace sluice::catalog
