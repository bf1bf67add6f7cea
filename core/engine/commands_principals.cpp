#include "core/data/text.hpp"
#include "core/engine/access.hpp"
#include "core/engine/catalogue_changes.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::engine {
namespace {

using catalog::Database;
using catalog::Principal;

struct RoleName {
    std::string_view plural, shown;
};
constexpr std::array<RoleName, 6> kRoles{{{"admins", "Admin"},
                                          {"users", "User"},
                                          {"viewers", "Viewer"},
                                          {"unrestrictedviewers", "UnrestrictedViewer"},
                                          {"ingestors", "Ingestor"},
                                          {"monitors", "Monitor"}}};

struct KindName {
    std::string_view prefix, shown;
};
constexpr std::array<KindName, 6> kKinds{{{"aaduser", "AAD User"},
                                          {"aadgroup", "AAD Group"},
                                          {"aadapp", "AAD Application"},
                                          {"msauser", "MSA User"},
                                          {"user", "Local User"},
                                          {"token", "Local Token"}}};

std::string shown_role(std::string_view plural) {
    const auto* const found =
        std::find_if(kRoles.begin(), kRoles.end(), [&](const RoleName& role) { return role.plural == plural; });
    return std::string(found == kRoles.end() ? plural : found->shown);
}

std::string object_id(std::string_view fqn) {
    const std::size_t begin = fqn.find('=') + 1;
    return std::string(fqn.substr(begin, fqn.find(';') - begin));
}

std::string shown_kind(std::string_view fqn) {
    const std::string_view prefix = fqn.substr(0, fqn.find('='));
    for (const auto& kind : kKinds)
        if (same_word(kind.prefix, prefix))
            return std::string(kind.shown);
    return "Unknown";
}

/// Refuses what is no name of a principal; the prefix is written in lower case.
Result<std::string> checked_fqn(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos && equals + 1 < text.size())
        for (const auto& kind : kKinds)
            if (same_word(kind.prefix, std::string_view(text).substr(0, equals)))
                return std::string(kind.prefix) + text.substr(equals);
    return bad_request(
        fmt::format("'{}' is no principal; write aaduser=, aadgroup=, aadapp=, msauser=, user= or token= and "
                    "the name, such as 'aadapp=<id>;<tenant>'.",
                    text));
}

/// What the roles are on: "Database Harbor", "Table GaugeRaw".
struct Entity {
    catalog::Snapshot database;
    std::string kind, name;
};

Result<Entity> entity_of(Context& context, const Arguments& arguments) {
    if (arguments.said("table")) {
        SLUICE_TRY(const auto target, context.table(arguments.get("entity")));
        return Entity{target.database, "Table", target.table->name};
    }
    if (arguments.said("function")) {
        SLUICE_TRY(const auto database, context.database());
        const std::string& name = arguments.text("entity");
        if (database->functions.count(name) == 0)
            return entity_not_found("Function", name);
        return Entity{database, "Function", name};
    }
    SLUICE_TRY(auto database, context.database(arguments.text("entity")));
    const std::string name = database->name;
    return Entity{std::move(database), "Database", name};
}

const std::vector<Principal>* principals_of(const Database& database, const Entity& entity) {
    if (entity.kind == "Database")
        return &database.principals;
    if (entity.kind == "Table") {
        const auto table = database.find_table(entity.name);
        return table ? &table->principals : nullptr;
    }
    const auto function = database.functions.find(entity.name);
    return function == database.functions.end() ? nullptr : &function->second.principals;
}

template <class Edit> Result<Database> edit_principals(const Database& before, const Entity& entity, Edit edit) {
    if (entity.kind == "Table")
        return change::edit_table(before, entity.name, [&](Database&, catalog::Table& table) -> Result<> {
            edit(table.principals);
            return {};
        });
    Database after = before;
    if (entity.kind == "Database") {
        edit(after.principals);
    } else {
        const auto function = after.functions.find(entity.name);
        if (function == after.functions.end())
            return entity_not_found("Function", entity.name);
        edit(function->second.principals);
    }
    ++after.version;
    return after;
}

void add_row(CommandResult& result, std::string role, const std::string& fqn, const std::string& notes, data::Guid id) {
    result.add({std::move(role), shown_kind(fqn), object_id(fqn), object_id(fqn), fqn,
                notes.empty() ? Cell(Null{}) : Cell(notes), data::format_guid(id)});
}

