#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

using Labels = std::map<std::string, std::string>;

/// A value that only grows. Thread-safe.
class Counter {
public:
    void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
    /// For totals that are read back from the store at start.
    void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

/// A value that goes up and down. Thread-safe.
class Gauge {
public:
    void set(double n) { value_.store(n, std::memory_order_relaxed); }
    void add(double n);
    double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_ = 0;
};

/// Counts observations in fixed buckets; durations are in seconds. Thread-safe.
class Histogram {
public:
    explicit Histogram(std::vector<double> bounds);
    void observe(double value);

private:
    friend class Registry;
    const std::vector<double> bounds_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;
    std::atomic<std::uint64_t> count_ = 0;
    Gauge sum_;
};

/// The process's metrics. References it gives out live as long as the process. Thread-safe.
/// Names follow <noun>_<unit>[_total] with the prefix sluice_; the same name and labels give the same series.
Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {});

/// Series per metric; label values beyond it share one series with the label values "other" (spec configuration 2.3).
void set_max_series(std::size_t count);

/// Everything in the Prometheus text format.
std::string expose();

} // namespace sluice::metrics
