#include "core/app/commands/commands.hpp"
#include "core/app/commands/templates.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

bool is_id(std::string_view text) {
    return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

std::string put_in(std::string text, std::string_view what, const std::string& value) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += value.size())
        text.replace(at, what.size(), value);
    return text;
}

std::string source_of(const PluginNewOptions& options) {
    return options.language == "rust" ? "src/lib.rs" : options.name + (options.language == "c" ? ".c" : ".cpp");
}

} // namespace

int plugin_new_command(const PluginNewOptions& options, const GlobalOptions&) {
    if (!is_id(options.name)) {
        std::fprintf(stderr,
                     "'%s' cannot name a plugin: use lower-case letters, digits and '_', beginning with a letter\n",
                     options.name.c_str());
        return kExitUsage;
    }
    const fs::path folder = fs::path(options.folder) / options.name;
    std::error_code failed;
    if (fs::exists(folder, failed)) {
        std::fprintf(stderr, "%s exists already; choose another name, or remove it\n", folder.c_str());
        return kExitFailed;
    }
    const auto fill = [&](std::string_view text) {
        return put_in(put_in(std::string(text), "@NAME@", options.name), "@SOURCE@", source_of(options));
    };
    for (const auto& file : template_files()) {
        if (file.language != "common" && file.language != options.language)
            continue;
        const fs::path path = folder / fill(file.path);
        fs::create_directories(path.parent_path(), failed);
        std::ofstream out(path, std::ios::binary);
        out << fill(file.text);
        out.close();
        if (!out) {
            std::fprintf(stderr, "%s cannot be written\n", path.c_str());
            return kExitFailed;
        }
    }
    std::printf("%s is a whole plugin that counts; what to replace is marked (1) to (4) in %s.\n\n"
                "  cd %s\n"
                "  cmake -G Ninja -B build -DCMAKE_PREFIX_PATH=PREFIX   # where the SDK was installed\n"
                "  cmake --build build\n"
                "  sluice plugin test build/%s.so --config kit.toml\n",
                folder.c_str(), source_of(options).c_str(), folder.c_str(), options.name.c_str());
    return kExitDone;
}

} // namespace sluice::app
