#include "core/ingest/commit_group.hpp"

#include "core/ingest/adapt.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::ingest {

using store::Part;
using store::PartId;
using store::PartState;

Result<> CommitGroup::add(Delivery& delivery) {
    for (const LaneAdvance& lane : delivery.lanes)
        if (!state_.lanes().is_current(delivery.connection, lane.lane, lane.epoch)) {
            refuse(delivery);
            return Error{ErrorCode::Unavailable,
                         fmt::format("lane '{}' of connection '{}' has a newer owner than epoch {}", lane.lane,
                                     delivery.connection, lane.epoch),
                         std::string(kLaneFenced)};
        }
    for (TableBatch& batch : delivery.tables)
        SLUICE_CHECK(add_rows(batch, delivery.connection));
    for (const store::DeadLetter& letter : delivery.dead_letters)
        SLUICE_CHECK(transaction_.add_dead_letter(letter));
    for (const store::Gap& gap : delivery.gaps)
        SLUICE_CHECK(transaction_.add_gap(gap));
    for (const store::FileRecord& file : delivery.files)
        SLUICE_CHECK(transaction_.save_file(file));
    for (const store::IngestionFailure& failure : delivery.failures)
        SLUICE_CHECK(transaction_.add_failure(failure));
    for (const LaneAdvance& lane : delivery.lanes)
        state_.change_lane({.connection = delivery.connection,
                            .lane = lane.lane,
                            .epoch = lane.epoch,
                            .sequence = lane.sequence,
                            .position = lane.position,
                            .committed_at = context_.now});
    store::ConnectionTotals& totals = state_.change_totals(delivery.connection);
    totals.received += delivery.received;
    totals.received_bytes += delivery.received_bytes;
    totals.dead_lettered += delivery.dead_letters.size() - delivery.parked_records;
    for (const auto& [reason, count] : delivery.skipped)
        totals.skipped[reason] += count;
    for (const store::Gap& gap : delivery.gaps)
        totals.gap += gap.last - gap.first + 1;
    return {};
}

void CommitGroup::refuse(const Delivery& delivery) {
    for (const LaneAdvance& lane : delivery.lanes) // those that are still its own; the others have a new owner already
        if (state_.lanes().is_current(delivery.connection, lane.lane, lane.epoch))
            state_.lanes().fence(delivery.connection, lane.lane);
    for (const TableBatch& batch : delivery.tables)
        for (const Part& piece : batch.pieces)
            if (state_.parts().find(piece.id))
                state_.parts().remove(piece.id);
}

Result<> CommitGroup::add_rows(TableBatch& batch, const std::string& connection) {
    const auto found = context_.tables.find(batch.table->id);
    if (found == context_.tables.end()) {
        // Whoever dropped the table would have dropped these rows a moment later.
        if (!connection.empty())
            state_.change_totals(connection).skipped["table_dropped"] += batch.events;
        return {};
    }
    const catalog::Table& table = *found->second;
    if (batch.table->version != table.version)
        batch.rows = adapt_rows(std::move(batch.rows), *batch.table, table);
    batch.table = found->second;

    adopt(table, batch, connection);
    if (!batch.rows.empty() || batch.pieces.empty()) {
        const PartId id = part_for(table, batch);
        SLUICE_CHECK(transaction_.append(table, id, time_for(table), batch.rows));
        Part& part = state_.parts().change(id);
        part.rows += batch.rows.size();
        part.original_size += batch.raw_size;
        if (batch.path == Path::Queued) {
            part.items += batch.items;
            if (!connection.empty())
                part.events[connection] += batch.events;
        }
    }
    if (batch.path == Path::Queued) {
        touched_batches_.insert({table.id, batch.batch_key});
        if (batch.flush)
            flushes_[{table.id, batch.batch_key}] = batch.flush_reason;
    }
    if (!connection.empty()) {
        store::ConnectionTotals& totals = state_.change_totals(connection);
        (batch.path == Path::Queued ? totals.staged : totals.stored) += batch.events;
    }
    return {};
}

PartId CommitGroup::part_for(const catalog::Table& table, const TableBatch& batch) {
    PartBook& parts = state_.parts();
    const Part* open = nullptr;
    if (batch.path == Path::Streaming)
        open = parts.open_rowstore(table.id);
    else if (batch.path == Path::Queued)
        open = parts.open_staged(table.id, batch.batch_key);
    if (open) {
        if (batch.path == Path::Streaming)
            touched_rowstores_.insert(open->id);
        return open->id;
    }
    Part part;
    part.id = parts.reserve();
    part.table = table.id;
    part.extent = data::random_guid();
    part.opened = context_.now;
    part.tags = batch.tags;
    part.created = batch.creation_time.value_or(0);
    switch (batch.path) {
    case Path::Streaming:
        part.state = PartState::RowStore;
        touched_rowstores_.insert(part.id);
        break;
    case Path::Queued:
        part.state = PartState::Staged;
        part.batch_key = batch.batch_key;
        break;
    case Path::Direct:
        part.state = PartState::Extent;
        part.sealed = context_.now;
        part.created = batch.creation_time.value_or(context_.now);
        part.opened = part.created;
        break;
    }
    return parts.add(std::move(part)).id;
}

