#include "core/queue/blob_store.hpp"

#include "core/base/digest.hpp"
#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/base/random.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace sluice::queue {
namespace fs = std::filesystem;
namespace {

constexpr auto kUnfinished = ".unfinished";
constexpr auto kBlocks = ".blocks";
constexpr std::size_t kCopyBytes = 1 << 20;

Error io_error(std::string_view what, const fs::path& file) {
    const ErrorCode code = errno == ENOSPC || errno == EDQUOT ? ErrorCode::Unavailable : ErrorCode::Io;
    return {code, fmt::format("{} '{}': {}", what, file.string(), std::strerror(errno)), "ServerBusy"};
}

Error not_found() {
    return {ErrorCode::NotFound, "The specified blob does not exist.", "BlobNotFound"};
}

std::string hashed(std::string_view name) {
    return to_hex(sha256(name));
}

class Descriptor {
public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }

    int get() const { return value_; }
    explicit operator bool() const { return value_ >= 0; }
    void close() {
        if (value_ >= 0)
            ::close(std::exchange(value_, -1));
    }

private:
    int value_;
};

bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

BlobInfo info_of(const struct stat& file) {
    const Ticks modified = kUnixEpochTicks + file.st_mtim.tv_sec * kTicksPerSecond + file.st_mtim.tv_nsec / 100;
    return {static_cast<Bytes>(file.st_size), fmt::format("\"0x{:X}\"", modified), modified};
}

Result<> sync_folder(const fs::path& folder) {
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0)
        return io_error("cannot sync the folder", folder);
    return {};
}

} // namespace

/// Opens its file with the first byte, because it is made where nothing may block for long.
class BlobStore::FileUpload final : public Upload {
public:
    FileUpload(BlobStore& store, fs::path target, bool durable)
        : store_(store), target_(std::move(target)), durable_(durable),
          file_(store.options_.folder / kUnfinished / fmt::format("{:016x}", random_bits())) {}
    ~FileUpload() override {
        if (!open_)
            return;
        descriptor_.close();
        ::unlink(file_.c_str());
        store_.release(size_);
    }

    bool write(std::string_view bytes) override {
        if (failed_ || !start())
            return false;
        if (size_ + bytes.size() > store_.options_.max_blob) {
            failed_ = Error{ErrorCode::TooLarge, fmt::format("A blob has at most {} bytes.", store_.options_.max_blob),
                            "RequestBodyTooLarge"};
        } else if (!store_.reserve(bytes.size())) {
            failed_ = Error{ErrorCode::Unavailable,
                            fmt::format("Staging is full ({} bytes, queued.max_staging_bytes); try again later.",
                                        store_.options_.max_bytes),
                            "ServerBusy"};
        } else {
            size_ += bytes.size();
            if (!write_all(descriptor_.get(), bytes))
                failed_ = io_error("cannot write", file_);
        }
        return !failed_;
    }

