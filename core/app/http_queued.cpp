#include "core/app/http_endpoints.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// Queued ingestion by the REST protocol (rest-api 11, engine 4.6).
namespace sluice::app {
namespace {

using Json = nlohmann::ordered_json;
using engine::QueuedIngestion;

Error bad(std::string why) {
    return {ErrorCode::Invalid, std::move(why), "General_BadRequest"};
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A member in either spelling; null when there is none.
const Json* member(const Json& json, std::string_view name) {
    if (json.is_object())
        for (const auto& [key, value] : json.items())
            if (equals_ignoring_case(key, name) && !value.is_null())
                return &value;
    return nullptr;
}

std::string text(const Json& json, std::string_view name) {
    const Json* found = member(json, name);
    return !found ? std::string() : found->is_string() ? found->get<std::string>() : dump(*found);
}

bool flag(const Json& json, std::string_view name) {
    return equals_ignoring_case(text(json, name), "true");
}

HttpResponse configuration(const QueuedIngestion& queue, const RequestInfo& info, const HttpRequest& request) {
    Json containers = Json::array();
    for (const auto& resource : queue.resources(request.header("Host")))
        if (resource.type == "TempStorage")
            containers.push_back({{"path", resource.root}});
    const Json answer{
        {"containerSettings",
         {{"containers", containers},
          {"lakeFolders", Json::array()},
          {"refreshInterval", "01:00:00"},
          {"preferredUploadMethod", "Storage"}}},
        {"ingestionSettings",
         {{"maxBlobsPerBatch", 20}, {"maxDataSize", 6'442'450'944}, {"preferredIngestionMethod", "Rest"}}}};
    return make_response(info, 200, dump(answer));
}

Result<QueuedIngestion::Announcement> read_submission(const std::string& body) {
    const Json json = Json::parse(body, nullptr, false);
    if (!json.is_object())
        return bad("The body has to be a JSON object with 'blobs' and 'properties'.");
    QueuedIngestion::Announcement out;
    const Json* blobs = member(json, "blobs");
    if (!blobs || !blobs->is_array())
        return bad("'blobs' has to be an array of objects with 'url' and 'sourceId'.");
    for (const Json& blob : *blobs) {
        QueuedIngestion::Blob one{text(blob, "url"), text(blob, "sourceId")};
        if (one.url.empty())
            return bad("Each of 'blobs' needs a 'url'.");
        if (const Json* size = member(blob, "rawSize"); size && size->is_number_unsigned())
            one.raw_size = size->get<Bytes>();
        out.blobs.push_back(std::move(one));
    }
    if (const Json* properties = member(json, "properties"); properties && properties->is_object()) {
        for (const auto& [name, value] : properties->items())
            if (!value.is_null() && !(value.is_array() && value.empty()))
                out.properties[name] = value.is_string() ? value.get<std::string>() : dump(value);
        out.flush = flag(*properties, "skipBatching");
        out.retain = !flag(*properties, "deleteAfterDownload") && member(*properties, "deleteAfterDownload");
    }
    return out;
}

Result<std::string> submit(QueuedIngestion& queue, const RequestInfo& info, const Target& target, HttpRequest& request,
                           Bytes max_body) {
    SLUICE_TRY(auto body, decode_body(std::move(request.body), request.header("Content-Encoding"), max_body));
    if (body.bytes.size() > max_body)
        return Error{ErrorCode::TooLarge,
                     fmt::format("The request's uncompressed body exceeds the maximum allowed size of {} bytes "
                                 "(server.max_command_bytes).",
                                 max_body)};
    SLUICE_TRY(auto announcement, read_submission(body.bytes));
    announcement.database = target.segments[4];
    announcement.table = target.segments[5];
    announcement.principal = info.principal;
    const Json json = Json::parse(body.bytes, nullptr, false);
    const Json* properties = member(json, "properties");
    const bool tracked = properties && flag(*properties, "enableTracking");
    SLUICE_TRY(const auto operation, queue.announce(announcement));
    return dump(Json{{"ingestionOperationId", tracked ? operation : std::string()}});
}

Json to_json(const QueuedIngestion::BlobState& blob) {
    const auto or_null = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
    const bool open = blob.state == "Pending" || blob.state == "Staged";
    return {{"sourceId", blob.source_id},
            {"url", blob.url},
            {"status", open ? "InProgress" : blob.state},
            {"startedAt", data::format_datetime(blob.announced)},
            {"lastUpdateTime", data::format_datetime(blob.updated)},
            {"errorCode", or_null(blob.error_code)},
            {"failureStatus", or_null(blob.failure_status)},
            {"details", or_null(blob.details)}};
}

Result<std::string> status(const QueuedIngestion& queue, const Target& target) {
    const std::string& id = target.segments[6];
    SLUICE_TRY(const auto operation, queue.operation(id));
    const auto same = [](const std::string& a, const std::string& b) { return equals_ignoring_case(a, b); };
    if (!operation || !same(operation->database, target.segments[4]) || operation->table != target.segments[5])
        return Error{ErrorCode::NotFound,
                     fmt::format("There is no queued ingestion operation '{}' of this table.", id)};
    Ticks started = operation->blobs.front().announced, updated = 0;
    std::map<std::string, int> counts{{"Succeeded", 0}, {"Failed", 0}, {"InProgress", 0}, {"Canceled", 0}};
    Json details = Json::array();
    for (const auto& blob : operation->blobs) {
        started = std::min(started, blob.announced);
        updated = std::max(updated, blob.updated);
        details.push_back(to_json(blob));
        ++counts[details.back()["status"].get<std::string>()];
    }
    Json answer{{"startTime", data::format_datetime(started)},
                {"lastUpdated", data::format_datetime(updated)},
                {"status",
                 {{"succeeded", counts["Succeeded"]},
                  {"failed", counts["Failed"]},
                  {"inProgress", counts["InProgress"]},
                  {"canceled", counts["Canceled"]}}}};
    const std::string* wanted = target.parameter("details");
    if (wanted && equals_ignoring_case(*wanted, "true"))
        answer["details"] = std::move(details);
    return dump(answer);
}

} // namespace

HttpResponse run_queued(QueuedIngestion* queue, const RequestInfo& info, QueuedCall call, const Target& target,
                        HttpRequest& request, Bytes max_body) {
    if (!queue)
        return make_error(info,
                          Error{ErrorCode::Unsupported,
                                "Queued ingestion is switched off here (queued.http = false); stream the data instead.",
                                "BadRequest_NotSupported"},
                          wire::Area::Command);
    if (call == QueuedCall::Configuration)
        return configuration(*queue, info, request);
    auto body = call == QueuedCall::Submit ? submit(*queue, info, target, request, max_body) : status(*queue, target);
    if (body)
        return make_response(info, 200, std::move(*body));
    // Nothing but an unknown operation is not found here: that is a path, not an entity (engine 4.6).
    return make_error(info, body.error(),
                      body.error().code == ErrorCode::NotFound ? wire::Area::Transport : wire::Area::Command);
}

} // namespace sluice::app
