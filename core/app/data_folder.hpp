#pragma once

#include "core/base/result.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sluice::app {

/// The folder of everything durable, held by this process alone (engine 8.1). The lock ends with the process, however it ends.
class DataFolder {
public:
    ~DataFolder();
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;

    /// Makes the folder when it is missing. Conflict: another process holds it; the message names it.
    static Result<std::unique_ptr<DataFolder>> lock(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    /// Names of the databases that have a file here; those that begin with '$' are hidden and left out.
    std::vector<std::string> databases() const;
    /// Private folder of a source instance.
    std::filesystem::path state_of(const std::string& connection) const { return path_ / "state" / connection; }

private:
    DataFolder(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

    const std::filesystem::path path_;
    const int fd_;
};

} // namespace sluice::app
