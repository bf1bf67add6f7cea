#pragma once

#include "core/data/format.hpp"

#include <string>
#include <string_view>

/// What the fuzz targets of the parsers share.
namespace sluice::fuzz {

/// A source as text: its rows and counts, or the reason of its error. `block` bytes are fed at a time, 0 for all.
/// Checks what holds for every source: errors are permanent and have a reason, texts are UTF-8, dynamic cells are
/// compact JSON.
std::string outcome_of(data::Parser& parser, const std::shared_ptr<const data::Schema>& schema, std::string_view bytes,
                       std::size_t block, const data::SourceFacts& facts = {});

/// Columns a to j, one of each type.
std::shared_ptr<const data::Schema> one_of_each_type();

/// A parser for what the target made up; a refusal is a broken promise.
std::unique_ptr<data::Parser> parser_of(data::ParserOptions options);

} // namespace sluice::fuzz
