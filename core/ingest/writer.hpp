#pragma once

#include "core/base/clock.hpp"
#include "core/ingest/admission.hpp"
#include "core/ingest/batch.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace sluice::ingest {

class PartBook;

struct WriterOptions {
    Bytes rowstore_max_bytes = 4_GiB;
    std::uint64_t rowstore_seal_rows = 1'048'576;
    Bytes rowstore_seal_bytes = 64_MiB;
    std::chrono::milliseconds rowstore_seal_after = std::chrono::minutes(5);
    Bytes max_staging_bytes = 4_GiB;
    Bytes max_queued_memory = 128_MiB; ///< deliveries waiting for the writer; beyond it submit() waits
    Bytes checkpoint_bytes = 256_MiB;
    Bytes max_streaming_request = 4_MiB; ///< charged size, output of update policies included (engine 1.4.1)
    unsigned policy_max_depth = 32;      ///< longest chain of update policies
    bool strict_policy_cycles = false;   ///< cyclic chains fail instead of being cut
    std::chrono::milliseconds retry_for = std::chrono::hours(48); ///< transient failures of sealing (engine 4.4)
};

/// What a committed request answers.
struct StreamOutcome {
    std::uint64_t rows = 0;
    Ticks committed_at = 0;
    BatchReport report = {};
    std::vector<store::Part> extents = {}; ///< direct: those of report.extents
};

/// The one writer of a database: takes what is ready of all connections and requests, commits it together, tells
/// everybody. Seals batches and the row store when they are due. Thread-safe; owns the thread `write/<database>`.
class DatabaseWriter {
public:
    struct Impl;
    /// `store` and `catalog` must outlive the writer. Loads the catalogue from the store and publishes it.
    static Result<std::unique_ptr<DatabaseWriter>> start(store::Store& store, catalog::Catalog& catalog,
                                                         const Clock& clock, std::string database,
                                                         WriterOptions options);
    /// Commits what was submitted, then ends the thread.
    ~DatabaseWriter();

    const std::string& database() const;
    store::Store& store();

    /// Hands over a delivery; returns at once unless the queue is full, then waits (back-pressure). `done` reports the
    /// commit.
    void submit(Delivery delivery);
    /// An id for rows that are written ahead (engine 8.6).
    store::PartId reserve_part();
    /// Writes rows of a reserved part in a transaction of their own; nobody sees them until a delivery adopts the part.
    void submit_piece(Piece piece);
    /// Removes what was written of a part that will not be adopted.
    Result<> discard_piece(store::PartId part);
    /// Commits rows for one table and returns when they are durable: streaming requests and direct ingestion.
    /// Throttled: row store full (streaming). Reasons UpdatePolicy_...: a transactional update policy failed;
    /// Stream_InputStreamTooLarge: the policies made too much of a streaming request. Update policies of direct
    /// ingestion run in the calling thread.
    Result<StreamOutcome> commit_rows(TableBatch batch);
    /// Direct ingestion replacing the table's data (`.set-or-replace`).
    Result<StreamOutcome> replace_rows(TableBatch batch);

    /// Runs `change` on the writer's thread between commits, stores what it returns and publishes it; returns the new
    /// snapshot. Rows on their way that were prepared for the old version are fitted to the new one by column id
    /// (adapt.hpp).
    Result<catalog::Snapshot>
    change_catalogue(std::function<Result<catalog::Database>(const catalog::Database&)> change);
    /// Deletes rows of a table (`.clear table T data`).
    Result<> clear_table(catalog::TableId table);
    /// Drops extents; answers those that existed.
    Result<std::vector<store::Part>> drop_extents(const std::function<bool(const store::Part&)>& select);
    /// Seals every open batch and the row store of the table now (nothing: of all tables). For tests and shutdown paths
    /// that want extents.
    Result<> seal_now(std::optional<catalog::TableId> table, std::string reason);
    /// Changes parts in one transaction of the writer; what is passed comes from extents.hpp. After an error nothing
    /// was changed.
    using PartEdit = std::function<Result<>(store::Transaction&, PartBook&)>;
    Result<> edit_parts(const PartEdit& edit);
    /// The same when the change makes rows arrive in a table: its update policies run on them first, in the calling
    /// thread, and what they make becomes visible with the change; tags and creation times are not passed on
    /// (engine 3.3). Answers the extents that the policies made. Reasons UpdatePolicy_...: a transactional one failed.
    Result<std::vector<store::Part>> edit_parts(const Arrival& arrival, const PartEdit& edit);
    /// While somebody holds the answer, the writer makes no checkpoint, so that numbers of rows stay what they are.
    std::shared_ptr<void> hold_checkpoints();
    /// Turns the table's row store into an extent, if it has one.
    Result<> seal_row_store(catalog::TableId table, std::string reason);
    /// Runs `work` in a transaction of the writer; for the small durable facts of connections.
    Result<> transact(std::function<Result<>(store::Transaction&)> work);

    /// Keeps a small durable fact, read back with setting().
    Result<> save_setting(const std::string& key, const std::string& value);

    /// Opens a lane: its epoch grows, deliveries with an older one are refused from now on. Answers where to resume.
    struct OpenedLane {
        std::uint64_t epoch = 0;
        std::optional<store::LanePosition> position;
    };
    OpenedLane open_lane(const std::string& connection, const std::string& lane);
    /// Position of a lane as last committed.
    std::optional<store::LanePosition> lane_position(const std::string& connection, const std::string& lane) const;
    std::vector<store::LanePosition> lane_positions(const std::string& connection) const;
    store::ConnectionTotals totals(const std::string& connection) const;
    std::optional<std::string> setting(const std::string& key) const;

    /// Parts as last committed, for `.show extents` and the like.
    std::vector<store::Part> parts(std::optional<catalog::TableId> table = {}) const;
    Bytes staged_bytes() const;
    Bytes rowstore_bytes() const;

private:
    explicit DatabaseWriter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::ingest
