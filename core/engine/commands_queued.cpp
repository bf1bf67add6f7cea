#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/queued_ingestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

/// Queued ingestion over HTTP: what clients ask before they upload (rest-api 10.1), and what became of it
/// (commands 3.6).
namespace sluice::engine {
namespace {

Result<QueuedIngestion*> queue_of(const Context& context) {
    if (auto* queue = context.options().queued)
        return queue;
    return Error{ErrorCode::Unsupported,
                 "Queued ingestion is switched off here (queued.http = false); stream the data instead.",
                 "BadRequest_NotSupported"};
}

using QueuedOperation = QueuedIngestion::Operation;
using BlobState = QueuedIngestion::BlobState;

std::int64_t count(const QueuedOperation& operation, std::initializer_list<std::string_view> states) {
    return std::count_if(operation.blobs.begin(), operation.blobs.end(), [&](const BlobState& blob) {
        return std::find(states.begin(), states.end(), blob.state) != states.end();
    });
}

std::string state_of(const QueuedOperation& operation) {
    if (count(operation, {"Pending", "Staged"}) > 0)
        return "InProgress";
    if (count(operation, {"Failed"}) > 0)
        return "Failed";
    return count(operation, {"Canceled"}) > 0 ? "Canceled" : "Completed";
}

std::string failed_reasons(const QueuedOperation& operation) {
    constexpr std::size_t kSamples = 3;
    std::set<std::string> reasons;
    for (const BlobState& blob : operation.blobs)
        if (blob.state == "Failed" && reasons.size() < kSamples)
            reasons.insert(blob.details);
    return fmt::format("{}", fmt::join(reasons, "; "));
}

Ticks latest(const QueuedOperation& operation) {
    Ticks latest = 0;
    for (const BlobState& blob : operation.blobs)
        latest = std::max(latest, blob.updated);
    return latest;
}

/// Calls `visit(id, operation)` for each of the named operations.
template <class Visit> Result<> each_operation(const Context& context, const Arguments& arguments, Visit visit) {
    SLUICE_TRY(const auto* queue, queue_of(context));
    for (const std::string& id : arguments.get("ids").items) {
        SLUICE_TRY(const auto operation, queue->operation(id));
        if (!operation)
            return Error{ErrorCode::NotFound, fmt::format("There is no queued ingestion operation '{}'.", id),
                         "BadRequest_EntityNotFound"};
        visit(id, *operation);
    }
    return {};
}

} // namespace

Result<CommandResult> get_ingestion_resources(Context& context, const Arguments&) {
    SLUICE_TRY(const auto* queue, queue_of(context));
    CommandResult result("ResourceTypeName:string, StorageRoot:string");
    for (const auto& resource : queue->resources(context.request().host))
        result.add({resource.type, resource.root});
    return result;
}

Result<CommandResult> get_identity_token(Context& context, const Arguments&) {
    SLUICE_TRY(const auto* queue, queue_of(context));
    return std::move(
        CommandResult("AuthorizationContext:string").add({queue->identity_token(context.request().principal)}));
}

Result<CommandResult> show_queued_operations(Context& context, const Arguments& arguments) {
    CommandResult result("IngestionOperationId:string, StartedOn:datetime, LastUpdatedOn:datetime, State:string, "
                         "Discovered:long, Pending:long, Canceled:long, Ingested:long, Failed:long, "
                         "SampleFailedReasons:string, Database:string, Table:string");
    SLUICE_CHECK(each_operation(context, arguments, [&](const std::string& id, const QueuedOperation& operation) {
        const std::string reasons = failed_reasons(operation);
        result.add({id, DateTime{operation.blobs.front().announced}, DateTime{latest(operation)}, state_of(operation),
                    static_cast<std::int64_t>(operation.blobs.size()), count(operation, {"Pending", "Staged"}),
                    count(operation, {"Canceled"}), count(operation, {"Succeeded"}), count(operation, {"Failed"}),
                    reasons.empty() ? Cell(Null{}) : Cell(reasons), operation.database, operation.table});
    }));
    return result;
}

Result<CommandResult> show_queued_operation_details(Context& context, const Arguments& arguments) {
    CommandResult result("IngestionOperationId:string, BlobURL:string, IngestionStatus:string, StartedAt:datetime, "
                         "CompletedAt:datetime, FailedReasons:string");
    SLUICE_CHECK(each_operation(context, arguments, [&](const std::string& id, const QueuedOperation& operation) {
        for (const BlobState& blob : operation.blobs) {
            const bool open = blob.state == "Pending" || blob.state == "Staged";
            result.add({id, blob.url, open ? std::string("Pending") : blob.state, DateTime{blob.announced},
                        open ? Cell(Null{}) : Cell(DateTime{blob.updated}),
                        blob.details.empty() ? Cell(Null{}) : Cell(blob.details)});
        }
    }));
    return result;
}

} // namespace sluice::engine
