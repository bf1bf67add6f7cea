#include "core/base/metrics.hpp"

#include "core/base/mutex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace sluice::metrics {

void Gauge::add(double n) {
    double seen = value_.load(std::memory_order_relaxed);
    while (!value_.compare_exchange_weak(seen, seen + n, std::memory_order_relaxed)) {
    }
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(new std::atomic<std::uint64_t>[bounds_.size() + 1]()) {}

void Histogram::observe(double value) {
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_.add(value);
}

namespace {

std::string render_labels(const Labels& labels, std::string_view extra = {}) {
    std::string text;
    for (const auto& [name, value] : labels) {
        text += text.empty() ? "{" : ",";
        text += name + "=\"";
        for (char c : value) {
            if (c == '\n') {
                text += "\\n";
                continue;
            }
            if (c == '"' || c == '\\')
                text += '\\';
            text += c;
        }
        text += '"';
    }
    if (!extra.empty()) {
        text += text.empty() ? "{" : ",";
        text += extra;
    }
    return text.empty() ? text : text + "}";
}

} // namespace

class Registry {
public:
    template <class Metric, class... Args>
    Metric& find(std::string_view name, std::string_view help, Labels labels, const char* kind, Args&&... args) {
        Lock lock(mutex_);
        auto& family = families_[std::string(name)];
        if (family.kind.empty()) {
            family.kind = kind;
            family.help = help;
        }
        auto& all = series<Metric>(family);
        if (!all.contains(labels) && all.size() >= max_series_)
            for (auto& [label, value] : labels)
                value = "other";
        auto& slot = all[std::move(labels)];
        if (!slot)
            slot = std::make_unique<Metric>(std::forward<Args>(args)...);
        return *slot;
    }

    void set_max_series(std::size_t count) {
        Lock lock(mutex_);
        max_series_ = count;
    }

    std::string expose() {
        std::string text;
        Lock lock(mutex_);
        for (const auto& [name, family] : families_) {
            text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.kind);
            for (const auto& [labels, counter] : family.counters)
                text += fmt::format("{}{} {}\n", name, render_labels(labels), counter->value());
            for (const auto& [labels, gauge] : family.gauges)
                text += fmt::format("{}{} {}\n", name, render_labels(labels), gauge->value());
            for (const auto& [labels, histogram] : family.histograms)
                expose_histogram(text, name, labels, *histogram);
        }
        return text;
    }

private:
    struct Family {
        std::string kind, help;
        std::map<Labels, std::unique_ptr<Counter>> counters;
        std::map<Labels, std::unique_ptr<Gauge>> gauges;
        std::map<Labels, std::unique_ptr<Histogram>> histograms;
    };

    template <class Metric>
    static auto& series(Family& family) {
        if constexpr (std::is_same_v<Metric, Counter>)
            return family.counters;
        else if constexpr (std::is_same_v<Metric, Gauge>)
            return family.gauges;
        else
            return family.histograms;
    }

    static void expose_histogram(std::string& text, const std::string& name, const Labels& labels, const Histogram& h) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < h.bounds_.size(); ++i) {
            sum += h.buckets_[i].load(std::memory_order_relaxed);
            text += fmt::format("{}_bucket{} {}\n", name, render_labels(labels, fmt::format("le=\"{}\"", h.bounds_[i])), sum);
        }
        const auto count = h.count_.load(std::memory_order_relaxed);
        text += fmt::format("{}_bucket{} {}\n", name, render_labels(labels, "le=\"+Inf\""), count);
        text += fmt::format("{}_sum{} {}\n", name, render_labels(labels), h.sum_.value());
        text += fmt::format("{}_count{} {}\n", name, render_labels(labels), count);
    }

    Mutex mutex_;
    std::size_t max_series_ SLUICE_GUARDED_BY(mutex_) = 10'000;
    std::map<std::string, Family> families_ SLUICE_GUARDED_BY(mutex_);
};

namespace {
Registry& registry() {
    static Registry instance;
    return instance;
}
} // namespace

Counter& counter(std::string_view name, std::string_view help, Labels labels) {
    return registry().find<Counter>(name, help, std::move(labels), "counter");
}
Gauge& gauge(std::string_view name, std::string_view help, Labels labels) {
    return registry().find<Gauge>(name, help, std::move(labels), "gauge");
}
Histogram& histogram(std::string_view name, std::string_view help, Labels labels) {
    static const std::vector<double> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
    return registry().find<Histogram>(name, help, std::move(labels), "histogram", bounds);
}
void set_max_series(std::size_t count) { registry().set_max_series(count); }
std::string expose() { return registry().expose(); }

} // namespace sluice::metrics
