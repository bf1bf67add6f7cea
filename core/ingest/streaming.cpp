#include "core/ingest/streaming.hpp"

#include "core/data/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace sluice::ingest {
namespace {

using data::Format;

/// What the streaming endpoint takes (engine 1.5).
constexpr std::array kStreamFormats{
    Format::Csv, Format::Tsv,  Format::Scsv,      Format::Sohsv,      Format::Psv,  Format::Tsve,      Format::Txt,
    Format::Raw, Format::Json, Format::MultiJson, Format::SingleJson, Format::Avro, Format::ApacheAvro};

Error bad_request(const StreamRequest& request, ErrorCode code, const std::string& detail, std::string reason) {
    return Error{code,
                 fmt::format("Bad streaming ingestion request to {}.{} : {}", request.database, request.table, detail),
                 std::move(reason)};
}

Error not_found(std::string_view name, std::string_view kind) {
    return Error{ErrorCode::NotFound, fmt::format("Entity ID '{}' of kind '{}' was not found.", name, kind),
                 "BadRequest_EntityNotFound"};
}

/// A request made ready: what to parse with, and where the rows go.
struct Prepared {
    DatabaseWriter* writer;
    std::shared_ptr<const catalog::Table> table;
    Format format;
    std::unique_ptr<data::Parser> parser;
};

Result<Prepared> prepare(Databases& databases, const StreamRequest& request) {
    if (!databases.options().streaming_enabled)
        return Error{ErrorCode::Unsupported, "Streaming ingestion is disabled for the cluster.", "NotFound"};
    const catalog::Snapshot database = databases.schema_cache().find(request.database);
    if (!database)
        return not_found(request.database, "Database");
    Prepared prepared{databases.writer(database->name), database->find_table(request.table), Format::Csv, nullptr};
    if (!prepared.table || !prepared.writer)
        return not_found(request.table, "Table");
    if (prepared.writer->setting(kStreamingMaintenance) == "true")
        return Error{
            ErrorCode::Unavailable,
            fmt::format("Streaming ingestion into database '{}' is in maintenance; try again later.", database->name),
            "ServiceUnavailable_StreamingIngestionDatabaseUnderMaintenance"};
    const auto policy = database->effective_streaming(*prepared.table);
    if (!policy || !policy->is_enabled)
        return Error{ErrorCode::Invalid,
                     fmt::format("Streaming ingestion policy is not enabled for the table '{}.{}'.", database->name,
                                 prepared.table->name),
                     "StreamingIngestionPolicyNotEnabled"};
    const auto format = data::parse_format(request.stream_format);
    if (!format || std::find(kStreamFormats.begin(), kStreamFormats.end(), *format) == kStreamFormats.end())
        return bad_request(request, ErrorCode::Invalid,
                           fmt::format("format '{}' is not supported.", request.stream_format),
                           "BadRequest_FormatNotSupported");
    prepared.format = *format;

    if (request.mapping_name.empty() && databases.options().require_mapping &&
        data::mapping_kind(*format) != data::MappingKind::Csv)
        return bad_request(request, ErrorCode::Invalid,
                           fmt::format("format '{}' needs a mapping name.", request.stream_format),
                           "BadRequest_MissingMappingFailure");

    data::ParserOptions options;
    options.format = *format;
    options.schema = prepared.table->schema();
    options.max_values = database->max_value_sizes(*prepared.table);
    if (!request.mapping_name.empty()) {
        const data::Mapping* mapping =
            database->find_mapping(*prepared.table, data::mapping_kind(*format), request.mapping_name);
        if (!mapping)
            return Error{ErrorCode::NotFound,
                         fmt::format("Entity ID '{}' of kind 'MappingPersistent' was not found.", request.mapping_name),
                         "BadRequest_MappingReferenceWasNotFound"};
        auto bound = data::bind_mapping(*mapping, *options.schema);
        if (!bound)
            return bad_request(request, ErrorCode::Invalid, "mapping is incompatible with the table.",
                               "BadRequest_InconsistentMapping");
        options.mapping = std::move(*bound);
    }
    auto parser = data::make_parser(std::move(options));
    if (!parser)
        return bad_request(request, ErrorCode::Invalid,
                           fmt::format("format '{}' is not supported.", request.stream_format),
                           "BadRequest_FormatNotSupported");
    prepared.parser = std::move(*parser);
    return prepared;
}

Error parse_failure(const StreamRequest& request, const Error& error) {
    if (error.reason == "BadRequest_NoRecordsOrWrongFormat" || error.reason == "BadRequest_EmptyBlob")
        return bad_request(request, ErrorCode::Invalid,
                           "The input stream is empty after processing, tip:check stream validity", "BadRequest");
    return bad_request(request, error.code, error.message, error.reason);
}

bool is_policy_failure(const Error& error) {
    return error.reason.starts_with("UpdatePolicy_");
}

std::string_view status_of(const Error& error) {
    if (is_policy_failure(error))
        return "FailureUpdatePolicy";
    return error.permanent() || error.code == ErrorCode::TooLarge ? "FailureBadRequest" : "FailureInternalError";
}

Result<StreamReply> run(Databases& databases, const StreamRequest& request) {
    SLUICE_TRY(auto prepared, prepare(databases, request));
    const Bytes limit = databases.options().max_streaming_request;
    if (request.body.size() > limit)
        return bad_request(
            request, ErrorCode::TooLarge,
            fmt::format("request size {} exceeds the maximum allowed size of {} bytes.", request.body.size(), limit),
            "Stream_InputStreamTooLarge");
    TableBatch batch{.table = prepared.table, .path = Path::Streaming, .rows = data::Rows(prepared.table->schema())};
    prepared.parser->begin();
    if (auto fed = prepared.parser->feed(request.body, false, batch.rows); !fed)
        return parse_failure(request, fed.error());
    auto outcome = prepared.parser->finish(batch.rows);
    if (!outcome)
        return parse_failure(request, outcome.error());
    batch.raw_size = request.body.size();
    batch.principal = request.principal;
    auto committed = prepared.writer->commit_rows(std::move(batch));
    if (!committed) {
        const Error& error = committed.error();
        if (error.code == ErrorCode::Throttled || error.code == ErrorCode::NotFound || is_policy_failure(error))
            return error;
        if (error.reason == "Stream_InputStreamTooLarge" ||
            error.reason == "BadRequest_ZeroRetentionPolicyWithNoUpdatePolicy")
            return bad_request(request, error.code, error.message, error.reason);
        return Error{error.code,
                     fmt::format("Server error in performing streaming ingestion into {}.{} : {}", request.database,
                                 request.table, error.message),
                     error.reason.empty() ? "General_InternalServerError" : error.reason};
    }
    StreamReply reply;
    reply.consumed_records = prepared.table->keeps_no_rows() ? 0 : committed->rows;
    reply.update_policy_status = std::move(committed->report.policy_status);
    reply.update_policy_failure_code = std::move(committed->report.policy_code);
    reply.update_policy_failure_reason = std::move(committed->report.policy_reason);
    reply.update_policy_failed_table = std::move(committed->report.policy_table);
    return reply;
}

} // namespace

