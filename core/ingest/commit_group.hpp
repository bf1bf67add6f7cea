#pragma once

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
        Ticks now;
    };
    CommitGroup(Context context, store::Transaction& transaction, WriterState& state)
        : context_(context), transaction_(transaction), state_(state) {}

    /// Refused (reason kLaneFenced) when a newer epoch owns one of its lanes: nothing of it was put in, its pieces are
    /// removed, and its other lanes are fenced too, because what follows on them would jump over what was refused.
    Result<> add(Delivery& delivery);
    Result<> add_rows(TableBatch& batch, const std::string& connection);
    Result<> add_piece(Piece& piece);
    /// Whether an extent of the table has one of the tags.
    bool has_tag(catalog::TableId table, const std::vector<std::string>& tags) const;
    /// Deletes what queries see of the table.
    void clear(catalog::TableId table);

    /// Turns all parts of a staged batch, or a row-store part, into extents.
    void seal_batch(catalog::TableId table, const std::string& batch_key, const std::string& reason);
    void seal_part(store::PartId part, const std::string& reason);
    /// Seals the batches that this group filled up (size, count, flush) and row stores that are full.
    void seal_filled();

private:
    /// Ingestion time of rows that are put in now; 0: none.
    Ticks time_for(const catalog::Table& table) const { return table.keeps_ingestion_time() ? context_.now : 0; }
    void refuse(const Delivery& delivery);
    store::PartId part_for(const catalog::Table& table, const TableBatch& batch);
    void adopt(const catalog::Table& table, const TableBatch& batch, const std::string& connection);

    Context context_;
    store::Transaction& transaction_;
    WriterState& state_;
    std::set<std::pair<catalog::TableId, std::string>> touched_batches_;
    std::map<std::pair<catalog::TableId, std::string>, std::string> flushes_; ///< batch -> reason
    std::set<store::PartId> touched_rowstores_;
};

} // namespace sluice::ingest
