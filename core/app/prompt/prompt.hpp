#pragma once

#include "core/app/commands/commands.hpp"

namespace sluice::app {

/// `sluice query` without a text: statements are read from standard input and answered one by one. At a terminal with
/// editing, history and completion, and it ends with 0; otherwise with the exit code of the last statement.
int prompt_command(const QueryOptions& options, const GlobalOptions& global);

} // namespace sluice::app
