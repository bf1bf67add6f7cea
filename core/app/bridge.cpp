#include "core/app/bridge.hpp"

#include "core/app/http_api.hpp"
#include "core/app/http_server.hpp"
#include "core/app/open_databases.hpp"
#include "core/app/version.hpp"
#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/data/text.hpp"
#include "core/engine/access.hpp"
#include "core/engine/local_engine.hpp"
#include "core/engine/script.hpp"
#include "core/kql/functions.hpp"
#include "core/store/parquet.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace sluice::app {
namespace {

ingest::Databases::Options database_options(const config::Settings& settings, std::size_t databases) {
    ingest::Databases::Options options;
    options.data_dir = settings.server.data_dir;
    options.store_memory = settings.memory.store_bytes;
    options.cores = settings.streaming.cores;
    options.streaming_enabled = settings.streaming.enabled;
    options.require_mapping = settings.streaming.require_mapping;
    options.max_streaming_request = settings.streaming.max_request_bytes;
    options.expected_databases = static_cast<unsigned>(databases);
    if (settings.streaming.emulate_cache_delay)
        options.schema_delay = settings.streaming.schema_cache_ttl;
    options.functions = kql::scalar_functions();
    options.writer.rowstore_max_bytes = settings.streaming.rowstore.max_bytes;
    options.writer.rowstore_seal_rows = settings.streaming.rowstore.seal_rows;
    options.writer.rowstore_seal_bytes = settings.streaming.rowstore.seal_bytes;
    options.writer.rowstore_seal_after = settings.streaming.rowstore.seal_after;
    options.writer.max_staging_bytes = settings.queued.max_staging_bytes;
    options.writer.retry_for = settings.queued.retry_for;
    options.writer.policy_max_depth = settings.update_policy.max_depth;
    options.writer.strict_policy_cycles = settings.update_policy.strict_cycles;
    options.writer.checkpoint_bytes = settings.store.checkpoint_bytes;
    options.writer.max_queued_memory = settings.memory.in_flight_bytes;
    return options;
}

std::string state_name(const Connections::State& state) {
    if (!state.enabled)
        return "Stopped";
    switch (state.source.state) {
    case host::SourceState::Connecting:
        return "Connecting";
    case host::SourceState::Running:
        return "Running";
    case host::SourceState::Failed:
        return "Failed";
    case host::SourceState::Stopped:
        break;
    }
    return "Stopped";
}

nlohmann::ordered_json to_json(const Connections::State& state) {
    nlohmann::ordered_json json;
    json["name"] = state.name;
    json["kind"] = state.kind;
    json["database"] = state.database;
    json["plugin"] = state.plugin;
    json["state"] = state_name(state);
    json["degraded"] = state.source.degraded;
    json["paused"] = state.paused;
    json["detail"] = state.source.detail;
    json["last_error"] = state.source.last_error;
    json["since"] = data::format_datetime(state.source.since);
    json["events_received"] = state.totals.received + state.in_memory;
    json["events_stored"] = state.totals.stored;
    json["events_staged"] = state.totals.staged;
    json["events_in_memory"] = state.in_memory;
    json["events_dead_lettered"] = state.totals.dead_lettered;
    std::uint64_t skipped = 0;
    json["skipped"] = nlohmann::ordered_json::object();
    for (const auto& [reason, count] : state.totals.skipped) {
        json["skipped"][reason] = count;
        skipped += count;
    }
    json["events_skipped"] = skipped;
    json["events_gap"] = state.totals.gap;
    json["events_streamed"] = state.streamed;
    json["events_queued"] = state.queued;
    json["lanes"] = nlohmann::ordered_json::array();
    for (const store::LanePosition& lane : state.lanes)
        json["lanes"].push_back({{"lane", lane.lane}, {"sequence", lane.sequence}, {"committed_at", data::format_datetime(lane.committed_at)}});
    return json;
}

} // namespace

Bridge::Bridge(config::Settings settings) : settings_(std::move(settings)), auth_(settings_.auth) {}

Bridge::~Bridge() { stop(); }

Result<std::unique_ptr<Bridge>> Bridge::start(config::Settings settings) {
    if (auto refused = unsupported(settings); !refused.empty())
        return Error{ErrorCode::Invalid, to_string(std::move(refused))};
    std::unique_ptr<Bridge> bridge(new Bridge(std::move(settings)));
    SLUICE_CHECK(bridge->open());
    return bridge;
}

