#include "core/ingest/commit_group.hpp"

#include "core/base/failpoint.hpp"
#include "core/data/json_text.hpp"
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
    for (TableBatch& batch : delivery.tables) {
        if (delivery.connection != kQueueConnection) // there the client is the principal
            batch.principal = "connection=" + delivery.connection;
        SLUICE_TRY(auto refused, add_rows(batch, delivery.connection));
        if (refused) {
            // Its rows are staged in this very transaction, so neither the lane nor a neighbour waits (engine 2.4).
            batch.path = Path::Queued;
            batch.report.fell_back = std::move(refused);
            SLUICE_TRY([[maybe_unused]] auto staged, add_rows(batch, delivery.connection));
        }
    }
    for (const store::DeadLetter& letter : delivery.dead_letters)
        SLUICE_CHECK(transaction_.add_dead_letter(letter));
    for (const store::Gap& gap : delivery.gaps)
        SLUICE_CHECK(transaction_.add_gap(gap));
    for (const store::FileRecord& file : delivery.files)
        SLUICE_CHECK(transaction_.save_file(file));
    for (const store::IngestionFailure& failure : delivery.failures)
        SLUICE_CHECK(transaction_.add_failure(failure));
    if (delivery.also)
        SLUICE_CHECK(delivery.also(transaction_, delivery));
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

Result<std::optional<Error>> CommitGroup::add_rows(TableBatch& batch, const std::string& connection) {
    const auto found = context_.tables.find(batch.table->id);
    if (found == context_.tables.end()) {
        // Whoever dropped the table would have dropped these rows a moment later.
        if (!connection.empty())
            state_.change_totals(connection).skipped["table_dropped"] += batch.events;
        return std::optional<Error>();
    }
    const catalog::Table& table = *found->second;
    if (batch.table->version != table.version)
        batch.rows = adapt_rows(std::move(batch.rows), *batch.table, table);
    batch.table = found->second;
    batch.report.extents.clear(); // of an attempt that did not commit

    if (batch.path == Path::Streaming && context_.policies.graph().concerns(table.id)) {
        SLUICE_TRY(auto refused, stream_rows(table, batch));
        if (refused)
            return refused;
    } else {
        SLUICE_CHECK(append(table, batch, connection));
    }
    if (!connection.empty()) {
        store::ConnectionTotals& totals = state_.change_totals(connection);
        (batch.path == Path::Queued ? totals.staged : totals.stored) += batch.events;
    }
    return std::optional<Error>();
}

/// Streamed rows of a table with update policies, and what these make of them.
Result<std::optional<Error>> CommitGroup::stream_rows(const catalog::Table& table, TableBatch& batch) {
    const bool passes = context_.policies.graph().keeps_no_rows(table.id);
    Derived derived = context_.policies.run(batch.table, batch.rows, context_.now, batch.raw_size);
    if (passes && !derived.found_policies && !derived.failed)
        derived.failed = zero_retention_without_policy(table.name);
    if (!derived.failures.empty()) {
        batch.report.policy_code = derived.failures.front().code;
        batch.report.policy_reason = derived.failures.front().details;
        batch.report.policy_table = derived.failures.front().table;
        std::erase_if(derived.failures,
                      [&](const PolicyFailure& failure) { return !context_.policies.is_news(failure, context_.now); });
        SLUICE_CHECK(add_failures(derived.failures, batch.principal));
    }
    batch.report.policy_status = derived.status();
    if (derived.failed)
        return std::move(derived.failed);
    const auto put = [&](const catalog::Table& into, const data::Rows& rows, Bytes size) -> Result<> {
        if (context_.policies.graph().keeps_no_rows(into.id) || rows.empty())
            return {};
        const PartId id =
            part_for(into, TableBatch{.table = {}, .path = Path::Streaming, .rows = data::Rows(rows.shared_schema())});
        SLUICE_CHECK(transaction_.append(into, id, time_for(into), rows));
        Part& part = state_.parts().change(id);
        part.rows += rows.size();
        part.original_size += size;
        return {};
    };
    SLUICE_CHECK(put(table, batch.rows, batch.raw_size));
    failpoint("S7");
    for (const DerivedRows& output : derived.outputs)
        SLUICE_CHECK(put(*output.table, output.rows, output.size));
    if (!derived.outputs.empty())
        failpoint("S8");
    return std::optional<Error>();
}

Result<> CommitGroup::append(const catalog::Table& table, TableBatch& batch, const std::string& connection) {
    adopt(table, batch, connection);
    if (!batch.rows.empty() || (batch.pieces.empty() && batch.path != Path::Direct)) {
        const PartId id = part_for(table, batch);
        // The caller keeps the batch until the commit.
        SLUICE_CHECK(transaction_.append_later(table, id, time_for(table), batch.rows));
        Part& part = state_.parts().change(id);
        part.rows += batch.rows.size();
        part.original_size += batch.raw_size;
        if (batch.path == Path::Queued) {
            part.items += batch.items;
            if (!connection.empty())
                part.events[connection] += batch.events;
        }
        if (batch.path != Path::Streaming)
            batch.report.extents.push_back(id);
    }
    if (batch.path == Path::Queued) {
        touched_batches_.insert({table.id, batch.batch_key});
        if (batch.flush)
            flushes_[{table.id, batch.batch_key}] = batch.flush_reason;
    }
    for (const DerivedPart& derived : batch.derived)
        if (const PartId id = adopt_derived(derived))
            batch.report.extents.push_back(id);
    return add_failures(batch.failures, batch.principal);
}

