#include "core/config/load.hpp"

#include "core/config/sections.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice::config {
namespace {

constexpr std::uintmax_t kLongestFile = 4 << 20;

unsigned cpus_of_process() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

Bytes volume_of(const std::string& path) {
    std::error_code failed;
    auto folder = std::filesystem::absolute(path, failed);
    while (!failed && !folder.empty()) {
        const auto space = std::filesystem::space(folder, failed);
        if (!failed)
            return space.capacity;
        if (folder == folder.parent_path())
            break;
        folder = folder.parent_path();
        failed.clear();
    }
    return 0;
}

} // namespace

Surroundings::Surroundings()
    : variables([](const std::string& name) -> std::optional<std::string> {
          const char* value = std::getenv(name.c_str());
          return value ? std::optional<std::string>(value) : std::nullopt;
      }),
      cpus(std::max(1U, cpus_of_process())), volume_size(volume_of) {}

Result<Settings> load(const std::string& file, const Surroundings& surroundings) {
    std::error_code failed;
    const auto size = std::filesystem::file_size(file, failed);
    if (failed)
        return Error{
            ErrorCode::NotFound,
            fmt::format("the configuration {} cannot be read: {}; name another with --config", file, failed.message())};
    if (size > kLongestFile)
        return Error{ErrorCode::TooLarge, fmt::format("the configuration {} is larger than 4 MiB", file)};
    std::ifstream stream(file, std::ios::binary);
    if (!stream)
        return Error{ErrorCode::Io, fmt::format("the configuration {} cannot be opened; check its permissions", file)};
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    return load_text(text, file, surroundings);
}

Result<Settings> load_text(std::string_view text, const std::string& name, const Surroundings& surroundings) {
    Settings settings;
    settings.file = name;
    settings.folder = std::filesystem::path(name).parent_path().string();
    Problems problems;
    const auto tree = parse(text, name, settings.folder, surroundings.variables, problems);
    Reader top(tree, {}, problems);
    read_bridge(top, settings, surroundings, problems);
    read_databases(top, settings, problems);
    read_connections(top, settings, problems);
    top.finish();
    if (!problems.empty())
        return Error{ErrorCode::Invalid, to_string(std::move(problems))};
    return settings;
}

} // namespace sluice::config