Result<StreamReply> ingest_stream(Databases& databases, const StreamRequest& request) {
    const Ticks begun = databases.clock().now();
    auto reply = run(databases, request);
    if (!reply && reply.error().reason == "NotFound")
        return reply; // the endpoint does not exist while the switch is down
    StreamingStatistics::Call call;
    call.database = request.database;
    call.table = request.table;
    call.principal = request.principal;
    call.properties_json = streaming_properties_json(request.mapping_name, request.stream_format, request.compressed);
    call.at = databases.clock().now();
    call.duration = call.at - begun;
    call.data_size = request.body.size();
    call.activity_id = request.activity_id;
    if (reply) {
        call.rows = reply->consumed_records;
    } else {
        const Error& error = reply.error();
        call.status = status_of(error);
        call.failure_kind = error.permanent() ? "Permanent" : "Transient";
        call.error_code = error.reason;
        call.details = error.message;
    }
    if (reply || reply.error().code != ErrorCode::Throttled)
        databases.streaming_statistics().add(call);
    if (reply && !reply->update_policy_failed_table.empty()) {
        // The request succeeded without the output of this policy (engine 3.9).
        call.table = reply->update_policy_failed_table;
        call.rows = 0;
        call.status = "FailureUpdatePolicy";
        call.failure_kind =
            reply->update_policy_failure_code == "UpdatePolicy_UnknownError" ? "Transient" : "Permanent";
        call.error_code = reply->update_policy_failure_code;
        call.details = reply->update_policy_failure_reason;
        databases.streaming_statistics().add(call);
    }
    return reply;
}

} // namespace sluice::ingest
