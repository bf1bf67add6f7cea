#include "core/store/row_query.hpp"

#include "core/data/cells.hpp"
#include "core/store/cells.hpp"
#include "core/store/impl.hpp"

#include <duckdb.h>
#include <fmt/format.h>

namespace sluice::store {

struct RowQuery::Impl {
    Store::Impl& store;
    const std::int64_t slot;
    const std::size_t columns;
    Statement statement = {};
    std::vector<Parameter> parameters = {};
    data::Schema types = {};

    Result<Outcome> collect(RunningQuery& running, Bytes limit);
};

RowQuery::RowQuery(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RowQuery::~RowQuery() {
    impl_->statement = Statement();
    impl_->store.feed.remove_slot(impl_->slot);
}

std::unique_ptr<RowQuery> Store::query_rows(const data::Schema& rows) {
    const std::int64_t slot = impl_->next_row_slot--;
    impl_->feed.set_slot(slot, std::make_unique<FeedSlot>(rows, true));
    return std::make_unique<RowQuery>(
        std::unique_ptr<RowQuery::Impl>(new RowQuery::Impl{*impl_, slot, rows.columns.size()}));
}

std::string RowQuery::source() const {
    std::string columns;
    for (std::size_t i = 0; i < impl_->columns; ++i)
        columns += fmt::format("x{}, ", i);
    return fmt::format(R"(SELECT {}"time" AS "$time", part AS "$part" FROM sluice_feed({}))", columns, impl_->slot);
}

Result<> RowQuery::prepare(const std::string& sql, std::vector<Parameter> parameters, data::Schema types) {
    ConnectionHandle& reader = impl_->store.row_reader;
    if (!reader) {
        if (duckdb_connect(impl_->store.database.get(), reader.address()) != DuckDBSuccess)
            return Error{ErrorCode::Internal, "no further connection to the database could be opened"};
        SLUICE_CHECK(store::run(reader.get(), "USE db"));
    }
    SLUICE_TRY(impl_->statement, Statement::prepare(reader.get(), sql));
    impl_->parameters = std::move(parameters);
    impl_->types = std::move(types);
    return {};
}

Result<RowQuery::Outcome> RowQuery::Impl::collect(RunningQuery& running, Bytes limit) {
    SLUICE_CHECK(statement.bind(parameters));
    SLUICE_TRY(RawResult result, statement.stream());
    SLUICE_TRY(const auto reader, ResultReader::make(result, types));
    Outcome outcome;
    for (;;) {
        SLUICE_TRY(const ChunkHandle chunk, result.fetch());
        if (!chunk || running.stopped() != RunningQuery::Stop::No)
            return outcome;
        if (duckdb_data_chunk_get_size(chunk.get()) == 0)
            continue;
        SLUICE_TRY(data::Chunk read, reader.read(chunk.get()));
        outcome.size += data::estimated_raw_size(read);
        outcome.chunks.push_back(std::move(read));
        if (outcome.size > limit)
            return Error{ErrorCode::TooLarge, fmt::format("the result has more than {} bytes", limit)};
    }
}

Result<RowQuery::Outcome> RowQuery::run(const data::Rows& rows, Ticks time, const Limits& limits) {
    auto running = std::make_shared<RunningQuery>(impl_->store.row_reader.get());
    impl_->store.deadlines.add(Deadlines::Steady::now() + limits.timeout, running);
    impl_->store.feed.find_slot(impl_->slot)->load(rows, 0, time);
    auto outcome = impl_->collect(*running, limits.bytes);
    running->end();
    if (running->stopped() == RunningQuery::Stop::Timeout)
        return Error{ErrorCode::Timeout,
                     fmt::format("the query was ended: it took longer than its {} ms", limits.timeout.count())};
    return outcome;
}

} // namespace sluice::store
