#include "core/app/bridge.hpp"
#include "core/app/commands/commands.hpp"
#include "core/base/log.hpp"
#include "core/config/load.hpp"
#include "core/host/options.hpp"
#include "core/host/registry.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

namespace sluice::app {
namespace {

/// Signals that end or reload the bridge are waited for in one place; every thread inherits that they are blocked.
sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return signals;
}

log::Level to_level(const std::string& name) {
    if (name == "debug")
        return log::Level::Debug;
    if (name == "warn")
        return log::Level::Warn;
    return name == "error" ? log::Level::Error : log::Level::Info;
}

void apply_log(const config::Settings& settings, const GlobalOptions& global) {
    const std::string level = global.log_level.empty() ? settings.log.level : global.log_level;
    const std::string format = global.log_format.empty() ? settings.log.format : global.log_format;
    log::configure(to_level(level), format == "json" ? log::Format::Json : log::Format::Text, global.color && ::isatty(STDERR_FILENO));
}

/// The plugins that came with the program are found without being configured.
void add_plugin_folders(config::Settings& settings, const std::vector<std::string>& folders) {
    settings.plugins.path.insert(settings.plugins.path.end(), folders.begin(), folders.end());
}

int fail(const Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return error.code == ErrorCode::Invalid || error.code == ErrorCode::NotFound ? kExitUsage : kExitFailed;
}

} // namespace

int run_command(const RunOptions& options, const GlobalOptions& global) {
    // Rows are filled on one thread and freed on another; with an arena for each thread much freed memory would stay with the process.
    mallopt(M_ARENA_MAX, 2);
    const sigset_t signals = block_signals();
    auto settings = config::load(options.config);
    if (!settings)
        return fail(settings.error());
    apply_log(*settings, global);
    add_plugin_folders(*settings, options.plugin_folders);
    auto bridge = Bridge::start(std::move(*settings));
    if (!bridge)
        return fail(bridge.error());
    for (;;) {
        int signal = 0;
        sigwait(&signals, &signal);
        if (signal != SIGHUP)
            break;
        // The file is judged as it would be at a start, so that the operator learns about errors before the restart.
        auto reloaded = config::load(options.config);
        if (!reloaded)
            log::error("configuration not taken over, it has errors", {{"errors", reloaded.error().message}});
        else
            log::warn("reload refused: this version takes a changed configuration over at a restart only", {{"file", options.config}});
    }
    log::info("stopping: what was received is made durable first");
    (*bridge)->stop();
    log::info("stopped");
    return kExitDone;
}

int check_command(const CheckOptions& options, const GlobalOptions& global) {
    auto settings = config::load(options.config);
    if (!settings)
        return fail(settings.error());
    apply_log(*settings, global);
    add_plugin_folders(*settings, options.plugin_folders);
    config::Problems problems = unsupported(*settings);
    const host::Registry registry(settings->plugins.path, {});
    for (const config::Connection& connection : settings->connections) {
        auto library = registry.inspect(connection.plugin);
        if (!library) {
            problems.push_back({connection.at, fmt::format("connection \"{}\": {}", connection.name, library.error().message)});
            continue;
        }
        const auto defaults = host::host_defaults(connection, settings->store, "beginning");
        host::bind_options((*library)->descriptor(), connection, settings->folder, defaults, problems);
    }
    if (!problems.empty())
        return fail(Error{ErrorCode::Invalid, to_string(std::move(problems))});
    for (const config::Problem& note : settings->notes)
        std::printf("%s: note: %s\n", to_string(note.at).c_str(), note.message.c_str());
    std::printf("%s: %zu databases, %zu connections, no errors\n", options.config.c_str(), settings->databases.size(),
                settings->connections.size());
    return kExitDone;
}

} // namespace sluice::app
