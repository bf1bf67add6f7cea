#pragma once

#include "core/catalog/catalog.hpp"
#include "core/data/chunk.hpp"

namespace sluice::ingest {

/// Rows prepared for one version of a table, fitted to a newer one: columns are matched by their id, columns that are
/// gone fall away, new ones read null. So a schema change while data flows neither loses nor mixes rows (product 7).
data::Rows adapt_rows(data::Rows rows, const catalog::Table& from, const catalog::Table& to);

} // namespace sluice::ingest
