#include "core/app/connections.hpp"

#include "connectors/event_grid/event_grid_connection.hpp"
#include "connectors/event_hub/event_hub_connection.hpp"
#include "connectors/iot_hub/iot_hub_connection.hpp"
#include "core/app/open_databases.hpp"
#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/base/random.hpp"
#include "core/data/text.hpp"
#include "core/router/system_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace sluice::app {

using router::ConnectionKind;

namespace {

ConnectionKind kind_of(const std::string& name) {
    if (name == "IotHub")
        return ConnectionKind::IotHub;
    return name == "EventGrid" ? ConnectionKind::EventGrid : ConnectionKind::EventHub;
}

std::unique_ptr<router::DataConnection> make_data_connection(const router::ConnectionSettings& settings) {
    switch (settings.kind) {
    case ConnectionKind::IotHub:
        return std::make_unique<connectors::IotHubConnection>(settings);
    case ConnectionKind::EventGrid:
        return std::make_unique<connectors::EventGridConnection>(settings);
    case ConnectionKind::EventHub:
        break;
    }
    return std::make_unique<connectors::EventHubConnection>(settings);
}


/// Why events in this format cannot be read; nothing when they can.
std::optional<std::string> unread(const std::string& name) {
    data::ParserOptions options;
    const auto format = data::parse_format(name);
    if (!format)
        return fmt::format("format {} is not read, because its encoding is not published; export the data as json", name);
    options.format = *format;
    options.schema = std::make_shared<data::Schema>(data::Schema{{{"c", data::ScalarType::String}}});
    const auto parser = data::make_parser(std::move(options));
    return parser ? std::nullopt : std::optional(parser.error().message);
}

void add(store::ConnectionTotals& sum, const store::ConnectionTotals& part) {
    sum.received += part.received;
    sum.stored += part.stored;
    sum.dead_lettered += part.dead_lettered;
    sum.staged += part.staged;
    sum.waiting += part.waiting;
    sum.gap += part.gap;
    sum.received_bytes += part.received_bytes;
    for (const auto& [reason, count] : part.skipped)
        sum.skipped[reason] += count;
}

} // namespace

router::ConnectionSettings to_router(const config::Connection& from) {
    router::ConnectionSettings to;
    to.name = from.name;
    to.kind = kind_of(from.kind);
    to.database = from.database;
    to.enabled = from.enabled;
    to.max_in_flight_bytes = from.max_in_flight_bytes;
    to.max_event_bytes = from.max_event_bytes;
    to.micro_batch_time = from.micro_batch_time;
    to.micro_batch_bytes = from.micro_batch_bytes;
    to.micro_batch_events = from.micro_batch_events;
    to.strict = from.strict;
    to.topic_template = from.topic_template;
    to.auth_method = from.auth_method;
    to.on_success = from.on_success;
    to.on_failure = from.on_failure;
    to.done_dir = from.done_dir;
    to.failed_dir = from.failed_dir;
    to.consumer_group = from.properties.consumer_group;
    to.table_name = from.properties.table_name;
    to.mapping_rule_name = from.properties.mapping_rule_name;
    to.data_format = from.properties.data_format;
    // Static JSON on IoT Hub means multijson; only an event's own word means lines (data-connections 3.1).
    if (to.kind == ConnectionKind::IotHub && to.data_format == "json")
        to.data_format = "multijson";
    to.event_system_properties = from.properties.event_system_properties;
    to.compression = from.properties.compression == "GZip" ? router::Compression::GZip : router::Compression::None;
    to.multi_database = from.properties.database_routing == "Multi";
    to.retrieval_start_date = from.properties.retrieval_start_date;
    to.blob_storage_event_type = from.properties.blob_storage_event_type;
    to.ignore_first_record = from.properties.ignore_first_record;
    return to;
}

