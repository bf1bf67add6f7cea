#pragma once

#include "core/base/result.hpp"
#include "core/ingest/databases.hpp"

#include <string>
#include <string_view>

namespace sluice::ingest {

/// Setting of a database: "true" while its streaming requests are put off (engine 1.7 S19).
inline constexpr const char* kStreamingMaintenance = "streaming_maintenance";

/// A streaming request as it came over HTTP, decompressed (engine 1.5). The body is borrowed.
struct StreamRequest {
    std::string database, table; ///< percent-decoded, as in the path
    std::string stream_format;   ///< empty: missing
    std::string mapping_name;    ///< empty: none
    std::string_view body;
    bool compressed = false; ///< it came gzipped; for statistics
    std::string principal = "aadapp=anonymous";
    std::string activity_id;
};

struct StreamReply {
    std::uint64_t consumed_records = 0;
    std::string update_policy_status = "Inactive";
    std::string update_policy_failure_code = "Unknown";
    std::string update_policy_failure_reason = {}; ///< empty: null
    std::string update_policy_failed_table = {};   ///< not on the wire
};

/// Runs one streaming request: rows are durable and queryable when it returns (engine 1.5, errors S1..S19 of 1.7 with
/// their texts; the HTTP status follows from the error's code and reason). The caller holds an admission ticket.
/// Thread-safe.
Result<StreamReply> ingest_stream(Databases& databases, const StreamRequest& request);

} // namespace sluice::ingest
