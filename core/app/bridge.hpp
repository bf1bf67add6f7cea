#pragma once

#include "core/app/auth.hpp"
#include "core/app/connections.hpp"
#include "core/app/data_folder.hpp"
#include "core/base/clock.hpp"
#include "core/config/settings.hpp"
#include "core/engine/engine.hpp"
#include "core/ingest/databases.hpp"
#include "core/queue/queue.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace sluice::app {

class HttpServer;
class HttpApi;

/// The whole process behind `sluice run`: data folder, databases, engine, HTTP, connections, in this order up and in
/// reverse down.
class Bridge {
public:
    ~Bridge();

    /// Everything is up when it returns. Errors of the configuration are Invalid, one a line with their place.
    static Result<std::unique_ptr<Bridge>> start(config::Settings settings);

    /// Stops the sources first, so that what was received becomes durable, then HTTP, then the databases.
    void stop();

    /// Databases open, setup done, HTTP listening, connections started (product 11.2). Thread-safe.
    bool ready() const { return ready_; }
    /// What `sluice status` shows. Thread-safe.
    std::string status_json() const;
    /// The address that the HTTP endpoint listens on.
    std::string url() const;

private:
    explicit Bridge(config::Settings settings);
    Result<> open();
    Result<> open_databases();
    Result<> open_queue();
    Result<> run_setup();
    Result<> listen();

    const config::Settings settings_;
    SystemClock clock_;
    Ticks started_ = 0;
    std::unique_ptr<DataFolder> folder_;
    std::unique_ptr<ingest::Databases> databases_;
    const Auth auth_;
    std::unique_ptr<queue::Queue> queue_;
    std::vector<std::string> attention_; ///< what the start found, for `.show diagnostics`
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<HttpApi> api_;
    std::unique_ptr<HttpServer> server_;
    std::unique_ptr<Connections> connections_;
    std::atomic<bool> ready_ = false;
    bool stopped_ = false;
};

} // namespace sluice::app
