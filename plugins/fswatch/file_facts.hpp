#pragma once

#include "plugins/fswatch/hash.hpp"

#include <cstdint>

namespace sluice::fswatch {

/// What identifies one version of a file's content (data-connections.md 4.9.1). Times are ns since 1970, UTC.
struct FileFacts {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0; ///< not part of the version: moving a file changes it

    bool same_version(const FileFacts& other) const {
        return inode == other.inode && size == other.size && mtime_ns == other.mtime_ns;
    }
    std::uint64_t etag() const {
        return Hash64{}.add(inode).add(size).add(static_cast<std::uint64_t>(mtime_ns)).value();
    }
};

/// How a file came to be; decides the event type and data.api of its notification.
enum class Arrival : std::uint8_t {
    MovedIn = 1,  ///< from outside the watched tree, or found there: PutBlob
    Written = 2,  ///< written in place and closed: FlushWithClose
    Uploaded = 3, ///< an ignored temporary name was renamed to this one: created, by RenameFile
    Renamed = 4,  ///< had another eligible name before: BlobRenamed, by RenameFile
};

} // namespace sluice::fswatch
