#pragma once

#include "core/ingest/policy_cascade.hpp"
#include "core/ingest/writer_impl.hpp"

#include <memory>
#include <vector>

namespace sluice::ingest {

/// Runs update policies on rows that are stored already but not visible yet: a closed batch, rows of a command. What
/// they make is written ahead in pieces that nobody sees (engine 8.6), so the writer stays free meanwhile; whoever
/// called decides with one commit whether it counts. Other tables are read as they are when a policy starts. Any thread
/// but the writer's; one at a time.
class StoredPolicies {
public:
    /// `cancel` may be null; the others must outlive this.
    StoredPolicies(DatabaseWriter::Impl& writer, const PolicyGraph& graph, store::QueryCancel* cancel)
        : writer_(writer), graph_(graph), cancel_(cancel) {}

    /// `root.rows` is not looked at. Failed with Cancelled when the bridge stops.
    Derived run(const NewRows& root);
    /// Removes what was written ahead of an ingestion that does not happen.
    void discard(const std::vector<DerivedPart>& parts);

private:
    class Pieces;
    Result<DerivedRows> run_policy(const PolicyEdge& edge, const NewRows& input);
    void remove(store::PartId part);

    DatabaseWriter::Impl& writer_;
    const PolicyGraph& graph_;
    store::QueryCancel* cancel_;
};

/// What survived, as the commit takes it.
std::vector<DerivedPart> parts_of(const Derived& derived);

} // namespace sluice::ingest
