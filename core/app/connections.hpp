#pragma once

#include "core/app/data_folder.hpp"
#include "core/config/settings.hpp"
#include "core/host/registry.hpp"
#include "core/host/source_runner.hpp"
#include "core/ingest/databases.hpp"
#include "core/router/gather.hpp"
#include "core/router/router.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

/// A connection's settings as the router reads them.
router::ConnectionSettings to_router(const config::Connection& connection);
/// What the configuration asks for and this version does not do; each with its place and the way out. A key that is accepted and then
/// ignored would be a trap.
std::vector<config::Problem> unsupported(const config::Settings& settings);

/// The running connections: finds their plugins, binds options, starts and stops their sources. Thread-safe after start().
class Connections {
public:
    Connections(const config::Settings& settings, const DataFolder& folder, ingest::Databases& databases);
    /// Stops what still runs, without grace.
    ~Connections();

    /// Invalid: plugins that are missing or options that are wrong, all of them, one a line with their place. Nothing was started then.
    Result<> start();
    /// Takes no more events, waits at most `grace` until what was received is durable, and lets the sources leave their brokers.
    /// False: a thread hangs and was given up; what it uses must not be destroyed.
    bool stop(std::chrono::milliseconds grace);

    /// One connection for `sluice status`.
    struct State {
        std::string name, kind, database, plugin;
        bool enabled = true;
        host::SourceStatus source;
        bool paused = false;
        store::ConnectionTotals totals; ///< summed over the databases
        std::uint64_t in_memory = 0, streamed = 0, queued = 0;
        std::vector<store::LanePosition> lanes;
    };
    std::vector<State> states() const;
    /// Brings the `sluice_events_*` metrics up to date (data-connections 1.11).
    void refresh_metrics() const;

private:
    struct Running {
        config::Connection settings;
        std::unique_ptr<host::SourceRunner> runner;
        /// The router of the present source instance, for its figures.
        mutable Mutex mutex;
        std::optional<router::Router::Probe> probe SLUICE_GUARDED_BY(mutex);
    };

    Result<std::unique_ptr<Running>> prepare(const config::Connection& connection, config::Problems& problems);
    Result<std::string> created_at(const config::Connection& connection);
    State state_of(const Running& running) const;

    const config::Settings& settings_;
    const DataFolder& folder_;
    ingest::Databases& databases_;
    host::Registry registry_;
    host::Watchdog watchdog_;
    const std::shared_ptr<router::InFlightBudget> budget_ = std::make_shared<router::InFlightBudget>();
    std::vector<std::unique_ptr<Running>> running_;
};

} // namespace sluice::app
