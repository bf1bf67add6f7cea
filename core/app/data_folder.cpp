#include "core/app/data_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sluice::app {

DataFolder::~DataFolder() { ::close(fd_); }

Result<std::unique_ptr<DataFolder>> DataFolder::lock(const std::filesystem::path& path) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("cannot create the data folder {}: {}; set server.data_dir to a folder that can be written",
                                                path.string(), failed.message())};
    const std::string file = path / "lock";
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return Error{ErrorCode::Io, fmt::format("cannot open {}: {}", file, std::strerror(errno))};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        std::array<char, 256> text{};
        const ssize_t size = ::read(fd, text.data(), text.size());
        ::close(fd);
        std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
        std::erase(holder, '\n');
        return Error{ErrorCode::Conflict,
                     fmt::format("the data folder {} is locked by {}; stop that process, or give this one a server.data_dir of its own",
                                 path.string(), holder.empty() ? "another process" : holder)};
    }
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    const std::string holder = fmt::format("sluice, process {} on {}\n", ::getpid(), host.data());
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, holder.data(), holder.size(), 0) < 0) {
        const std::string why = std::strerror(errno);
        ::close(fd);
        return Error{ErrorCode::Io, fmt::format("cannot write {}: {}", file, why)};
    }
    return std::unique_ptr<DataFolder>(new DataFolder(path, fd));
}

std::vector<std::string> DataFolder::databases() const {
    std::vector<std::string> names;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(path_, failed)) {
        const std::string stem = entry.path().stem().string();
        if (entry.path().extension() == ".duckdb" && !stem.starts_with('$'))
            names.push_back(stem);
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace sluice::app
