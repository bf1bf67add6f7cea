#pragma once

#include "core/ingest/batch.hpp"
#include "core/ingest/policy_graph.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::ingest {

/// Rows of a table that are being ingested: in memory, or written ahead as parts.
struct NewRows {
    std::shared_ptr<const catalog::Table> table;
    const data::Rows* rows = nullptr; ///< borrowed; null: in parts
    std::vector<store::PartId> parts = {};
    std::vector<std::string> tags = {};
    std::optional<Ticks> creation_time = {};
};

/// What an update policy made for its target.
struct DerivedRows {
    std::shared_ptr<const catalog::Table> table;
    std::string source; ///< the table it was made from
    data::Rows rows;    ///< empty when they were written ahead
    store::PartId part = 0;
    std::uint64_t count = 0;
    Bytes size = 0; ///< estimated raw size
    std::vector<std::string> tags = {};
    std::optional<Ticks> creation_time = {};
};

/// What became of rows on their way through the update policies.
struct Derived {
    std::deque<DerivedRows> outputs; ///< of the branches that survived, parents first; those without rows too
    std::vector<PolicyFailure> failures;
    /// The ingestion of the root fails: a transactional policy failed (reason UpdatePolicy_...), or something that
    /// concerns all of it.
    std::optional<Error> failed;
    bool found_policies = false;                ///< at least one policy ran
    unsigned branches = 0, failed_branches = 0; ///< of the root
    bool any_absorbed = false;                  ///< a policy that is not transactional failed somewhere

    /// UpdatePolicyStatus of engine 1.5.
    std::string_view status() const;
};

/// Runs the policies of a table on new rows, then those of their targets on what came out, and so on (engine 3.4, 3.6):
/// decides what survives; how a query is run is the caller's. One thread.
class Cascade {
public:
    struct Options {
        unsigned max_depth = 32;
        bool strict_cycles = false;
    };
    /// Runs one policy. An error with a reason UpdatePolicy_... is a failure of that policy, any other ends the
    /// cascade.
    using Run = std::function<Result<DerivedRows>(const PolicyEdge&, const NewRows&)>;
    /// Told of what a failed branch had made already.
    using Discard = std::function<void(DerivedRows&)>;

    Cascade(const PolicyGraph& graph, Options options, Run run, Discard discard)
        : graph_(graph), options_(options), run_(std::move(run)), discard_(std::move(discard)) {}

    Derived run(const NewRows& root);

private:
    /// What broke an ingestion into a table.
    struct Broken {
        Error error;
        std::string target;  ///< of the policy that failed first
        bool fatal = false;  ///< nothing absorbs it
        bool direct = false; ///< that policy's source is the table at hand, not one further down
    };
    std::optional<Broken> ingest(const NewRows& input);
    std::optional<Broken> follow(const PolicyEdge& edge, const NewRows& input, bool cyclic);
    void roll_back(std::size_t outputs);
    Broken fail(const PolicyEdge& edge, Error error);

    const PolicyGraph& graph_;
    const Options options_;
    const Run run_;
    const Discard discard_;
    Derived derived_;
    std::vector<catalog::TableId> path_; ///< from the root to the table whose policies run
};

} // namespace sluice::ingest
