#pragma once

#include "core/base/metrics.hpp"
#include "core/base/mutex.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::host {

/// The metrics that one source's plugin registers: `sluice_source_<name>` with the label `connection`. Thread-safe.
class PluginMetrics {
public:
    explicit PluginMetrics(std::string connection) : connection_(std::move(connection)) {}

    /// A number for record(); 0 when the name is no metric's name or there are too many.
    std::uint32_t add(std::string_view name, std::int32_t kind);
    /// Adds to a counter, sets a gauge, observes in a histogram. Unknown numbers and falling counters are ignored.
    void record(std::uint32_t metric, double value);

private:
    static constexpr std::size_t kMost = 64;
    using Metric = std::variant<std::monostate, metrics::Counter*, metrics::Gauge*, metrics::Histogram*>;
    struct Slot {
        std::string name;
        std::int32_t kind = 0;
        Metric metric;
    };

    const std::string connection_;
    Mutex mutex_;
    std::array<Slot, kMost> slots_; ///< written under the lock, below count_ never again
    std::atomic<std::uint32_t> count_ = 0;
};

} // namespace sluice::host
