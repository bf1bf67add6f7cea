#include "connectors/event_grid/local_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace sluice::connectors {
namespace {

constexpr std::size_t kBlock = 1u << 20;
constexpr unsigned kMaxNameClashes = 10'000;

Error open_error(const std::string& path, int code) {
    const std::string text = fmt::format("cannot open {}: {}", path, std::strerror(code));
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return Error{ErrorCode::NotFound, text, "Download_SourceNotFound"};
    case EACCES:
    case EPERM:
        return Error{ErrorCode::Denied, text, "Download_Forbidden"};
    case ELOOP:
        return Error{ErrorCode::Invalid, text + " (symbolic links are not followed)", "Download_Forbidden"};
    default:
        return Error{ErrorCode::Io, text, "Download_UnknownError"};
    }
}

struct FileState {
    ino_t inode;
    off_t size;
    timespec modified;
    friend bool operator==(const FileState& a, const FileState& b) {
        return a.inode == b.inode && a.size == b.size && a.modified.tv_sec == b.modified.tv_sec && a.modified.tv_nsec == b.modified.tv_nsec;
    }
};

class LocalFile final : public router::OpenedFile {
public:
    LocalFile(std::string path, int fd, FileState state) : path_(std::move(path)), fd_(fd), state_(state), block_(kBlock) {}
    ~LocalFile() override { ::close(fd_); }
    LocalFile(const LocalFile&) = delete;
    LocalFile& operator=(const LocalFile&) = delete;

    Result<std::string_view> read() override {
        for (;;) {
            const ssize_t got = ::read(fd_, block_.data(), block_.size());
            if (got >= 0)
                return std::string_view(block_.data(), static_cast<std::size_t>(got));
            if (errno != EINTR)
                return Error{ErrorCode::Io, fmt::format("cannot read {}: {}", path_, std::strerror(errno)), "Download_UnknownError"};
        }
    }

    int descriptor() const override { return fd_; }

    Result<> verify() override {
        struct stat now {};
        if (::fstat(fd_, &now) != 0)
            return Error{ErrorCode::Io, fmt::format("cannot look at {}: {}", path_, std::strerror(errno)), "Download_UnknownError"};
        if (!(FileState{now.st_ino, now.st_size, now.st_mtim} == state_))
            return Error{ErrorCode::Conflict, fmt::format("{} changed while it was read; it is announced anew once it has settled", path_),
                         "Superseded"};
        return {};
    }

private:
    const std::string path_;
    const int fd_;
    const FileState state_;
    std::vector<char> block_;
};

} // namespace

Result<std::unique_ptr<router::OpenedFile>> open_local_file(const std::string& path, Bytes expected_size) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return open_error(path, errno);
    struct stat state {};
    if (::fstat(fd, &state) != 0 || !S_ISREG(state.st_mode)) {
        ::close(fd);
        return Error{ErrorCode::Invalid, fmt::format("{} is not a regular file", path), "Download_Forbidden"};
    }
    if (static_cast<Bytes>(state.st_size) != expected_size) {
        ::close(fd);
        return Error{ErrorCode::Conflict, fmt::format("{} has {} bytes now, {} were announced", path, state.st_size, expected_size),
                     "Superseded"};
    }
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::unique_ptr<router::OpenedFile>(
        std::make_unique<LocalFile>(path, fd, FileState{state.st_ino, state.st_size, state.st_mtim}));
}

std::string identity_of(const std::string& path) {
    struct stat state {};
    if (::lstat(path.c_str(), &state) != 0)
        return {};
    return fmt::format("{}/{}/{}.{:09}", state.st_ino, state.st_size, state.st_mtim.tv_sec, state.st_mtim.tv_nsec);
}

Result<> move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
    namespace fs = std::filesystem;
    std::error_code failed;
    if (!fs::exists(from, failed))
        return {}; // done before a crash, or deleted by somebody: nothing is left to move
    fs::create_directories(to.parent_path(), failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("cannot create {}: {}", to.parent_path().string(), failed.message())};
    fs::path target = to;
    for (unsigned clash = 1; fs::exists(target, failed) && clash < kMaxNameClashes; ++clash)
        target = to.string() + "." + std::to_string(clash);
    fs::rename(from, target, failed);
    if (failed == std::errc::cross_device_link) {
        failed.clear();
        fs::copy_file(from, target, failed);
        if (!failed) {
            if (const int fd = ::open(target.c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
                ::fsync(fd);
                ::close(fd);
            }
            fs::remove(from, failed);
        }
    }
    if (failed)
        return Error{ErrorCode::Io, fmt::format("cannot move {} to {}: {}", from.string(), target.string(), failed.message())};
    return {};
}

} // namespace sluice::connectors
