#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/store/store.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::engine {

/// Until when a request may run. Value; any thread.
class Deadline {
public:
    /// `asked` (the client's servertimeout) counts up to `longest`; without it the request gets `usual`.
    Deadline(const Clock& clock, std::optional<std::chrono::milliseconds> asked, std::chrono::milliseconds usual,
             std::chrono::milliseconds longest);

    /// At least 1 ms, so that what is started late fails by its own time-out and not by an odd argument.
    std::chrono::milliseconds left() const;
    bool over() const;

private:
    const Clock* clock_;
    Clock::Steady::time_point at_;
};

/// Where a result ends.
struct ResultLimits {
    std::uint64_t records = std::numeric_limits<std::uint64_t>::max();
    Bytes bytes = std::numeric_limits<Bytes>::max();
    std::uint64_t take = std::numeric_limits<std::uint64_t>::max(); ///< query_take_max_records: an end, not an error
};

/// 504 RequestExecutionTimeout.
Error timed_out();

/// The rows of `pull` up to the limits. Rows within a limit are handed out; then comes the error (rest-api 5.4): code
/// LimitsExceeded, text with E_QUERY_RESULT_SET_TOO_LARGE.
using Pull = std::function<Result<std::optional<data::Chunk>>()>;
Pull limited(Pull pull, ResultLimits limits);

/// A statement that starts when its rows are first asked for. The store must outlive the answer.
struct Statement {
    store::Store* store;
    std::string sql;
    std::vector<store::Parameter> parameters;
    data::Schema schema;
    std::shared_ptr<store::QueryCancel> cancel = {};
};
Pull rows_of(Statement statement, Deadline deadline);

} // namespace sluice::engine
