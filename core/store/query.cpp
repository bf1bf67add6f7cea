#include "core/store/cells.hpp"
#include "core/store/hidden_parts.hpp"
#include "core/store/impl.hpp"

#include <duckdb.h>
#include <fmt/format.h>

namespace sluice::store {

Result<Reader> ReadPool::take() {
    {
        Lock lock(mutex_);
        if (!idle_.empty()) {
            Reader reader = std::move(idle_.back());
            idle_.pop_back();
            return reader;
        }
    }
    Reader reader;
    if (duckdb_connect(database_, reader.connection.address()) != DuckDBSuccess)
        return Error{ErrorCode::Internal, "no further connection to the database could be opened"};
    SLUICE_CHECK(run(reader.connection.get(), "USE db"));
    return reader;
}

void ReadPool::give_back(Reader reader) {
    Lock lock(mutex_);
    if (idle_.size() < kKept)
        idle_.push_back(std::move(reader));
}

void ReadPool::clear() {
    Lock lock(mutex_);
    idle_.clear();
}

namespace {

Result<HiddenParts> hidden_parts(Reader& reader) {
    static const data::Schema types{{{"table", data::ScalarType::Long}, {"id", data::ScalarType::Long}}};
    if (!reader.hidden_parts) {
        SLUICE_TRY(reader.hidden_parts, Statement::prepare(reader.connection.get(), hidden_parts_query()));
    }
    SLUICE_CHECK(reader.hidden_parts->bind(hidden_parts_parameters()));
    SLUICE_TRY(RawResult result, reader.hidden_parts->stream());
    SLUICE_TRY(const ResultReader columns, ResultReader::make(result, types));
    HiddenParts hidden;
    for (;;) {
        SLUICE_TRY(const ChunkHandle raw, result.fetch());
        if (!raw)
            return hidden;
        SLUICE_TRY(const data::Chunk chunk, columns.read(raw.get()));
        for (std::size_t row = 0; row < chunk.rows(); ++row)
            hidden[static_cast<catalog::TableId>(chunk.column(0).get<std::int64_t>(row))].push_back(
                chunk.column(1).get<std::int64_t>(row));
    }
}

} // namespace

/// Members are destroyed from the last to the first: the result before its statement, that before its connection.
struct QueryResult::Impl {
    Store::Impl& store;
    QueryHelp::Ticket help;
    Reader source;
    std::shared_ptr<RunningQuery> running;
    std::chrono::milliseconds timeout;
    Statement statement = {};
    RawResult result = {};
    std::optional<ResultReader> reader = {};
    bool in_transaction = false;
    bool at_end = false;

    ~Impl() {
        running->end();
        result = RawResult();
        statement = Statement();
        if (at_end && !in_transaction)
            store.pool->give_back(std::move(source));
    }

    /// What a query hides is told as constants where it can be: read in the transaction of the query, so that both see
    /// the same snapshot.
    Result<std::string> with_known_parts(std::string_view sql) {
        if (!leaves_out_parts(sql))
            return std::string(sql);
        SLUICE_CHECK(run(source.connection.get(), "BEGIN TRANSACTION"));
        in_transaction = true;
        SLUICE_TRY(const HiddenParts hidden, hidden_parts(source));
        return store::with_known_parts(sql, hidden);
    }

    /// The snapshot is given up with the last row, not only with the result: a checkpoint may be waiting for that.
    void end() {
        at_end = true;
        if (in_transaction && run(source.connection.get(), "COMMIT"))
            in_transaction = false;
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
            impl_->end();
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
    SLUICE_TRY(Reader source, impl_->pool->take());
    auto running = std::make_shared<RunningQuery>(source.connection.get());
    auto query = std::unique_ptr<QueryResult::Impl>(
        new QueryResult::Impl{*impl_, QueryHelp::Ticket(*impl_->help), std::move(source), running, options.timeout});
    SLUICE_TRY(const std::string known, query->with_known_parts(sql));
    SLUICE_TRY(query->statement, Statement::prepare(query->source.connection.get(), known));
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
    SLUICE_TRY(Reader reader, pool->take());
    auto chunks = read_all(reader.connection.get(), sql, parameters, types);
    if (chunks)
        pool->give_back(std::move(reader));
    return chunks;
}

} // namespace sluice::store
