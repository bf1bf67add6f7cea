#include "core/engine/local_engine.hpp"

#include "core/engine/access.hpp"
#include "core/engine/background.hpp"
#include "core/engine/command_context.hpp"
#include "core/engine/command_table.hpp"
#include "core/engine/database_choice.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/history.hpp"
#include "core/engine/maintenance.hpp"
#include "core/engine/piping.hpp"
#include "core/engine/statement_options.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::engine {
namespace {

constexpr unsigned kAsyncThreads = 2;
constexpr std::size_t kAsyncWaiting = 256;

/// What an error makes of a run or operation.
std::string state_of(const Error& error) {
    switch (error.code) {
    case ErrorCode::Cancelled:
        return "Canceled";
    case ErrorCode::Throttled:
        return "Throttled";
    case ErrorCode::Invalid:
    case ErrorCode::NotFound:
    case ErrorCode::Unsupported:
        return "BadInput";
    default:
        return "Failed";
    }
}

/// Keeps the entry of one query or command in the history up to date until its last row was handed out.
class Tracked {
public:
    Tracked(std::shared_ptr<History> history, const Clock& clock, Run run, std::shared_ptr<store::QueryCancel> cancel)
        : history_(std::move(history)), clock_(clock), cancel_(std::move(cancel)),
          number_(history_->begin(std::move(run), cancel_)) {}
    ~Tracked() {
        if (!ended_)
            end("Completed", "");
    }
    Tracked(const Tracked&) = delete;
    Tracked& operator=(const Tracked&) = delete;

    void failed(const Error& error) { end(error.code == ErrorCode::Cancelled ? "Canceled" : "Failed", error.message); }
    void count(std::uint64_t rows) { rows_ += rows; }

private:
    void end(std::string state, std::string failure) {
        if (!std::exchange(ended_, true))
            history_->end(number_, clock_.now(), std::move(state), std::move(failure), rows_);
    }

    std::shared_ptr<History> history_;
    const Clock& clock_;
    std::shared_ptr<store::QueryCancel> cancel_;
    std::uint64_t rows_ = 0;
    bool ended_ = false;
    const std::uint64_t number_;
};

/// Lets the tables of an answer report to the entry of their request.
void watch(Answer& answer, const std::shared_ptr<Tracked>& tracked) {
    for (ResultTable& table : answer.tables)
        table.next = [tracked, next = std::move(table.next)]() -> Result<std::optional<data::Chunk>> {
            auto chunk = next();
            if (!chunk)
                tracked->failed(chunk.error());
            else if (*chunk)
                tracked->count((*chunk)->rows());
            return chunk;
        };
}

class LocalEngine final : public Engine {
public:
    LocalEngine(ingest::Databases& databases, EngineOptions options)
        : databases_(databases), options_(std::move(options)) {
        if (options_.maintenance_interval.count() > 0)
            maintenance_.start(options_.maintenance_interval);
    }

    ~LocalEngine() override {
        // A long 'async' command must not hold up the end of the process; what it wrote ahead goes with it.
        async_.stop();
        history_->cancel_operations();
    }

    Result<Answer> query(const Request& request) override {
        const auto cancel = request.cancel ? request.cancel : std::make_shared<store::QueryCancel>();
        const auto tracked = track(request, "Query", cancel);
        auto answer = run_query(request, cancel);
        if (answer)
            watch(*answer, tracked);
        else
            tracked->failed(answer.error());
        return answer;
    }

    Result<Answer> command(const Request& request) override {
        SLUICE_TRY(auto parsed, parse_command(request.text));
        const Command& command = *parsed.command;
        SLUICE_CHECK(admit(request, parsed));
        Request run = request;
        if (!run.cancel)
            run.cancel = std::make_shared<store::QueryCancel>();
        if (parsed.match.arguments.said("async"))
            return start(std::move(run), std::move(parsed));
        const auto tracked = track(run, type_of(parsed), run.cancel);
        Operation operation = operation_of(run, parsed);
        auto result = run_command(command, run, parsed.match.arguments, operation.id);
        end(operation, result);
        history_->add(operation);
        if (!result) {
            tracked->failed(result.error());
            return std::move(result).error();
        }
        auto answer = answer_of(run, *std::move(result), parsed.match.pipe);
        if (answer)
            watch(*answer, tracked);
        else
            tracked->failed(answer.error());
        return answer;
    }

private:
    /// Whether the command is offered, and the caller may run it.
    Result<> admit(const Request& request, const ParsedCommand& parsed) const {
        const Command& command = *parsed.command;
        if (!command.handler)
            return not_supported(fmt::format("This server does not offer {}.", command.feature));
        if (request.options.read_only && command.effect == Effect::Changes)
            return bad_request(fmt::format(
                "The request option request_readonly allows no command that changes something; this is '{}'.",
                Pattern(command.pattern).display()));
        return Access(databases_.catalog(), options_.holds).check(request, command.role, parsed.match.arguments);
    }

