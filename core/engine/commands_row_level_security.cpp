#include "core/catalog/row_level_security.hpp"
#include "core/engine/catalogue_changes.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"
#include "core/engine/update_policy_check.hpp"

namespace sluice::engine {

using catalog::Database;

/// `.alter table T policy row_level_security enable|disable 'query'` (commands 4).
Result<CommandResult> alter_row_level_security(Context& context, const Arguments& arguments) {
    // The property is known to the reference; nothing here depends on it.
    SLUICE_CHECK(arguments.properties().only({"allowUnreferencedSourceTable"}));
    SLUICE_TRY(const auto target, context.table(arguments.get("table")));
    const std::string name = target.table->name;
    const catalog::RowLevelSecurity policy{arguments.said("enable"), arguments.text("query")};
    const auto set = [&](const Database& before) -> Result<Database> {
        SLUICE_TRY(auto next, change::edit_policies(before, name, [&](catalog::Policies& policies) -> Result<> {
                       policies.other[catalog::kRowLevelSecurity] = to_json(policy);
                       return {};
                   }));
        if (policy.is_enabled)
            SLUICE_CHECK(check_row_level_security(next, name));
        return next;
    };
    SLUICE_TRY([[maybe_unused]] const auto after, context.change(*target.database, set));
    CommandResult result(shape::kPolicy);
    result.add({std::string("RowLevelSecurityPolicy"), entity_name(*target.database, *target.table), to_json(policy),
                Null{}, std::string("Table")});
    return result;
}

} // namespace sluice::engine