Result<> Bridge::open() {
    started_ = clock_.now();
    metrics::set_max_series(settings_.metrics.max_series);
    for (const config::Problem& note : settings_.notes)
        log::info("configuration note", {{"place", to_string(note.at)}, {"note", note.message}});
    SLUICE_TRY(folder_, DataFolder::lock(settings_.server.data_dir));
    store::keep_parquet_in(std::filesystem::path(settings_.server.data_dir) / "parquet");
    SLUICE_CHECK(open_databases());
    SLUICE_CHECK(open_queue());
    engine::EngineOptions options;
    options.queued = queue_.get();
    if (auth_.enabled())
        options.holds = [this](std::string_view principal, engine::Role role) {
            return principal == engine::kSetupPrincipal || auth_.holds(principal, role);
        };
    options.version = kVersion;
    options.started = started_;
    options.query_timeout = settings_.query.timeout;
    options.command_timeout = settings_.query.command_timeout;
    options.truncation_records = settings_.query.max_rows;
    options.truncation_bytes = settings_.query.max_result_bytes;
    options.maintenance_interval = settings_.extents.merge_interval;
    if (settings_.server.file_root)
        options.file_root = *settings_.server.file_root;
    options.attention = [this] { return attention_; };
    options.is_configured = [this](std::string_view name) {
        const auto named = [&](const auto& entry) { return entry == name; };
        return std::any_of(settings_.databases.begin(), settings_.databases.end(), [&](const auto& d) { return named(d.name); }) ||
               std::any_of(settings_.connections.begin(), settings_.connections.end(),
                           [&](const auto& c) { return named(c.database); });
    };
    engine_ = engine::make_engine(*databases_, std::move(options));
    SLUICE_CHECK(run_setup());
    SLUICE_CHECK(listen());
    connections_ = std::make_unique<Connections>(settings_, *folder_, *databases_);
    SLUICE_CHECK(connections_->start());
    ready_ = true;
    log::info("ready", {{"url", url()}, {"databases", databases_->names().size()}, {"connections", settings_.connections.size()},
                        {"took_ms", (clock_.now() - started_) / kTicksPerMillisecond}});
    return {};
}

Result<> Bridge::open_databases() {
    ingest::Databases::remove_dropped(folder_->path());
    std::set<std::string> names;
    for (const config::Database& database : settings_.databases)
        names.insert(database.name);
    for (std::string& name : folder_->databases()) // a database that left the file keeps existing (configuration 2.9)
        names.insert(std::move(name));
    databases_ = std::make_unique<ingest::Databases>(database_options(settings_, names.size()), clock_);
    SLUICE_TRY(attention_, app::open_databases(*databases_, names, settings_, clock_));
    return {};
}

Result<> Bridge::open_queue() {
    if (!settings_.queued.http)
        return {};
    queue::Queue::Options options;
    options.folder = folder_->path() / "blobs";
    options.public_url = settings_.server.public_url;
    options.base_path = settings_.server.base_path;
    options.secure = !settings_.tls.cert_file.empty();
    options.retry_for = settings_.queued.retry_for;
    options.blob_ttl = settings_.queued.blob_ttl;
    options.max_bytes = settings_.queued.max_staging_bytes;
    if (auth_.enabled())
        options.holds = [this](std::string_view principal, engine::Role role) { return auth_.holds(principal, role); };
    SLUICE_TRY(queue_, queue::Queue::open(*databases_, std::move(options)));
    return {};
}

Result<> Bridge::run_setup() {
    for (const config::Database& database : settings_.databases) {
        if (database.setup.empty())
            continue;
        std::ifstream file(database.setup);
        std::stringstream text;
        text << file.rdbuf();
        if (!file)
            return Error{ErrorCode::Invalid, fmt::format("cannot read {}, the setup of database \"{}\"", database.setup, database.name)};
        if (auto done = engine::run_script(*engine_, database.name, text.str()); !done)
            return Error{done.error().code == ErrorCode::Io ? ErrorCode::Io : ErrorCode::Invalid,
                         fmt::format("{}: {}", database.setup, done.error().message)};
    }
    return {};
}

