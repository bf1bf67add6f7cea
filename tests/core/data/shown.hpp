#pragma once

#include "core/data/chunk.hpp"

#include <string>

/// Rows as text, so that tables of cases can state them and runs can be compared.
namespace sluice::data::test {

/// A cell as on the wire, texts as they are: "x", "7", "null", "true".
std::string shown(const Column& column, std::size_t row);
/// "(x,1) (y,null)"
std::string shown(const Rows& rows);

} // namespace sluice::data::test
