#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What `sluice COMMAND` does, one function for each command. Each returns the exit code of the program (product 4).
namespace sluice::app {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;      ///< the work failed
constexpr int kExitUsage = 2;       ///< wrong usage or configuration
constexpr int kExitUnreachable = 3; ///< no bridge answers

/// Options of the program itself; empty: not given.
struct GlobalOptions {
    std::string log_level, log_format;
    bool color = true;
};

struct RunOptions {
    std::string config;
    std::vector<std::string> plugin_folders; ///< searched after those of `plugins.path`
};
int run_command(const RunOptions& options, const GlobalOptions& global);

struct CheckOptions {
    std::string config;
    std::vector<std::string> plugin_folders; ///< as in RunOptions
};
int check_command(const CheckOptions& options, const GlobalOptions& global);

struct QueryOptions {
    std::string server, database, format = "table";
    std::string text; ///< "-": from standard input; empty: a prompt asks (core/app/prompt)
};
int query_command(const QueryOptions& options, const GlobalOptions& global);

struct IngestOptions {
    std::string server, database, table, format, mapping, path = "auto";
    std::vector<std::string> tags, files;
};
int ingest_command(const IngestOptions& options, const GlobalOptions& global);

struct StatusOptions {
    std::string server;
    bool json = false;
};
int status_command(const StatusOptions& options, const GlobalOptions& global);

struct PluginOptions {
    std::vector<std::string> folders;
    std::string plugin; ///< a file or an id
    bool json = false, schema = false, markdown = false;
};
int plugin_list_command(const PluginOptions& options, const GlobalOptions& global);
int plugin_describe_command(const PluginOptions& options, const GlobalOptions& global);

struct PluginNewOptions {
    std::string name, folder = ".", language = "cpp";
};
int plugin_new_command(const PluginNewOptions& options, const GlobalOptions& global);

struct PluginTestOptions {
    std::string file, config, only;
    std::uint64_t seed = 0;
    bool json = false, in_process = false;
};
int plugin_test_command(const PluginTestOptions& options, const GlobalOptions& global);

} // namespace sluice::app
