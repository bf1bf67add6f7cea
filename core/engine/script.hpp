#pragma once

#include "core/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// Who runs the scripts of the configuration. No caller over the network can be it; with authentication on, the source of
/// roles has to grant it everything.
inline constexpr auto kSetupPrincipal = "sluice=setup";

/// One command of a script and the 1-based line of the script where it begins.
struct ScriptCommand {
    std::string text;
    std::size_t line = 1;
};

/// Takes a script apart: a command begins with a '.' that is the first character of a line, outside of literals and
/// brackets. Comments and blank lines between commands belong to none. An error when something else stands before the
/// first command.
Result<std::vector<ScriptCommand>> split_script(std::string_view text);

} // namespace sluice::engine
