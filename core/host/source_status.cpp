#include "core/host/source_status.hpp"

namespace sluice::host {

std::string_view to_string(SourceState state) {
    switch (state) {
    case SourceState::Connecting:
        return "connecting";
    case SourceState::Running:
        return "running";
    case SourceState::Failed:
        return "failed";
    case SourceState::Stopped:
        break;
    }
    return "stopped";
}

void StatusBoard::set(SourceState state) {
    const auto now = clock_.now();
    Lock lock(mutex_);
    if (status_.state == state)
        return;
    status_.state = state;
    status_.since = now;
    if (state != SourceState::Running) { // what an instance said about itself ends with it
        plugin_connecting_ = plugin_degraded_ = false;
        status_.detail.clear();
    }
}

void StatusBoard::set(SourceState state, std::string error) {
    set(state);
    const auto now = clock_.now();
    Lock lock(mutex_);
    status_.last_error = std::move(error);
    status_.last_error_at = now;
}

void StatusBoard::set_health(bool connecting, bool degraded, std::string detail) {
    Lock lock(mutex_);
    plugin_connecting_ = connecting;
    plugin_degraded_ = degraded;
    status_.detail = std::move(detail);
}

void StatusBoard::set_late(std::string call) {
    Lock lock(mutex_);
    late_call_ = std::move(call);
}

void StatusBoard::count_instance() {
    Lock lock(mutex_);
    ++status_.instances;
}

SourceStatus StatusBoard::read() const {
    Lock lock(mutex_);
    auto status = status_;
    if (status.state == SourceState::Running && plugin_connecting_)
        status.state = SourceState::Connecting;
    status.degraded = plugin_degraded_ || !late_call_.empty();
    if (!late_call_.empty())
        status.detail = "the plugin's " + late_call_ + " does not return";
    return status;
}

} // namespace sluice::host
