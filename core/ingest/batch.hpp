#pragma once

#include "core/base/result.hpp"
#include "core/catalog/catalog.hpp"
#include "core/data/chunk.hpp"
#include "core/store/store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ingest {

/// Streaming: into the row store, queryable with the commit. Queued: into staging, queryable when its batch is sealed.
/// Direct: an extent of its own with the commit (`.ingest inline`, `.set-or-append`).
enum class Path : std::uint8_t { Streaming, Queued, Direct };
std::string_view to_string(Path path);

/// Rows on their way into one table, prepared for one version of it.
struct TableBatch {
    std::shared_ptr<const catalog::Table> table;
    Path path = Path::Streaming;
    data::Rows rows;
    Bytes raw_size = 0;         ///< queued: counts against MaximumRawDataSizeMB; streaming: charged size (engine 1.4.1)
    std::uint32_t items = 1;    ///< queued: files, or chunks of at most 1 MB of events (engine 4.2)
    std::uint64_t events = 0;   ///< events of the connection that these rows came from
    std::string batch_key = {}; ///< queued: everything besides the table that decides who shares a batch (engine 4.2)
    std::vector<std::string> tags = {};
    std::optional<Ticks> creation_time = {};
    bool flush = false; ///< queued: seal at once, with the whole open batch
    std::string flush_reason = "FlushImmediately";
    /// Direct: nothing is stored when an extent of the table has one of these tags (engine 5.3).
    std::vector<std::string> unless_tagged = {};
    /// Pieces written ahead that join with this commit (engine 8.6); `rows` may be empty then.
    std::vector<store::Part> pieces = {};
};

/// Where a lane stands after a commit.
struct LaneAdvance {
    std::string lane;
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0; ///< highest sequence dealt with
    std::string position = {};
};

/// Reason of a refused delivery: a newer epoch owns one of its lanes. The sender starts over from the stored positions.
inline constexpr std::string_view kLaneFenced = "LaneFenced";

/// Reason of a refused direct batch: one of its `unless_tagged` was there.
inline constexpr std::string_view kIngestedBefore = "IngestedBefore";

/// What one connection brings to one database for one commit: all of it, or nothing (engine 8.2).
struct Delivery {
    std::string connection;
    std::vector<TableBatch> tables;
    std::vector<LaneAdvance> lanes;
    std::vector<store::DeadLetter> dead_letters;
    std::uint64_t parked_records = 0; ///< dead letters that are single records of events with other rows, and no events
    std::vector<store::Gap> gaps;
    std::vector<store::FileRecord> files;
    std::vector<store::IngestionFailure> failures;
    std::uint64_t received = 0, received_bytes = 0;    ///< events that this delivery deals with
    std::map<std::string, std::uint64_t> skipped = {}; ///< by reason
    /// Called once on the writer's thread: after the commit, or with the error that made the writer give the delivery
    /// back. Reason kLaneFenced: a newer epoch owns a lane of it and nothing of it was stored.
    std::function<void(const Result<>&)> done = {};
    Bytes memory = 0; ///< held until done
};

/// Rows written ahead of the delivery that will make them count (engine 8.6).
struct Piece {
    store::PartId part = 0;
    std::shared_ptr<const catalog::Table> table;
    data::Rows rows;
    Bytes memory = 0;
    /// On the writer's thread, after the piece was committed or failed.
    std::function<void(const Result<>&)> done = {};
};

} // namespace sluice::ingest
