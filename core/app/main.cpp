#include "core/app/commands/commands.hpp"
#include "core/app/prompt/prompt.hpp"
#include "core/app/version.hpp"
#include "core/store/parquet.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <system_error>

namespace {

using namespace sluice::app;

/// What was asked for, to be run once the whole line is understood.
using Action = std::function<int()>;

constexpr auto kExamples = R"(
Examples:
  sluice check --config sluice.toml            find every error of a configuration
  sluice run --config sluice.toml              run the bridge until Ctrl-C
  sluice status                                what is connected, and what arrived
  sluice query '.show tables'                  a management command
  sluice query --db Telemetry 'Devices | take 10'
  sluice ingest rows.csv --db Telemetry --table Devices
  sluice plugin list                           what can be a source
  sluice plugin new my_source                  begin a source of your own

Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration, 3 no bridge answers.
)";

void add_server(CLI::App& command, std::string& server) {
    command.add_option("--server", server, "Address of the running bridge")
        ->envname("SLUICE_SERVER")
        ->capture_default_str();
}

/// Folders beside the program: a build has one for each plugin, an installation one for all.
std::vector<std::string> plugin_folders() {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    std::vector<std::string> folders;
    for (const char* relative : {"plugins", "../plugins", "../../plugins", "../lib/sluice/plugins"}) {
        const fs::path folder = (program / relative).lexically_normal();
        if (!fs::is_directory(folder, ignored))
            continue;
        folders.push_back(folder.string());
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            if (entry.is_directory(ignored) && entry.path().filename() != "CMakeFiles")
                folders.push_back(entry.path().string());
    }
    return folders.empty() ? std::vector<std::string>{"plugins"} : folders;
}

void add_run(CLI::App& app, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<RunOptions>();
    options->plugin_folders = plugin_folders();
    CLI::App* command = app.add_subcommand("run", "Run the bridge: SIGTERM drains and stops it");
    command->add_option("--config,-c", options->config, "Configuration file")->required();
    command->callback(
        [options, &global, &action] { action = [options, &global] { return run_command(*options, global); }; });
}

void add_check(CLI::App& app, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<CheckOptions>();
    options->plugin_folders = plugin_folders();
    CLI::App* command = app.add_subcommand("check", "Check a configuration: all errors at once, each with its place");
    command->add_option("--config,-c", options->config, "Configuration file")->required();
    command->callback(
        [options, &global, &action] { action = [options, &global] { return check_command(*options, global); }; });
}

void add_query(CLI::App& app, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<QueryOptions>();
    options->server = "http://127.0.0.1:8080";
    CLI::App* command =
        app.add_subcommand("query", "Ask in KQL, or run a management command when TEXT begins with '.'");
    add_server(*command, options->server);
    command->add_option("--db", options->database, "Database; the first one when not given");
    command->add_option("--format", options->format, "table, csv, json or tsv")
        ->check(CLI::IsMember({"table", "csv", "json", "tsv"}))
        ->capture_default_str();
    command->add_option("TEXT", options->text, "The query; '-' reads it from standard input; without it a prompt asks");
    command->footer("Examples:\n  sluice query --db Telemetry 'Devices | summarize count() by Name'\n  sluice query "
                    "'.show tables' --format json\n"
                    "  sluice query --db Telemetry - < report.kql");
    command->callback([options, &global, &action] {
        action = [options, &global] {
            return options->text.empty() ? prompt_command(*options, global) : query_command(*options, global);
        };
    });
}

void add_ingest(CLI::App& app, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<IngestOptions>();
    options->server = "http://127.0.0.1:8080";
    CLI::App* command = app.add_subcommand("ingest", "Send files into a table; each is stored whole or not at all");
    add_server(*command, options->server);
    command->add_option("FILE", options->files, "Files, also compressed with gzip")->required();
    command->add_option("--table", options->table, "Table")->required();
    command->add_option("--db", options->database, "Database; the first one when not given");
    command->add_option("--format", options->format, "csv, json, multijson, ...; by the file's name when not given");
    command->add_option("--mapping", options->mapping, "Name of an ingestion mapping");
    command
        ->add_option(
            "--path", options->path,
            "auto streams what is small and may stream; queued goes in as an extent, without waiting for a batch")
        ->check(CLI::IsMember({"auto", "streaming", "queued"}))
        ->capture_default_str();
    command->add_option("--tag", options->tags, "Extent tag; may be repeated; implies --path queued");
    command->footer("Examples:\n  sluice ingest rows.csv --db Telemetry --table Devices\n"
                    "  sluice ingest *.json.gz --table Devices --format multijson --mapping DevicesJson");
    command->callback(
        [options, &global, &action] { action = [options, &global] { return ingest_command(*options, global); }; });
}

