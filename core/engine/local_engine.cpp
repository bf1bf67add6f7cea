#include "core/engine/local_engine.hpp"

#include "core/engine/command_context.hpp"
#include "core/engine/command_table.hpp"
#include "core/engine/database_choice.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/piping.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::engine {
namespace {

class LocalEngine final : public Engine {
public:
    LocalEngine(ingest::Databases& databases, EngineOptions options)
        : databases_(databases), options_(std::move(options)) {}

    Result<Answer> query(const Request& request) override {
        const Deadline deadline = deadline_of(request, options_.query_timeout);
        SLUICE_TRY(const auto database, choose_database(databases_.catalog(), request.database));
        return run(request, database, request.text, {}, deadline);
    }

    Result<Answer> command(const Request& request) override {
        const Deadline deadline = deadline_of(request, options_.command_timeout);
        SLUICE_TRY(const auto parsed, parse_command(request.text));
        const Command& command = *parsed.command;
        if (!command.handler)
            return not_supported(fmt::format("This server does not offer {}.", command.feature));
        if (request.options.read_only && command.effect == Effect::Changes)
            return bad_request(fmt::format(
                "The request option request_readonly allows no command that changes something; this is '{}'.",
                Pattern(command.pattern).display()));
        if (options_.holds && !options_.holds(request.principal, command.role))
            return Error{
                ErrorCode::Denied,
                fmt::format("Forbidden: principal '{}' is not authorized to run this command; it needs the role {}.",
                            request.principal, to_string(command.role)),
                "Forbidden"};
        Context context(databases_, options_, *this, request, deadline);
        SLUICE_TRY(auto result, command.handler(context, parsed.match.arguments));
        if (parsed.match.pipe)
            return pipe(request, result, *parsed.match.pipe, deadline);
        Answer answer;
        answer.is_command = true;
        answer.tables.push_back(table_of(std::move(result), deadline));
        return answer;
    }

private:
    Deadline deadline_of(const Request& request, std::chrono::milliseconds usual) const {
        return {databases_.clock(), request.options.server_timeout, usual, options_.longest_timeout};
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

    static ResultTable table_of(CommandResult result, const Deadline& deadline) {
        if (!result.stored())
            return std::move(result).table();
        ResultTable table;
        table.schema = result.schema();
        table.next = rows_of(Statement{result.stored()->store, result.stored()->sql, {}, result.schema()}, deadline);
        return table;
    }

    Result<Answer> pipe(const Request& request, const CommandResult& result, std::size_t at, const Deadline& deadline) {
        // Rows that a store keeps are read in that store; rows at hand in the request's database, or in any.
        SLUICE_TRY(const auto database, choose_database(databases_.catalog(), request.database));
        kql::ExtraTable rows{std::string(kCommandResults), result.select(), result.schema()};
        return run(request, database, piped_query(request.text, at), {std::move(rows)}, deadline,
                   result.stored() ? result.stored()->store : nullptr);
    }

    Result<Answer> run(const Request& request, const catalog::Snapshot& database, const std::string& text,
                       std::vector<kql::ExtraTable> extra, const Deadline& deadline, store::Store* store = nullptr) {
        kql::CompileOptions options;
        options.database = database;
        options.catalog = &databases_.catalog();
        options.now = databases_.clock().now();
        options.principal = request.principal;
        options.parameters = request.options.parameters;
        options.extra_tables = std::move(extra);
        SLUICE_TRY(auto plan, kql::compile(text, options));
        if (!store) {
            auto* writer = databases_.writer(database->name);
            if (!writer)
                return database_not_found(database->name);
            store = &writer->store();
        }
        Answer answer;
        answer.visualization = std::move(plan.visualization);
        const ResultLimits limits = limits_of(request.options);
        for (auto& result : plan.results) {
            ResultTable table;
            table.name = std::move(result.name);
            table.schema = result.schema;
            table.next = limited(
                rows_of(Statement{store, std::move(result.sql), std::move(result.parameters), std::move(result.schema)},
                        deadline),
                limits);
            answer.tables.push_back(std::move(table));
        }
        return answer;
    }

    ingest::Databases& databases_;
    const EngineOptions options_;
};

} // namespace

std::unique_ptr<Engine> make_engine(ingest::Databases& databases, EngineOptions options) {
    return std::make_unique<LocalEngine>(databases, std::move(options));
}

} // namespace sluice::engine
