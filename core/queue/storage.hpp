#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The blobs and queues that clients of queued ingestion upload to and announce at (rest-api 10.2, 10.3), without HTTP.
namespace sluice::queue {

/// The one account, container and set of queues: parts of the addresses that `.get ingestion resources` hands out.
inline constexpr std::string_view kAccount = "devstoreaccount1";
inline constexpr std::string_view kContainer = "temp0";
inline constexpr std::string_view kReadyQueue = "ready";
inline constexpr std::string_view kFailedQueue = "failed";
inline constexpr std::string_view kSuccessQueue = "success";
inline constexpr std::string_view kStatusTable = "status";
/// Signs the addresses; lies beside the blobs.
inline constexpr auto kKeyFile = ".key";

struct BlobInfo {
    Bytes size = 0;
    std::string etag; ///< with its quotes
    Ticks modified = 0;
};

/// A body on its way to the disk; nothing of it stays unless it is committed. One thread at a time.
class Upload {
public:
    virtual ~Upload() = default;
    /// False: the disk refused, or staging is full; commit() tells.
    virtual bool write(std::string_view bytes) = 0;
    /// A blob survives a crash when it returns. A block need not: only its list makes a blob of it.
    virtual Result<BlobInfo> commit() = 0;
};

struct Message {
    std::string id, text, pop_receipt;
    Ticks inserted = 0, expires = 0, visible = 0;
    unsigned dequeued = 0;
};

/// Errors carry the storage protocol's own codes as their reason: BlobNotFound, ServerBusy, AuthenticationFailed and so
/// on. Thread-safe.
class Storage {
public:
    virtual ~Storage() = default;

    /// Whether the parameters of an address sign it for this container, queue or table, and are not too old. Cheap.
    using Parameter = std::function<std::string(std::string_view name)>;
    virtual bool permits(std::string_view resource, const Parameter& parameter) const = 0;

    virtual std::shared_ptr<Upload> put_blob(std::string_view blob) = 0;
    virtual std::shared_ptr<Upload> put_block(std::string_view blob, std::string_view block) = 0;
    /// InvalidBlockList: one of them was not put.
    virtual Result<BlobInfo> put_block_list(std::string_view blob, const std::vector<std::string>& blocks) = 0;
    virtual Result<BlobInfo> find_blob(std::string_view blob) const = 0;
    /// At most `size` bytes.
    virtual Result<std::string> read_blob(std::string_view blob, Bytes offset, Bytes size) const = 0;
    virtual Result<> delete_blob(std::string_view blob) = 0;

    /// Announces a blob; committed when it returns.
    virtual Result<Message> put_message(std::string_view queue, std::string_view text) = 0;
    /// With `peek` they stay where they are; otherwise nobody else gets them for `hidden`.
    struct Take {
        std::size_t count = 1;
        bool peek = false;
        std::chrono::seconds hidden{30};
    };
    virtual Result<std::vector<Message>> take_messages(std::string_view queue, const Take& take) = 0;
    virtual Result<> delete_message(std::string_view queue, std::string_view id, std::string_view pop_receipt) = 0;
};

} // namespace sluice::queue
