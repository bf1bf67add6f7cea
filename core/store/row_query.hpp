#pragma once

#include "core/store/store.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace sluice::store {

/// SQL over rows that are in memory, such as the new rows that an update policy reads. Prepared once, run often. Where
/// it names stored tables it reads what was last committed, whatever a transaction of the caller holds by then; an
/// error ends the query and touches no transaction. Belongs to the database's writer thread; the store must outlive it.
class RowQuery {
public:
    struct Impl;
    explicit RowQuery(std::unique_ptr<Impl> impl);
    ~RowQuery();

    /// The SELECT that stands for the rows in the SQL to prepare: their columns in order, then "$time" and "$part".
    std::string source() const;

    /// `types` as in Store::query.
    Result<> prepare(const std::string& sql, std::vector<Parameter> parameters, data::Schema types);

    struct Limits {
        Bytes bytes; ///< estimated raw size of the result (engine 1.4.1 rule 4)
        std::chrono::milliseconds timeout;
    };
    struct Outcome {
        std::vector<data::Chunk> chunks;
        Bytes size = 0; ///< estimated raw size
    };
    /// All rows of the result; `time` is what ingestion_time() shows. TooLarge: the result passed the limit. Timeout.
    Result<Outcome> run(const data::Rows& rows, Ticks time, const Limits& limits);

private:
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::store
