#include "core/store/spool.hpp"

#include "core/base/mutex.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace sluice::store {
namespace {

constexpr std::string_view kPrefix = "spool-";

Error failed(const std::string& what) {
    return Error{ErrorCode::Unavailable, fmt::format("a Parquet file is kept on disk while it is read; cannot {}: {}",
                                                     what, std::strerror(errno))};
}

class Folder {
public:
    void set(std::filesystem::path folder) {
        Lock lock(mutex_);
        folder_ = std::move(folder);
    }
    std::filesystem::path get() {
        Lock lock(mutex_);
        return folder_.empty() ? std::filesystem::temp_directory_path() : folder_;
    }

private:
    Mutex mutex_;
    std::filesystem::path folder_ SLUICE_GUARDED_BY(mutex_);
};

Folder& folder() {
    static Folder folder;
    return folder;
}

} // namespace

void Spool::use_folder(std::filesystem::path path) {
    // Only a file system that knows no files without a name leaves something behind, and only when a process dies
    // between two calls.
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
        if (entry.path().filename().string().starts_with(kPrefix))
            std::filesystem::remove(entry.path(), ignored);
    folder().set(std::move(path));
}

Result<> Spool::open() {
    const std::filesystem::path place = folder().get();
    std::error_code error;
    std::filesystem::create_directories(place, error); // what is wrong shows below
    file_ = ::open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        std::string name = (place / kPrefix).string() + "XXXXXX";
        file_ = ::mkostemp(name.data(), O_CLOEXEC);
        if (file_ >= 0)
            ::unlink(name.c_str());
    }
    return file_ < 0 ? failed("create a file in " + place.string()) : Result<>();
}

Result<> Spool::append(std::string_view bytes) {
    if (file_ < 0)
        SLUICE_CHECK(open());
    while (!bytes.empty()) {
        const ssize_t written = ::write(file_, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return failed("write");
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
        size_ += written < 0 ? 0 : static_cast<Bytes>(written);
    }
    return {};
}

Result<std::string> Spool::read(Bytes from, Bytes count) const {
    std::string bytes(count, '\0');
    for (Bytes done = 0; done < count;) {
        const ssize_t part = ::pread(file_, bytes.data() + done, count - done, static_cast<off_t>(from + done));
        if (part == 0 || (part < 0 && errno != EINTR))
            return failed("read");
        done += part < 0 ? 0 : static_cast<Bytes>(part);
    }
    return bytes;
}

Result<> Spool::write(Bytes at, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t part = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (part < 0 && errno != EINTR)
            return failed("write");
        bytes.remove_prefix(part < 0 ? 0 : static_cast<std::size_t>(part));
        at += part < 0 ? 0 : static_cast<Bytes>(part);
    }
    return {};
}

void Spool::close() {
    if (file_ >= 0)
        ::close(file_);
    file_ = -1;
    size_ = 0;
}

std::string Spool::path() const {
    return fmt::format("/proc/self/fd/{}", file_);
}

} // namespace sluice::store