Result<> Bridge::listen() {
    HttpApiOptions api;
    api.max_command_bytes = settings_.server.max_command_bytes;
    api.max_ingest_bytes = settings_.streaming.max_body_bytes;
    api.base_path = settings_.server.base_path;
    api.cors_origins = settings_.server.cors_origins;
    const config::AuthMetadata& metadata = settings_.auth.metadata;
    api.metadata = {metadata.login_endpoint,           metadata.login_mfa_required,          metadata.kusto_client_app_id,
                    metadata.kusto_client_redirect_uri, metadata.kusto_service_resource_id, metadata.first_party_authority_url};
    api.ready = [this] { return ready(); };
    api.status_json = [this] { return status_json(); };
    api.before_metrics = [this] {
        if (ready_)
            connections_->refresh_metrics();
    };
    api.queued = queue_.get();
    api.storage = queue_.get();
    StreamIntake intake = make_intake(*databases_);
    if (auth_.enabled()) {
        api.authenticate = [this](std::string_view authorization) { return auth_.principal_of(authorization); };
        api.may_monitor = [this](std::string_view principal) { return auth_.holds(principal, engine::Role::Monitor); };
        intake.may_ingest = [this](std::string_view principal, std::string_view database, std::string_view table) {
            const engine::Access::Holds holds = [this](std::string_view who, engine::Role role) {
                return auth_.holds(who, role);
            };
            const catalog::Snapshot found = databases_->catalog().find(database);
            const auto named = found ? found->find_table(table) : nullptr;
            return engine::Access(databases_->catalog(), holds)
                .allows(principal, engine::Role::TableIngestor, {found.get(), named.get()});
        };
    }
    api_ = std::make_unique<HttpApi>(*engine_, std::move(intake), std::move(api));
    HttpServerOptions options;
    options.listen.clear();
    for (const config::Listen& address : settings_.server.listen)
        options.listen.push_back({address.host, address.port});
    options.certificate = settings_.tls.cert_file;
    options.key = settings_.tls.key_file;
    options.idle_timeout = settings_.server.idle_timeout;
    options.header_timeout = settings_.server.header_timeout;
    options.max_header_bytes = settings_.server.max_header_bytes;
    options.max_connections = settings_.server.max_connections;
    options.query_threads = settings_.query.max_concurrent;
    options.ingest_threads = databases_->admission().limit();
    SLUICE_TRY(server_, HttpServer::start(std::move(options), *api_));
    return {};
}

void Bridge::stop() {
    if (std::exchange(stopped_, true))
        return;
    ready_ = false;
    const auto deadline = clock_.steady() + settings_.server.shutdown_grace;
    const auto left = [&] { return std::max(std::chrono::milliseconds(0), std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.steady())); };
    const bool all_ended = !connections_ || connections_->stop(left());
    if (server_)
        server_->stop(left());
    if (!all_ended) {
        // A source's thread hangs and may still use what would be destroyed now. What was acknowledged is durable, the rest comes again.
        log::warn("a source did not end in time, leaving without it");
        std::_Exit(0);
    }
    server_.reset();
    api_.reset();
    connections_.reset();
    engine_.reset();
    queue_.reset();
    databases_.reset();
    folder_.reset();
}

std::string Bridge::url() const {
    const std::string host = settings_.server.listen.front().host;
    const bool v6 = host.find(':') != std::string::npos;
    return fmt::format("{}://{}:{}", settings_.tls.cert_file.empty() ? "http" : "https", v6 ? "[" + host + "]" : host, server_ ? server_->ports().front() : settings_.server.listen.front().port);
}

std::string Bridge::status_json() const {
    nlohmann::ordered_json status;
    status["version"] = kVersion;
    status["started"] = data::format_datetime(started_);
    status["ready"] = ready();
    status["databases"] = nlohmann::ordered_json::array();
    for (const std::string& name : databases_->names()) {
        const catalog::Snapshot database = databases_->catalog().find_exact(name);
        ingest::DatabaseWriter* writer = databases_->writer(name);
        if (!database || !writer)
            continue;
        nlohmann::ordered_json entry;
        entry["name"] = name;
        entry["staged_bytes"] = writer->staged_bytes();
        entry["rowstore_bytes"] = writer->rowstore_bytes();
        entry["file_bytes"] = writer->store().file_bytes();
        entry["wal_bytes"] = writer->store().wal_bytes();
        entry["tables"] = nlohmann::ordered_json::array();
        for (const auto& [table_name, table] : database->tables) {
            const auto policy = database->effective_streaming(*table);
            entry["tables"].push_back({{"name", table_name},
                                       {"path", settings_.streaming.enabled && policy && policy->is_enabled ? "streaming" : "queued"}});
        }
        status["databases"].push_back(std::move(entry));
    }
    status["connections"] = nlohmann::ordered_json::array();
    if (ready_)
        for (const Connections::State& state : connections_->states())
            status["connections"].push_back(to_json(state));
    return status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace sluice::app
