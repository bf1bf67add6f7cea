#pragma once

#include "core/base/result.hpp"
#include "core/store/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// DuckDB's handles by name only: its header is for .cpp files (tests/tidy).
using duckdb_database = struct _duckdb_database*;
using duckdb_connection = struct _duckdb_connection*;
using duckdb_config = struct _duckdb_config*;
using duckdb_pending_result = struct _duckdb_pending_result*;
using duckdb_prepared_statement = struct _duckdb_prepared_statement*;
using duckdb_data_chunk = struct _duckdb_data_chunk*;
using duckdb_logical_type = struct _duckdb_logical_type*;
using duckdb_table_function = struct _duckdb_table_function*;
using duckdb_scalar_function = struct _duckdb_scalar_function*;
using duckdb_value = struct _duckdb_value*;
using duckdb_vector = struct _duckdb_vector*;

/// Owners of DuckDB's handles and what its errors mean to us. Internal to core/store.
namespace sluice::store {

/// Name under which the database file is attached. It cannot be the file's own: a database called "sluice" or "main"
/// would make names in SQL ambiguous.
constexpr std::string_view kCatalogName = "db";

/// "name" as an SQL identifier, 'text' as an SQL literal.
std::string identifier(std::string_view name);
std::string literal(std::string_view text);

void destroy(duckdb_database& handle);
void destroy(duckdb_connection& handle);
void destroy(duckdb_config& handle);
void destroy(duckdb_prepared_statement& handle);
void destroy(duckdb_pending_result& handle);
void destroy(duckdb_data_chunk& handle);
void destroy(duckdb_logical_type& handle);
void destroy(duckdb_table_function& handle);
void destroy(duckdb_scalar_function& handle);
void destroy(duckdb_value& handle);

/// Owns one handle of DuckDB's C API.
template <class Handle> class Owned {
public:
    Owned() = default;
    explicit Owned(Handle handle) : handle_(handle) {}
    Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Owned& operator=(Owned&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Owned() {
        if (handle_)
            destroy(handle_);
    }
    Handle get() const { return handle_; }
    Handle* address() { return &handle_; }
    explicit operator bool() const { return handle_ != nullptr; }

private:
    Handle handle_ = nullptr;
};

using DatabaseHandle = Owned<duckdb_database>;
using ConnectionHandle = Owned<duckdb_connection>;
using ConfigHandle = Owned<duckdb_config>;
using StatementHandle = Owned<duckdb_prepared_statement>;
using PendingHandle = Owned<duckdb_pending_result>;
using ChunkHandle = Owned<duckdb_data_chunk>;
using TypeHandle = Owned<duckdb_logical_type>;
using TableFunctionHandle = Owned<duckdb_table_function>;
using ScalarFunctionHandle = Owned<duckdb_scalar_function>;
using ValueHandle = Owned<duckdb_value>;

/// A result of DuckDB, materialised or streaming. One thread at a time.
class RawResult {
public:
    RawResult();
    RawResult(RawResult&&) noexcept;
    RawResult& operator=(RawResult&&) noexcept;
    ~RawResult();

    /// The next chunk; empty at the end.
    Result<ChunkHandle> fetch();
    std::size_t columns() const;
    int column_type(std::size_t column) const; ///< a duckdb_type
    TypeHandle column_logical_type(std::size_t column) const;
    std::uint64_t rows_changed() const;
    /// The error it holds; `doing` says what was tried.
    Error error(std::string_view doing) const;
    /// The duckdb_result.
    void* raw() const { return raw_.get(); }

private:
    struct Destroy {
        void operator()(void* raw) const;
    };
    std::unique_ptr<void, Destroy> raw_;
};

/// A prepared statement. One thread at a time. One that is kept and runs again compares stored columns with parameters,
/// never with constants: DuckDB plans once, and where the statistics of that moment say that no row can match a
/// constant, the plan looks at none ever after.
class Statement {
public:
    static Result<Statement> prepare(duckdb_connection connection, const std::string& sql);

    Result<> bind(const std::vector<Parameter>& parameters);
    /// Runs it to the end; answers how many rows it changed.
    Result<std::uint64_t> execute();
    Result<std::uint64_t> execute(const std::vector<Parameter>& parameters);
    /// Starts it; rows come with duckdb_fetch_chunk.
    Result<RawResult> stream();

private:
    StatementHandle handle_;
};

/// Runs SQL without parameters whose rows nobody wants.
Result<> run(duckdb_connection connection, const std::string& sql);

/// All rows of a query, for the small tables that the store reads itself.
Result<std::vector<data::Chunk>> read_all(duckdb_connection connection, const std::string& sql,
                                          const std::vector<Parameter>& parameters, const data::Schema& types);

} // namespace sluice::store
