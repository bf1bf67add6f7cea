#include "core/app/commands/terminal.hpp"

#include "core/app/commands/commands.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sluice::app {
namespace {

/// Wider charts say no more.
constexpr std::size_t kWidestChart = 120;

std::string rendered(const Results& results, const Presentation& how) {
    std::string out;
    for (std::size_t i = 0; i < results.tables.size(); ++i) {
        const TextTable& table = results.tables[i];
        out += i == 0 ? "" : "\n";
        // `render` speaks of the first result.
        if (i == 0 && how.charts && how.style.terminal)
            if (const auto chart = render_chart(table, results.visualization, how.style, terminal_size())) {
                out += *chart;
                continue;
            }
        out += how.vertical ? render_vertical(table, how.style) : render_table(table, how.style);
    }
    return out;
}

Result<Rendered> render(std::string_view document, const Presentation& how) {
    if (how.format != "table")
        return render_v1(document, how.format, how.style);
    SLUICE_TRY(const Results results, read_v1(document));
    return Rendered{rendered(results, how), results.failure};
}

/// False: whoever read our output has gone.
bool write(std::string_view text, const std::function<bool()>& stop) {
    constexpr std::size_t kPiece = 16 * 1024;
    while (!text.empty() && !(stop && stop())) {
        const std::string_view piece = text.substr(0, kPiece);
        if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size())
            return false;
        text.remove_prefix(piece.size());
    }
    return std::fflush(stdout) == 0;
}

} // namespace

Style terminal_style(bool color) {
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    return {.terminal = terminal, .color = terminal && color};
}

ChartSize terminal_size() {
    winsize window{};
    ChartSize size;
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        size.columns = std::min<std::size_t>(window.ws_col, kWidestChart);
    return size;
}

int exit_code_of(const Error& error) {
    return error.code == ErrorCode::Unavailable ? kExitUnreachable : kExitFailed;
}

int print_answer(std::string_view document, const Presentation& how) {
    const auto answer = render(document, how);
    if (!answer) {
        std::fprintf(stderr, "%s\n", answer.error().message.c_str());
        return kExitFailed;
    }
    if (!write(answer->text, how.stop))
        return kExitFailed; // whoever read our output has gone
    if (answer->failure.empty())
        return kExitDone;
    std::fprintf(stderr, "%s\n", answer->failure.c_str());
    return kExitFailed;
}

} // namespace sluice::app
