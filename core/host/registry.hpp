#pragma once

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/host/library.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::host {

/// Finds plugins by id in the folders of `plugins.path` and loads private copies of them. Thread-safe.
class Registry {
public:
    /// `copies` is where loaded files are kept, named by content hash (engine 8.1): loading a replaced file under its
    /// old name would give the old code again.
    Registry(std::vector<std::string> folders, std::string copies)
        : folders_(std::move(folders)), copies_(std::move(copies)) {}

    /// The newest content of `<id>.so` in the first folder that has one. Equal content is loaded once.
    /// NotFound: no folder has it; the message names them. Invalid: found, and refused with the reason.
    Result<std::shared_ptr<Library>> find(const std::string& id);

    /// The same without a copy: loads the file where it lies. For looking at a plugin, not for running it.
    Result<std::shared_ptr<Library>> inspect(const std::string& id) const;

    struct Found {
        std::string file;
        Result<std::shared_ptr<Library>> library;
    };
    /// Every `.so` in the folders, by folder and name; the refused ones with their reason. Loads them where they lie.
    std::vector<Found> list() const;

private:
    Result<std::string> locate(const std::string& id) const;
    Result<std::string> copy(const std::string& file, const std::string& hash) const;

    const std::vector<std::string> folders_;
    const std::string copies_;
    Mutex mutex_;
    std::map<std::string, std::shared_ptr<Library>> by_hash_ SLUICE_GUARDED_BY(mutex_);
};

} // namespace sluice::host
