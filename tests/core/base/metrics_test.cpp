#include "core/base/metrics.hpp"

#include <gtest/gtest.h>

namespace sluice::metrics {
namespace {

TEST(Metrics, ExposesCountersWithEscapedLabels) {
    counter("sluice_test_total", "Counts.", {{"connection", "a\"b"}}).add(3);
    EXPECT_NE(expose().find("sluice_test_total{connection=\"a\\\"b\"} 3\n"), std::string::npos);
}

TEST(Metrics, HistogramBucketsAddUp) {
    Histogram& latency = histogram("sluice_test_seconds", "Time.");
    latency.observe(0.003);
    latency.observe(0.2);
    const std::string text = expose();
    EXPECT_NE(text.find("sluice_test_seconds_bucket{le=\"0.005\"} 1\n"), std::string::npos);
    EXPECT_NE(text.find("sluice_test_seconds_bucket{le=\"0.25\"} 2\n"), std::string::npos);
    EXPECT_NE(text.find("sluice_test_seconds_count 2\n"), std::string::npos);
}

TEST(Metrics, SeriesBeyondTheLimitShareOne) {
    set_max_series(2);
    counter("sluice_test_capped_total", "Counts.", {{"table", "a"}}).add();
    counter("sluice_test_capped_total", "Counts.", {{"table", "b"}}).add();
    counter("sluice_test_capped_total", "Counts.", {{"table", "c"}}).add();
    counter("sluice_test_capped_total", "Counts.", {{"table", "d"}}).add();
    set_max_series(10'000);
    EXPECT_NE(expose().find("sluice_test_capped_total{table=\"other\"} 2\n"), std::string::npos);
}

} // namespace
} // namespace sluice::metrics
