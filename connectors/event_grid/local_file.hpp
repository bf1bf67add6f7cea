#pragma once

#include "core/router/connection.hpp"

#include <filesystem>
#include <string>

namespace sluice::connectors {

/// Opens a regular file, never through a symbolic link. NotFound (Download_SourceNotFound), Denied (Download_Forbidden), Io.
/// The file counts as unchanged while inode, size and modification time are what they were when it was opened and its size is
/// `expected_size`, the notified one.
Result<std::unique_ptr<router::OpenedFile>> open_local_file(const std::string& path, Bytes expected_size);

/// Inode, size and modification time as text; empty when there is no such file.
std::string identity_of(const std::string& path);

/// Moves a file; across file systems it is copied, synced and unlinked. A destination that exists gets ".1", ".2", ... appended.
/// A source that is gone while the destination is there counts as done.
Result<> move_file(const std::filesystem::path& from, const std::filesystem::path& to);

} // namespace sluice::connectors