    std::shared_ptr<Tracked> track(const Request& request, std::string type,
                                   const std::shared_ptr<store::QueryCancel>& cancel) {
        Run run;
        run.activity = data::random_guid();
        run.is_query = type == "Query";
        run.type = std::move(type);
        run.client_request_id = request.client_request_id;
        run.text = request.text;
        run.database = request.database;
        run.user = request.user;
        run.principal = request.principal;
        run.application = request.application;
        run.started = run.updated = databases_.clock().now();
        return std::make_shared<Tracked>(history_, databases_.clock(), std::move(run), cancel);
    }

    Operation operation_of(const Request& request, const ParsedCommand& parsed) const {
        Operation operation;
        operation.id = data::random_guid();
        operation.name = type_of(parsed);
        operation.started = operation.updated = databases_.clock().now();
        operation.database = request.database;
        operation.principal = request.principal;
        operation.user = request.user;
        return operation;
    }

    void end(Operation& operation, const Result<CommandResult>& result) const {
        operation.updated = databases_.clock().now();
        operation.state = result ? "Completed" : state_of(result.error());
        operation.status = result ? "" : result.error().message;
        operation.should_retry = !result && !result.error().permanent();
    }

    /// `async`: answers the operation's id at once; the command runs on a thread of the engine.
    Result<Answer> start(Request request, ParsedCommand parsed) {
        Operation operation = operation_of(request, parsed);
        history_->operation_begins(operation, request.cancel);
        auto task = [this, operation, request = std::move(request), parsed](bool run) mutable {
            Result<CommandResult> result = Error{ErrorCode::Cancelled, "The server stopped before the command ran."};
            if (run) {
                const auto tracked = track(request, operation.name, request.cancel);
                result = run_command(*parsed.command, request, parsed.match.arguments, operation.id);
                if (!result)
                    tracked->failed(result.error());
            }
            end(operation, result);
            if (!run)
                operation.state = "Abandoned";
            history_->operation_ends(operation,
                                     result ? std::make_shared<const CommandResult>(*std::move(result)) : nullptr);
        };
        if (!async_.post(std::move(task))) {
            Operation refused = operation;
            refused.state = "Throttled";
            history_->operation_ends(refused, nullptr);
            return Error{
                ErrorCode::Throttled,
                fmt::format("The management command was aborted due to throttling. Retrying after some backoff "
                            "might succeed. CommandType: '{}', Capacity: {}, Origin: 'CapacityPolicy/Ingestion'",
                            operation.name, kAsyncWaiting),
                "Throttling"};
        }
        Answer answer;
        answer.is_command = true;
        answer.tables.push_back(std::move(CommandResult("OperationId:guid").add({operation.id})).table());
        return answer;
    }

    Result<CommandResult> run_command(const Command& command, const Request& request, const Arguments& arguments,
                                      data::Guid operation) {
        Context context({databases_, options_, *this, *history_}, request,
                        deadline_of(request.options, options_.command_timeout), operation);
        return command.handler(context, arguments);
    }

    Result<Answer> answer_of(const Request& request, CommandResult result, std::optional<std::size_t> pipe) {
        const Deadline deadline = deadline_of(request.options, options_.command_timeout);
        if (!pipe) {
            Answer answer;
            answer.is_command = true;
            answer.tables.push_back(table_of(std::move(result), deadline, request.cancel));
            return answer;
        }
        // Rows that a store keeps are read in that store; rows at hand in the request's database, or in any.
        SLUICE_TRY(const auto database, choose_database(databases_.catalog(), request.database));
        kql::ExtraTable rows{std::string(kCommandResults), result.select(), result.schema()};
        return run(request, {database, piped_query(request.text, *pipe), {std::move(rows)}}, deadline, request.cancel,
                   result.stored() ? result.stored()->store : nullptr);
    }

