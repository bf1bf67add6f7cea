#include "core/data/text.hpp"
#include "core/engine/access.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/shapes.hpp"
#include "core/kql/kql.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr Ticks kOneOperationIsShownFor = 6 * kTicksPerHour;

/// Admins and monitors see everything, others their own.
bool sees_all(Context& context) {
    return Access(context.databases().catalog(), context.options().holds)
        .allows(context.request().principal, Role::Monitor, {});
}

Cell text_cell(const std::string& text) {
    return text.empty() ? Cell(Null{}) : Cell(text);
}

void add_row(CommandResult& result, const Operation& o) {
    result.add({o.id, o.name, std::string("node-0"), DateTime{o.started}, DateTime{o.updated},
                TimeSpan{o.updated - o.started}, o.state, text_cell(o.status), o.id, o.should_retry, o.database,
                o.principal, o.user, Null{}, Null{}});
}

/// Seals of the row store: what they are is kept with the extents they made (engine 5.9).
std::vector<Operation> seals(Context& context) {
    std::vector<Operation> out;
    for (const auto& database : context.databases().catalog().all()) {
        const auto* writer = context.databases().writer(database->name);
        if (!writer)
            continue;
        for (const auto& part : writer->parts()) {
            if (part.state != store::PartState::Extent || !part.seal_reason.starts_with("RowStore"))
                continue;
            Operation operation;
            operation.id = part.extent;
            operation.name = "RowStoreSeal";
            operation.started = operation.updated = part.sealed;
            operation.state = "Completed";
            operation.database = database->name;
            operation.principal = "sluice";
            out.push_back(std::move(operation));
        }
    }
    return out;
}

Result<data::Guid> operation_id(const std::string& text) {
    if (const auto id = data::parse_guid(text))
        return *id;
    return bad_request(fmt::format("'{}' is no id of an operation.", text));
}

std::string properties_of(const Run& run) {
    return nlohmann::json{{"ClientRequestId", run.client_request_id}}.dump();
}

std::vector<Run> visible_runs(Context& context, bool queries, bool commands) {
    auto runs = context.history().runs();
    const bool all = sees_all(context);
    std::erase_if(runs, [&](const Run& run) {
        return !(run.is_query ? queries : commands) || (!all && run.principal != context.request().principal);
    });
    return runs;
}

Ticks duration(const Run& run, Ticks now) {
    return (run.state == "InProgress" ? now : run.updated) - run.started;
}

Cell result_statistics(const Run& run) {
    return Dynamic{fmt::format(R"({{"table_count":1,"tables":[{{"row_count":{}}}]}})", run.rows)};
}

constexpr auto kRunningQueries =
    "ClientActivityId:string, Text:string, Database:string, StartedOn:datetime, LastUpdatedOn:datetime, "
    "Duration:timespan, State:string, RootActivityId:guid, User:string, FailureReason:string, TotalCpu:timespan, "
    "CacheStatistics:dynamic, Application:string, MemoryPeak:long, ScannedExtentsStatistics:dynamic, Principal:string, "
    "ClientRequestProperties:dynamic, ResultSetStatistics:dynamic, WorkloadGroup:string";

} // namespace

Result<CommandResult> show_operations(Context& context, const Arguments& arguments) {
    CommandResult result(shape::kOperations);
    const bool all = sees_all(context);
    const auto visible = [&](const Operation& o) { return all || o.principal == context.request().principal; };
    std::vector<std::string> ids = arguments.get("ids").items;
    if (arguments.has("id"))
        ids.push_back(arguments.text("id"));
    if (ids.empty()) {
        auto rows = context.history().operations();
        auto sealed = seals(context);
        std::move(sealed.begin(), sealed.end(), std::back_inserter(rows));
        std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.updated < b.updated; });
        for (const Operation& operation : rows)
            if (visible(operation))
                add_row(result, operation);
        return result;
    }
    for (const auto& text : ids) {
        SLUICE_TRY(const auto id, operation_id(text));
        const auto operation = context.history().operation(id);
        if (operation && visible(*operation) && operation->updated >= context.now() - kOneOperationIsShownFor)
            add_row(result, *operation);
    }
    return result;
}

Result<CommandResult> show_operation_details(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto id, operation_id(arguments.text("id")));
    const auto operation = context.history().operation(id);
    if (!operation || (!sees_all(context) && operation->principal != context.request().principal))
        return entity_not_found("Operation", arguments.text("id"));
    const auto details = context.history().details(id);
    if (!details)
        return bad_request(
            fmt::format("Operation '{}' is in state '{}' and has no details: they are kept for completed "
                        "'async' commands.",
                        arguments.text("id"), operation->state));
    return details->copy();
}

Result<CommandResult> cancel_operation(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"reason"}));
    SLUICE_TRY(const auto id, operation_id(arguments.text("id")));
    const auto operation = context.history().operation(id);
    if (!operation || (!sees_all(context) && operation->principal != context.request().principal))
        return entity_not_found("Operation", arguments.text("id"));
    const bool cancelled = context.history().cancel_operation(id);
    return std::move(CommandResult("OperationId:guid, Operation:string, StartedOn:datetime, CancellationState:string, "
                                   "ReasonPhrase:string")
                         .add({id, operation->name, DateTime{operation->started},
                               std::string(cancelled ? "Canceled successfully" : "Cancel failed"),
                               arguments.properties().get("reason").value_or("")}));
}

Result<CommandResult> cancel_query(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"reason"}));
    const std::string own = sees_all(context) ? "" : context.request().principal;
    const bool found = context.history().cancel(arguments.text("id"), own);
    return std::move(CommandResult("ClientRequestId:string, Status:string")
                         .add({arguments.text("id"), std::string(found ? "Requested" : "NotFound")}));
}