/// Makes an extent of what a policy wrote ahead; 0: there is none.
PartId CommitGroup::adopt_derived(const DerivedPart& derived) {
    if (derived.part == 0 || !state_.parts().find(derived.part))
        return 0; // without rows, or its table was dropped meanwhile
    if (context_.policies.graph().keeps_no_rows(derived.table->id)) {
        state_.parts().remove(derived.part);
        return 0;
    }
    Part& part = state_.parts().change(derived.part);
    part.state = PartState::Extent;
    part.extent = data::random_guid();
    part.rows = derived.rows;
    part.original_size = derived.size;
    part.tags = derived.tags;
    part.sealed = context_.now;
    part.created = derived.creation_time.value_or(context_.now);
    part.opened = part.created;
    part.seal_reason = std::string(kDerivedReason) + derived.source;
    return part.id;
}

Result<> CommitGroup::add_failures(const std::vector<PolicyFailure>& failures, const std::string& principal) {
    const data::Guid operation = data::random_guid();
    for (const PolicyFailure& failure : failures) {
        store::IngestionFailure record;
        record.operation_id = operation;
        record.database = context_.catalogue.name;
        record.table = failure.table;
        record.failed_on = context_.now;
        record.details = failure.details;
        record.failure_kind = failure.permanent ? "Permanent" : "Transient";
        record.operation_kind = "UpdatePolicy";
        record.error_code = failure.code;
        record.principal = principal;
        record.originates_from_update_policy = true;
        record.should_retry = !failure.permanent;
        SLUICE_CHECK(transaction_.add_failure(record));
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

void CommitGroup::adopt(const catalog::Table& table, TableBatch& batch, const std::string& connection) {
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
            batch.report.extents.push_back(part.id);
        } else if (context_.policies.graph().keeps_no_rows(table.id)) {
            state_.parts().remove(piece.id);
            continue;
        } else {
            batch.report.extents.push_back(part.id);
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
    return transaction_.append_later(table, piece.part, time_for(table), piece.rows);
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
    const std::vector<PartId> parts = state_.parts().batch(table, batch_key);
    if (parts.empty())
        return;
    if (!context_.policies.graph().concerns(table)) {
        for (PartId id : parts)
            seal_part(id, reason);
        return;
    }
    // A key of its own keeps later rows out, also after a restart.
    ClosedBatch closed{table, fmt::format("{}\x1f{}", batch_key, parts.front()), reason};
    for (PartId id : parts) {
        Part& part = state_.parts().change(id);
        part.batch_key = closed.key;
        part.seal_reason = reason;
    }
    context_.closed.push_back(std::move(closed));
}

void CommitGroup::seal_closed(const ClosedBatch& batch, const std::vector<DerivedPart>& derived) {
    const bool passes = context_.policies.graph().keeps_no_rows(batch.table);
    for (PartId id : state_.parts().batch(batch.table, batch.key)) {
        seal_part(id, batch.reason);
        if (passes)
            state_.parts().remove(id);
    }
    for (const DerivedPart& part : derived)
        adopt_derived(part);
}

std::vector<Part> CommitGroup::arrive(const Arrival& arrival, const std::vector<DerivedPart>& derived) {
    if (context_.policies.graph().keeps_no_rows(arrival.table->id))
        for (PartId id : arrival.parts)
            state_.parts().remove(id);
    std::vector<Part> extents;
    for (const DerivedPart& part : derived)
        if (const PartId id = adopt_derived(part))
            extents.push_back(*state_.parts().find(id));
    return extents;
}

Result<> CommitGroup::bury_closed(const ClosedBatch& batch, const std::vector<store::DeadLetter>& letters,
                                  const Error& why) {
    for (PartId id : state_.parts().batch(batch.table, batch.key)) {
        fail_queued(*state_.parts().find(id), why);
        for (const auto& [connection, events] : state_.parts().find(id)->events) {
            store::ConnectionTotals& totals = state_.change_totals(connection);
            totals.staged -= events;
            totals.dead_lettered += events;
        }
        state_.parts().remove(id);
    }
    for (const store::DeadLetter& letter : letters)
        SLUICE_CHECK(transaction_.add_dead_letter(letter));
    return {};
}

void CommitGroup::fail_queued(const Part& part, const Error& why) {
    if (!part.events.contains(std::string(kQueueConnection)))
        return;
    std::string outcome = fmt::format(R"({{"Ended":{},"Permanent":{},"ErrorCode":)", context_.now, why.permanent());
    data::append_json_string(outcome, why.reason.empty() ? "General_InternalServerError" : why.reason);
    outcome += R"(,"Details":)";
    data::append_json_string(outcome, why.message);
    settled_.push_back({part.id, "Failed", outcome + "}"});
}

Result<> CommitGroup::settle_queued() {
    for (const Settled& entry : settled_)
        SLUICE_CHECK(transaction_.settle_queue_items(entry.part, entry.state, entry.outcome));
    return {};
}

void CommitGroup::seal_part(PartId id, const std::string& reason) {
    Part& part = state_.parts().change(id);
    if (part.events.contains(std::string(kQueueConnection)))
        settled_.push_back({id, "Succeeded", fmt::format(R"({{"Ended":{}}})", context_.now)});
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
