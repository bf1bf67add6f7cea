#pragma once

#include "core/engine/command_parser.hpp"
#include "core/engine/command_result.hpp"
#include "core/engine/history.hpp"
#include "core/engine/local_engine.hpp"
#include "core/engine/query_run.hpp"
#include "core/engine/role.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::engine {

/// A table that a command names, with the database it lives in.
struct TableTarget {
    catalog::Snapshot database;
    std::shared_ptr<const catalog::Table> table;
};

/// What a command's handler works with: the request, the databases, and how to run what stands behind `<|`. One
/// request, one thread.
class Context {
public:
    struct Parts {
        ingest::Databases& databases;
        const EngineOptions& options;
        Engine& engine;
        History& history;
    };
    Context(const Parts& parts, const Request& request, Deadline deadline, data::Guid operation);

    ingest::Databases& databases() const { return databases_; }
    const EngineOptions& options() const { return options_; }
    const Request& request() const { return request_; }
    History& history() const { return history_; }
    /// Names this command in `.show operations` and in records of failures.
    data::Guid operation() const { return operation_; }
    Ticks now() const { return now_; }
    const Deadline& deadline() const { return deadline_; }

    /// The database of the request (engine 0.2); resolved when asked for, because some commands need none.
    Result<catalog::Snapshot> database() const;
    /// A database that the command names; that of the request when `name` is empty.
    Result<catalog::Snapshot> database(std::string_view name) const;
    /// `[D.]T`.
    Result<TableTarget> table(const Argument& path) const;
    /// `(A, B)` of the request's database; all its tables when the list is empty.
    Result<std::vector<TableTarget>> tables(const Argument& names) const;
    Result<ingest::DatabaseWriter*> writer(const catalog::Database& database) const;

    using Change = std::function<Result<catalog::Database>(const catalog::Database&)>;
    /// Runs the change where the catalogue is written and notes it in the journal; answers the new state.
    Result<catalog::Snapshot> change(const catalog::Database& database, Change change) const;

    /// All rows of a query or `.show` command behind `<|`.
    Result<data::Rows> rows_of(const Argument& input) const;
    /// The tables of a query or `.show` command behind `<|`, read as they come.
    /// Places in messages are those of the whole text.
    Result<Answer> answer_of(const Argument& input) const;
    /// The answer to a query of the same caller and database, not cut, within the time that is left.
    Result<Answer> query(const std::string& text) const;
    /// Another command of the same caller and database, within the time that is left.
    Result<Answer> command(const std::string& text) const;

private:
    Request reading(const std::string& text) const;

    ingest::Databases& databases_;
    const EngineOptions& options_;
    Engine& engine_;
    History& history_;
    const Request& request_;
    const Deadline deadline_;
    const data::Guid operation_;
    const Ticks now_;
};

using Handler = Result<CommandResult> (*)(Context&, const Arguments&);

} // namespace sluice::engine
