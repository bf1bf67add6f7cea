#include "core/engine/catalogue_changes.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/kql/kql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::engine {
namespace {

using catalog::Database;

void add_row(CommandResult& result, const catalog::Function& function) {
    result.add({function.name, function.parameters, function.body, function.folder, function.docstring});
}

CommandResult rows_of(const Database& database) {
    CommandResult result(shape::kFunction);
    for (const auto& [name, function] : database.functions)
        add_row(result, function);
    return result;
}

Result<CommandResult> row_of(const Database& database, std::string_view name) {
    const auto found = database.functions.find(name);
    if (found == database.functions.end())
        return entity_not_found("Function", name);
    CommandResult result(shape::kFunction);
    add_row(result, found->second);
    return result;
}

/// Binds the body of a function that takes no parameters: the others are bound where they are called, with their
/// arguments.
Result<> validate(Context& context, const Database& database, const change::FunctionDefinition& function) {
    if (function.parameters != "()")
        return {};
    const std::string body = function.body.substr(1, function.body.size() - 2);
    kql::CompileOptions options;
    options.database = std::make_shared<const Database>(database);
    options.catalog = &context.databases().catalog();
    options.now = context.now();
    options.principal = context.request().principal;
    SLUICE_TRY(auto* writer, context.writer(database));
    constexpr std::chrono::seconds kProbeTime{10};
    options.probe = kql::probe_of(writer->store(), kProbeTime);
    SLUICE_CHECK(kql::compile(body, options));
    return {};
}

change::FunctionVerb verb_of(const Arguments& arguments) {
    if (arguments.said("create"))
        return arguments.said("ifnotexists") ? change::FunctionVerb::CreateIfNotExists : change::FunctionVerb::Create;
    return arguments.said("create-or-alter") ? change::FunctionVerb::CreateOrAlter : change::FunctionVerb::Alter;
}

} // namespace

Result<CommandResult> put_function(Context& context, const Arguments& arguments) {
    const Properties& with = arguments.properties();
    SLUICE_CHECK(with.only({"docstring", "folder", "view", "skipvalidation"}));
    SLUICE_TRY(const bool skip, with.flag("skipvalidation"));
    SLUICE_TRY(const bool view, with.flag("view"));
    if (view && tidy_parameters(arguments.text("parameters")) != "()")
        return bad_request("A function with view=true has no parameters.");
    SLUICE_TRY(const auto database, context.database());
    const change::FunctionDefinition function{arguments.text("function"), tidy_parameters(arguments.text("parameters")),
                                              arguments.text("body"), with.get("folder"), with.get("docstring")};
    if (!skip) {
        SLUICE_CHECK(validate(context, *database, function));
    }
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::put_function(before, function, verb_of(arguments));
    }));
    return row_of(*after, function.name);
}

Result<CommandResult> alter_function_text(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    const std::optional<std::string> text = arguments.text("text"), none;
    const std::string& name = arguments.text("function");
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return arguments.said("folder") ? change::set_function_text(before, name, text, none)
                                        : change::set_function_text(before, name, none, text);
    }));
    return row_of(*after, name);
}

Result<CommandResult> drop_function(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    const std::string& name = arguments.text("function");
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::drop_functions(before, {name}, arguments.said("ifexists"));
    }));
    return std::move(CommandResult("Name:string").add({name}));
}

Result<CommandResult> drop_functions(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) {
        return change::drop_functions(before, arguments.get("functions").items, arguments.said("ifexists"));
    }));
    return rows_of(*after);
}

Result<CommandResult> show_functions(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"ShowObfuscatedStrings", "Builtin", "IncludeHiddenFunctions"}));
    SLUICE_TRY(const auto database, context.database());
    if (arguments.has("function"))
        return row_of(*database, arguments.text("function"));
    return rows_of(*database);
}

Result<CommandResult> show_function_schema(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto database, context.database());
    const std::string& name = arguments.text("function");
    if (database->functions.count(name) == 0)
        return entity_not_found("Function", name);
    const auto document = nlohmann::ordered_json::parse(json_schema({database}));
    return std::move(CommandResult("Name:string, Schema:string")
                         .add({name, document["Databases"][database->name]["Functions"][name].dump()}));
}

} // namespace sluice::engine
