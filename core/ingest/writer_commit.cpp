#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/ingest/writer_impl.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::ingest {

using std::chrono::milliseconds;

namespace {

constexpr auto kFirstBackoff = std::chrono::seconds(1);
constexpr auto kLongestBackoff = std::chrono::minutes(5);

/// Full disk, I/O, an old reader in the way: waiting may help, and it is nobody's fault in the group.
bool concerns_the_disk(const Error& error) {
    return error.code == ErrorCode::Io || error.code == ErrorCode::Unavailable || error.code == ErrorCode::Throttled;
}

} // namespace

Result<> DatabaseWriter::Impl::finish(store::Transaction& transaction, bool of_jobs) {
    SLUICE_CHECK(state.save(transaction));
    if (of_jobs)
        failpoint("S9");
    SLUICE_CHECK(transaction.commit());
    if (of_jobs)
        failpoint("S10");
    state.commit();
    if (sealer)
        sealer->add(std::exchange(closed, {}));
    commits.add();
    last_commit = clock.steady();
    return {};
}

Result<> DatabaseWriter::Impl::in_transaction(const std::function<Result<>(store::Transaction&, CommitGroup&)>& body) {
    auto done = [&]() -> Result<> {
        SLUICE_TRY(auto transaction, store.begin());
        CommitGroup group(context(), transaction, state);
        SLUICE_CHECK(body(transaction, group));
        SLUICE_CHECK(group.settle_queued());
        return finish(transaction);
    }();
    if (!done) {
        state.rollback();
        die_if_untrusted(done.error());
    }
    return done;
}

Result<> DatabaseWriter::Impl::try_commit(std::vector<Job>& group, std::vector<std::optional<Error>>& refused,
                                          Ticks& at) {
    SLUICE_TRY(auto transaction, store.begin());
    failpoint("S6");
    const CommitGroup::Context now = context();
    at = now.now;
    CommitGroup commit(now, transaction, state);
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (refused[i])
            continue;
        if (auto* delivery = std::get_if<Delivery>(&group[i])) {
            auto added = commit.add(*delivery);
            if (!added && added.error().reason == kLaneFenced)
                refused[i] = std::move(added).error();
            else
                SLUICE_CHECK(std::move(added));
        } else {
            SLUICE_TRY(refused[i], add_request(commit, std::get<RowsRequest>(group[i])));
        }
    }
    commit.seal_filled();
    SLUICE_CHECK(commit.settle_queued());
    return finish(transaction, true);
}

Result<std::optional<Error>> DatabaseWriter::Impl::add_request(CommitGroup& commit, RowsRequest& request) {
    if (request.batch.path == Path::Streaming && state.rowstore_bytes() >= options.rowstore_max_bytes)
        return std::optional(
            Error{ErrorCode::Throttled, "The request was throttled: row-store capacity is used up.", "Throttling"});
    if (!tables.contains(request.batch.table->id))
        return std::optional(
            Error{ErrorCode::NotFound,
                  fmt::format("Entity ID '{}' of kind 'Table' was not found.", request.batch.table->name),
                  "BadRequest_EntityNotFound"});
    if (commit.has_tag(request.batch.table->id, request.batch.unless_tagged))
        return std::optional(
            Error{ErrorCode::Conflict, "an extent with one of the tags exists already", std::string(kIngestedBefore)});
    if (request.replace) {
        commit.clear(request.batch.table->id);
        for (const DerivedPart& derived : request.batch.derived)
            commit.clear(derived.table->id);
    }
    return commit.add_rows(request.batch, {});
}

