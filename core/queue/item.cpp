#include "core/queue/item.hpp"

#include "core/base/digest.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::queue {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Error malformed(std::string_view why) {
    return {ErrorCode::Invalid, fmt::format("The queue message is no announcement of a blob: {}.", why),
            "InvalidInput"};
}

std::string text_of(const Json& json) {
    return json.is_string() ? json.get<std::string>() : json.is_null() ? std::string() : dump(json);
}

std::string member(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found == json.end() ? std::string() : text_of(*found);
}

bool flag(const Json& json, const char* name) {
    const std::string text = member(json, name);
    return text == "true" || text == "True" || text == "1";
}

} // namespace

store::QueueItem to_stored(const Item& item) {
    Json json{{"Database", item.database},   {"Table", item.table},
              {"SourceId", item.source_id},  {"Url", item.url},
              {"Principal", item.principal}, {"Properties", item.properties},
              {"Announced", item.announced}, {"Attempts", item.attempts}};
    if (item.raw_size)
        json["RawSize"] = *item.raw_size;
    const auto note = [&](const char* name, bool value) {
        if (value)
            json[name] = true;
    };
    note("Flush", item.flush);
    note("Retain", item.retain);
    note("ReportsFailures", item.reports_failures);
    note("ReportsSuccesses", item.reports_successes);
    note("Reported", item.reported);
    note("Cleaned", item.cleaned);
    if (item.next_try != 0)
        json["NextTry"] = item.next_try;
    if (item.part != 0)
        json["Part"] = item.part;
    if (item.ended != 0)
        json["Ended"] = item.ended;
    if (!item.error_code.empty()) {
        json["Permanent"] = item.permanent;
        json["ErrorCode"] = item.error_code;
        json["Details"] = item.details;
    }
    return {item.id, item.operation, item.state, dump(json)};
}

Result<Item> from_stored(data::Guid id, data::Guid operation, std::string state, std::string_view announcement) {
    try {
        const Json json = Json::parse(announcement);
        Item item;
        item.id = id;
        item.operation = operation;
        item.state = std::move(state);
        item.database = json.at("Database").get<std::string>();
        item.table = json.at("Table").get<std::string>();
        item.source_id = json.at("SourceId").get<std::string>();
        item.url = json.at("Url").get<std::string>();
        item.principal = json.at("Principal").get<std::string>();
        item.properties = json.at("Properties").get<std::map<std::string, std::string>>();
        item.announced = json.at("Announced").get<Ticks>();
        item.attempts = json.at("Attempts").get<unsigned>();
        if (const auto size = json.find("RawSize"); size != json.end())
            item.raw_size = size->get<Bytes>();
        item.flush = json.value("Flush", false);
        item.retain = json.value("Retain", false);
        item.reports_failures = json.value("ReportsFailures", false);
        item.reports_successes = json.value("ReportsSuccesses", false);
        item.reported = json.value("Reported", false);
        item.cleaned = json.value("Cleaned", false);
        item.next_try = json.value("NextTry", Ticks{0});
        item.part = json.value("Part", store::PartId{0});
        item.ended = json.value("Ended", Ticks{0});
        item.permanent = json.value("Permanent", true);
        item.error_code = json.value("ErrorCode", std::string());
        item.details = json.value("Details", std::string());
        return item;
    } catch (const nlohmann::json::exception& problem) {
        return Error{ErrorCode::Internal, fmt::format("a stored announcement cannot be read: {}", problem.what())};
    }
}

Result<std::vector<Item>> find_items(store::Store& store, const std::string& home, std::string_view condition,
                                     const std::vector<store::Parameter>& parameters) {
    data::Schema schema;
    schema.columns = {{"id", data::ScalarType::Guid},
                      {"operation", data::ScalarType::Guid},
                      {"state", data::ScalarType::String},
                      {"announcement", data::ScalarType::String}};
    SLUICE_TRY(auto rows,
               store.query(fmt::format("SELECT id, operation_id, state, announcement FROM (SELECT *, CAST(announcement "
                                       "AS JSON) AS doc FROM db.sluice.queue_items) WHERE {} ORDER BY "
                                       "CAST(doc->>'Announced' AS BIGINT), id",
                                       condition),
                           parameters, schema, {}));
    std::vector<Item> items;
    for (;;) {
        SLUICE_TRY(const auto chunk, rows.next());
        if (!chunk)
            return items;
        for (std::size_t row = 0; row < chunk->rows(); ++row) {
            SLUICE_TRY(auto item,
                       from_stored(chunk->column(0).get<data::Guid>(row), chunk->column(1).get<data::Guid>(row),
                                   std::string(chunk->column(2).text(row)), chunk->column(3).text(row)));
            item.home = home;
            items.push_back(std::move(item));
        }
    }
}

Result<Announced> read_message(std::string_view text) {
    const auto decoded = decode_base64(text);
    const Json json = Json::parse(decoded ? *decoded : std::string(text), nullptr, false);
    if (!json.is_object())
        return malformed("its text should be a JSON object in base64");
    Announced out;
    auto& announcement = out.announcement;
    announcement.database = member(json, "DatabaseName");
    announcement.table = member(json, "TableName");
    engine::QueuedIngestion::Blob blob{member(json, "BlobPath"), member(json, "Id")};
    if (announcement.database.empty() || announcement.table.empty() || blob.url.empty())
        return malformed("BlobPath, DatabaseName and TableName have to be there");
    if (const auto size = json.find("RawDataSize"); size != json.end() && size->is_number_unsigned())
        blob.raw_size = size->get<Bytes>();
    announcement.blobs.push_back(std::move(blob));
    announcement.flush = flag(json, "FlushImmediately");
    announcement.retain = flag(json, "RetainBlobOnSuccess");
    const std::string level = member(json, "ReportLevel"), method = member(json, "ReportMethod");
    const bool by_queue =
        method.empty() || method == "0" || method == "2" || method == "Queue" || method == "QueueAndTable";
    announcement.reports_failures = by_queue && level != "1" && level != "None" && level != "DoNotReport";
    announcement.reports_successes = by_queue && (level == "2" || level == "FailuresAndSuccesses");
    if (const std::string policy = member(json, "ValidationPolicy"); !policy.empty())
        announcement.properties["validationPolicy"] = policy;
    if (const auto more = json.find("AdditionalProperties"); more != json.end() && more->is_object())
        for (const auto& [name, value] : more->items())
            if (std::string text_value = text_of(value); !text_value.empty())
                announcement.properties[name] = std::move(text_value);
    if (auto token = announcement.properties.extract("authorizationContext"); !token.empty())
        out.token = std::move(token.mapped());
    return out;
}

std::string result_message(const Item& item) {
    const std::string operation = data::format_guid(item.operation);
    Json json{{"OperationId", operation}, {"Database", item.database}, {"Table", item.table}};
    const bool failed = item.state == "Failed";
    json[failed ? "FailedOn" : "SucceededOn"] = data::format_datetime(item.ended);
    json["IngestionSourceId"] = item.source_id;
    json["IngestionSourcePath"] = item.url.substr(0, item.url.find('?'));
    if (failed) {
        json["Details"] = item.details;
        json["ErrorCode"] = item.error_code;
        json["FailureStatus"] = item.error_code == "General_RetryAttemptsExceeded" ? "Exhausted" : "Permanent";
    }
    json["RootActivityId"] = operation;
    if (failed) {
        json["OriginatesFromUpdatePolicy"] = item.error_code.starts_with("UpdatePolicy_");
        json["ShouldRetry"] = !item.permanent;
    }
    return data::base64(dump(json));
}

} // namespace sluice::queue
