#include "core/app/commands/commands.hpp"
#include "core/host/describe.hpp"
#include "core/host/registry.hpp"

#include <cstdio>
#include <filesystem>

namespace sluice::app {
namespace {

/// An id is looked up in the folders; what looks like a file is taken as one.
host::Registry::Found find(const PluginOptions& options) {
    const std::filesystem::path path(options.plugin);
    if (path.extension() != ".so")
        return {options.plugin, host::Registry(options.folders, {}).inspect(options.plugin)};
    const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
    return {options.plugin, host::Registry({folder}, {}).inspect(path.stem().string())};
}

} // namespace

int plugin_list_command(const PluginOptions& options, const GlobalOptions&) {
    const auto found = host::Registry(options.folders, {}).list();
    if (found.empty() && !options.json) {
        std::string folders;
        for (const std::string& folder : options.folders)
            folders += (folders.empty() ? "" : ", ") + folder;
        std::fprintf(stderr, "no plugin in %s; name another folder with --path\n", folders.c_str());
        return kExitFailed;
    }
    std::fputs((options.json ? host::list_json(found) : host::list_text(found)).c_str(), stdout);
    return kExitDone;
}

int plugin_describe_command(const PluginOptions& options, const GlobalOptions&) {
    const auto found = find(options);
    if (!found.library) {
        std::fprintf(stderr, "%s\n", found.library.error().message.c_str());
        return kExitFailed;
    }
    const auto& plugin = (*found.library)->descriptor();
    const auto text = options.json       ? host::describe_json(plugin)
                      : options.schema   ? host::describe_schema(plugin)
                      : options.markdown ? host::describe_markdown(plugin)
                                         : host::describe_text(plugin);
    std::fputs(text.c_str(), stdout);
    return kExitDone;
}

} // namespace sluice::app
