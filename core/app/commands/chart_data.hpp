#pragma once

#include "core/app/commands/result_text.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a chart draws, read from the cells of a result.
namespace sluice::app {

/// One point of one series.
struct ChartPoint {
    double x = 0; ///< ticks of a datetime, seconds of a timespan, a number, or the place of its label
    double y = 0;
    std::string label; ///< of x, as the result shows it
    std::string value; ///< of y, likewise
};
struct ChartSeries {
    std::string name;
    std::vector<ChartPoint> points; ///< in the order of the rows
};
struct ChartData {
    enum class Axis { Text, Number, DateTime } axis = Axis::Text;
    std::vector<std::string> labels; ///< different values of x, in the order of the rows
    std::vector<ChartSeries> series;
};

/// Nothing: no column of numbers, or no row that has one.
std::optional<ChartData> chart_data(const TextTable& table, const Visualization& how);

} // namespace sluice::app