void add_status(CLI::App& app, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<StatusOptions>();
    options->server = "http://127.0.0.1:8080";
    CLI::App* command = app.add_subcommand("status", "Connections, what arrived, tables and their path");
    add_server(*command, options->server);
    command->add_flag("--json", options->json, "The whole document as JSON");
    command->callback(
        [options, &global, &action] { action = [options, &global] { return status_command(*options, global); }; });
}

void add_plugin_new(CLI::App& plugin, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<PluginNewOptions>();
    CLI::App* command = plugin.add_subcommand("new", "Write a whole project: source, build, conformance test, README");
    command->add_option("NAME", options->name, "Its id, such as my_source; a folder of that name is made")->required();
    command->add_option("--lang", options->language, "cpp, c or rust")
        ->check(CLI::IsMember({"cpp", "c", "rust"}))
        ->capture_default_str();
    command->add_option("--in", options->folder, "Folder to make it in")->capture_default_str();
    command->callback(
        [options, &global, &action] { action = [options, &global] { return plugin_new_command(*options, global); }; });
}

void add_plugin_test(CLI::App& plugin, const GlobalOptions& global, Action& action) {
    auto options = std::make_shared<PluginTestOptions>();
    options->seed = std::random_device{}();
    CLI::App* command = plugin.add_subcommand("test", "The conformance kit: each case in a process of its own");
    command->add_option("FILE", options->file, "The plugin, such as build/my_source.so")->required();
    command->add_option("--config", options->config, "kit.toml: keys of the plugin, and a feed that brings messages");
    command->add_option("--only", options->only, "A case, or a group such as order");
    command->add_option("--seed", options->seed, "Repeats the random choices of another run");
    command->add_flag("--json", options->json, "As JSON, once all cases have run");
    command->add_flag("--in-process", options->in_process, "No child and no time limit, for a debugger");
    command->footer("Exit code 0: no case failed, crashed or hung. What was skipped says what it needs.");
    command->callback(
        [options, &global, &action] { action = [options, &global] { return plugin_test_command(*options, global); }; });
}

void add_plugin(CLI::App& app, const GlobalOptions& global, Action& action) {
    CLI::App* command = app.add_subcommand("plugin", "Plugins: look at them, write one, test one");
    command->require_subcommand(1);
    auto options = std::make_shared<PluginOptions>();
    options->folders = plugin_folders();
    CLI::App* list = command->add_subcommand("list", "Plugins in the folders with their versions and states");
    list->add_option("--path", options->folders, "Folders to look in; those beside the program when not given");
    list->add_flag("--json", options->json, "As JSON");
    list->callback(
        [options, &global, &action] { action = [options, &global] { return plugin_list_command(*options, global); }; });
    CLI::App* describe = command->add_subcommand("describe", "What a plugin is and which options it takes");
    describe->add_option("PLUGIN", options->plugin, "A file, or an id such as kafka")->required();
    describe->add_option("--path", options->folders,
                         "Folders to look an id up in; those beside the program when not given");
    auto* json = describe->add_flag("--json", options->json, "As JSON");
    auto* schema = describe->add_flag("--schema", options->schema, "As a JSON schema of a connection's source");
    auto* markdown = describe->add_flag("--markdown", options->markdown, "As a page of documentation");
    json->excludes(schema)->excludes(markdown);
    schema->excludes(markdown);
    describe->callback([options, &global, &action] {
        action = [options, &global] { return plugin_describe_command(*options, global); };
    });
    add_plugin_new(*command, global, action);
    add_plugin_test(*command, global, action);
}

} // namespace

int main(int argc, char** argv) {
    sluice::store::register_parquet();
    CLI::App app("sluice brings events from Kafka, MQTT and folders into tables that answer KQL a moment later.",
                 "sluice");
    GlobalOptions global;
    Action action;
    bool no_color = false;
    app.set_version_flag("--version", std::string("sluice ") + kVersion);
    app.add_option("--log-level", global.log_level, "error, warn, info or debug")
        ->check(CLI::IsMember({"error", "warn", "info", "debug"}));
    app.add_option("--log-format", global.log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
    app.add_flag("--no-color", no_color, "No colours, also on a terminal");
    app.require_subcommand(1);
    app.fallthrough();
    app.footer(kExamples);
    add_run(app, global, action);
    add_check(app, global, action);
    add_query(app, global, action);
    add_ingest(app, global, action);
    add_status(app, global, action);
    add_plugin(app, global, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // Help and version end with 0; everything else is wrong usage.
        return app.exit(error) == 0 ? kExitDone : kExitUsage;
    }
    global.color = !no_color && std::getenv("NO_COLOR") == nullptr;
    try {
        return action();
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "sluice failed: %s\n", problem.what());
        return kExitFailed;
    }
}