/// With authentication off there is one caller, who holds every role; it is shown as the admin it is.
void add_static(Context& context, CommandResult& result, const Database& database) {
    if (!context.options().holds)
        add_row(result, fmt::format("Database {} Admin", database.name), context.request().principal, "",
                database.guid);
}

CommandResult rows_of(Context& context, const Database& database, const Entity& entity) {
    CommandResult result(shape::kPrincipals);
    add_static(context, result, database);
    if (const auto* list = principals_of(database, entity))
        for (const Principal& principal : *list)
            add_row(result, fmt::format("{} {} {}", entity.kind, entity.name, shown_role(principal.role)),
                    principal.fqn, principal.notes, principal.id);
    return result;
}

/// The role that the command names, if entities of that kind have it.
Result<std::string> role_for(const Entity& entity, const Arguments& arguments) {
    const auto* const named =
        std::find_if(kRoles.begin(), kRoles.end(), [&](const RoleName& role) { return arguments.said(role.plural); });
    const std::string role(named == kRoles.end() ? std::string_view() : named->plural);
    if (entity.kind == "Database" || role == "admins" || (entity.kind == "Table" && role == "ingestors"))
        return role;
    return bad_request(fmt::format("A {} has no role '{}'; give it on the database, or give {} here.",
                                   to_lower(entity.kind), role,
                                   entity.kind == "Table" ? "admins or ingestors" : "admins"));
}

} // namespace

Result<CommandResult> show_principals(Context& context, const Arguments& arguments) {
    if (arguments.said("cluster")) {
        CommandResult result(shape::kPrincipals);
        if (!context.options().holds)
            add_row(result, "AllDatabasesAdmin", context.request().principal, "", data::Guid{});
        return result;
    }
    SLUICE_TRY(const auto entity, entity_of(context, arguments));
    return rows_of(context, *entity.database, entity);
}

/// `.add`, `.drop` and `.set` of roles (commands 3.5).
Result<CommandResult> change_principals(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto entity, entity_of(context, arguments));
    SLUICE_TRY(const auto role, role_for(entity, arguments));
    std::vector<std::string> fqns;
    for (const auto& text : arguments.get("principals").items) {
        SLUICE_TRY(auto fqn, checked_fqn(text));
        fqns.push_back(std::move(fqn));
    }
    const auto edit = [&](std::vector<Principal>& list) {
        const auto named = [&](const Principal& entry) {
            return std::any_of(fqns.begin(), fqns.end(), [&](const auto& fqn) { return same_word(fqn, entry.fqn); });
        };
        std::erase_if(list, [&](const Principal& entry) {
            return entry.role == role && (arguments.said("set") || named(entry));
        });
        if (!arguments.said("drop"))
            for (const auto& fqn : fqns)
                list.push_back({role, fqn, arguments.text("note"), data::random_guid()});
    };
    SLUICE_TRY(const auto after, context.change(*entity.database, [&](const Database& before) {
        return edit_principals(before, entity, edit);
    }));
    if (arguments.said("skip-results"))
        return CommandResult(shape::kPrincipals);
    return rows_of(context, *after, entity);
}

Result<CommandResult> show_principal_roles(Context& context, const Arguments& arguments) {
    const std::string principal =
        arguments.has("principal") ? arguments.text("principal") : context.request().principal;
    CommandResult result("Scope:string, DisplayName:string, AADObjectID:string, Role:string");
    const auto add = [&](std::string scope, std::string role) {
        result.add({std::move(scope), object_id(principal), object_id(principal), std::move(role)});
    };
    if (!context.options().holds)
        add("Cluster", "AllDatabasesAdmin");
    const auto add_all = [&](const std::string& scope, const std::vector<Principal>& list) {
        for (const Principal& entry : list)
            if (same_principal(entry.fqn, principal))
                add(scope, shown_role(entry.role));
    };
    for (const auto& database : context.databases().catalog().all()) {
        if (arguments.has("entity") && arguments.said("database") &&
            !same_word(database->name, arguments.text("entity")))
            continue;
        if (!context.options().holds)
            add("Database " + database->name, "Admin");
        add_all("Database " + database->name, database->principals);
        for (const auto& [name, table] : database->tables)
            add_all("Table " + name, table->principals);
        for (const auto& [name, function] : database->functions)
            add_all("Function " + name, function.principals);
    }
    return result;
}

} // namespace sluice::engine
