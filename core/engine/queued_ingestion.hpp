#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// What clients queue, as commands and endpoints see it (engine 4.5, 4.6, 8.5; rest-api 10, 11). Thread-safe.
class QueuedIngestion {
public:
    virtual ~QueuedIngestion() = default;

    struct Resource {
        std::string type; ///< "TempStorage"
        std::string root; ///< address with its signature
    };
    /// What a client uploads to and announces at. `host` is the name by which it reached this server.
    virtual std::vector<Resource> resources(std::string_view host) const = 0;
    /// Says who the client is when it announces a blob at the queue.
    virtual std::string identity_token(std::string_view principal) const = 0;

    struct Blob {
        std::string url, source_id;
        std::optional<Bytes> raw_size = {}; ///< uncompressed, as the client says
    };
    struct Announcement {
        std::string database, table, principal;
        std::vector<Blob> blobs;
        std::map<std::string, std::string> properties = {}; ///< ingestion properties, values as texts
        bool flush = false;
        bool retain = false;                                      ///< the blobs stay after success
        bool reports_failures = false, reports_successes = false; ///< to the result queues
    };
    /// All blobs are noted durably when it returns, or none is; answers the operation's id. What is wrong with the
    /// table or the data shows in the operation and among the ingestion failures, because the client is gone by then.
    /// Invalid: no blob, or too many.
    virtual Result<std::string> announce(const Announcement& announcement) = 0;

    struct BlobState {
        std::string source_id, url;
        std::string state; ///< "Pending", "Staged", "Succeeded", "Failed" or "Canceled"
        Ticks announced = 0, updated = 0;
        std::string error_code = {}, details = {};
        std::string failure_status = {}; ///< "Permanent", "Exhausted"
    };
    struct Operation {
        std::string database, table;
        std::vector<BlobState> blobs;
    };
    /// Nothing: no operation of that id.
    virtual Result<std::optional<Operation>> operation(std::string_view id) const = 0;
};

} // namespace sluice::engine
