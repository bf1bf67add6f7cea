#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/ingest/writer_impl.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace sluice::ingest {

using catalog::Database;
using catalog::Snapshot;
using std::chrono::milliseconds;
using store::Part;
using store::PartState;

namespace {

constexpr auto kFirstSealRetry = std::chrono::seconds(10); // engine 4.4
constexpr auto kLongestSealRetry = std::chrono::minutes(30);
constexpr auto kIdleCheckpoint = std::chrono::seconds(60);
constexpr auto kCheckpointRetry = std::chrono::seconds(5);

Ticks to_ticks(milliseconds span) {
    return span.count() * kTicksPerMillisecond;
}

} // namespace

Clock::Steady::time_point DatabaseWriter::Impl::next_due() {
    Ticks soonest = std::numeric_limits<Ticks>::max();
    state.parts().each_open([&](const Part& part) {
        const auto table = tables.find(part.table);
        if (table == tables.end() || is_closed(part))
            return;
        const Ticks span = part.state == PartState::RowStore
                               ? to_ticks(options.rowstore_seal_after)
                               : snapshot->effective_batching(*table->second).maximum_batching_time_span;
        soonest = std::min(soonest, part.opened + span);
    });
    if (soonest == std::numeric_limits<Ticks>::max())
        return clock.steady() + std::chrono::hours(1);
    const Ticks wait = std::max<Ticks>(0, soonest - clock.now());
    return std::max(seal_not_before, clock.steady() + std::chrono::microseconds(wait / kTicksPerMicrosecond + 1));
}

void DatabaseWriter::Impl::seal_due() {
    struct Due {
        catalog::TableId table;
        std::string batch_key;
        store::PartId rowstore = 0;
    };
    if (clock.steady() < seal_not_before)
        return;
    std::vector<Due> due;
    const Ticks now = clock.now();
    state.parts().each_open([&](const Part& part) {
        const auto table = tables.find(part.table);
        if (table == tables.end() || is_closed(part))
            return;
        if (part.state == PartState::RowStore) {
            if (now - part.opened >= to_ticks(options.rowstore_seal_after))
                due.push_back({part.table, {}, part.id});
        } else if (now - part.opened >= snapshot->effective_batching(*table->second).maximum_batching_time_span) {
            due.push_back({part.table, part.batch_key, 0});
        }
    });
    if (due.empty())
        return;
    const auto sealed = in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
        for (const Due& entry : due) {
            if (entry.rowstore)
                group.seal_part(entry.rowstore, "Time");
            else
                group.seal_batch(entry.table, entry.batch_key, "Time");
        }
        return {};
    });
    if (sealed)
        failpoint("S16");
    // Without a pause the batch would be due again at once, and a full disk would keep a core busy.
    seal_delay =
        sealed ? milliseconds(0)
               : std::min<milliseconds>(std::max<milliseconds>(seal_delay * 2, kFirstSealRetry), kLongestSealRetry);
    seal_not_before = clock.steady() + seal_delay;
    if (!sealed)
        log::error("sealing failed, will be tried again", {{"database", database}, {"error", sealed.error().message}});
}

void DatabaseWriter::Impl::checkpoint_if_due() {
    if (checkpoint_holds > 0)
        return;
    const Bytes wal = store.wal_bytes();
    const bool idle = wal > 0 && clock.steady() - last_commit >= kIdleCheckpoint;
    if ((wal < options.checkpoint_bytes && !idle) || clock.steady() < next_checkpoint)
        return;
    failpoint("S13.begin");
    if (const auto done = store.checkpoint(); !done) {
        die_if_untrusted(done.error());
        // A long query may hold on to an older state of the file; trying at every round would only cost commits their
        // time.
        next_checkpoint = clock.steady() + kCheckpointRetry;
        log::debug("checkpoint put off", {{"database", database}, {"reason", done.error().message}});
    }
    failpoint("S13.end");
    last_commit = clock.steady();
}

Result<Snapshot> DatabaseWriter::Impl::change(const std::function<Result<Database>(const Database&)>& change) {
    SLUICE_TRY(Database next, change(*snapshot));
    next.version = snapshot->version + 1;
    auto published = std::make_shared<const Database>(std::move(next));
    SLUICE_CHECK(in_transaction([&](store::Transaction& transaction, CommitGroup& group) -> Result<> {
        std::map<catalog::TableId, std::shared_ptr<const catalog::Table>> left;
        for (const auto& [name, table] : published->tables)
            left.emplace(table->id, table);
        std::set<catalog::TableId> kept; // dropped, and what queries saw of them can come back
        for (const catalog::DroppedTable& table : published->dropped)
            kept.insert(table.table->id);
        std::vector<store::PartId> dropped;
        std::vector<store::PartId> unseen; // of a table whose rows are kept: these must not be among them
        std::vector<store::PartId> disabled;
        state.parts().each([&](const Part& part) {
            const auto table = left.find(part.table);
            const bool kept_back = table == left.end() && kept.contains(part.table);
            if (kept_back && part.state == PartState::Extent) {
                return;
            } else if (kept_back && part.state == PartState::RowStore) {
                disabled.push_back(part.id);
            } else if (table == left.end()) {
                dropped.push_back(part.id);
                if (kept_back)
                    unseen.push_back(part.id);
            } else if (part.state == PartState::RowStore) {
                if (!published->is_streaming_fed(*table->second))
                    disabled.push_back(part.id); // rearrangement (engine 1.9): the rows stay queryable, as an extent
            }
        });
        for (store::PartId id : unseen)
            if (auto gone = transaction.drop_part(*state.parts().find(id)); !gone)
                return gone;
        for (store::PartId id : dropped) {
            group.fail_queued(*state.parts().find(id),
                              Error{ErrorCode::NotFound, "The table was dropped before the batch was sealed.",
                                    "BadRequest_TableNotExist"});
            for (const auto& [connection, events] : state.parts().find(id)->events) {
                store::ConnectionTotals& totals = state.change_totals(connection);
                totals.staged -= events;
                totals.skipped["table_dropped"] += events;
            }
            state.parts().remove(id);
        }
        for (store::PartId id : disabled)
            group.seal_part(id, "RowStoreSeal");
        return transaction.save_catalogue(*snapshot, *published);
    }));
    publish(published);
    return published;
}

} // namespace sluice::ingest
