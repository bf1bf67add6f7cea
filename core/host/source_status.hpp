#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::host {

enum class SourceState : std::uint8_t {
    Connecting, ///< starting, or upstream is away and will be tried again
    Running,
    Failed, ///< only an operator can help; nothing is tried until the connection restarts
    Stopped,
};
/// "running".
std::string_view to_string(SourceState state);

/// How a connection's source is, for `sluice status` and /readyz.
struct SourceStatus {
    SourceState state = SourceState::Stopped;
    bool degraded = false;       ///< it runs, but a call is late or the plugin says that something is wrong
    std::string detail = {};     ///< why it is degraded or connecting, in the plugin's words
    std::string last_error = {}; ///< the last failure, also when it was overcome
    Ticks since = 0;             ///< when `state` began
    Ticks last_error_at = 0;     ///< 0: never
    std::uint64_t instances = 0; ///< created so far
};

/// The status that a source's thread, its plugin's threads and the watchdog write and everybody reads. Thread-safe.
class StatusBoard {
public:
    explicit StatusBoard(const Clock& clock) : clock_(clock) { status_.since = clock.now(); }

    void set(SourceState state);
    /// Sets the state and notes the failure that led to it.
    void set(SourceState state, std::string error);
    /// What the plugin says about itself; connecting applies while the source runs.
    void set_health(bool connecting, bool degraded, std::string detail);
    /// A call is late (an empty name: no longer).
    void set_late(std::string call);
    void count_instance();
    SourceStatus read() const;

private:
    const Clock& clock_;
    mutable Mutex mutex_;
    SourceStatus status_ SLUICE_GUARDED_BY(mutex_);
    bool plugin_connecting_ SLUICE_GUARDED_BY(mutex_) = false;
    bool plugin_degraded_ SLUICE_GUARDED_BY(mutex_) = false;
    std::string late_call_ SLUICE_GUARDED_BY(mutex_);
};

} // namespace sluice::host
