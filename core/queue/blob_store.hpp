#pragma once

#include "core/queue/storage.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::queue {

/// Uploaded blobs as files of one folder (engine 8.1, 8.5): written under another name, synced, then renamed. Names of
/// blobs are whatever clients like, so a file is named by the hash of its blob's name. Thread-safe.
class BlobStore {
public:
    struct Options {
        std::filesystem::path folder;
        Bytes max_bytes = 4_GiB; ///< all uploads together, finished or not
        Bytes max_blob = 6_GiB;
    };
    /// Makes the folder, removes what a crash left half done, counts what is there.
    static Result<std::unique_ptr<BlobStore>> open(Options options);

    std::shared_ptr<Upload> put(std::string_view blob);
    std::shared_ptr<Upload> put_block(std::string_view blob, std::string_view block);
    Result<BlobInfo> put_block_list(std::string_view blob, const std::vector<std::string>& blocks);
    Result<BlobInfo> find(std::string_view blob) const;
    Result<std::string> read(std::string_view blob, Bytes offset, Bytes size) const;
    Result<> remove(std::string_view blob);
    std::filesystem::path file_of(std::string_view blob) const;

    /// Removes blobs and blocks that nobody touched for `age`, but no file that `keep` wants.
    void sweep(std::chrono::milliseconds age, const std::function<bool(const std::filesystem::path&)>& keep);
    Bytes bytes() const { return used_; }

private:
    class FileUpload;
    friend class FileUpload;
    explicit BlobStore(Options options) : options_(std::move(options)) {}

    std::filesystem::path blocks_of(std::string_view blob) const;
    std::filesystem::path block_file(std::string_view blob, std::string_view block) const;
    bool reserve(Bytes size);
    void release(Bytes size) { used_ -= size; }
    /// Gives a finished file its name, durably.
    Result<BlobInfo> publish(const std::filesystem::path& from, const std::filesystem::path& to, bool durable);

    const Options options_;
    std::atomic<Bytes> used_ = 0;
};

} // namespace sluice::queue