    Result<Answer> run_query(const Request& request, const std::shared_ptr<store::QueryCancel>& cancel) {
        const Deadline deadline = deadline_of(request.options, options_.query_timeout);
        SLUICE_TRY(const auto database, choose_database(databases_.catalog(), request.database));
        SLUICE_CHECK(Access(databases_.catalog(), options_.holds).check_query(request, *database));
        return run(request, {database, request.text, {}}, deadline, cancel);
    }

    Deadline deadline_of(const RequestOptions& asked, std::chrono::milliseconds usual) const {
        return {databases_.clock(), asked.server_timeout, usual, options_.longest_timeout};
    }

    ResultLimits limits_of(const RequestOptions& asked) const {
        ResultLimits limits;
        if (!asked.no_truncation) {
            limits.records = asked.truncation_max_records.value_or(options_.truncation_records);
            limits.bytes = asked.truncation_max_size.value_or(options_.truncation_bytes);
        }
        if (asked.take_max_records)
            limits.take = *asked.take_max_records;
        return limits;
    }

    static ResultTable table_of(CommandResult result, const Deadline& deadline,
                                const std::shared_ptr<store::QueryCancel>& cancel) {
        if (!result.stored())
            return std::move(result).table();
        ResultTable table;
        table.schema = result.schema();
        table.next =
            rows_of(Statement{result.stored()->store, result.stored()->sql, {}, result.schema(), cancel}, deadline);
        return table;
    }

    struct Text {
        const catalog::Snapshot& database;
        const std::string text;
        std::vector<kql::ExtraTable> extra;
    };
    Result<Answer> run(const Request& request, Text text, Deadline deadline,
                       const std::shared_ptr<store::QueryCancel>& cancel, store::Store* store = nullptr) {
        kql::CompileOptions options;
        options.database = text.database;
        options.catalog = &databases_.catalog();
        options.now = databases_.clock().now();
        options.principal = request.principal;
        options.parameters = request.options.parameters;
        options.extra_tables = text.extra;
        if (!store) {
            auto* writer = databases_.writer(text.database->name);
            if (!writer)
                return database_not_found(text.database->name);
            store = &writer->store();
        }
        options.probe = kql::probe_of(*store, deadline.left());
        SLUICE_TRY(auto plan, kql::compile(text.text, options));
        SLUICE_TRY(const RequestOptions asked, with_statement_options(request.options, plan.options));
        if (asked.server_timeout != request.options.server_timeout)
            deadline = deadline_of(asked, options_.query_timeout);
        if (!plan.database.empty() && plan.database != text.database->name) {
            auto* writer = databases_.writer(plan.database);
            if (!writer)
                return database_not_found(plan.database);
            if (!text.extra.empty())
                return not_supported(
                    "A command's result together with the tables of another database is not supported.");
            store = &writer->store();
        }
        Answer answer;
        answer.visualization = std::move(plan.visualization);
        const ResultLimits limits = limits_of(asked);
        for (auto& result : plan.results) {
            ResultTable table;
            table.name = std::move(result.name);
            table.schema = result.schema;
            table.next = limited(rows_of(Statement{store, std::move(result.sql), std::move(result.parameters),
                                                   std::move(result.schema), cancel},
                                         deadline),
                                 limits);
            answer.tables.push_back(std::move(table));
        }
        return answer;
    }

    ingest::Databases& databases_;
    const EngineOptions options_;
    const std::shared_ptr<History> history_ = std::make_shared<History>();
    Maintenance maintenance_{databases_, *history_};
    Background async_{"async", kAsyncThreads, kAsyncWaiting}; // last: its tasks use all of the above
};

} // namespace

std::unique_ptr<Engine> make_engine(ingest::Databases& databases, EngineOptions options) {
    return std::make_unique<LocalEngine>(databases, std::move(options));
}

} // namespace sluice::engine
