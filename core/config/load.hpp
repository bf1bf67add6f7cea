#pragma once

#include "core/base/result.hpp"
#include "core/config/parse.hpp"
#include "core/config/settings.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace sluice::config {

/// What defaults and references depend on outside the file. The default is this process and machine.
struct Surroundings {
    Variables variables;
    unsigned cpus;
    /// Size of the volume that holds `path` or its nearest parent that exists; 0: unknown.
    std::function<Bytes(const std::string& path)> volume_size;

    Surroundings();
};

/// Reads, checks and completes a configuration file. Invalid: everything that is wrong, one line each,
/// `file:line:column: message` (configuration 1). NotFound, Io: the file cannot be read. Secrets are in the settings
/// only.
Result<Settings> load(const std::string& file, const Surroundings& surroundings = {});

/// The same for a text. `name` is how messages call it; relative paths start from its folder.
Result<Settings> load_text(std::string_view text, const std::string& name, const Surroundings& surroundings = {});

} // namespace sluice::config
