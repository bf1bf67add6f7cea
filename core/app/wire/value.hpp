#pragma once

#include "core/data/chunk.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// Documents that go to clients, byte for byte as rest-api.md has them.
namespace sluice::app::wire {

/// Appends one cell as JSON (rest-api 7). `null_text`: a text cell without its validity bit is null instead of "".
void append_cell(std::string& out, const data::Column& column, std::size_t row, bool null_text = false);

/// Appends the rows `from`..`to` - 1 as JSON arrays with commas between them. `null_text[i]` as above; may be empty.
void append_rows(std::string& out, const data::Chunk& chunk, std::size_t from, std::size_t to,
                 const std::vector<bool>& null_text = {});

/// The texts of data::format_datetime and so on, without a string in between.
void append_datetime(std::string& out, Ticks ticks);
void append_timespan(std::string& out, Ticks ticks);
void append_guid(std::string& out, data::Guid guid);
/// A JSON number, or one of the strings "NaN", "Infinity", "-Infinity".
void append_real(std::string& out, double value);

} // namespace sluice::app::wire
