#include "core/store/duck.hpp"

#include "core/store/cells.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace sluice::store {
namespace {

std::string doubled(std::string_view text, char quote) {
    std::string out(1, quote);
    for (const char c : text) {
        out += c;
        if (c == quote)
            out += quote;
    }
    out += quote;
    return out;
}

duckdb_result& raw_of(const RawResult& result) {
    return *static_cast<duckdb_result*>(result.raw());
}

bool bind_one(duckdb_prepared_statement statement, idx_t index, const Parameter& parameter) {
    struct Binder {
        duckdb_prepared_statement statement;
        idx_t index;
        duckdb_state operator()(std::monostate) const { return duckdb_bind_null(statement, index); }
        duckdb_state operator()(bool value) const { return duckdb_bind_boolean(statement, index, value); }
        duckdb_state operator()(std::int64_t value) const { return duckdb_bind_int64(statement, index, value); }
        duckdb_state operator()(double value) const { return duckdb_bind_double(statement, index, value); }
        duckdb_state operator()(const std::string& value) const {
            return duckdb_bind_varchar_length(statement, index, value.data(), value.size());
        }
        duckdb_state operator()(data::Guid value) const {
            ValueHandle uuid(duckdb_create_uuid({.lower = value.low, .upper = value.high}));
            return duckdb_bind_value(statement, index, uuid.get());
        }
    };
    return std::visit(Binder{statement, index}, parameter) == DuckDBSuccess;
}

/// What a failure of DuckDB means to our callers.
Error to_error(duckdb_error_type type, std::string_view doing, std::string_view message) {
    std::string text = fmt::format("{}: {}", doing, message);
    switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
        return {ErrorCode::TooLarge, std::move(text), "LimitsExceeded"};
    case DUCKDB_ERROR_INTERRUPT:
        return {ErrorCode::Cancelled, std::move(text)};
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_DECIMAL:
    case DUCKDB_ERROR_DIVIDE_BY_ZERO:
    case DUCKDB_ERROR_OBJECT_SIZE:
    case DUCKDB_ERROR_INVALID_INPUT:
        return {ErrorCode::Invalid, std::move(text)};
    case DUCKDB_ERROR_IO:
        return {ErrorCode::Io, std::move(text)};
    default:
        return {ErrorCode::Internal, std::move(text)};
    }
}

} // namespace

void destroy(duckdb_database& handle) {
    duckdb_close(&handle);
}
void destroy(duckdb_connection& handle) {
    duckdb_disconnect(&handle);
}
void destroy(duckdb_config& handle) {
    duckdb_destroy_config(&handle);
}
void destroy(duckdb_prepared_statement& handle) {
    duckdb_destroy_prepare(&handle);
}
void destroy(duckdb_pending_result& handle) {
    duckdb_destroy_pending(&handle);
}
void destroy(duckdb_data_chunk& handle) {
    duckdb_destroy_data_chunk(&handle);
}
void destroy(duckdb_logical_type& handle) {
    duckdb_destroy_logical_type(&handle);
}
void destroy(duckdb_table_function& handle) {
    duckdb_destroy_table_function(&handle);
}
void destroy(duckdb_scalar_function& handle) {
    duckdb_destroy_scalar_function(&handle);
}
void destroy(duckdb_value& handle) {
    duckdb_destroy_value(&handle);
}

std::string identifier(std::string_view name) {
    return doubled(name, '"');
}
std::string literal(std::string_view text) {
    return doubled(text, '\'');
}

void RawResult::Destroy::operator()(void* raw) const {
    auto* result = static_cast<duckdb_result*>(raw);
    duckdb_destroy_result(result);
    delete result;
}

RawResult::RawResult() : raw_(new duckdb_result{}) {}
RawResult::RawResult(RawResult&&) noexcept = default;
RawResult& RawResult::operator=(RawResult&&) noexcept = default;
RawResult::~RawResult() = default;

Result<ChunkHandle> RawResult::fetch() {
    ChunkHandle chunk(duckdb_fetch_chunk(raw_of(*this)));
    if (!chunk)
        if (const char* message = duckdb_result_error(&raw_of(*this)); message && *message)
            return error("query failed");
    return chunk;
}

std::size_t RawResult::columns() const {
    return duckdb_column_count(&raw_of(*this));
}

int RawResult::column_type(std::size_t column) const {
    return duckdb_column_type(&raw_of(*this), column);
}

