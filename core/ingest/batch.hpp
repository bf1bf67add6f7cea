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

/// Rows that an update policy made and that were written ahead; they join with the rows they were made from.
struct DerivedPart {
    std::shared_ptr<const catalog::Table> table;
    std::string source;     ///< name of the table they were made from
    store::PartId part = 0; ///< 0: the policy made no rows
    std::uint64_t rows = 0;
    Bytes size = 0;
    std::vector<std::string> tags = {};
    std::optional<Ticks> creation_time = {};
};

/// Rows that are stored already and that a command makes rows of a table: extents that it moves in, records that it
/// replaces.
struct Arrival {
    std::shared_ptr<const catalog::Table> table;
    std::vector<store::PartId> parts; ///< of this table, written ahead
    std::string principal = "aadapp=anonymous";
};

/// One line of `.show ingestion failures` that an update policy caused.
struct PolicyFailure {
    std::string table, code, details;
    bool permanent = true;
};

/// What the writer did with a batch; filled in by it.
struct BatchReport {
    std::string policy_status = "Inactive"; ///< UpdatePolicyStatus of engine 1.5
    std::string policy_code = "Unknown";    ///< of the first failure of a policy
    std::string policy_reason = {};         ///< its text; empty: none
    std::string policy_table = {};          ///< and the table it was recorded for
    /// Streamed rows of a connection that went to staging instead: a transactional update policy failed, or its output
    /// made the request too large.
    std::optional<Error> fell_back = {};
    /// Direct: of the table and of the targets of its policies. Queued: what the rows were staged into.
    std::vector<store::PartId> extents = {};
};

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
    std::string principal = "aadapp=anonymous"; ///< for records of failures
    std::vector<DerivedPart> derived = {};      ///< direct: what update policies made
    std::vector<PolicyFailure> failures = {};   ///< direct: what they failed at
    BatchReport report = {};
};

/// Where a lane stands after a commit.
struct LaneAdvance {
    std::string lane;
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0; ///< highest sequence dealt with
    std::string position = {};
};

/// A staged batch that takes no more rows and waits until the update policies of its table have run.
struct ClosedBatch {
    catalog::TableId table = 0;
    std::string key;    ///< of its parts, unlike that of any open batch
    std::string reason; ///< why it was sealed
};

/// Staged, but waiting for its update policies: it takes no more rows and is not due again.
inline bool is_closed(const store::Part& part) {
    return part.state == store::PartState::Staged && !part.seal_reason.empty();
}

/// Begins the seal reason of an extent that an update policy made; the name of the source table follows.
inline constexpr std::string_view kDerivedReason = "UpdatePolicy:";

/// What an ingestion answers whose table passes its rows on and has nobody to pass them to (engine 3.8).
Error zero_retention_without_policy(std::string_view table);

/// The connection of rows that clients queued over HTTP: their staged parts count blobs as its events, and the items of
/// `sluice.queue_items` are settled with the part. Its rows never become dead letters, because the blob still has them.
inline constexpr std::string_view kQueueConnection = "$queue";

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
    /// Facts of the sender that commit with the rest; called after the rows were put in, on the writer's thread, again
    /// when the commit is tried again. Its error refuses the delivery.
    std::function<Result<>(store::Transaction&, const Delivery&)> also = {};
    /// Called before `done` when it was stored, for each batch with report.fell_back.
    std::function<void(const TableBatch&)> fell_back = {};
    Bytes memory = 0; ///< held until done
    /// Handed over because it was full and not because its time was up: the next one follows at once.
    bool more_follows = false;
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
