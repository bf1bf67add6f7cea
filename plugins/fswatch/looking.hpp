#pragma once

#include "plugins/fswatch/io.hpp"
#include "plugins/fswatch/settling.hpp"

#include <optional>
#include <string>

namespace sluice::fswatch {

/// The watched folder as the kernel sees it; never leaves it, never follows a symbolic link. One thread at a time.
class Root {
public:
    /// Throws std::system_error when the folder cannot be opened.
    explicit Root(std::string path);

    const std::string& path() const { return path_; }
    int fd() const { return fd_.get(); }
    /// Whether the path still leads to the folder that was opened.
    bool is_in_place() const;
    /// File systems whose changes may be made by other hosts, or that do not report all changes
    /// (data-connections.md 4.9.5).
    bool may_change_unseen() const;

    /// Nothing: no regular file of that name, or it is out of reach.
    std::optional<FileFacts> facts(const std::string& relative) const;
    /// A thorough look also asks for writers and takes the fingerprint of the content.
    std::optional<Look> look(const std::string& relative, bool thorough, bool ask_for_writers) const;
    /// Throws std::system_error.
    Descriptor open(const std::string& relative, int flags) const;
    /// At most `limit` bytes of a file. Nothing: it does not exist. Throws std::system_error for other failures, EFBIG
    /// if it is longer.
    std::optional<std::string> read_small(const std::string& relative, std::size_t limit) const;

private:
    std::string path_;
    Descriptor fd_;
};

/// Nanoseconds since 1970, UTC.
std::int64_t wall_clock_ns();

} // namespace sluice::fswatch
