#pragma once

#include "core/data/chunk.hpp"

#include <string>
#include <string_view>

/// Values of command results as SQL, for queries piped behind a command.
namespace sluice::engine {

/// The type that the store and core/kql use for a scalar type inside SQL.
std::string_view sql_type(data::ScalarType type);
/// A quoted name.
std::string sql_name(std::string_view name);
/// A text as a literal, any bytes; never ends early, whatever it holds.
std::string sql_text(std::string_view text);
/// One cell as a typed literal.
std::string sql_literal(const data::Column& column, std::size_t row);

} // namespace sluice::engine
