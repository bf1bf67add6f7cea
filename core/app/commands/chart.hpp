#pragma once

#include "core/app/commands/result_text.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// Small charts of block and braille characters for `| render ...`. Text in, text out.
namespace sluice::app {

struct ChartSize {
    std::size_t columns = 80; ///< of the whole chart, at least 20
    std::size_t rows = 12;    ///< of its plot; bars and slices take a row each
};

/// The result as the chart that `how` asks for: timechart, linechart, barchart, columnchart or piechart, with Title,
/// XColumn, YColumns and Series. Columns that are not named are chosen as the reference chooses them: the first one (of
/// a timechart the first datetime) is x, numbers are y, texts split into series. Arrays, as make-series gives them,
/// are taken apart. Nothing: another kind, or there is nothing to draw; then the rows themselves have to do.
std::optional<std::string> render_chart(const TextTable& table, const Visualization& how, const Style& style,
                                        const ChartSize& size);

} // namespace sluice::app
