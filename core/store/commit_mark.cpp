#include "core/store/commit_mark.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace sluice::store {

namespace fs = std::filesystem;

struct CommitMark::Mark {
    std::uint64_t magic = kMagic;
    std::uint64_t database_inode = 0, wal_inode = 0, wal_bytes = 0;
    std::uint64_t headers = 0; ///< checksum

    static constexpr std::uint64_t kMagic = 0x31'6b'72'61'6d'6c'73'02; // its last byte is the version
};

namespace {

/// Of the three headers of a database file, which every checkpoint changes and nothing else does: each is a block that
/// begins with its own checksum. FNV-1a.
std::uint64_t headers_checksum(const fs::path& database) {
    constexpr off_t kBlock = 4096;
    std::uint64_t sum = 0xcbf29ce484222325;
    const int fd = ::open(database.c_str(), O_RDONLY | O_CLOEXEC);
    for (const off_t at : {0 * kBlock, 1 * kBlock, 2 * kBlock}) {
        std::array<unsigned char, 64> bytes{};
        if (fd >= 0 && ::pread(fd, bytes.data(), bytes.size(), at) < 0)
            break;
        for (const unsigned char byte : bytes)
            sum = (sum ^ byte) * 0x100000001b3;
    }
    if (fd >= 0)
        ::close(fd);
    return sum;
}

} // namespace

fs::path commit_mark_of(const fs::path& database) {
    return database.string() + ".mark";
}

CommitMark::CommitMark(const fs::path& database)
    : database_(database), wal_(database.string() + ".wal"), file_(commit_mark_of(database)),
      fd_(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {}

CommitMark::~CommitMark() {
    if (fd_ >= 0)
        ::close(fd_);
}

CommitMark::Mark CommitMark::present() const {
    Mark mark;
    struct stat facts{};
    if (::stat(database_.c_str(), &facts) == 0)
        mark.database_inode = facts.st_ino;
    mark.headers = headers_checksum(database_);
    if (::stat(wal_.c_str(), &facts) == 0) {
        mark.wal_inode = facts.st_ino;
        mark.wal_bytes = static_cast<std::uint64_t>(facts.st_size);
    }
    return mark;
}

std::optional<Bytes> CommitMark::missing() const {
    Mark noted;
    noted.magic = 0;
    if (fd_ < 0 || ::pread(fd_, &noted, sizeof noted, 0) != static_cast<ssize_t>(sizeof noted) ||
        noted.magic != Mark::kMagic || noted.wal_bytes == 0)
        return std::nullopt;
    const Mark now = present();
    const bool other_log = now.wal_inode != 0 && now.wal_inode != noted.wal_inode;
    const bool folded = now.headers != noted.headers; // by a stock DuckDB that had the file open
    if (now.database_inode != noted.database_inode || other_log || folded || now.wal_bytes >= noted.wal_bytes)
        return std::nullopt;
    return noted.wal_bytes - now.wal_bytes;
}

bool CommitMark::write(const Mark& mark) {
    return fd_ >= 0 && ::pwrite(fd_, &mark, sizeof mark, 0) == static_cast<ssize_t>(sizeof mark);
}

void CommitMark::note() {
    write(present());
}

void CommitMark::clear() {
    // A mark that can be neither emptied nor synced must not be there at all.
    if (fd_ >= 0 && (!write(Mark{}) || ::fdatasync(fd_) != 0))
        ::unlink(file_.c_str());
}

} // namespace sluice::store