void CommitGroup::adopt(const catalog::Table& table, const TableBatch& batch, const std::string& connection) {
    for (const Part& piece : batch.pieces) {
        Part part = piece;
        part.table = table.id;
        part.extent = data::random_guid();
        part.opened = context_.now;
        part.tags = batch.tags;
        part.created = batch.creation_time.value_or(0);
        if (batch.path == Path::Queued) {
            part.state = PartState::Staged;
            part.batch_key = batch.batch_key;
            part.items = batch.rows.empty() ? batch.items : 0;
            if (batch.rows.empty() && !connection.empty())
                part.events[connection] = batch.events;
        } else {
            part.state = PartState::Extent;
            part.sealed = context_.now;
            part.created = batch.creation_time.value_or(context_.now);
            part.opened = part.created;
        }
        state_.parts().add(std::move(part));
    }
}

Result<> CommitGroup::add_piece(Piece& piece) {
    const auto found = context_.tables.find(piece.table->id);
    if (found == context_.tables.end())
        return Error{ErrorCode::NotFound,
                     fmt::format("Entity ID '{}' of kind 'Table' was not found.", piece.table->name),
                     "BadRequest_TableNotExist"};
    const catalog::Table& table = *found->second;
    if (piece.table->version != table.version)
        piece.rows = adapt_rows(std::move(piece.rows), *piece.table, table);
    piece.table = found->second;
    if (!state_.parts().find(piece.part)) {
        Part part;
        part.id = piece.part;
        part.table = table.id;
        part.state = PartState::Piece;
        part.opened = context_.now;
        state_.parts().add(std::move(part));
    }
    return transaction_.append(table, piece.part, time_for(table), piece.rows);
}

bool CommitGroup::has_tag(catalog::TableId table, const std::vector<std::string>& tags) const {
    bool found = false;
    if (!tags.empty())
        state_.parts().each([&](const Part& part) {
            found = found || (part.table == table && part.state == PartState::Extent &&
                              std::find_first_of(part.tags.begin(), part.tags.end(), tags.begin(), tags.end()) !=
                                  part.tags.end());
        });
    return found;
}

void CommitGroup::clear(catalog::TableId table) {
    std::vector<PartId> gone;
    state_.parts().each([&](const Part& part) {
        if (part.table == table && (part.state == PartState::Extent || part.state == PartState::RowStore))
            gone.push_back(part.id);
    });
    for (PartId id : gone)
        state_.parts().remove(id);
}

void CommitGroup::seal_batch(catalog::TableId table, const std::string& batch_key, const std::string& reason) {
    for (PartId id : state_.parts().batch(table, batch_key))
        seal_part(id, reason);
}

void CommitGroup::seal_part(PartId id, const std::string& reason) {
    Part& part = state_.parts().change(id);
    for (const auto& [connection, events] : part.events) {
        store::ConnectionTotals& totals = state_.change_totals(connection);
        totals.staged -= events;
        totals.stored += events;
    }
    // The reason tells later which of the two an extent came from: `.show data operations` counts them apart.
    const bool row_store = part.state == PartState::RowStore;
    part.seal_reason = row_store && !reason.starts_with("RowStore") ? "RowStore" + reason : reason;
    part.state = PartState::Extent;
    part.sealed = context_.now;
    if (part.created == 0)
        part.created = context_.now;
    if (!row_store)
        part.opened = part.created; // streamed rows came in over a time, a batch at once (engine 5.2)
    part.batch_key.clear();
    part.events.clear();
}

void CommitGroup::seal_filled() {
    for (const auto& batch : touched_batches_) {
        const auto table = context_.tables.find(batch.first);
        if (table == context_.tables.end())
            continue;
        const catalog::BatchingPolicy policy = context_.catalogue.effective_batching(*table->second);
        std::uint64_t items = 0;
        Bytes size = 0;
        for (PartId id : state_.parts().batch(batch.first, batch.second)) {
            items += state_.parts().find(id)->items;
            size += state_.parts().find(id)->original_size;
        }
        if (auto flush = flushes_.find(batch); flush != flushes_.end())
            seal_batch(batch.first, batch.second, flush->second);
        else if (size >= static_cast<Bytes>(policy.maximum_raw_data_size_mb) * 1_MiB)
            seal_batch(batch.first, batch.second, "Size");
        else if (items >= static_cast<std::uint64_t>(policy.maximum_number_of_items))
            seal_batch(batch.first, batch.second, "Count");
    }
    for (PartId id : touched_rowstores_) {
        const Part* part = state_.parts().find(id);
        if (part && part->state == PartState::RowStore &&
            (part->rows >= context_.options.rowstore_seal_rows ||
             part->original_size >= context_.options.rowstore_seal_bytes))
            seal_part(id, "RowStoreFull");
    }
}

} // namespace sluice::ingest
