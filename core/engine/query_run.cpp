#include "core/engine/query_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace sluice::engine {

Deadline::Deadline(const Clock& clock, std::optional<std::chrono::milliseconds> asked, std::chrono::milliseconds usual,
                   std::chrono::milliseconds longest)
    : clock_(&clock), at_(clock.steady() + std::clamp(asked.value_or(usual), std::chrono::milliseconds(1), longest)) {}

std::chrono::milliseconds Deadline::left() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at_ - clock_->steady());
    return std::max(left, std::chrono::milliseconds(1));
}

bool Deadline::over() const {
    return clock_->steady() >= at_;
}

Error timed_out() {
    return {ErrorCode::Timeout,
            "Request execution has exceeded the allotted time; ask for more with the request option servertimeout (at "
            "most 1 hour), or "
            "for less data.",
            "RequestExecutionTimeout"};
}

namespace {

Error too_large(std::string_view what, std::uint64_t limit, std::string_view option) {
    return {ErrorCode::TooLarge,
            fmt::format("Query result set has exceeded the internal {} limit {} (E_QUERY_RESULT_SET_TOO_LARGE); the "
                        "rows up to it were "
                        "delivered. Ask for fewer rows, or raise the limit with the request option {} or notruncation.",
                        what, limit, option),
            "LimitsExceeded"};
}

/// State of one result that is being cut.
struct Cut {
    Pull pull;
    ResultLimits limits;
    std::uint64_t records = 0;
    Bytes bytes = 0;
    bool ended = false;
    std::optional<Error> pending = {};

    Result<std::optional<data::Chunk>> next() {
        if (pending)
            return *pending;
        if (ended)
            return std::optional<data::Chunk>();
        SLUICE_TRY(auto chunk, pull());
        if (!chunk)
            return finish();
        if (records + chunk->rows() > limits.take)
            return shorten(std::move(*chunk), limits.take, std::nullopt);
        if (records + chunk->rows() > limits.records)
            return shorten(std::move(*chunk), limits.records,
                           too_large("record count", limits.records, "truncationmaxrecords"));
        const Bytes size = data::estimated_raw_size(*chunk);
        if (bytes + size > limits.bytes) {
            // Rows are about equally long within one chunk; the exact place of the cut is nobody's business.
            const auto share =
                static_cast<std::uint64_t>(static_cast<double>(limits.bytes - bytes) / static_cast<double>(size) *
                                           static_cast<double>(chunk->rows()));
            return shorten(std::move(*chunk), records + share,
                           too_large("data size (in bytes)", limits.bytes, "truncationmaxsize"));
        }
        records += chunk->rows();
        bytes += size;
        return chunk;
    }

    Result<std::optional<data::Chunk>> finish() {
        ended = true;
        pull = {}; // gives the store's connection back
        return std::optional<data::Chunk>();
    }

    Result<std::optional<data::Chunk>> shorten(data::Chunk chunk, std::uint64_t last, std::optional<Error> error) {
        const std::uint64_t keep = last - records;
        ended = true;
        pull = {};
        pending = std::move(error);
        if (keep == 0)
            return next();
        chunk.truncate(keep);
        return std::optional(std::move(chunk));
    }
};

} // namespace

namespace {

/// The store's error as clients know it.
Error on_the_wire(Error error) {
    return error.code == ErrorCode::Timeout ? timed_out() : error;
}

} // namespace

Pull limited(Pull pull, ResultLimits limits) {
    auto cut = std::make_shared<Cut>(Cut{std::move(pull), limits});
    return [cut] { return cut->next(); };
}

Pull rows_of(Statement statement, Deadline deadline) {
    struct State {
        Statement statement;
        Deadline deadline;
        std::optional<store::QueryResult> running = {};
    };
    auto state = std::make_shared<State>(State{std::move(statement), deadline});
    return [state]() -> Result<std::optional<data::Chunk>> {
        if (!state->running) {
            if (state->deadline.over())
                return timed_out();
            Statement& s = state->statement;
            auto started = s.store->query(s.sql, s.parameters, s.schema,
                                          {.timeout = state->deadline.left(), .cancel = s.cancel.get()});
            if (!started)
                return on_the_wire(std::move(started).error());
            state->running.emplace(std::move(*started));
        }
        auto chunk = state->running->next();
        if (!chunk)
            return on_the_wire(std::move(chunk).error());
        return chunk;
    };
}

} // namespace sluice::engine
