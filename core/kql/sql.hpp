#pragma once

#include "core/kql/constant.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Pieces of DuckDB SQL. All text that a user wrote passes through here; names of users never reach SQL at all, because
/// every column of a query gets a name of ours.
namespace sluice::kql::sql {

/// The text as a string literal of SQL.
std::string text(std::string_view value);
/// The value as a literal of the physical type of its scalar type.
std::string constant(const Constant& value);
/// BOOLEAN, BIGINT ... : how values of the type are stored (core/store/store.hpp).
std::string_view physical_type(ScalarType type);
std::string null_of(ScalarType type);
std::string integer(std::int64_t value);
/// "a, b, c"
std::string join(const std::vector<std::string>& parts, std::string_view between = ", ");

} // namespace sluice::kql::sql
