#pragma once

#include "core/store/store.hpp"

#include <string_view>
#include <vector>

namespace sluice::ingest {

/// Principal of failures that sealing met; the events of a batch may have come from several senders.
inline constexpr std::string_view kSealingPrincipal = "aadapp=anonymous";

/// The rows of a staged batch as dead letters, in JSON Lines with the table's columns as members
/// (data-connections 1.8). A batch of more than a body holds makes several: nothing is cut off. `database` is left to
/// the caller.
Result<std::vector<store::DeadLetter>> make_batch_letters(store::Store& store, const catalog::Table& table,
                                                          const std::vector<store::Part>& parts, const Error& error,
                                                          unsigned attempts, Ticks now);

/// Appends the row as a JSON object and a line feed. Nulls are left out; real numbers that JSON cannot hold are texts.
void append_json_row(std::string& out, const data::Schema& schema, const data::Chunk& chunk, std::size_t row);

} // namespace sluice::ingest
