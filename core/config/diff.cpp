#include "core/config/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace sluice::config {
namespace {

template <class Named> const Named* find(const std::vector<Named>& all, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

/// What column R marks with `c`, apart from the source.
auto fixed_part(const Connection& c) {
    return std::tie(c.kind, c.database, c.enabled, c.topic_template, c.properties, c.plugin, c.isolation);
}

/// What column R marks with `y`.
auto live_part(const Connection& c) {
    return std::tie(c.max_in_flight_bytes, c.max_event_bytes, c.micro_batch_time, c.micro_batch_bytes,
                    c.micro_batch_events, c.strict, c.dedup_by_message_id, c.auth_method, c.max_parallel_files,
                    c.on_success, c.on_failure, c.done_dir, c.failed_dir, c.storage_sas);
}

/// The keys that differ and need a restart of the bridge.
std::vector<std::string> fixed_keys(const Settings& a, const Settings& b) {
    std::vector<std::string> keys;
    const auto compare = [&](const char* key, const auto& left, const auto& right) {
        if (!(left == right))
            keys.emplace_back(key);
    };
    compare("server.listen", a.server.listen, b.server.listen);
    compare("server.data_dir", a.server.data_dir, b.server.data_dir);
    compare("server.insecure", a.server.insecure, b.server.insecure);
    compare("server.base_path", a.server.base_path, b.server.base_path);
    compare("store.durability", a.store.durability, b.store.durability);
    compare("store.reserve_bytes", a.store.reserve_bytes, b.store.reserve_bytes);
    compare("memory.budget", a.memory.budget, b.memory.budget);
    compare("memory.store_bytes", a.memory.store_bytes, b.memory.store_bytes);
    compare("target.kind", a.target.kind, b.target.kind);
    compare("target.cluster_url", a.target.cluster_url, b.target.cluster_url);
    compare("target.ingest_url", a.target.ingest_url, b.target.ingest_url);
    compare("plugins.path", a.plugins.path, b.plugins.path);
    for (const auto& database : b.databases) {
        const auto* before = find(a.databases, database.name);
        if (before ? before->follow != database.follow : database.follow.has_value())
            keys.push_back(fmt::format("follow of database \"{}\"", database.name));
    }
    return keys;
}

void compare_sections(const Settings& a, const Settings& b, std::vector<std::string>& sections) {
    const auto compare = [&](const char* section, const auto& left, const auto& right) {
        if (!(left == right))
            sections.emplace_back(section);
    };
    compare("server", a.server, b.server);
    compare("tls", a.tls, b.tls);
    compare("auth", a.auth, b.auth);
    compare("log", a.log, b.log);
    compare("metrics", a.metrics, b.metrics);
    compare("store", a.store, b.store);
    compare("memory", a.memory, b.memory);
    compare("streaming", a.streaming, b.streaming);
    compare("queued", a.queued, b.queued);
    compare("dead_letters", a.dead_letters, b.dead_letters);
    compare("query", a.query, b.query);
    compare("update_policy", a.update_policy, b.update_policy);
    compare("extents", a.extents, b.extents);
    compare("target", a.target, b.target);
}

void compare_connections(const Settings& a, const Settings& b, Changes& changes) {
    for (const auto& before : a.connections)
        if (const auto* after = find(b.connections, before.name); before.enabled && (!after || !after->enabled))
            changes.stopped.push_back(before.name);
    for (const auto& after : b.connections) {
        const auto* before = find(a.connections, after.name);
        if (!after.enabled)
            continue;
        if (!before || !before->enabled)
            changes.started.push_back(after.name);
        else if (fixed_part(*before) != fixed_part(after) || !same_value(before->source, after.source))
            changes.restarted.push_back(after.name);
        else if (live_part(*before) != live_part(after))
            changes.updated.push_back(after.name);
    }
}

} // namespace

bool Changes::empty() const {
    return started.empty() && stopped.empty() && restarted.empty() && updated.empty() && databases.empty() &&
           sections.empty();
}

Result<Changes> diff(const Settings& running, const Settings& next) {
    if (const auto keys = fixed_keys(running, next); !keys.empty()) {
        std::string refusals;
        for (const auto& key : keys)
            refusals +=
                fmt::format("{}{} changed, which needs a restart of the bridge", refusals.empty() ? "" : "\n", key);
        return Error{ErrorCode::Unsupported, refusals};
    }
    Changes changes;
    compare_sections(running, next, changes.sections);
    compare_connections(running, next, changes);
    for (const auto& database : next.databases)
        if (const auto* before = find(running.databases, database.name); !before || !(*before == database))
            changes.databases.push_back(database.name);
    return changes;
}

} // namespace sluice::config