void DatabaseWriter::Impl::commit_jobs(std::vector<Job> group) {
    if (group.empty())
        return;
    std::vector<std::optional<Error>> refused(group.size());
    Ticks at = 0;
    auto delay = milliseconds(kFirstBackoff);
    for (;;) {
        const auto begun = clock.steady();
        state.lanes().begin_commit();
        auto committed = try_commit(group, refused, at);
        if (!committed)
            state.rollback();
        state.lanes().end_commit();
        commit_seconds.observe(std::chrono::duration<double>(clock.steady() - begun).count());
        if (committed)
            break;
        die_if_untrusted(committed.error());
        if (group.size() > 1 && !concerns_the_disk(committed.error())) {
            // Something in one of them: each for itself, so that it does not hold back the others.
            for (Job& job : group) {
                std::vector<Job> alone;
                alone.push_back(std::move(job));
                commit_jobs(std::move(alone));
            }
            return;
        }
        log::error("commit failed, nothing was acknowledged",
                   {{"database", database}, {"error", committed.error().message}});
        // Requests can be told; what came from sources is kept and tried again, which pauses them.
        for (std::size_t i = 0; i < group.size(); ++i)
            if (auto* request = std::get_if<RowsRequest>(&group[i]); request && !refused[i])
                refused[i] = committed.error();
        // A delivery that fails by itself goes back to its source, which starts over from the stored position and shows
        // the reason.
        if (!concerns_the_disk(committed.error()) && !refused.front())
            refused.front() = Error{ErrorCode::Unavailable, committed.error().message, committed.error().reason};
        const bool only_requests =
            std::all_of(refused.begin(), refused.end(), [](const auto& e) { return e.has_value(); });
        if (only_requests)
            break;
        if (!wait_to_retry(delay)) {
            for (auto& error : refused)
                if (!error)
                    error = Error{ErrorCode::Cancelled, "the bridge stopped before the commit succeeded"};
            break;
        }
        delay = std::min<milliseconds>(delay * 2, kLongestBackoff);
    }
    answer(group, refused, at);
}

StreamOutcome DatabaseWriter::Impl::outcome_of(const TableBatch& batch, Ticks at) const {
    StreamOutcome outcome{batch.rows.size(), at, batch.report};
    for (const store::PartId id : batch.report.extents)
        if (const store::Part* part = state.parts().find_committed(id))
            outcome.extents.push_back(*part);
    return outcome;
}

void DatabaseWriter::Impl::answer(std::vector<Job>& group, const std::vector<std::optional<Error>>& refused, Ticks at) {
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (auto* delivery = std::get_if<Delivery>(&group[i])) {
            if (!refused[i] && delivery->fell_back)
                for (const TableBatch& batch : delivery->tables)
                    if (batch.report.fell_back)
                        delivery->fell_back(batch);
            if (delivery->done)
                delivery->done(refused[i] ? Result<>(*refused[i]) : Result<>());
        } else {
            auto& request = std::get<RowsRequest>(group[i]);
            if (refused[i])
                request.answer.set_value(*refused[i]);
            else
                request.answer.set_value(outcome_of(request.batch, at));
        }
    }
}

void DatabaseWriter::Impl::commit_pieces(std::vector<Piece> pieces) {
    auto delay = milliseconds(kFirstBackoff);
    Result<> committed;
    for (;;) {
        committed = in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            for (Piece& piece : pieces)
                SLUICE_CHECK(group.add_piece(piece));
            return {};
        });
        if (committed)
            failpoint("S15");
        if (committed || !concerns_the_disk(committed.error()))
            break;
        log::error("writing ahead failed, will be tried again",
                   {{"database", database}, {"error", committed.error().message}});
        if (!wait_to_retry(delay)) {
            committed = Error{ErrorCode::Cancelled, "the bridge stopped before the file was written"};
            break;
        }
        delay = std::min<milliseconds>(delay * 2, kLongestBackoff);
    }
    for (Piece& piece : pieces) {
        piece.rows = data::Rows(piece.table->schema()); // whoever is told may count on the memory
        if (piece.done)
            piece.done(committed);
    }
}

void DatabaseWriter::Impl::die_if_untrusted(const Error& error) {
    if (error.reason != store::kStoreBroken)
        return;
    // Going on could acknowledge what is not stored; after a restart the sources deliver again from the stored
    // positions.
    log::error("the database file cannot be trusted any more, giving up",
               {{"database", database}, {"error", error.message}});
    std::_Exit(1);
}

} // namespace sluice::ingest
