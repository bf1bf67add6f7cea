#include "core/engine/database_choice.hpp"

#include "core/engine/command_lexer.hpp"
#include "core/engine/entity_error.hpp"

namespace sluice::engine {

Result<catalog::Snapshot> choose_database(const catalog::Catalog& catalog, std::string_view name) {
    if (!name.empty())
        if (auto found = catalog.find(name))
            return found;
    if (name.empty() || same_word(name, "NetDefaultDB")) {
        const auto all = catalog.all();
        if (!all.empty())
            return all.front();
        return database_not_found("NetDefaultDB");
    }
    return database_not_found(name);
}

} // namespace sluice::engine
