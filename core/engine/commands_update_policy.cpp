#include "core/engine/catalogue_changes.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/engine/update_policy_check.hpp"

namespace sluice::engine {
namespace {

using catalog::Database;
using catalog::UpdatePolicy;

Result<bool> allows_unreferenced(const Arguments& arguments) {
    bool allowed = false;
    for (const auto name : {"with", "behind"}) {
        const Properties& properties = arguments.get(name).properties;
        SLUICE_CHECK(properties.only({"AllowUnreferencedSourceTable"}));
        SLUICE_TRY(const bool said, properties.flag("AllowUnreferencedSourceTable"));
        allowed = allowed || said;
    }
    return allowed;
}

Result<Database> with_policy(const Database& before, const std::string& table, const std::vector<UpdatePolicy>& entries,
                             bool append) {
    return change::edit_policies(before, table, [&](catalog::Policies& policies) -> Result<> {
        if (!append)
            policies.update.clear();
        policies.update.insert(policies.update.end(), entries.begin(), entries.end());
        return {};
    });
}

} // namespace

/// `.alter` replaces the entries, `.alter-merge` appends them, the same one twice if told so (engine 3.2).
Result<CommandResult> alter_update_policy(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const bool unreferenced, allows_unreferenced(arguments));
    catalog::Snapshot database;
    std::vector<std::string> tables;
    if (arguments.has("every")) {
        SLUICE_TRY(database, context.database());
        for (const auto& [name, table] : database->tables)
            tables.push_back(name);
    } else {
        SLUICE_TRY(const auto target, context.table(arguments.get("table")));
        database = target.database;
        tables.push_back(target.table->name);
    }
    SLUICE_TRY(const auto entries, catalog::parse_update_policy(arguments.text("json")));
    const bool append = arguments.said("alter-merge");
    SLUICE_TRY(const auto after, context.change(*database, [&](const Database& before) -> Result<Database> {
        Database next = before;
        for (const auto& name : tables) {
            SLUICE_TRY(next, with_policy(next, name, entries, append));
        }
        for (const auto& name : tables) {
            SLUICE_CHECK(check_update_policy(next, name, unreferenced));
        }
        return next;
    }));
    CommandResult result(shape::kPolicy);
    for (const auto& name : tables) {
        const auto table = after->find_table(name);
        if (!table)
            continue; // dropped by somebody else a moment later
        const auto& update = table->policies.update;
        result.add({std::string("UpdatePolicy"), entity_name(*after, *table),
                    update.empty() ? Cell(Null{}) : Cell(to_json(update)), Null{}, std::string("Table")});
    }
    return result;
}

} // namespace sluice::engine
