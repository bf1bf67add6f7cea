#pragma once

#include "core/base/bytes.hpp"

#include <filesystem>
#include <optional>

namespace sluice::store {

/// How long the write-ahead log was after the latest commit, in a small file beside the database. DuckDB takes a log
/// that lost its end for all there was, so what was committed would be gone without a word; with the mark it is noticed
/// at the next start. The mark belongs to the very files it was made for: a copy that somebody restores has none. One
/// thread at a time.
class CommitMark {
public:
    explicit CommitMark(const std::filesystem::path& database);
    ~CommitMark();
    CommitMark(const CommitMark&) = delete;
    CommitMark& operator=(const CommitMark&) = delete;

    /// How many committed bytes the log lacks; nothing when it is whole.
    std::optional<Bytes> missing() const;
    /// After a commit. Not synced: after a power loss it may be an older mark, which then finds less. A mark that
    /// cannot be written is not worth failing a commit for.
    void note();
    /// Before the log is folded into the file. Synced, so that a mark of the old log does not outlive it.
    void clear();

private:
    struct Mark;
    Mark present() const;
    bool write(const Mark& mark);

    const std::filesystem::path database_, wal_, file_;
    int fd_ = -1;
};

/// Name of the mark of a database file.
std::filesystem::path commit_mark_of(const std::filesystem::path& database);

} // namespace sluice::store
