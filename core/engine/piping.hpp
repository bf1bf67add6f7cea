#pragma once

#include "core/engine/command_result.hpp"

#include <string>
#include <string_view>

namespace sluice::engine {

/// The name under which a query behind a command reads the command's rows.
constexpr std::string_view kCommandResults = "$command_results";

/// The text with its first `count` bytes made blank; line breaks stay, so lines and columns of the rest do not move.
std::string blanked(std::string_view text, std::size_t count);

/// The query text behind a command: what follows the '|' at `pipe` as a query over $command_results, or what follows
/// the ';' as it is. Lines and columns stay those of the whole text, so that errors point to the right place.
std::string piped_query(std::string_view text, std::size_t pipe);

} // namespace sluice::engine
