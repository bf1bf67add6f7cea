#pragma once

#include "core/host/instance.hpp"
#include "core/host/source_status.hpp"
#include "core/host/watchdog.hpp"

#include <chrono>
#include <memory>

namespace sluice::host {

/// Runs a connection's source on a thread of its own, `src/<connection>`, and starts over on another when a call of the
/// plugin hangs (reliability 4.7, G3). Thread-safe.
class SourceRunner {
public:
    /// Clock and watchdog must outlive the runner.
    SourceRunner(SourceSetup setup, const Clock& clock, Watchdog& watchdog);
    /// Stops without grace.
    ~SourceRunner();
    SourceRunner(const SourceRunner&) = delete;
    SourceRunner& operator=(const SourceRunner&) = delete;

    /// Once; returns at once. Failures show in the status.
    void start();
    /// Stops polling, waits at most `grace` until what was delivered is durable, tells the plugin and lets it stop (at
    /// most 10 s). False: a call of the plugin did not return, and its thread was given up.
    bool stop(std::chrono::milliseconds grace);

    SourceStatus status() const;
    const SourceSetup& setup() const;

private:
    class Core;
    const std::shared_ptr<Core> core_;
};

} // namespace sluice::host