TypeHandle RawResult::column_logical_type(std::size_t column) const {
    return TypeHandle(duckdb_column_logical_type(&raw_of(*this), column));
}

std::uint64_t RawResult::rows_changed() const {
    return duckdb_rows_changed(&raw_of(*this));
}

Error RawResult::error(std::string_view doing) const {
    const char* message = duckdb_result_error(&raw_of(*this));
    return to_error(duckdb_result_error_type(&raw_of(*this)), doing, message ? message : "no reason given");
}

namespace {

// Shorter than a commit takes, longer than it takes to wake up.
constexpr auto kNapForTasks = std::chrono::microseconds(30);

/// Runs what a statement needs, on this thread and whichever DuckDB's own join in. When they have all that is left,
/// DuckDB's own call for this keeps a core busy with asking until they are done.
void run_tasks(duckdb_pending_result pending) {
    for (;;) {
        switch (duckdb_pending_execute_task(pending)) {
        case DUCKDB_PENDING_RESULT_NOT_READY:
            break;
        case DUCKDB_PENDING_NO_TASKS_AVAILABLE:
            std::this_thread::sleep_for(kNapForTasks);
            break;
        default:
            return;
        }
    }
}

} // namespace

Result<Statement> Statement::prepare(duckdb_connection connection, const std::string& sql) {
    // The C API takes texts up to the first zero byte; a name with one in it must not cut a statement short.
    if (sql.find('\0') != std::string::npos)
        return Error{ErrorCode::Invalid, "a statement holds a zero byte; names may not contain one"};
    Statement statement;
    if (duckdb_prepare(connection, sql.c_str(), statement.handle_.address()) != DuckDBSuccess) {
        const char* message = duckdb_prepare_error(statement.handle_.get());
        return Error{ErrorCode::Internal,
                     fmt::format("statement refused: {}; statement: {}", message ? message : "no reason given", sql)};
    }
    return statement;
}

Result<> Statement::bind(const std::vector<Parameter>& parameters) {
    const idx_t wanted = duckdb_nparams(handle_.get());
    if (wanted != parameters.size())
        return Error{ErrorCode::Internal,
                     fmt::format("statement takes {} parameters, {} were given", wanted, parameters.size())};
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (!bind_one(handle_.get(), i + 1, parameters[i]))
            return Error{ErrorCode::Internal, fmt::format("parameter {} of a statement was refused", i + 1)};
    return {};
}

Result<std::uint64_t> Statement::execute() {
    PendingHandle pending;
    // An error shows in the result as well, with its type.
    if (duckdb_pending_prepared(handle_.get(), pending.address()) == DuckDBSuccess)
        run_tasks(pending.get());
    RawResult result;
    if (duckdb_execute_pending(pending.get(), &raw_of(result)) != DuckDBSuccess)
        return result.error("statement failed");
    return result.rows_changed();
}

Result<std::uint64_t> Statement::execute(const std::vector<Parameter>& parameters) {
    SLUICE_CHECK(bind(parameters));
    return execute();
}

Result<RawResult> Statement::stream() {
    RawResult result;
    if (duckdb_execute_prepared_streaming(handle_.get(), &raw_of(result)) != DuckDBSuccess)
        return result.error("query failed");
    return result;
}

Result<> run(duckdb_connection connection, const std::string& sql) {
    if (sql.find('\0') != std::string::npos)
        return Error{ErrorCode::Invalid, "a statement holds a zero byte; names may not contain one"};
    RawResult result;
    if (duckdb_query(connection, sql.c_str(), &raw_of(result)) != DuckDBSuccess)
        return result.error(fmt::format("statement failed ({})", sql.substr(0, 200)));
    return {};
}

Result<std::vector<data::Chunk>> read_all(duckdb_connection connection, const std::string& sql,
                                          const std::vector<Parameter>& parameters, const data::Schema& types) {
    SLUICE_TRY(Statement statement, Statement::prepare(connection, sql));
    SLUICE_CHECK(statement.bind(parameters));
    SLUICE_TRY(RawResult result, statement.stream());
    SLUICE_TRY(const ResultReader reader, ResultReader::make(result, types));
    std::vector<data::Chunk> chunks;
    for (;;) {
        SLUICE_TRY(const ChunkHandle chunk, result.fetch());
        if (!chunk)
            return chunks;
        SLUICE_TRY(data::Chunk read, reader.read(chunk.get()));
        if (read.rows() > 0)
            chunks.push_back(std::move(read));
    }
}

} // namespace sluice::store
