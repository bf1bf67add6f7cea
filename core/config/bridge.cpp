#include "core/config/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <set>

namespace sluice::config {
namespace {

const Raw kNothing;

/// A reader of the table `key` at the top, or of nothing.
Reader section(Reader& top, std::string_view key, Problems& problems) {
    const auto* table = top.nested(key);
    return Reader(table ? *table : kNothing, {.path = std::string(key)}, problems);
}

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::optional<Listen> parse_listen(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0)
        return std::nullopt;
    Listen listen;
    listen.host = text.substr(0, colon);
    if (listen.host.starts_with('[') && listen.host.ends_with(']'))
        listen.host = listen.host.substr(1, listen.host.size() - 2);
    else if (listen.host.find(':') != std::string::npos)
        return std::nullopt;
    const auto* end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data() + colon + 1, end, listen.port);
    if (code != std::errc{} || stop != end || listen.host.empty())
        return std::nullopt;
    return listen;
}

void read_listen(Reader& reader, Server& server, bool has_tokens) {
    const auto* value = reader.find("listen");
    if (!value)
        return;
    std::vector<const Raw*> addresses;
    if (value->kind == Raw::Kind::List)
        for (const auto& item : value->items)
            addresses.push_back(&item);
    else
        addresses.push_back(value);
    if (addresses.empty())
        return reader.wrong("listen", *value, "name at least one address, such as \"127.0.0.1:8080\"");
    server.listen.clear();
    for (const auto* address : addresses) {
        const auto listen = address->kind == Raw::Kind::Text ? parse_listen(address->text) : std::nullopt;
        if (!listen) {
            reader.wrong("listen", *address, "an address is host:port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"");
            continue;
        }
        if (!is_loopback(listen->host) && !has_tokens && !server.insecure)
            reader.wrong(
                "listen", *address,
                "everybody who reaches it could read and write everything: configure [[auth.token]], listen on "
                "127.0.0.1, or write insecure = true");
        server.listen.push_back(*listen);
    }
}

void read_server(Reader reader, Settings& settings) {
    auto& server = settings.server;
    reader.boolean("insecure", server.insecure);
    read_listen(reader, server, !settings.auth.tokens.empty());
    reader.path("data_dir", server.data_dir, settings.folder);
    reader.text("base_path", server.base_path);
    if (!server.base_path.empty() && (!server.base_path.starts_with('/') || server.base_path.ends_with('/')))
        reader.wrong("base_path", *reader.find("base_path"),
                     "it begins with a slash and does not end with one, such as \"/sluice\"");
    reader.text("public_url", server.public_url);
    if (!server.public_url.empty() && !server.public_url.starts_with("http://") &&
        !server.public_url.starts_with("https://"))
        reader.wrong("public_url", *reader.find("public_url"), "it begins with http:// or https://");
    reader.texts("cors_origins", server.cors_origins);
    reader.duration("idle_timeout", server.idle_timeout);
    reader.duration("header_timeout", server.header_timeout);
    reader.size("max_header_bytes", server.max_header_bytes, {.least = 1_KiB, .most = 16_MiB});
    reader.integer("max_connections", server.max_connections);
    reader.size("max_command_bytes", server.max_command_bytes, {.least = 1_KiB});
    reader.duration("shutdown_grace", server.shutdown_grace, {.least = Milliseconds(0)});
    if (reader.find("file_root"))
        reader.path("file_root", server.file_root.emplace(), settings.folder);
    reader.finish();
}

void read_tls(Reader reader, Settings& settings) {
    reader.path("cert_file", settings.tls.cert_file, settings.folder);
    reader.path("key_file", settings.tls.key_file, settings.folder);
    if (settings.tls.cert_file.empty() != settings.tls.key_file.empty())
        reader.problem(reader.table().at, fmt::format("tls.{} is missing; certificate and key go together",
                                                      settings.tls.cert_file.empty() ? "cert_file" : "key_file"));
    reader.finish();
}

bool is_token_hash(const std::string& hash) {
    constexpr std::string_view kPrefix = "sha256:";
    constexpr std::size_t kDigits = 64;
    return hash.starts_with(kPrefix) && hash.size() == kPrefix.size() + kDigits &&
           hash.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string::npos;
}

void read_tokens(Reader& auth, Settings& settings, Problems& problems) {
    static const std::vector<std::string> kRoles{"admins",
                                                 "alldatabasesadmins",
                                                 "alldatabasesviewers",
                                                 "alldatabasesmonitors",
                                                 "databasecreators",
                                                 "monitors",
                                                 "ops",
                                                 "users",
                                                 "viewers"};
    std::set<std::string> names;
    for (const auto* table : auth.tables("token")) {
        Reader reader(*table, {.path = "auth.token"}, problems);
        AuthToken token;
        reader.require("name");
        reader.text("name", token.name);
        if (!token.name.empty() && !names.insert(token.name).second)
            reader.wrong("name", *reader.find("name"), "another token has that name; names of tokens are unique");
        reader.require("hash");
        reader.text("hash", token.hash);
        std::transform(token.hash.begin(), token.hash.end(), token.hash.begin(),
                       [](unsigned char c) { return std::tolower(c); });
        if (const auto* hash = reader.find("hash"); hash && !is_token_hash(token.hash))
            reader.wrong("hash", *hash, "it must be \"sha256:\" and the 64 hexadecimal digits of the token's SHA-256",
                         true);
        reader.texts("roles", token.roles);
        for (const auto& role : token.roles)
            if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
                const auto meant = nearest(role, kRoles);
                reader.problem(reader.find("roles")->at,
                               fmt::format("auth.token.roles has \"{}\", which is no cluster role; {}", role,
                                           meant.empty() ? "there are admins, users, viewers, monitors, ops and others"
                                                         : fmt::format("did you mean \"{}\"?", meant)));
            }
        reader.finish();
        settings.auth.tokens.push_back(std::move(token));
    }
}

