#pragma once

#include "core/base/clock.hpp"
#include "core/ingest/policy_cascade.hpp"
#include "core/store/row_query.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::ingest {

/// Runs update policies on streamed rows, in memory and within the size of a streaming request: what comes out is put
/// into the same transaction as the rows (engine 3.4). Queries are prepared once for each version of the catalogue. The
/// writer's thread.
class StreamedPolicies {
public:
    StreamedPolicies(store::Store& store, Cascade::Options options, Bytes limit)
        : store_(store), options_(options), limit_(limit) {}

    /// From now on policies are those of this graph.
    void refresh(std::shared_ptr<const PolicyGraph> graph);
    const PolicyGraph& graph() const { return *graph_; }

    /// `charged`: bytes of the request; failed with TooLarge (reason Stream_InputStreamTooLarge) when the output of all
    /// policies together takes it over the limit, whatever the policies say about transactions (engine 1.4.1 rule 5).
    Derived run(const std::shared_ptr<const catalog::Table>& table, const data::Rows& rows, Ticks now, Bytes charged);

    /// Whether this failure should be written down: the same one comes once in 10 s, however many requests meet it.
    bool is_news(const PolicyFailure& failure, Ticks now);

private:
    struct Prepared {
        std::unique_ptr<store::RowQuery> query;
        std::optional<Error> error;
        bool uses_now = false; ///< its text holds the time, so it is made anew for every run
    };
    Prepared& prepared(const PolicyEdge& edge, Ticks now);
    Result<> prepare(const PolicyEdge& edge, Ticks now, Prepared& into);
    Result<DerivedRows> run_policy(const PolicyEdge& edge, const NewRows& input, Ticks now, Bytes charged);

    store::Store& store_;
    const Cascade::Options options_;
    const Bytes limit_;
    std::shared_ptr<const PolicyGraph> graph_;
    std::vector<std::optional<Prepared>> prepared_; ///< by number of the edge
    Bytes derived_size_ = 0;
    std::map<std::string, Ticks> recorded_;
};

} // namespace sluice::ingest
