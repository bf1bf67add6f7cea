#pragma once

#include "core/base/bytes.hpp"
#include "core/data/format.hpp"
#include "core/ingest/batch.hpp"

#include <string_view>

/// Streaming or queued: data-connections 1.6 as a pure function. No clock, no lock; a table of tests.
namespace sluice::router {

/// What is known about the rows before anybody looks at the load.
struct BatchFacts {
    bool cluster_switch = false;  ///< `streaming.enabled`
    bool policy_enabled = false;  ///< effective streaming policy of the table
    data::Format format = data::Format::Csv;
    bool has_tags = false;
    bool has_creation_time = false;
    bool ignores_first_record = false;
    bool ingest_if_not_exists = false;
    bool is_zip = false;
    bool adds_columns = false;    ///< the mapping names columns that do not exist and gives their types
    Bytes size = 0;               ///< uncompressed
};

struct Load {
    bool in_back_off = false;     ///< the table was sent queued a moment ago for a reason that lasts
    bool row_store_full = false;
    bool slot_free = true;        ///< a streaming slot was to be had in time
};

/// The row of the decision table that matched, in its order.
enum class PathReason : std::uint8_t {
    SwitchOrPolicyOff, FormatNotStreamed, PropertyNotStreamed, AddsColumns, TooLarge, BackOff, NoCapacity, Streaming,
};
std::string_view to_string(PathReason reason);

struct PathChoice {
    ingest::Path path = ingest::Path::Queued;
    PathReason reason = PathReason::SwitchOrPolicyOff;
};

/// First match wins. `limit`: streaming.max_request_bytes; equal is allowed, one byte more is not (engine 1.4.1).
PathChoice choose_path(const BatchFacts& facts, const Load& load, Bytes limit);

} // namespace sluice::router
