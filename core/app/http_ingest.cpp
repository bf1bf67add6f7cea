#include "core/app/http_endpoints.hpp"
#include "core/app/http_zip.hpp"
#include "core/data/json_text.hpp"

#include <fmt/format.h>

#include <array>

namespace sluice::app {
namespace {

/// Ingestion properties that this path cannot honour: silence would store the rows otherwise than asked (engine 1.5).
constexpr std::array<std::string_view, 7> kRefusedProperties{
    "tags",       "ingestIfNotExists", "creationTime", "ignoreFirstRecord", "validationPolicy",
    "zipPattern", "extend_schema"};

struct TableName {
    std::string database, table;
};

Error bad_request(const TableName& name, ErrorCode code, std::string_view detail, std::string reason) {
    return Error{code, fmt::format("Bad streaming ingestion request to {}.{} : {}", name.database, name.table, detail),
                 std::move(reason)};
}

/// The last two segments as the client meant them: Go encodes names twice.
TableName table_of(const StreamIntake& intake, const Target& target) {
    TableName name{target.segments[target.segments.size() - 2], target.segments.back()};
    if (name.database == "NetDefaultDB" && !intake.knows_table(name.database, name.table))
        if (std::string chosen = intake.default_database(); !chosen.empty())
            name.database = std::move(chosen);
    if ((has_escape(name.database) || has_escape(name.table)) && !intake.knows_table(name.database, name.table))
        return {percent_decode(name.database), percent_decode(name.table)};
    return name;
}

Result<> check_properties(const TableName& name, const Target& target) {
    constexpr auto kReason = "BadRequest_IngestionPropertyNotSupportedInThisContext";
    if (target.parameter("ingestionMapping"))
        return bad_request(name, ErrorCode::Unsupported,
                           "inline mapping is not supported by this path, create the mapping first.", kReason);
    for (const std::string_view property : kRefusedProperties)
        if (target.parameter(property))
            return bad_request(name, ErrorCode::Unsupported,
                               fmt::format("property '{}' is not supported by this path.", property), kReason);
    if (const std::string* kind = target.parameter("sourceKind"); kind && equals_ignoring_case(*kind, "uri"))
        return bad_request(name, ErrorCode::Unsupported,
                           "sourceKind 'uri' is not supported here, send the data itself.", "BadRequest_NotSupported");
    return {};
}

std::string success_body(const ingest::StreamReply& reply) {
    std::string out =
        R"({"Tables":[{"TableName":"Table_0","Columns":[)"
        R"({"ColumnName":"ConsumedRecordsCount","DataType":"Int64","ColumnType":"long"},)"
        R"({"ColumnName":"UpdatePolicyStatus","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"UpdatePolicyFailureCode","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"UpdatePolicyFailureReason","DataType":"String","ColumnType":"string"}],"Rows":[[)";
    out += std::to_string(reply.consumed_records) + ',';
    data::append_json_string(out, reply.update_policy_status);
    out += ',';
    data::append_json_string(out, reply.update_policy_failure_code);
    out += ',';
    if (reply.update_policy_failure_reason.empty())
        out += "null";
    else
        data::append_json_string(out, reply.update_policy_failure_reason);
    return out + "]]}]}";
}

Result<DecodedBody> data_of(const TableName& name, HttpRequest& request, Bytes max_request) {
    auto body = decode_body(std::move(request.body), request.header("Content-Encoding"), max_request);
    if (!body)
        return bad_request(name, body.error().code, body.error().message, body.error().reason);
    if (!looks_like_zip(body->bytes))
        return body;
    auto entry = unzip_single(body->bytes, max_request);
    if (!entry)
        return bad_request(name, entry.error().code, entry.error().message, entry.error().reason);
    return DecodedBody{std::move(*entry), true};
}

Result<ingest::StreamReply> ingest(const StreamIntake& intake, const RequestInfo& info, const Target& target,
                                   HttpRequest& request) {
    // Before all other faults of the request: clients take this status for "go queued" (engine 1.7 S1).
    if (!intake.enabled)
        return Error{ErrorCode::Unsupported, "Streaming ingestion is disabled for the cluster.", "NotFound"};
    const TableName name = table_of(intake, target);
    if (intake.may_ingest && !intake.may_ingest(info.principal, name.database, name.table))
        return bad_request(name, ErrorCode::Denied,
                           fmt::format("Forbidden: principal '{}' may not ingest into it.", info.principal),
                           "Forbidden");
    SLUICE_CHECK(check_properties(name, target));
    SLUICE_TRY(const auto body, data_of(name, request, intake.max_request_bytes));
    ingest::StreamRequest stream;
    stream.database = name.database;
    stream.table = name.table;
    if (const std::string* format = target.parameter("streamFormat"))
        stream.stream_format = *format;
    if (const std::string* mapping = target.parameter("mappingName"))
        stream.mapping_name = *mapping;
    stream.body = body.bytes;
    stream.compressed = body.compressed;
    stream.activity_id = info.activity_id;
    stream.principal = info.principal;
    return intake.ingest(stream);
}

} // namespace

HttpResponse run_ingest(const StreamIntake& intake, const RequestInfo& info, const Target& target,
                        HttpRequest& request) {
    const auto reply = ingest(intake, info, target, request);
    if (!reply)
        return make_error(info, reply.error(), wire::Area::Streaming);
    return make_response(info, 200, success_body(*reply));
}

Error stream_too_large(Target target, std::string_view base_path, Bytes received, Bytes limit) {
    const std::size_t skip = parse_target(base_path).segments.size() + 3;
    const TableName name =
        target.segments.size() == skip + 2 ? TableName{target.segments[skip], target.segments[skip + 1]} : TableName{};
    return bad_request(name, ErrorCode::TooLarge,
                       fmt::format("request size {} exceeds the maximum allowed size of {} bytes.", received, limit),
                       "Stream_InputStreamTooLarge");
}

} // namespace sluice::app
