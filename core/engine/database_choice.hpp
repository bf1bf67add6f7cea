#pragma once

#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"

#include <string_view>

namespace sluice::engine {

/// The database that a request means (engine 0.2): by exact name, then without regard to case; "" and "NetDefaultDB"
/// mean the first one alphabetically when no database has that name. BadRequest_DatabaseNotExist.
Result<catalog::Snapshot> choose_database(const catalog::Catalog& catalog, std::string_view name);

} // namespace sluice::engine
