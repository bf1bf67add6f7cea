#pragma once

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/data/format.hpp"
#include "core/data/zip_pattern.hpp"
#include "core/engine/command_parser.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// The `with (...)` of ingesting commands (commands 2.6), read and checked.
struct IngestionProperties {
    std::optional<data::Format> format;
    std::optional<std::string> mapping;           ///< JSON text
    std::optional<std::string> mapping_reference; ///< name
    std::optional<Ticks> creation_time;
    std::vector<std::string> tags;
    std::vector<std::string> ingest_if_not_exists; ///< without the prefix "ingest-by:"
    bool ignore_first_record = false;
    bool gz_as_uncompressed = false; ///< files whose name ends in .gz are plain
    data::ZipPattern zip_pattern;    ///< which members of a zip archive
    std::optional<data::ValidationPolicy> validation;
    bool extend_schema = false, recreate_schema = false;
    bool ingestion_time = true; ///< of a table that the command creates
    std::optional<std::string> folder, docstring;
};

/// For `.ingest`; `with` holds the list or the JSON form.
Result<IngestionProperties> read_ingest_properties(const Argument& with);
/// For `.set`, `.append` and their kin.
Result<IngestionProperties> read_query_properties(const Argument& with);

/// `["a","b"]`, also with single quotes inside.
Result<std::vector<std::string>> parse_text_array(std::string_view property, std::string_view text);

/// The records of `[a,b] [c,d]` as lines. A ']' inside double quotes belongs to its record.
Result<std::string> bracketed_records(std::string_view text);
/// What stands behind `<|` without the rest of that line when it is blank.
std::string_view inline_data(std::string_view input);

} // namespace sluice::engine
