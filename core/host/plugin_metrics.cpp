#include "core/host/plugin_metrics.hpp"

#include "plugins/sdk/include/sluice/source_plugin.h"

#include <cmath>

namespace sluice::host {
namespace {

constexpr std::size_t kLongestName = 80;
constexpr auto* kHelp = "Reported by the source's plugin.";

bool is_metric_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName && name.front() >= 'a' && name.front() <= 'z' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

} // namespace

std::uint32_t PluginMetrics::add(std::string_view name, std::int32_t kind) {
    if (!is_metric_name(name) || kind < SLUICE_COUNTER || kind > SLUICE_HISTOGRAM)
        return 0;
    Lock lock(mutex_);
    const auto count = count_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < count; ++i)
        if (slots_[i].name == name)
            return slots_[i].kind == kind ? i + 1 : 0;
    if (count == kMost)
        return 0;
    auto& slot = slots_[count];
    slot.name = name;
    slot.kind = kind;
    const auto full = "sluice_source_" + slot.name;
    const metrics::Labels labels{{"connection", connection_}};
    if (kind == SLUICE_COUNTER)
        slot.metric = &metrics::counter(full, kHelp, labels);
    else if (kind == SLUICE_GAUGE)
        slot.metric = &metrics::gauge(full, kHelp, labels);
    else
        slot.metric = &metrics::histogram(full, kHelp, labels);
    count_.store(count + 1, std::memory_order_release);
    return count + 1;
}

void PluginMetrics::record(std::uint32_t metric, double value) {
    if (metric == 0 || metric > count_.load(std::memory_order_acquire) || !std::isfinite(value))
        return;
    auto& target = slots_[metric - 1].metric;
    if (auto* const* counter = std::get_if<metrics::Counter*>(&target)) {
        if (value > 0)
            (*counter)->add(static_cast<std::uint64_t>(std::llround(value)));
    } else if (auto* const* gauge = std::get_if<metrics::Gauge*>(&target)) {
        (*gauge)->set(value);
    } else if (auto* const* histogram = std::get_if<metrics::Histogram*>(&target)) {
        (*histogram)->observe(value);
    }
}

} // namespace sluice::host
