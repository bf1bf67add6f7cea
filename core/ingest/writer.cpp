#include "core/ingest/writer.hpp"

#include "core/base/log.hpp"
#include "core/ingest/writer_impl.hpp"

#include <future>

// The public face: everything that writes goes to the writer's thread.
namespace sluice::ingest {

using catalog::Database;
using catalog::Snapshot;
using store::Part;
using store::PartState;

DatabaseWriter::DatabaseWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<DatabaseWriter>> DatabaseWriter::start(store::Store& store, catalog::Catalog& catalog,
                                                              const Clock& clock, std::string database,
                                                              WriterOptions options) {
    auto impl = std::make_unique<Impl>(store, catalog, clock, std::move(database), options);
    SLUICE_CHECK(impl->load());
    Impl* running = impl.get();
    impl->sealer = std::make_unique<BatchSealer>(*running);
    impl->sealer->add(impl->state.closed_batches());
    impl->thread = std::jthread([running] { running->run(); });
    return std::unique_ptr<DatabaseWriter>(new DatabaseWriter(std::move(impl)));
}

DatabaseWriter::~DatabaseWriter() {
    impl_->sealer->stop(); // it works through the writer's thread, which may be giving it a batch just now
    impl_->queue.stop();
    impl_->thread.join();
    if (impl_->store.wal_bytes() > 0)
        if (const auto done = impl_->store.checkpoint(); !done)
            log::warn("checkpoint at the end failed", {{"database", impl_->database}, {"error", done.error().message}});
}

const std::string& DatabaseWriter::database() const {
    return impl_->database;
}
store::Store& DatabaseWriter::store() {
    return impl_->store;
}

void DatabaseWriter::submit(Delivery delivery) {
    impl_->queue.push(Job(std::move(delivery)));
}

store::PartId DatabaseWriter::reserve_part() {
    return impl_->state.parts().reserve();
}

void DatabaseWriter::submit_piece(Piece piece) {
    impl_->queue.push(std::move(piece));
}

Result<> DatabaseWriter::discard_piece(store::PartId part) {
    return impl_->on_writer<Result<>>([this, part] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            if (impl_->state.parts().find(part))
                impl_->state.parts().remove(part);
            return {};
        });
    });
}

Result<StreamOutcome> DatabaseWriter::commit_rows(TableBatch batch) {
    return impl_->commit_request(std::move(batch), false);
}

Result<StreamOutcome> DatabaseWriter::replace_rows(TableBatch batch) {
    return impl_->commit_request(std::move(batch), true);
}

Result<Snapshot> DatabaseWriter::change_catalogue(std::function<Result<Database>(const Database&)> change) {
    return impl_->on_writer<Result<Snapshot>>([this, &change] { return impl_->change(change); });
}

Result<> DatabaseWriter::clear_table(catalog::TableId table) {
    return impl_->on_writer<Result<>>([this, table] {
        return impl_->in_transaction([table](store::Transaction&, CommitGroup& group) -> Result<> {
            group.clear(table);
            return {};
        });
    });
}

Result<std::vector<Part>> DatabaseWriter::drop_extents(const std::function<bool(const Part&)>& select) {
    return impl_->on_writer<Result<std::vector<Part>>>([this, &select]() -> Result<std::vector<Part>> {
        std::vector<Part> dropped;
        SLUICE_CHECK(impl_->in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            impl_->state.parts().each([&](const Part& part) {
                if (part.state == PartState::Extent && select(part))
                    dropped.push_back(part);
            });
            for (const Part& part : dropped)
                impl_->state.parts().remove(part.id);
            return {};
        }));
        return dropped;
    });
}

Result<> DatabaseWriter::seal_now(std::optional<catalog::TableId> table, std::string reason) {
    SLUICE_CHECK(impl_->on_writer<Result<>>([this, table, reason] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            std::vector<Part> open;
            impl_->state.parts().each_open([&](const Part& part) {
                if ((!table || part.table == *table) && !is_closed(part))
                    open.push_back(part);
            });
            for (const Part& part : open) {
                if (part.state == PartState::Staged)
                    group.seal_batch(part.table, part.batch_key, reason);
                else
                    group.seal_part(part.id, reason);
            }
            return {};
        });
    }));
    impl_->sealer->drain();
    return {};
}

Result<> DatabaseWriter::edit_parts(const PartEdit& edit) {
    return impl_->on_writer<Result<>>([this, &edit] {
        return impl_->in_transaction(
            [&](store::Transaction& transaction, CommitGroup&) { return edit(transaction, impl_->state.parts()); });
    });
}

Result<std::vector<Part>> DatabaseWriter::edit_parts(const Arrival& arrival, const PartEdit& edit) {
    return impl_->edit_with_policies(arrival, edit);
}

std::shared_ptr<void> DatabaseWriter::hold_checkpoints() {
    ++impl_->checkpoint_holds;
    return {nullptr, [impl = impl_.get()](void*) { --impl->checkpoint_holds; }};
}

Result<> DatabaseWriter::seal_row_store(catalog::TableId table, std::string reason) {
    return impl_->on_writer<Result<>>([this, table, reason] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            if (const Part* part = impl_->state.parts().open_rowstore(table))
                group.seal_part(part->id, reason);
            return {};
        });
    });
}

Result<> DatabaseWriter::transact(std::function<Result<>(store::Transaction&)> work) {
    return impl_->on_writer<Result<>>([this, &work] {
        return impl_->in_transaction([&](store::Transaction& transaction, CommitGroup&) { return work(transaction); });
    });
}

Result<> DatabaseWriter::save_setting(const std::string& key, const std::string& value) {
    return impl_->on_writer<Result<>>([this, &key, &value] {
        return impl_->in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            impl_->state.change_setting(key, value);
            return {};
        });
    });
}

DatabaseWriter::OpenedLane DatabaseWriter::open_lane(const std::string& connection, const std::string& lane) {
    return impl_->state.lanes().open(connection, lane);
}

std::optional<store::LanePosition> DatabaseWriter::lane_position(const std::string& connection,
                                                                 const std::string& lane) const {
    return impl_->state.lanes().position(connection, lane);
}

std::vector<store::LanePosition> DatabaseWriter::lane_positions(const std::string& connection) const {
    return impl_->state.lanes().positions(connection);
}

store::ConnectionTotals DatabaseWriter::totals(const std::string& connection) const {
    return impl_->state.committed_totals(connection);
}

std::optional<std::string> DatabaseWriter::setting(const std::string& key) const {
    return impl_->state.committed_setting(key);
}

std::vector<Part> DatabaseWriter::parts(std::optional<catalog::TableId> table) const {
    return impl_->state.committed_parts(table);
}
Bytes DatabaseWriter::staged_bytes() const {
    return impl_->state.staged_bytes();
}
Bytes DatabaseWriter::rowstore_bytes() const {
    return impl_->state.rowstore_bytes();
}

} // namespace sluice::ingest