    Result<BlobInfo> commit() override {
        if (failed_ || !start())
            return *failed_;
        if (durable_ && ::fdatasync(descriptor_.get()) != 0)
            return io_error("cannot sync", file_);
        failpoint("Q1");
        descriptor_.close();
        SLUICE_TRY(auto info, store_.publish(file_, target_, durable_));
        open_ = false;
        return info;
    }

private:
    bool start() {
        if (open_)
            return true;
        descriptor_ = Descriptor(::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        open_ = static_cast<bool>(descriptor_);
        if (!open_)
            failed_ = io_error("cannot make", file_);
        return open_;
    }

    BlobStore& store_;
    const fs::path target_;
    const bool durable_;
    const fs::path file_;
    Descriptor descriptor_{-1};
    bool open_ = false; ///< the file exists
    Bytes size_ = 0;
    std::optional<Error> failed_;
};

Result<std::unique_ptr<BlobStore>> BlobStore::open(Options options) {
    std::unique_ptr<BlobStore> store(new BlobStore(std::move(options)));
    const fs::path& folder = store->options_.folder;
    std::error_code failed, ignored;
    fs::remove_all(folder / kUnfinished, ignored);
    fs::create_directories(folder / kUnfinished, failed);
    if (!failed)
        fs::create_directories(folder / kBlocks, failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("cannot make the folder '{}': {}", folder.string(), failed.message())};
    for (const auto& entry : fs::recursive_directory_iterator(folder, ignored))
        if (entry.is_regular_file(ignored))
            store->used_ += entry.file_size(ignored);
    return store;
}

fs::path BlobStore::file_of(std::string_view blob) const {
    return options_.folder / hashed(blob);
}

fs::path BlobStore::blocks_of(std::string_view blob) const {
    return options_.folder / kBlocks / hashed(blob);
}

fs::path BlobStore::block_file(std::string_view blob, std::string_view block) const {
    return blocks_of(blob) / hashed(block);
}

bool BlobStore::reserve(Bytes size) {
    if (used_.fetch_add(size) + size <= options_.max_bytes)
        return true;
    used_ -= size;
    return false;
}

std::shared_ptr<Upload> BlobStore::put(std::string_view blob) {
    return std::make_shared<FileUpload>(*this, file_of(blob), true);
}

std::shared_ptr<Upload> BlobStore::put_block(std::string_view blob, std::string_view block) {
    std::error_code ignored; // the upload fails with the reason
    fs::create_directory(blocks_of(blob), ignored);
    return std::make_shared<FileUpload>(*this, block_file(blob, block), false);
}

Result<BlobInfo> BlobStore::publish(const fs::path& from, const fs::path& to, bool durable) {
    struct stat file{};
    if (::stat(to.c_str(), &file) == 0)
        release(static_cast<Bytes>(file.st_size)); // it takes the place of that one
    if (::rename(from.c_str(), to.c_str()) != 0)
        return io_error("cannot make", to);
    if (durable)
        SLUICE_CHECK(sync_folder(to.parent_path()));
    failpoint("Q2");
    if (::stat(to.c_str(), &file) != 0)
        return io_error("cannot look at", to);
    return info_of(file);
}

Result<BlobInfo> BlobStore::put_block_list(std::string_view blob, const std::vector<std::string>& blocks) {
    FileUpload whole(*this, file_of(blob), true);
    std::string piece(kCopyBytes, '\0');
    for (const std::string& block : blocks) {
        std::ifstream file(block_file(blob, block), std::ios::binary);
        if (!file)
            return Error{ErrorCode::Invalid, "The specified block list is invalid.", "InvalidBlockList"};
        while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())), file.gcount() > 0)
            if (!whole.write({piece.data(), static_cast<std::size_t>(file.gcount())}))
                return whole.commit();
    }
    SLUICE_TRY(auto info, whole.commit());
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(blocks_of(blob), ignored))
        release(entry.file_size(ignored));
    fs::remove_all(blocks_of(blob), ignored);
    return info;
}

Result<BlobInfo> BlobStore::find(std::string_view blob) const {
    struct stat file{};
    if (::stat(file_of(blob).c_str(), &file) != 0)
        return not_found();
    return info_of(file);
}

Result<std::string> BlobStore::read(std::string_view blob, Bytes offset, Bytes size) const {
    std::ifstream file(file_of(blob), std::ios::binary);
    if (!file)
        return not_found();
    std::string bytes(static_cast<std::size_t>(size), '\0');
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(bytes.data(), static_cast<std::streamsize>(size));
    if (file.bad())
        return io_error("cannot read", file_of(blob));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

Result<> BlobStore::remove(std::string_view blob) {
    SLUICE_TRY(const auto info, find(blob));
    if (::unlink(file_of(blob).c_str()) != 0)
        return not_found();
    release(info.size);
    return {};
}

void BlobStore::sweep(std::chrono::milliseconds age, const std::function<bool(const fs::path&)>& keep) {
    std::error_code ignored;
    const auto oldest = fs::file_time_type::clock::now() - age;
    std::vector<fs::path> gone;
    for (const auto& entry : fs::recursive_directory_iterator(options_.folder, ignored))
        if (entry.is_regular_file(ignored) && entry.last_write_time(ignored) < oldest &&
            entry.path().filename() != kKeyFile && !keep(entry.path()))
            gone.push_back(entry.path());
    for (const fs::path& file : gone) {
        const auto size = fs::file_size(file, ignored);
        if (fs::remove(file, ignored))
            release(size);
    }
    if (!gone.empty())
        log::info("blobs that nobody announced were removed", {{"count", gone.size()}});
}

} // namespace sluice::queue
