#include "plugins/fswatch/looking.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <chrono>
#include <csignal>
#include <vector>

namespace sluice::fswatch {

namespace {

constexpr std::size_t kContentEdge = 64 * 1024;

FileFacts facts_of(const struct stat& status) {
    const auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; };
    return {.inode = status.st_ino,
            .size = static_cast<std::uint64_t>(status.st_size),
            .mtime_ns = ns(status.st_mtim),
            .ctime_ns = ns(status.st_ctim)};
}

Look::Writer ask_for_writer(int fd) {
    // A writer that opens the file while we hold the lease makes the kernel send a signal. SIGIO, the default, would
    // end the process; SIGURG is ignored unless somebody wants it.
    if (::fcntl(fd, F_SETSIG, SIGURG) != 0)
        return Look::Writer::Unknown;
    if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN ? Look::Writer::Open : Look::Writer::Unknown;
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    return Look::Writer::None;
}

std::uint64_t fingerprint(int fd, std::uint64_t size) {
    static thread_local std::vector<char> buffer(kContentEdge);
    Hash64 hash;
    const auto add = [&](std::uint64_t offset) {
        const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
        hash.add(n < 0 ? std::string_view() : std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    };
    add(0);
    if (size > kContentEdge)
        add(size - std::min<std::uint64_t>(kContentEdge, size - kContentEdge));
    return hash.value();
}

int open_beneath(int root, const std::string& relative, int flags) {
    struct open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char* path = relative.empty() ? "." : relative.c_str();
    const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd < 0 && errno == ENOSYS)
        return ::openat(root, path, flags | O_CLOEXEC | O_NOFOLLOW);
    return static_cast<int>(fd);
}

} // namespace

Root::Root(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!fd_)
        throw_errno("cannot open the watched folder " + path_);
}

bool Root::is_in_place() const {
    struct stat opened{}, present{};
    return ::fstat(fd_.get(), &opened) == 0 && ::stat(path_.c_str(), &present) == 0 &&
           opened.st_dev == present.st_dev && opened.st_ino == present.st_ino;
}

bool Root::may_change_unseen() const {
    struct statfs status{};
    if (::fstatfs(fd_.get(), &status) != 0)
        return false;
    switch (static_cast<std::uint32_t>(status.f_type)) {
    case 0x6969:     // NFS
    case 0xFF534D42: // CIFS
    case 0xFE534D42: // SMB2
    case 0x517B:     // SMB
    case 0x65735546: // FUSE
    case 0x01021997: // 9p
    case 0x794C7630: // overlay
        return true;
    default:
        return false;
    }
}

std::optional<FileFacts> Root::facts(const std::string& relative) const {
    struct stat status{};
    if (::fstatat(fd_.get(), relative.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
        return std::nullopt;
    return facts_of(status);
}

std::optional<Look> Root::look(const std::string& relative, bool thorough, bool ask_for_writers) const {
    const auto seen = facts(relative);
    if (!seen)
        return std::nullopt;
    Look look{.facts = *seen};
    if (!thorough)
        return look;
    // Only a regular file gets here, so the open cannot block and has no side effect.
    const Descriptor fd(open_beneath(fd_.get(), relative, O_RDONLY | O_NONBLOCK));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return look; // unreadable for us: the reader of the content will say why
    look.facts = facts_of(status);
    if (ask_for_writers)
        look.writer = ask_for_writer(fd.get());
    if (look.writer != Look::Writer::Open)
        look.content = fingerprint(fd.get(), look.facts.size);
    return look;
}

Descriptor Root::open(const std::string& relative, int flags) const {
    Descriptor fd(open_beneath(fd_.get(), relative, flags));
    if (!fd)
        throw_errno("cannot open " + path_ + "/" + relative);
    return fd;
}

std::optional<std::string> Root::read_small(const std::string& relative, std::size_t limit) const {
    const Descriptor fd(open_beneath(fd_.get(), relative, O_RDONLY | O_NONBLOCK));
    if (!fd && errno == ENOENT)
        return std::nullopt;
    if (!fd)
        throw_errno("cannot open " + relative);
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw_errno(relative + " is not a regular file", EINVAL);
    std::string text(limit + 1, '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + have, text.size() - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw_errno("cannot read " + relative);
        if (n == 0)
            break;
        have += static_cast<std::size_t>(n);
    }
    if (have > limit)
        throw_errno(relative + " is longer than " + std::to_string(limit) + " bytes", EFBIG);
    text.resize(have);
    return text;
}

std::int64_t wall_clock_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace sluice::fswatch
