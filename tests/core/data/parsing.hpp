#pragma once

#include "core/data/format.hpp"
#include "tests/core/data/shown.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Runs a source through a parser and shows what came out as text, so that tables of cases can state it.
namespace sluice::data::test {

struct Source {
    Format format = Format::Csv;
    /// "a:string, b:int"
    std::string_view table = "a:string, b:int";
    std::string_view mapping = {}; ///< JSON; empty: identity
    bool ignore_first_record = false;
    std::optional<ValidationPolicy> validation = {};
    std::string_view location = {};
    std::string_view embedded = {};
    Bytes max_record = 64_MiB;
    Bytes max_content = 64_MiB;
    bool strict = false;
    std::string_view encoding = {};
    std::vector<Bytes> max_values = {};
};

Schema schema(std::string_view table);
std::unique_ptr<Parser> parser(const Source& source);

/// The rows, what was counted, and what a strict parser refused: "(x,1) malformed 1"; or the reason of the error. `block` bytes are fed at a time, 0
/// for all.
std::string parsed(const Source& source, std::string_view bytes, std::size_t block = 0);

} // namespace sluice::data::test
