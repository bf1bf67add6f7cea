#include "core/ingest/stored_policies.hpp"
#include "core/ingest/writer_impl.hpp"

#include <fmt/format.h>

// What happens to a request in the thread of whoever made it, before and after its turn on the writer's thread.
namespace sluice::ingest {

Result<> DatabaseWriter::Impl::write_ahead(store::PartId part, std::shared_ptr<const catalog::Table> table,
                                           data::Rows rows) {
    auto written = std::make_shared<std::promise<Result<>>>();
    auto answer = written->get_future();
    const Bytes memory = rows.memory();
    queue.push(Piece{part, std::move(table), std::move(rows), memory,
                     [written](const Result<>& result) { written->set_value(result); }});
    return answer.get();
}

Result<Derived> DatabaseWriter::Impl::derive(const PolicyGraph& graph, const NewRows& root,
                                             const std::string& principal) {
    Derived derived = StoredPolicies(*this, graph, nullptr).run(root);
    if (root.table->keeps_no_rows() && !derived.found_policies && !derived.failed)
        derived.failed = zero_retention_without_policy(root.table->name);
    if (!derived.failed)
        return derived;
    const auto noted = on_writer<Result<>>([&] {
        return in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            return group.add_failures(derived.failures, principal);
        });
    });
    static_cast<void>(noted); // the command is answered with the failure itself
    return std::move(*derived.failed);
}

Result<> DatabaseWriter::Impl::derive(TableBatch& batch) {
    const auto database_now = catalog.find_exact(database);
    const auto table = database_now->find_table(batch.table->name);
    const PolicyGraph graph(database_now);
    if (!table || table->id != batch.table->id || !graph.concerns(table->id))
        return {};
    if (!batch.rows.empty()) { // policies read what is stored
        store::Part piece;
        piece.id = state.parts().reserve();
        piece.rows = batch.rows.size();
        piece.original_size = std::exchange(batch.raw_size, 0);
        SLUICE_CHECK(write_ahead(piece.id, batch.table, std::exchange(batch.rows, data::Rows(batch.table->schema()))));
        batch.pieces.push_back(std::move(piece));
    }
    NewRows root{.table = table, .tags = batch.tags, .creation_time = batch.creation_time};
    for (const store::Part& piece : batch.pieces)
        root.parts.push_back(piece.id);
    SLUICE_TRY(Derived derived, derive(graph, root, batch.principal));
    batch.derived = parts_of(derived);
    batch.report.policy_status = derived.status();
    batch.failures = std::move(derived.failures);
    return {};
}

Result<std::vector<store::Part>> DatabaseWriter::Impl::edit_with_policies(const Arrival& arrival,
                                                                          const PartEdit& edit) {
    const PolicyGraph graph(catalog.find_exact(database));
    Derived derived;
    if (graph.concerns(arrival.table->id)) {
        SLUICE_TRY(derived, derive(graph, NewRows{.table = arrival.table, .parts = arrival.parts}, arrival.principal));
    }
    const std::vector<DerivedPart> made = parts_of(derived);
    std::vector<store::Part> extents;
    const auto done = on_writer<Result<>>([&] {
        return in_transaction([&](store::Transaction& transaction, CommitGroup& group) -> Result<> {
            SLUICE_CHECK(edit(transaction, state.parts()));
            extents = group.arrive(arrival, made);
            return group.add_failures(derived.failures, arrival.principal);
        });
    });
    if (!done) {
        StoredPolicies(*this, graph, nullptr).discard(made);
        return done.error();
    }
    return extents;
}

Result<StreamOutcome> DatabaseWriter::Impl::commit_request(TableBatch batch, bool replace) {
    const bool direct = batch.path == Path::Direct;
    std::vector<DerivedPart> written;
    if (direct) {
        SLUICE_CHECK(derive(batch));
        written = batch.derived;
    }
    RowsRequest request{std::move(batch), replace, {}};
    auto future = request.answer.get_future();
    queue.push(Job(std::move(request)));
    auto outcome = future.get();
    if (!outcome && !written.empty())
        StoredPolicies(*this, PolicyGraph(catalog.find_exact(database)), nullptr).discard(written);
    return outcome;
}

} // namespace sluice::ingest
