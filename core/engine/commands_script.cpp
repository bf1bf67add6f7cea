#include "core/engine/command_table.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/script.hpp"

#include <fmt/format.h>

namespace sluice::engine {

/// Runs the commands one by one (commands 3.2). `.show` commands are not run: a script is there to change things.
Result<CommandResult> execute_script(Context& context, const Arguments& arguments) {
    const Properties& with = arguments.properties();
    SLUICE_CHECK(with.only({"ContinueOnErrors", "ThrowOnErrors"}));
    SLUICE_TRY(const bool go_on, with.flag("ContinueOnErrors"));
    SLUICE_TRY(const bool raise, with.flag("ThrowOnErrors"));
    if (go_on && raise)
        return bad_request("ContinueOnErrors and ThrowOnErrors exclude each other.");
    SLUICE_TRY(const auto commands, split_script(arguments.text("script")));
    CommandResult result("OperationId:guid, CommandType:string, CommandText:string, Result:string, Reason:string");
    bool stopped = false;
    for (const auto& command : commands) {
        const auto parsed = parse_command(command.text);
        const std::string type = parsed ? type_of(*parsed) : std::string("Unknown");
        const auto row = [&](const char* outcome, std::string reason) {
            result.add({data::random_guid(), type, command.text, std::string(outcome), std::move(reason)});
        };
        if (stopped || (parsed && parsed->command->effect == Effect::Reads)) {
            row("Skipped", "");
            continue;
        }
        if (parsed && parsed->command->handler == execute_script) {
            row("Failed", "A script cannot run another script.");
            stopped = !go_on;
            continue;
        }
        const auto answer = context.command(command.text);
        if (answer) {
            row("Completed", "");
            continue;
        }
        if (raise)
            return Error{answer.error().code,
                         fmt::format("line {} of the script: {}", command.line, answer.error().message),
                         answer.error().reason};
        row("Failed", answer.error().message);
        stopped = !go_on;
    }
    return result;
}

} // namespace sluice::engine
