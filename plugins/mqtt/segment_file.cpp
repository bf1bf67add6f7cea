#include "plugins/mqtt/segment_file.hpp"

#include "plugins/mqtt/record.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace sluice::mqtt {

namespace {

constexpr std::string_view kMagic = "SLMQSP1\n";
constexpr std::size_t kSearchWindow = 1024 * 1024;

} // namespace

void SegmentFile::fail(const char* what) const {
    throw std::system_error(errno, std::generic_category(), std::string("cannot ") + what + " " + path_);
}

SegmentFile SegmentFile::create(std::string path, std::uint64_t first) {
    SegmentFile file(std::move(path), -1);
    file.fd_ = ::open(file.path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file.fd_ < 0)
        file.fail("create");
    file.first_ = first;
    std::string header(kMagic);
    header.append(reinterpret_cast<const char*>(&first), sizeof first);
    file.write(header, 0);
    return file;
}

SegmentFile SegmentFile::open(std::string path) {
    SegmentFile file(std::move(path), -1);
    file.fd_ = ::open(file.path_.c_str(), O_RDWR | O_CLOEXEC);
    if (file.fd_ < 0)
        file.fail("open");
    char header[kHeaderSize];
    if (file.read(header, sizeof header, 0) != sizeof header || std::string_view(header, kMagic.size()) != kMagic) {
        errno = EINVAL;
        file.fail("use as a spool segment (of another version, or damaged; move it away to go on without it)");
    }
    std::memcpy(&file.first_, header + kMagic.size(), sizeof file.first_);
    return file;
}

SegmentFile::SegmentFile(SegmentFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), first_(other.first_) {}

SegmentFile& SegmentFile::operator=(SegmentFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    std::swap(first_, other.first_);
    return *this;
}

SegmentFile::~SegmentFile() {
    if (fd_ >= 0)
        ::close(fd_);
}

std::uint64_t SegmentFile::size() const {
    struct stat status{};
    if (::fstat(fd_, &status) != 0)
        fail("look at");
    return static_cast<std::uint64_t>(status.st_size);
}

void SegmentFile::reserve(std::uint64_t offset, std::uint64_t size) {
    // Where a file system cannot reserve, records simply extend the file.
    if (::fallocate(fd_, 0, static_cast<off_t>(offset), static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS)
        fail("reserve space in");
}

void SegmentFile::write(std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail("write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

void SegmentFile::sync() {
    if (::fdatasync(fd_) != 0)
        fail("sync");
}

void SegmentFile::cut(std::uint64_t size) {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0)
        fail("cut");
}

std::size_t SegmentFile::read(char* into, std::size_t size, std::uint64_t offset) const {
    std::size_t have = 0;
    while (have < size) {
        const ssize_t n = ::pread(fd_, into + have, size - have, static_cast<off_t>(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail("read");
        if (n == 0)
            break;
        have += static_cast<std::size_t>(n);
    }
    return have;
}

std::optional<std::uint64_t> SegmentFile::find_record(std::uint64_t from, std::uint64_t limit) const {
    const std::string_view marker = record_marker();
    std::string window, record;
    while (from < limit) {
        window.resize(std::min<std::uint64_t>(kSearchWindow, limit - from));
        window.resize(read(window.data(), window.size(), from));
        for (std::size_t at = window.find(marker); at != std::string::npos; at = window.find(marker, at + 1)) {
            record.resize(kRecordHeader);
            for (int attempt = 0; attempt < 2; ++attempt) { // the header says how long the record is
                record.resize(read(record.data(), record.size(), from + at));
                const DecodedRecord decoded = decode_record(record);
                if (from + at + decoded.size > limit || decoded.state == RecordState::Damaged)
                    break;
                if (decoded.state == RecordState::Whole)
                    return from + at;
                record.resize(decoded.size);
            }
        }
        if (window.size() <= marker.size())
            break;
        from += window.size() - (marker.size() - 1); // a marker may lie across two windows
    }
    return std::nullopt;
}

void sync_folder(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0)
        ::close(fd);
    if (!synced)
        throw std::system_error(error, std::generic_category(), "cannot sync the folder " + folder);
}

} // namespace sluice::mqtt
