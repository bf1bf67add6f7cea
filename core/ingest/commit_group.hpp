#pragma once

#include "core/ingest/streamed_policies.hpp"
#include "core/ingest/writer.hpp"
#include "core/ingest/writer_state.hpp"

#include <set>
#include <unordered_map>

namespace sluice::ingest {

/// Puts deliveries and rows into one transaction and into the writer's state; the caller commits both. Belongs to the
/// writer's thread.
class CommitGroup {
public:
    struct Context {
        const catalog::Database& catalogue;
        const std::unordered_map<catalog::TableId, std::shared_ptr<const catalog::Table>>& tables;
        const WriterOptions& options;
        StreamedPolicies& policies;
        /// Batches that this group closed: what is left to do for them is beyond this transaction.
        std::vector<ClosedBatch>& closed;
        Ticks now;
    };
    CommitGroup(Context context, store::Transaction& transaction, WriterState& state)
        : context_(context), transaction_(transaction), state_(state) {}

    /// Refused (reason kLaneFenced) when a newer epoch owns one of its lanes: nothing of it was put in, its pieces are
    /// removed, and its other lanes are fenced too, because what follows on them would jump over what was refused.
    Result<> add(Delivery& delivery);
    /// Nothing: taken in. Otherwise nothing of it was put in: a transactional update policy failed, the policies'
    /// output made a streaming request too large, or its table keeps no rows and has no policy to pass them to.
    Result<std::optional<Error>> add_rows(TableBatch& batch, const std::string& connection);
    Result<> add_piece(Piece& piece);
    /// Whether an extent of the table has one of the tags.
    bool has_tag(catalog::TableId table, const std::vector<std::string>& tags) const;
    /// Deletes what queries see of the table.
    void clear(catalog::TableId table);

    /// Turns all parts of a staged batch, or a row-store part, into extents.
    /// A batch of a table with update policies is only closed: they run first, and not in this transaction
    /// (engine 8.6).
    void seal_batch(catalog::TableId table, const std::string& batch_key, const std::string& reason);
    /// Ends a closed batch: its rows and what the policies made of them become extents.
    void seal_closed(const ClosedBatch& batch, const std::vector<DerivedPart>& derived);
    /// Makes extents of what update policies wrote ahead for rows that arrived in their table by a command, and answers
    /// them. A table that keeps no rows passes the arrived ones on.
    std::vector<store::Part> arrive(const Arrival& arrival, const std::vector<DerivedPart>& derived);
    /// Ends a closed batch that was given up; the letters hold its rows.
    Result<> bury_closed(const ClosedBatch& batch, const std::vector<store::DeadLetter>& letters, const Error& why);
    Result<> add_failures(const std::vector<PolicyFailure>& failures, const std::string& principal);
    void seal_part(store::PartId part, const std::string& reason);
    /// The part goes without having become an extent: the blobs that clients queued into it have failed.
    void fail_queued(const store::Part& part, const Error& why);
    /// Writes down what became of queued blobs; last of all before the commit.
    Result<> settle_queued();
    /// Seals the batches that this group filled up (size, count, flush) and row stores that are full.
    void seal_filled();

private:
    /// Ingestion time of rows that are put in now; 0: none.
    Ticks time_for(const catalog::Table& table) const { return table.keeps_ingestion_time() ? context_.now : 0; }
    void refuse(const Delivery& delivery);
    store::PartId part_for(const catalog::Table& table, const TableBatch& batch);
    void adopt(const catalog::Table& table, TableBatch& batch, const std::string& connection);
    Result<std::optional<Error>> stream_rows(const catalog::Table& table, TableBatch& batch);
    Result<> append(const catalog::Table& table, TableBatch& batch, const std::string& connection);
    store::PartId adopt_derived(const DerivedPart& derived);

    Context context_;
    store::Transaction& transaction_;
    WriterState& state_;
    std::set<std::pair<catalog::TableId, std::string>> touched_batches_;
    std::map<std::pair<catalog::TableId, std::string>, std::string> flushes_; ///< batch -> reason
    std::set<store::PartId> touched_rowstores_;
    struct Settled {
        store::PartId part;
        std::string state, outcome;
    };
    std::vector<Settled> settled_;
};

} // namespace sluice::ingest