Result<CommandResult> show_queries(Context& context, const Arguments& arguments) {
    const bool running = arguments.said("running");
    const std::string& user = arguments.text("user");
    CommandResult result(running ? std::string(kRunningQueries)
                                 : std::string(kRunningQueries) + ", OverallQueryStats:string, VirtualCluster:string");
    for (const Run& run : visible_runs(context, true, false)) {
        if (running && (run.state != "InProgress" || (!user.empty() && run.user != user && run.principal != user)))
            continue;
        std::vector<Cell> row{run.client_request_id,
                              run.text,
                              run.database,
                              DateTime{run.started},
                              DateTime{run.state == "InProgress" ? context.now() : run.updated},
                              TimeSpan{duration(run, context.now())},
                              run.state,
                              run.activity,
                              run.user,
                              text_cell(run.failure),
                              Null{},
                              Null{},
                              run.application,
                              Null{},
                              Null{},
                              run.principal,
                              Dynamic{properties_of(run)},
                              result_statistics(run),
                              std::string("default")};
        if (!running)
            row.insert(row.end(), {Null{}, Null{}});
        result.add(row);
    }
    return result;
}

Result<CommandResult> show_commands(Context& context, const Arguments&) {
    CommandResult result(
        "ClientActivityId:string, CommandType:string, Text:string, Database:string, StartedOn:datetime, "
        "LastUpdatedOn:datetime, Duration:timespan, State:string, RootActivityId:guid, User:string, "
        "FailureReason:string, Application:string, Principal:string, TotalCpu:timespan, "
        "ResourcesUtilization:dynamic, ClientRequestProperties:dynamic, WorkloadGroup:string, "
        "VirtualCluster:string");
    for (const Run& run : visible_runs(context, false, true))
        result.add({run.client_request_id, run.type, run.text, run.database, DateTime{run.started},
                    DateTime{run.updated}, TimeSpan{duration(run, context.now())}, run.state, run.activity, run.user,
                    text_cell(run.failure), run.application, run.principal, Null{}, Null{}, Dynamic{properties_of(run)},
                    std::string("default"), Null{}});
    return result;
}

Result<CommandResult> show_commands_and_queries(Context& context, const Arguments&) {
    CommandResult result(
        "ClientActivityId:string, CommandType:string, Text:string, Database:string, StartedOn:datetime, "
        "LastUpdatedOn:datetime, Duration:timespan, State:string, FailureReason:string, "
        "RootActivityId:guid, User:string, Application:string, Principal:string, "
        "ClientRequestProperties:dynamic, TotalCpu:timespan, MemoryPeak:long, CacheStatistics:dynamic, "
        "ScannedExtentsStatistics:dynamic, ResultSetStatistics:dynamic, WorkloadGroup:string, "
        "VirtualCluster:string");
    for (const Run& run : visible_runs(context, true, true))
        result.add({run.client_request_id,
                    run.type,
                    run.text,
                    run.database,
                    DateTime{run.started},
                    DateTime{run.updated},
                    TimeSpan{duration(run, context.now())},
                    run.state,
                    text_cell(run.failure),
                    run.activity,
                    run.user,
                    run.application,
                    run.principal,
                    Dynamic{properties_of(run)},
                    Null{},
                    Null{},
                    Null{},
                    Null{},
                    result_statistics(run),
                    std::string("default"),
                    Null{}});
    return result;
}

Result<CommandResult> show_journal(Context& context, const Arguments& arguments) {
    std::string only;
    if (arguments.has("database")) {
        SLUICE_TRY(const auto database, context.database(arguments.text("database")));
        only = database->name;
    }
    CommandResult result(
        "Event:string, EventTimestamp:datetime, Database:string, EntityName:string, "
        "UpdatedEntityName:string, EntityVersion:string, EntityContainerName:string, "
        "OriginalEntityState:string, UpdatedEntityState:string, ChangeCommand:string, Principal:string, "
        "RootActivityId:guid, ClientRequestId:string, User:string, OriginalEntityVersion:string");
    const bool all = sees_all(context);
    for (const JournalEntry& e : context.history().journal())
        if ((only.empty() || e.database == only) && (all || e.principal == context.request().principal))
            result.add({e.event, DateTime{e.time}, e.database, e.entity, e.updated_entity, e.version, e.database,
                        e.original_state, e.updated_state, e.command, e.principal, e.activity, e.client_request_id,
                        e.user, e.original_version});
    return result;
}

/// The query's text, and the statement that the store would run.
Result<CommandResult> show_query_plan(Context& context, const Arguments& arguments) {
    SLUICE_CHECK(arguments.properties().only({"reconstructCsl"}));
    SLUICE_TRY(const auto database, context.database());
    kql::CompileOptions options;
    options.database = database;
    options.catalog = &context.databases().catalog();
    options.now = context.now();
    options.principal = context.request().principal;
    const std::string text = trimmed(arguments.text("query"));
    SLUICE_TRY(const auto plan, kql::compile(text, options));
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    for (const auto& result : plan.results) {
        nlohmann::ordered_json columns = nlohmann::ordered_json::array();
        for (const auto& column : result.schema.columns)
            columns.push_back({{"Name", column.name}, {"CslType", data::to_string(column.type)}});
        results.push_back({{"Name", result.name}, {"Columns", std::move(columns)}, {"Sql", result.sql}});
    }
    return std::move(CommandResult("ResultType:string, Format:string, Content:string")
                         .add({std::string("QueryText"), std::string("text"), text})
                         .add({std::string("LogicalPlan"), std::string("json"), results.dump()}));
}

} // namespace sluice::engine
