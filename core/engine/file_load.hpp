#pragma once

#include "core/data/format.hpp"
#include "core/engine/command_context.hpp"
#include "core/engine/ingestion_properties.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace sluice::engine {

/// A local file that holds rows for a table.
struct FileSource {
    std::filesystem::path path;
    std::string name;     ///< its end tells format and compression where nothing else does
    std::string location; ///< for mappings that ask for it, and for messages
    /// The first bytes tell whether it is compressed, not the name: clients name uploads as they like (rest-api 10.2).
    bool sniff = false;
};

/// Hands the rows of the file on, some at a time: plain, gzipped, or every member of a zip archive. `read` is what was
/// parsed, uncompressed. What was handed on before an error has to be dropped.
struct LoadedFile {
    Bytes raw_size = 0;
};
Result<LoadedFile> load_file(const FileSource& source, const TableTarget& target, IngestionProperties properties,
                             const std::function<Result<>(data::Rows)>& take);

} // namespace sluice::engine