void read_auth(Reader reader, Settings& settings, Problems& problems) {
    read_tokens(reader, settings, problems);
    if (const auto* table = reader.nested("metadata")) {
        Reader metadata(*table, {.path = "auth.metadata"}, problems);
        auto& out = settings.auth.metadata;
        metadata.text("LoginEndpoint", out.login_endpoint);
        metadata.boolean("LoginMfaRequired", out.login_mfa_required);
        metadata.text("KustoClientAppId", out.kusto_client_app_id);
        metadata.text("KustoClientRedirectUri", out.kusto_client_redirect_uri);
        metadata.text("KustoServiceResourceId", out.kusto_service_resource_id);
        metadata.text("FirstPartyAuthorityUrl", out.first_party_authority_url);
        metadata.finish();
    }
    reader.finish();
}

void read_log_and_metrics(Reader log, Reader metrics, Settings& settings) {
    log.exact_choice("level", settings.log.level, {"error", "warn", "info", "debug"});
    log.exact_choice("format", settings.log.format, {"text", "json"});
    log.finish();
    metrics.integer("max_series", settings.metrics.max_series);
    metrics.finish();
}

void read_store(Reader reader, Settings& settings) {
    auto& store = settings.store;
    reader.exact_choice("durability", store.durability, {"sync", "interval"});
    reader.duration("sync_interval", store.sync_interval);
    if (const auto* interval = reader.find("sync_interval"); interval && store.durability != "interval")
        settings.notes.push_back(
            {interval->at, "store.sync_interval has no effect unless store.durability = \"interval\""});
    reader.size("checkpoint_bytes", store.checkpoint_bytes, {.least = 1_MiB});
    reader.size("reserve_bytes", store.reserve_bytes, {.least = 0});
    reader.exact_choice("on_damage", store.on_damage, {"stop", "rebuild"});
    reader.finish();
}

void read_memory(Reader reader, Settings& settings) {
    auto& memory = settings.memory;
    reader.size("budget", memory.budget, {.least = 64_MiB});
    memory.store_bytes = memory.budget / 2;
    memory.in_flight_bytes = memory.budget / 4;
    reader.size("store_bytes", memory.store_bytes, {.least = 16_MiB});
    reader.size("in_flight_bytes", memory.in_flight_bytes, {.least = 1_MiB});
    if (memory.store_bytes + memory.in_flight_bytes > memory.budget)
        reader.problem(reader.table().at,
                       "memory.store_bytes and memory.in_flight_bytes are parts of memory.budget and together "
                       "exceed it; raise the budget or lower them");
    reader.finish();
}

void read_streaming(Reader reader, Settings& settings, const Surroundings& surroundings, Problems& problems) {
    auto& streaming = settings.streaming;
    streaming.cores = surroundings.cpus;
    reader.boolean("enabled", streaming.enabled);
    reader.integer("cores", streaming.cores, 1, 4096);
    reader.size("max_request_bytes", streaming.max_request_bytes, {.least = 1_KiB});
    reader.size("max_body_bytes", streaming.max_body_bytes, {.least = 1_KiB});
    reader.boolean("require_mapping", streaming.require_mapping);
    reader.duration("schema_cache_ttl", streaming.schema_cache_ttl);
    reader.boolean("emulate_cache_delay", streaming.emulate_cache_delay);

    const auto* table = reader.nested("rowstore");
    Reader rowstore(table ? *table : kNothing, {.path = "streaming.rowstore"}, problems);
    constexpr Bytes kWhenUnknown = 4_GiB;
    const auto volume = surroundings.volume_size(settings.server.data_dir);
    streaming.rowstore.max_bytes = volume == 0 ? kWhenUnknown : volume / 10;
    rowstore.size("max_bytes", streaming.rowstore.max_bytes, {.least = 1_MiB});
    rowstore.integer("seal_rows", streaming.rowstore.seal_rows);
    rowstore.size("seal_bytes", streaming.rowstore.seal_bytes, {.least = 1_KiB});
    rowstore.duration("seal_after", streaming.rowstore.seal_after);
    rowstore.finish();
    reader.finish();
}

