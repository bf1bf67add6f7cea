#include "core/app/client.hpp"
#include "core/app/commands/commands.hpp"
#include "core/app/commands/result_text.hpp"
#include "core/app/http_envelope.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

namespace sluice::app {
namespace {

int fail(const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return error.code == ErrorCode::Unavailable ? kExitUnreachable : kExitFailed;
}

class Session {
public:
    Session(ServerAddress server, const QueryOptions& options, const GlobalOptions& global)
        : client_(std::move(server)), database_(options.database), format_(options.format) {
        style_.terminal = ::isatty(STDOUT_FILENO);
        style_.color = style_.terminal && global.color;
    }

    int run(const std::string& text) {
        const nlohmann::json envelope{{"db", database_}, {"csl", text}};
        const char* path = is_command_text(text) ? "/v1/rest/mgmt" : "/v1/rest/query";
        const auto answer = client_.post(path, envelope.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                                         {{"Content-Type", "application/json"}});
        if (!answer)
            return fail(answer.error());
        if (answer->status != 200)
            return fail(error_of(*answer));
        const auto rendered = render_v1(answer->body, format_, style_);
        if (!rendered)
            return fail(rendered.error());
        std::fwrite(rendered->text.data(), 1, rendered->text.size(), stdout);
        if (std::fflush(stdout) != 0)
            return kExitFailed; // whoever read our output has gone
        return rendered->failure.empty() ? kExitDone : fail(Error{ErrorCode::Invalid, rendered->failure});
    }

    /// Reads texts until the end of input. A line that ends in '|' or '\' goes on in the next one.
    int prompt() {
        const bool asks = ::isatty(STDIN_FILENO);
        if (asks)
            std::printf("KQL, or a command that begins with '.'. A line ending in '|' goes on. :db NAME changes the "
                        "database, :quit leaves.\n");
        int last = kExitDone;
        std::string text, line;
        while (true) {
            if (asks)
                std::printf("%s", text.empty() ? (database_ + "> ").c_str() : "... ");
            std::fflush(stdout);
            if (!std::getline(std::cin, line))
                break;
            if (text.empty() && (line == ":quit" || line == ":q" || line == "quit" || line == "exit"))
                return kExitDone;
            if (text.empty() && line.starts_with(":db ")) {
                database_ = line.substr(4);
                continue;
            }
            const std::size_t end = line.find_last_not_of(" \t\r");
            const bool goes_on = end != std::string::npos && (line[end] == '|' || line[end] == '\\');
            if (goes_on && line[end] == '\\')
                line.resize(end);
            text += line + '\n';
            if (goes_on || text.find_first_not_of(" \t\r\n") == std::string::npos) {
                if (!goes_on)
                    text.clear();
                continue;
            }
            last = run(text);
            text.clear();
            if (last == kExitUnreachable && !asks)
                return last;
        }
        if (!text.empty())
            last = run(text);
        if (asks)
            std::printf("\n");
        return asks ? kExitDone : last;
    }

private:
    HttpClient client_;
    std::string database_;
    const std::string format_;
    Style style_;
};

} // namespace

int query_command(const QueryOptions& options, const GlobalOptions& global) {
    auto server = parse_server(options.server);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return kExitUsage;
    }
    Session session(std::move(*server), options, global);
    if (options.text.empty())
        return session.prompt();
    if (options.text != "-")
        return session.run(options.text);
    return session.run(std::string(std::istreambuf_iterator<char>(std::cin), {}));
}

} // namespace sluice::app
