#include "core/store/cells.hpp"
#include "core/store/impl.hpp"

#include <duckdb.h>
#include <fmt/format.h>

namespace sluice::store {

Result<ConnectionHandle> ReadPool::take() {
    {
        Lock lock(mutex_);
        if (!idle_.empty()) {
            ConnectionHandle connection = std::move(idle_.back());
            idle_.pop_back();
            return connection;
        }
    }
    ConnectionHandle connection;
    if (duckdb_connect(database_, connection.address()) != DuckDBSuccess)
        return Error{ErrorCode::Internal, "no further connection to the database could be opened"};
    SLUICE_CHECK(run(connection.get(), "USE db"));
    return connection;
}

void ReadPool::give_back(ConnectionHandle connection) {
    Lock lock(mutex_);
    if (idle_.size() < kKept)
        idle_.push_back(std::move(connection));
}

void ReadPool::clear() {
    Lock lock(mutex_);
    idle_.clear();
}

/// Members are destroyed from the last to the first: the result before its statement, that before its connection.
struct QueryResult::Impl {
    Store::Impl& store;
    QueryHelp::Ticket help;
    ConnectionHandle connection;
    std::shared_ptr<RunningQuery> running;
    std::chrono::milliseconds timeout;
    Statement statement;
    RawResult result;
    std::optional<ResultReader> reader;
    bool at_end = false;

    ~Impl() {
        running->end();
        result = RawResult();
        statement = Statement();
        if (at_end)
            store.pool->give_back(std::move(connection));
    }

    /// What the engine met, or why it was told to stop.
    Error explain(Error error) const {
        switch (running->stopped()) {
        case RunningQuery::Stop::Timeout:
            return {ErrorCode::Timeout,
                    fmt::format("the query was ended: it took longer than its {} ms", timeout.count())};
        case RunningQuery::Stop::Cancelled:
            return {ErrorCode::Cancelled, "the query was cancelled"};
        case RunningQuery::Stop::No:
            break;
        }
        return error;
    }
};

QueryResult::QueryResult(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QueryResult::QueryResult(QueryResult&&) noexcept = default;
QueryResult& QueryResult::operator=(QueryResult&&) noexcept = default;
QueryResult::~QueryResult() = default;

const data::Schema& QueryResult::schema() const {
    return impl_->reader->schema();
}

Result<std::optional<data::Chunk>> QueryResult::next() {
    if (impl_->at_end)
        return std::optional<data::Chunk>();
    for (;;) {
        if (impl_->running->stopped() != RunningQuery::Stop::No)
            return impl_->explain({ErrorCode::Internal, ""});
        auto fetched = impl_->result.fetch();
        if (!fetched)
            return impl_->explain(std::move(fetched).error());
        const ChunkHandle chunk = std::move(*fetched);
        if (!chunk) {
            impl_->at_end = true;
            return std::optional<data::Chunk>();
        }
        if (duckdb_data_chunk_get_size(chunk.get()) == 0)
            continue;
        SLUICE_TRY(data::Chunk read, impl_->reader->read(chunk.get()));
        return std::optional<data::Chunk>(std::move(read));
    }
}

Result<QueryResult> Store::query(std::string_view sql, const std::vector<Parameter>& parameters, data::Schema types,
                                 const QueryOptions& options) {
    SLUICE_TRY(ConnectionHandle connection, impl_->pool->take());
    auto running = std::make_shared<RunningQuery>(connection.get());
    auto query = std::unique_ptr<QueryResult::Impl>(new QueryResult::Impl{
        *impl_, QueryHelp::Ticket(*impl_->help), std::move(connection), running, options.timeout, {}, {}, {}, false});
    SLUICE_TRY(query->statement, Statement::prepare(query->connection.get(), std::string(sql)));
    SLUICE_CHECK(query->statement.bind(parameters));

    if (options.cancel) {
        Lock lock(options.cancel->state_->mutex);
        if (options.cancel->state_->cancelled)
            return Error{ErrorCode::Cancelled, "the query was cancelled"};
        options.cancel->state_->query = running;
    }
    impl_->deadlines.add(Deadlines::Steady::now() + options.timeout, running);

    auto started = query->statement.stream();
    if (!started)
        return query->explain(std::move(started).error());
    query->result = *std::move(started);
    SLUICE_TRY(query->reader, ResultReader::make(query->result, std::move(types)));
    return QueryResult(std::move(query));
}

Result<std::vector<data::Chunk>> Store::Impl::read(const std::string& sql, const std::vector<Parameter>& parameters,
                                                   const data::Schema& types) {
    SLUICE_TRY(ConnectionHandle connection, pool->take());
    auto chunks = read_all(connection.get(), sql, parameters, types);
    if (chunks)
        pool->give_back(std::move(connection));
    return chunks;
}

} // namespace sluice::store
