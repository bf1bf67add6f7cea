#include "core/ingest/streamed_policies.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::ingest {
namespace {

/// The writer waits for the query, and everybody waits for the writer.
constexpr auto kTimeout = std::chrono::seconds(10);
constexpr Ticks kSameFailure = 10 * kTicksPerSecond;
constexpr std::size_t kRememberedFailures = 1000;
/// Far enough from any time that a query may compare now() with.
constexpr Ticks kOtherMoment = 12'345'678'901;

} // namespace

void StreamedPolicies::refresh(std::shared_ptr<const PolicyGraph> graph) {
    prepared_.clear();
    graph_ = std::move(graph);
    prepared_.resize(graph_->size());
}

Result<> StreamedPolicies::prepare(const PolicyEdge& edge, Ticks now, Prepared& into) {
    into.query = store_.query_rows(*edge.source->schema());
    const std::string source = into.query->source();
    SLUICE_TRY(PolicyPlan plan, plan_policy(edge, graph_->database(), source, now));
    // Rows stream into the row store one request after the other; what else a table holds at that moment is chance
    // (engine 2.2).
    if (const auto others = additional_tables(plan.reads); !others.empty())
        return Error{ErrorCode::Invalid,
                     fmt::format("Referencing additional tables from update policy is not allowed when streaming "
                                 "ingestion is enabled on "
                                 "the source table '{}'. Additional tables: {}.",
                                 edge.source->name, fmt::join(others, ", ")),
                     "UpdatePolicy_BadRequest"};
    SLUICE_TRY(const PolicyPlan later, plan_policy(edge, graph_->database(), source, now + kOtherMoment));
    into.uses_now = later.sql != plan.sql || later.parameters != plan.parameters;
    if (auto ready = into.query->prepare(plan.sql, std::move(plan.parameters), std::move(plan.schema)); !ready)
        return Error{ErrorCode::Internal, ready.error().message, "UpdatePolicy_UnknownError"};
    return {};
}

StreamedPolicies::Prepared& StreamedPolicies::prepared(const PolicyEdge& edge, Ticks now) {
    std::optional<Prepared>& slot = prepared_[edge.number];
    if (slot && !slot->uses_now)
        return *slot;
    slot.emplace();
    if (auto ready = prepare(edge, now, *slot); !ready)
        slot->error = std::move(ready).error();
    return *slot;
}

Result<DerivedRows> StreamedPolicies::run_policy(const PolicyEdge& edge, const NewRows& input, Ticks now,
                                                 Bytes charged) {
    Prepared& policy = prepared(edge, now);
    if (policy.error)
        return *policy.error;
    const Bytes taken = charged + derived_size_;
    auto outcome = policy.query->run(*input.rows, now, {limit_ > taken ? limit_ - taken : 0, kTimeout});
    if (!outcome && outcome.error().code == ErrorCode::TooLarge)
        return Error{
            ErrorCode::TooLarge,
            fmt::format(
                "request size with the output of its update policies exceeds the maximum allowed size of {} bytes.",
                limit_),
            "Stream_InputStreamTooLarge"};
    if (!outcome)
        return Error{ErrorCode::Internal, outcome.error().message, "UpdatePolicy_UnknownError"};
    DerivedRows made{.rows = data::Rows(edge.target->schema()), .size = outcome->size};
    for (data::Chunk& chunk : outcome->chunks)
        made.rows.add_chunk(std::move(chunk));
    made.count = made.rows.size();
    derived_size_ += made.size;
    return made;
}

Derived StreamedPolicies::run(const std::shared_ptr<const catalog::Table>& table, const data::Rows& rows, Ticks now,
                              Bytes charged) {
    derived_size_ = 0;
    Cascade cascade(
        *graph_, options_,
        [&](const PolicyEdge& edge, const NewRows& input) { return run_policy(edge, input, now, charged); },
        [&](DerivedRows& dropped) { derived_size_ -= dropped.size; });
    return cascade.run({.table = table, .rows = &rows});
}

bool StreamedPolicies::is_news(const PolicyFailure& failure, Ticks now) {
    if (recorded_.size() > kRememberedFailures)
        recorded_.clear();
    const auto [entry, is_new] =
        recorded_.try_emplace(fmt::format("{}\x1f{}\x1f{}", failure.table, failure.code, failure.details), now);
    if (!is_new && now - entry->second < kSameFailure)
        return false;
    entry->second = now;
    return true;
}

} // namespace sluice::ingest
