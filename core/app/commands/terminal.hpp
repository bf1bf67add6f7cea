#pragma once

#include "core/app/commands/chart.hpp"
#include "core/app/commands/result_text.hpp"
#include "core/base/error.hpp"

#include <functional>
#include <string>
#include <string_view>

/// Answers on standard output.
namespace sluice::app {

/// How standard output wants its texts.
Style terminal_style(bool color);
/// Of the terminal behind standard output; 80 columns where there is none.
ChartSize terminal_size();

struct Presentation {
    std::string format = "table"; ///< as for render_v1
    Style style;
    bool vertical = false;           ///< of the format table: a line for each cell
    bool charts = true;              ///< of the format table on a terminal: what `render` asks for is drawn
    std::function<bool()> stop = {}; ///< asked now and then; true: the rest is not printed
};
/// Prints the results of a V1 document, and what is wrong with it on standard error. The exit code.
int print_answer(std::string_view document, const Presentation& how);

/// The exit code of a command that ended with `error`.
int exit_code_of(const Error& error);

} // namespace sluice::app