std::vector<config::Problem> unsupported(const config::Settings& settings) {
    std::vector<config::Problem> problems;
    const config::Place file{settings.file, 1, 1};
    const auto refuse = [&](const config::Place& at, std::string what) {
        problems.push_back({at, what + " is not supported by this version; remove it"});
    };
    if (!settings.tls.cert_file.empty())
        refuse(file, "[tls]");
    if (!settings.auth.tokens.empty())
        refuse(file, "[[auth.token]]");
    const config::Settings defaults;
    if (settings.dead_letters != defaults.dead_letters)
        refuse(file, "a change of [dead_letters]");
    if (settings.store.reserve_bytes != defaults.store.reserve_bytes)
        refuse(file, "a change of store.reserve_bytes");
    if (settings.queued.piece_bytes != defaults.queued.piece_bytes)
        refuse(file, "a change of queued.piece_bytes");
    if (settings.query.memory_bytes != settings.memory.store_bytes / 2)
        refuse(file, "query.memory_bytes");
    if (settings.target.kind != "embedded")
        refuse(file, "target.kind = \"" + settings.target.kind + "\"");
    for (const config::Database& database : settings.databases)
        if (database.publish || database.follow)
            refuse(file, "publish and follow of database \"" + database.name + "\"");
    for (const config::Connection& connection : settings.connections) {
        const auto on = [&](const char* key) { return fmt::format("connection \"{}\": {}", connection.name, key); };
        // A typo would give a column that is empty for ever, and nobody would be told.
        for (const std::string& name : connection.properties.event_system_properties)
            if (const ConnectionKind kind = kind_of(connection.kind); !router::find_system_property(kind, name))
                problems.push_back({connection.at, fmt::format("{}: there is no system property \"{}\"; known are {}",
                                                               on("eventSystemProperties"), name, router::system_property_names(kind))});
        if (const std::string& format = connection.properties.data_format; !format.empty())
            if (const auto why = unread(format))
                problems.push_back({connection.at, on("dataFormat: ") + *why});
        if (connection.max_parallel_files != config::Connection().max_parallel_files)
            refuse(connection.at, on("max_parallel_files"));
        if (connection.dedup_by_message_id)
            refuse(connection.at, on("dedup_by_message_id"));
        if (!connection.storage_sas.empty())
            refuse(connection.at, on("storage_sas"));
        if (connection.isolation != "none")
            refuse(connection.at, on("isolation = \"process\""));
    }
    return problems;
}

Connections::Connections(const config::Settings& settings, const DataFolder& folder, ingest::Databases& databases)
    : settings_(settings), folder_(folder), databases_(databases), registry_(settings.plugins.path, (folder.path() / "plugins").string()),
      watchdog_(databases.clock()) {
    budget_->limit = settings.memory.in_flight_bytes;
}

Connections::~Connections() { stop(std::chrono::milliseconds(0)); }

Result<std::string> Connections::created_at(const config::Connection& connection) {
    ingest::DatabaseWriter& writer = *databases_.writer(connection.database);
    const std::string key = "connection." + connection.name + ".created";
    const auto known = writer.setting(key);
    if (known == kFromTheBeginning)
        return *known;
    if (connection.properties.retrieval_start_date)
        return data::format_datetime(*connection.properties.retrieval_start_date);
    // Kept from the first start on: events that arrive while the bridge is down must not be missed (data-connections 2.9.5).
    if (known)
        return *known;
    const std::string now = data::format_datetime(databases_.clock().now());
    SLUICE_CHECK(writer.save_setting(key, now));
    return now;
}

Result<std::unique_ptr<Connections::Running>> Connections::prepare(const config::Connection& connection, config::Problems& problems) {
    auto running = std::make_unique<Running>();
    running->settings = connection;
    if (!connection.enabled)
        return running;
    SLUICE_TRY(auto library, registry_.find(connection.plugin));
    SLUICE_TRY(const std::string created, created_at(connection));
    const auto defaults = host::host_defaults(connection, settings_.store, created);
    auto options = host::bind_options(library->descriptor(), connection, settings_.folder, defaults, problems);
    if (!options)
        return running;
    host::SourceSetup setup;
    setup.connection = connection.name;
    setup.library = std::move(library);
    setup.options = std::move(options);
    setup.state_dir = folder_.state_of(connection.name).string();
    setup.seed = random_bits();
    setup.open_intake = [this, settings = to_router(connection), owner = running.get()]() -> Result<std::unique_ptr<router::Intake>> {
        auto router = std::make_unique<router::Router>(settings, make_data_connection(settings), databases_, budget_);
        Lock lock(owner->mutex);
        owner->probe = router->probe();
        return std::unique_ptr<router::Intake>(std::move(router));
    };
    running->runner = std::make_unique<host::SourceRunner>(std::move(setup), databases_.clock(), watchdog_);
    return running;
}

