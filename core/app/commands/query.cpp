#include "core/app/commands/commands.hpp"
#include "core/app/commands/query_session.hpp"
#include "core/app/commands/terminal.hpp"

#include <cstdio>
#include <iostream>
#include <iterator>

namespace sluice::app {

int query_command(const QueryOptions& options, const GlobalOptions& global) {
    auto server = parse_server(options.server);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return kExitUsage;
    }
    const std::string text =
        options.text == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : options.text;
    QuerySession session(std::move(*server), options.database);
    const auto answer = session.ask(text);
    if (!answer) {
        std::fprintf(stderr, "%s\n", answer.error().message.c_str());
        return exit_code_of(answer.error());
    }
    return print_answer(*answer, {.format = options.format, .style = terminal_style(global.color)});
}

} // namespace sluice::app
