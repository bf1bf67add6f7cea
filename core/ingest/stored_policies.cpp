#include "core/ingest/stored_policies.hpp"

#include "core/base/log.hpp"

#include <fmt/format.h>

namespace sluice::ingest {
namespace {

/// Large enough to be cheap, small enough not to hold up streamed rows.
constexpr Bytes kPieceMemory = 8_MiB;
constexpr auto kTimeout = std::chrono::hours(1);

} // namespace

/// The output of one policy on its way into a part.
class StoredPolicies::Pieces {
public:
    Pieces(StoredPolicies& owner, std::shared_ptr<const catalog::Table> table)
        : owner_(owner), table_(std::move(table)), pending_(table_->schema()) {}
    ~Pieces() {
        if (part_ != 0)
            owner_.remove(part_);
    }
    Pieces(const Pieces&) = delete;
    Pieces& operator=(const Pieces&) = delete;

    Result<> add(data::Chunk chunk) {
        count_ += chunk.rows();
        size_ += data::estimated_raw_size(chunk);
        pending_.add_chunk(std::move(chunk));
        return pending_.memory() < kPieceMemory ? Result<>() : write();
    }

    Result<DerivedRows> finish() {
        SLUICE_CHECK(write());
        DerivedRows made{
            .rows = data::Rows(table_->schema()), .part = std::exchange(part_, 0), .count = count_, .size = size_};
        return made;
    }

private:
    Result<> write() {
        if (pending_.empty())
            return {};
        if (part_ == 0)
            part_ = owner_.writer_.state.parts().reserve();
        return owner_.writer_.write_ahead(part_, table_, std::exchange(pending_, data::Rows(table_->schema())));
    }

    StoredPolicies& owner_;
    const std::shared_ptr<const catalog::Table> table_;
    data::Rows pending_;
    store::PartId part_ = 0;
    std::uint64_t count_ = 0;
    Bytes size_ = 0;
};

Result<DerivedRows> StoredPolicies::run_policy(const PolicyEdge& edge, const NewRows& input) {
    const Ticks now = writer_.clock.now();
    SLUICE_TRY(PolicyPlan plan,
               plan_policy(edge, graph_.database(), store::Store::rows_of_parts(*edge.source, input.parts, now), now));
    auto started = writer_.store.query(plan.sql, plan.parameters, std::move(plan.schema), {kTimeout, cancel_});
    Pieces pieces(*this, edge.target);
    while (started) {
        auto chunk = started->next();
        if (!chunk) {
            started = std::move(chunk).error();
            break;
        }
        if (!*chunk)
            return pieces.finish();
        SLUICE_CHECK(pieces.add(std::move(**chunk)));
    }
    Error error = std::move(started).error();
    if (error.code != ErrorCode::Cancelled)
        error = Error{ErrorCode::Internal, error.message, "UpdatePolicy_UnknownError"};
    return error;
}

Derived StoredPolicies::run(const NewRows& root) {
    const WriterOptions& options = writer_.options;
    Cascade cascade(
        graph_, {options.policy_max_depth, options.strict_policy_cycles},
        [&](const PolicyEdge& edge, const NewRows& input) { return run_policy(edge, input); },
        [&](DerivedRows& dropped) { remove(dropped.part); });
    return cascade.run(root);
}

void StoredPolicies::discard(const std::vector<DerivedPart>& parts) {
    for (const DerivedPart& part : parts)
        remove(part.part);
}

void StoredPolicies::remove(store::PartId part) {
    if (part == 0)
        return;
    const auto removed = writer_.on_writer<Result<>>([this, part] {
        return writer_.in_transaction([&](store::Transaction&, CommitGroup&) -> Result<> {
            if (writer_.state.parts().find(part))
                writer_.state.parts().remove(part);
            return {};
        });
    });
    if (!removed)
        log::warn("output of an update policy could not be removed, it goes at the next start",
                  {{"database", writer_.database}, {"reason", removed.error().message}});
}

std::vector<DerivedPart> parts_of(const Derived& derived) {
    std::vector<DerivedPart> parts;
    for (const DerivedRows& output : derived.outputs)
        parts.push_back(
            {output.table, output.source, output.part, output.count, output.size, output.tags, output.creation_time});
    return parts;
}

} // namespace sluice::ingest
