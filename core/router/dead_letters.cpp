#include "core/router/dead_letters.hpp"

#include <nlohmann/json.hpp>

namespace sluice::router {
namespace {

std::string to_json(const Message::Property* properties, std::size_t count) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < count; ++i) {
        if (properties[i].is_null)
            object[std::string(properties[i].name)] = nullptr;
        else
            object[std::string(properties[i].name)] = properties[i].value;
    }
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

store::DeadLetter make_dead_letter(const ConnectionSettings& settings, const DataConnection& connection, const Message& message,
                                   std::string_view lane, const PlanCache::Partial& routing, const Error& error, Ticks now) {
    store::DeadLetter letter;
    letter.id = data::random_guid();
    letter.time = now;
    letter.first_seen = now;
    letter.connection = settings.name;
    letter.kind = to_string(settings.kind);
    letter.source = connection.source_path(message, lane);
    letter.lane = lane;
    letter.sequence = message.sequence;
    letter.position_json = connection.position_json(message, lane);
    letter.database = routing.database;
    letter.table = routing.table;
    letter.format = routing.format;
    letter.mapping = routing.mapping;
    letter.error_code = error.reason.empty() ? "General_InternalServerError" : error.reason;
    letter.failure_kind = error.permanent() ? "Permanent" : "Transient";
    letter.details = error.message;
    letter.properties_json = to_json(message.headers, message.header_count);
    letter.system_properties_json = to_json(message.system, message.system_count);
    letter.truncated = message.payload.size() > kMaxDeadLetterBody;
    letter.body = message.payload.substr(0, letter.truncated ? kTruncatedBody : message.payload.size());
    return letter;
}

store::DeadLetter make_record_letter(const ConnectionSettings& settings, const DataConnection& connection, const Message& message,
                                     std::string_view lane, const PlanCache::Partial& routing, const data::RefusedRecord& record, Ticks now) {
    Message alone = message;
    alone.payload = record.text;
    const Error error{ErrorCode::Invalid, "record " + std::to_string(record.number) + ": " + record.why, "BadRequest_InvalidBlob"};
    store::DeadLetter letter = make_dead_letter(settings, connection, alone, lane, routing, error, now);
    // From the message as it was: some connections look into the payload.
    letter.source = connection.source_path(message, lane);
    auto position = nlohmann::ordered_json::parse(connection.position_json(message, lane), nullptr, false);
    if (!position.is_object())
        position = nlohmann::ordered_json::object();
    position["record"] = record.number;
    letter.position_json = position.dump();
    return letter;
}

store::IngestionFailure failure_of(const store::DeadLetter& letter) {
    store::IngestionFailure failure;
    failure.operation_id = data::random_guid();
    failure.database = letter.database;
    failure.table = letter.table;
    failure.failed_on = letter.time;
    failure.source_path = letter.source;
    failure.details = letter.details;
    failure.failure_kind = letter.failure_kind;
    failure.operation_kind = "DataIngestPull";
    failure.error_code = letter.error_code;
    failure.principal = "connection=" + letter.connection;
    failure.ingestion_properties = "Format=" + letter.format;
    return failure;
}

} // namespace sluice::router
