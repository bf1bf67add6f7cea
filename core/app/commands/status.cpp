#include "core/app/client.hpp"
#include "core/app/commands/commands.hpp"
#include "core/app/commands/result_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdio>

namespace sluice::app {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null())
        return "";
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string size_text(const Json& object, const char* key) {
    double size = object.value(key, 0.0);
    const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; size >= 1024 && unit + 1 < std::size(units); ++unit)
        size /= 1024;
    return fmt::format("{:.{}f} {}", size, unit == 0 ? 0 : 1, units[unit]);
}

std::string connections_text(const Json& status, const Style& style) {
    TextTable table;
    table.columns = {{"Connection"},    {"Kind"},           {"Plugin"},       {"Database"},
                     {"State"},         {"Received", true}, {"Stored", true}, {"Dead", true},
                     {"Skipped", true}, {"Streamed", true}, {"Queued", true}, {"Last error"}};
    for (const Json& one : status.value("connections", Json::array())) {
        std::string state = text_of(one, "state");
        if (one.value("paused", false))
            state += ", paused";
        table.rows.push_back({text_of(one, "name"), text_of(one, "kind"), text_of(one, "plugin"),
                              text_of(one, "database"), state, text_of(one, "events_received"),
                              text_of(one, "events_stored"), text_of(one, "events_dead_lettered"),
                              text_of(one, "events_skipped"), text_of(one, "events_streamed"),
                              text_of(one, "events_queued"), text_of(one, "last_error")});
    }
    return render_table(table, style);
}

std::string tables_text(const Json& status, const Style& style) {
    TextTable table;
    table.columns = {{"Database"}, {"Table"}, {"Path"}, {"File", true}, {"Row store", true}, {"Staged", true}};
    for (const Json& database : status.value("databases", Json::array())) {
        bool first = true;
        const Json tables = database.value("tables", Json::array());
        for (const Json& one : tables) {
            table.rows.push_back({text_of(database, "name"), text_of(one, "name"), text_of(one, "path"),
                                  first ? size_text(database, "file_bytes") : "",
                                  first ? size_text(database, "rowstore_bytes") : "",
                                  first ? size_text(database, "staged_bytes") : ""});
            first = false;
        }
        if (tables.empty())
            table.rows.push_back(
                {text_of(database, "name"), "(no table)", "", size_text(database, "file_bytes"), "", ""});
    }
    return render_table(table, style);
}

} // namespace

int status_command(const StatusOptions& options, const GlobalOptions& global) {
    const auto server = parse_server(options.server);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return kExitUsage;
    }
    const auto answer = HttpClient(*server).get("/v1/sluice/status");
    if (!answer) {
        std::fprintf(stderr, "%s\n", answer.error().message.c_str());
        return kExitUnreachable;
    }
    if (answer->status != 200) {
        std::fprintf(stderr, "%s\n", error_of(*answer).message.c_str());
        return kExitFailed;
    }
    if (options.json) {
        std::printf("%s\n", answer->body.c_str());
        return kExitDone;
    }
    try {
        const Json status = Json::parse(answer->body);
        const Style style{.color = global.color && ::isatty(STDOUT_FILENO) != 0};
        std::printf("sluice %s at %s, %s since %s\n\n%s\n%s", text_of(status, "version").c_str(), server->url().c_str(),
                    status.value("ready", false) ? "ready" : "not ready", text_of(status, "started").c_str(),
                    connections_text(status, style).c_str(), tables_text(status, style).c_str());
        return kExitDone;
    } catch (const Json::exception&) {
        std::fprintf(stderr, "the status from %s cannot be read; is that a bridge of this version?\n",
                     server->url().c_str());
        return kExitFailed;
    }
}

} // namespace sluice::app
