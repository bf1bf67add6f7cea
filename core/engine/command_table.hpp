#pragma once

#include "core/engine/command_context.hpp"
#include "core/engine/command_parser.hpp"
#include "core/engine/role.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// Whether a command changes something: what `request_readonly` refuses.
enum class Effect : std::uint8_t { Reads, Changes };

/// One row of the table of commands.
struct Command {
    std::string_view pattern; ///< see command_parser.hpp
    std::string_view type;    ///< "TableCreate": CommandType of `.execute database script`
    Role role;
    Effect effect;
    Handler handler = nullptr;     ///< null: known in Azure Data Explorer, not offered here
    std::string_view feature = {}; ///< of those: what to call it
};

/// All commands; of two that match, the earlier one counts.
const std::vector<Command>& commands();

struct ParsedCommand {
    const Command* command = nullptr;
    Match match;
};
/// Finds the command that a text is. "Syntax error: ..." says what was not understood, where, and which command is
/// nearest.
Result<ParsedCommand> parse_command(std::string_view text);

/// The operation that the command is: "TableSetOrAppend", "RetentionPolicyAlter" (commands 3.4). The table's type, made
/// exact where one row stands for several verbs or policies.
std::string type_of(const ParsedCommand& parsed);

} // namespace sluice::engine