void read_queued(Reader queued, Reader dead_letters, Settings& settings) {
    queued.boolean("http", settings.queued.http);
    queued.size("max_staging_bytes", settings.queued.max_staging_bytes, {.least = 1_MiB});
    queued.size("piece_bytes", settings.queued.piece_bytes, {.least = 64_KiB, .most = 1_GiB});
    queued.duration("retry_for", settings.queued.retry_for);
    queued.duration("blob_ttl", settings.queued.blob_ttl);
    queued.finish();
    dead_letters.size("max_body_bytes", settings.dead_letters.max_body_bytes, {.least = 1_KiB});
    dead_letters.duration("retain", settings.dead_letters.retain);
    dead_letters.size("max_bytes", settings.dead_letters.max_bytes, {.least = 1_MiB});
    dead_letters.exact_choice("when_full", settings.dead_letters.when_full, {"pause", "drop_oldest"});
    dead_letters.finish();
}

void read_query(Reader query, Reader update_policy, Reader extents, Settings& settings,
                const Surroundings& surroundings) {
    auto& out = settings.query;
    out.max_concurrent = 10 * surroundings.cpus;
    out.memory_bytes = settings.memory.store_bytes / 2;
    query.duration("timeout", out.timeout, {.most = 1h});
    query.duration("command_timeout", out.command_timeout, {.most = 1h});
    query.integer("max_rows", out.max_rows);
    query.size("max_result_bytes", out.max_result_bytes, {.least = 1_KiB});
    query.integer("max_concurrent", out.max_concurrent);
    query.size("memory_bytes", out.memory_bytes, {.least = 1_MiB});
    query.finish();
    update_policy.boolean("strict_cycles", settings.update_policy.strict_cycles);
    update_policy.integer("max_depth", settings.update_policy.max_depth);
    update_policy.finish();
    extents.duration("merge_interval", settings.extents.merge_interval, {.least = 1s});
    extents.finish();
}

void read_target(Reader reader, Settings& settings) {
    auto& target = settings.target;
    reader.exact_choice("kind", target.kind, {"embedded", "adx"});
    reader.text("cluster_url", target.cluster_url);
    reader.text("ingest_url", target.ingest_url);
    reader.text("tenant_id", target.tenant_id);
    reader.text("client_id", target.client_id);
    reader.text("client_secret", target.client_secret);
    reader.exact_choice("dedup", target.dedup, {"none", "ingest-by"});
    constexpr std::string_view kScheme = "https://";
    if (target.kind == "adx" && target.cluster_url.empty())
        reader.problem(reader.table().at,
                       "target.cluster_url is missing; target.kind = \"adx\" needs the address of the cluster, such as "
                       "\"https://mycluster.westeurope.kusto.windows.net\"");
    if (target.ingest_url.empty() && target.cluster_url.starts_with(kScheme))
        target.ingest_url = "https://ingest-" + target.cluster_url.substr(kScheme.size());
    if (target.kind == "embedded")
        for (const auto* key : {"cluster_url", "ingest_url", "tenant_id", "client_id", "client_secret", "dedup"})
            if (const auto* value = reader.table().find(key))
                settings.notes.push_back(
                    {value->key_at, fmt::format("target.{} has no effect unless target.kind = \"adx\"", key)});
    reader.finish();
}

} // namespace

void read_bridge(Reader& top, Settings& settings, const Surroundings& surroundings, Problems& problems) {
    const auto in_folder = [&](const std::string& path) {
        return (std::filesystem::path(settings.folder) / path).lexically_normal().string();
    };
    settings.server.data_dir = in_folder(settings.server.data_dir);
    for (auto& path : settings.plugins.path)
        path = in_folder(path);

    read_auth(section(top, "auth", problems), settings, problems); // before the server, whose address may need a token
    read_server(section(top, "server", problems), settings);
    read_tls(section(top, "tls", problems), settings);
    read_log_and_metrics(section(top, "log", problems), section(top, "metrics", problems), settings);
    read_store(section(top, "store", problems), settings);
    read_memory(section(top, "memory", problems), settings);
    read_streaming(section(top, "streaming", problems), settings, surroundings, problems);
    read_queued(section(top, "queued", problems), section(top, "dead_letters", problems), settings);
    read_query(section(top, "query", problems), section(top, "update_policy", problems),
               section(top, "extents", problems), settings, surroundings);
    read_target(section(top, "target", problems), settings);
    auto plugins = section(top, "plugins", problems);
    plugins.paths("path", settings.plugins.path, settings.folder);
    plugins.finish();
}

} // namespace sluice::config
