#pragma once

#include "core/store/duck.hpp"
#include "core/store/scalar_function.hpp"

namespace sluice::store {

/// Makes the function known to all connections. `function` must outlive the database. Internal to core/store.
Result<> register_function(duckdb_connection connection, const ScalarFunction& function);

} // namespace sluice::store