Result<> Connections::start() {
    config::Problems problems;
    for (const config::Connection& connection : settings_.connections) {
        auto prepared = prepare(connection, problems);
        if (!prepared)
            problems.push_back({connection.at, fmt::format("connection \"{}\": {}", connection.name, prepared.error().message)});
        else
            running_.push_back(std::move(*prepared));
    }
    if (!problems.empty()) {
        running_.clear();
        return Error{ErrorCode::Invalid, to_string(std::move(problems))};
    }
    watchdog_.start();
    for (const auto& running : running_)
        if (running->runner)
            running->runner->start();
    return {};
}

bool Connections::stop(std::chrono::milliseconds grace) {
    // All at once: a slow one must not use up the time of the others.
    std::atomic<bool> all_ended = true;
    std::vector<std::jthread> stops;
    for (const auto& running : running_)
        if (running->runner)
            stops.emplace_back([&all_ended, &running, grace] {
                if (!running->runner->stop(grace))
                    all_ended = false;
            });
    stops.clear();
    return all_ended;
}

Connections::State Connections::state_of(const Running& running) const {
    State state;
    state.name = running.settings.name;
    state.kind = running.settings.kind;
    state.database = running.settings.database;
    state.plugin = running.settings.plugin;
    state.enabled = running.settings.enabled;
    if (running.runner)
        state.source = running.runner->status();
    for (const std::string& database : databases_.names())
        add(state.totals, databases_.writer(database)->totals(state.name));
    state.lanes = databases_.writer(state.database)->lane_positions(state.name);
    Lock lock(running.mutex);
    if (running.probe) {
        state.paused = running.probe->figures->paused;
        state.in_memory = running.probe->events_in_flight();
        state.streamed = running.probe->figures->streamed_events;
        state.queued = running.probe->figures->queued_events;
    }
    return state;
}

std::vector<Connections::State> Connections::states() const {
    std::vector<State> states;
    for (const auto& running : running_)
        states.push_back(state_of(*running));
    return states;
}

void Connections::refresh_metrics() const {
    for (const State& state : states()) {
        const metrics::Labels labels{{"connection", state.name}};
        const auto with = [&](const char* name, const std::string& value) {
            metrics::Labels extended = labels;
            extended[name] = value;
            return extended;
        };
        const store::ConnectionTotals& totals = state.totals;
        metrics::counter("sluice_events_received_total", "Events taken over from the plugin.", labels).set(totals.received + state.in_memory);
        metrics::counter("sluice_events_stored_total", "Events whose rows are queryable.", labels).set(totals.stored);
        metrics::counter("sluice_events_dead_lettered_total", "Events parked as dead letters.", labels).set(totals.dead_lettered);
        metrics::counter("sluice_events_gap_total", "Events that the source no longer had.", labels).set(totals.gap);
        metrics::counter("sluice_connection_bytes_received_total", "Bytes of events received.", labels).set(totals.received_bytes);
        for (const auto& [reason, count] : totals.skipped)
            metrics::counter("sluice_events_skipped_total", "Events passed over and counted.", with("reason", reason)).set(count);
        const auto in_flight = [&](const char* name, std::uint64_t count) {
            metrics::gauge("sluice_events_in_flight", "Events received and not yet dealt with.", with("state", name)).set(static_cast<double>(count));
        };
        in_flight("memory", state.in_memory);
        in_flight("staged", totals.staged);
        in_flight("waiting", totals.waiting);
    }
}

} // namespace sluice::app
