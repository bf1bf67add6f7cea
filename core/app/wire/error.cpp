#include "core/app/wire/error.hpp"

#include "core/app/wire/value.hpp"
#include "core/data/json_text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>

namespace sluice::app::wire {
namespace {

#define SLUICE_DATA_EXCEPTION(name) "Kusto.Data.Exceptions." name
constexpr auto kBadRequest = SLUICE_DATA_EXCEPTION("KustoBadRequestException");
constexpr auto kThrottled = SLUICE_DATA_EXCEPTION("KustoRequestThrottledException");
constexpr auto kDenied = SLUICE_DATA_EXCEPTION("KustoRequestDeniedException");
constexpr auto kTooLarge = SLUICE_DATA_EXCEPTION("KustoRequestPayloadTooLargeException");
constexpr auto kTimeout = SLUICE_DATA_EXCEPTION("KustoServiceTimeoutException");
constexpr auto kService = SLUICE_DATA_EXCEPTION("KustoServiceException");
constexpr auto kStreamRequest = "Kusto.DataNode.Exceptions.StreamingIngestionRequestException";
constexpr auto kStreamService = "Kusto.DataNode.Exceptions.StreamingIngestionServiceException";

constexpr unsigned bit(Area area) {
    return 1U << static_cast<unsigned>(area);
}
constexpr unsigned kStreaming = bit(Area::Streaming);
constexpr unsigned kTexts = bit(Area::Query) | bit(Area::Command);
constexpr unsigned kAll = kStreaming | kTexts | bit(Area::Transport);

/// A line of the table. All given conditions must hold; the first line that fits decides.
struct Rule {
    unsigned areas;
    std::optional<ErrorCode> when;
    std::string_view reason; ///< of the error; "X*": begins with X; "": any
    std::string_view text;   ///< part of the error's message; "": any
    unsigned status;
    std::string_view code; ///< what is sent; "": the error's reason, if it has one, else `else_code`
    std::string_view else_code;
    std::string_view type;
    bool permanent;
};
using E = ErrorCode;
constexpr std::optional<ErrorCode> kAny;

constexpr std::array kRules{
    // Streaming, S1..S19 of engine 1.7.
    Rule{kStreaming, kAny, "NotFound", "", 404, "NotFound", "", kStreamRequest, true},
    Rule{kStreaming, kAny, "StreamingIngestionPolicyNotEnabled", "", 400, "BadRequest", "",
         "Kusto.Common.Svc.Exceptions.StreamingIngestionPolicyNotEnabledException", true},
    Rule{kStreaming, kAny, "UpdatePolicy_*", "", 500, "", "", kStreamService, false},
    Rule{kStreaming, kAny, "General_TransientSchemaMismatch", "", 500, "", "", kStreamService, false},
    Rule{kStreaming, kAny, "ServiceUnavailable_*", "", 503, "", "", kStreamService, false},
    Rule{kStreaming, kAny, "Stream_InputStreamTooLarge", "", 413, "", "", kTooLarge, false},
    Rule{kStreaming, E::TooLarge, "", "", 413, "Stream_InputStreamTooLarge", "", kTooLarge, false},
    Rule{kStreaming, E::Timeout, "", "", 504, "Timeout", "", kTimeout, false},
    // Every area.
    Rule{kAll, E::Throttled, "ControlCommandThrottled", "", 429, "Throttling", "",
         SLUICE_DATA_EXCEPTION("ControlCommandThrottledException"), false},
    Rule{bit(Area::Query), E::Throttled, "", "", 429, "Throttling", "",
         SLUICE_DATA_EXCEPTION("QueryThrottledException"), false},
    Rule{bit(Area::Command), E::Throttled, "", "", 429, "Throttling", "",
         SLUICE_DATA_EXCEPTION("ControlCommandThrottledException"), false},
    Rule{kAll, E::Throttled, "", "", 429, "Throttling", "", kThrottled, false},
    Rule{kAll, E::Denied, "Unauthorized", "", 401, "Unauthorized", "", kDenied, true},
    Rule{kAll, E::Denied, "", "", 403, "Forbidden", "", kDenied, true},
    // Streaming, what is left.
    Rule{kStreaming, E::Unavailable, "", "", 503, "", "ServiceUnavailable", kStreamService, false},
    Rule{kStreaming, E::Invalid, "", "", 400, "", "BadRequest", kStreamRequest, true},
    Rule{kStreaming, E::NotFound, "", "", 400, "", "BadRequest_EntityNotFound", kStreamRequest, true},
    Rule{kStreaming, E::Conflict, "", "", 400, "", "BadRequest", kStreamRequest, true},
    Rule{kStreaming, E::Unsupported, "", "", 400, "", "BadRequest_NotSupported", kStreamRequest, true},
    Rule{kStreaming, kAny, "", "", 500, "", "General_InternalServerError", kStreamService, false},
    // Queries and commands, rest-api 8.2.
    Rule{kTexts, kAny, "LimitsExceeded", "", 400, "LimitsExceeded", "",
         SLUICE_DATA_EXCEPTION("KustoServicePartialQueryFailureLimitsExceededException"), false},
    Rule{kTexts, E::Invalid, "", "Syntax error", 400, "General_BadRequest", "",
         SLUICE_DATA_EXCEPTION("SyntaxException"), true},
    Rule{kTexts, E::Invalid, "", "Semantic error", 400, "General_BadRequest", "",
         SLUICE_DATA_EXCEPTION("SemanticException"), true},
    Rule{kTexts, E::NotFound, "", "Semantic error", 400, "General_BadRequest", "",
         SLUICE_DATA_EXCEPTION("SemanticException"), true},
    Rule{kTexts, kAny, "BadRequest_DatabaseNotExist", "", 400, "", "", kBadRequest, true},
    Rule{kTexts, E::NotFound, "", "", 400, "", "BadRequest_EntityNotFound",
         SLUICE_DATA_EXCEPTION("EntityNotFoundException"), true},
    Rule{kTexts, E::Timeout, "", "", 504, "RequestExecutionTimeout", "", kTimeout, false},
    // The endpoint itself.
    Rule{bit(Area::Transport), E::NotFound, "", "", 404, "NotFound", "", kBadRequest, true},
    Rule{kAll, E::Invalid, "", "", 400, "", "General_BadRequest", kBadRequest, true},
    Rule{kAll, E::Conflict, "", "", 400, "", "General_BadRequest", kBadRequest, true},
    Rule{kAll, E::Unsupported, "", "", 400, "", "BadRequest_NotSupported", kBadRequest, true},
    Rule{kAll, E::TooLarge, "", "", 413, "", "Stream_InputStreamTooLarge", kTooLarge, false},
    Rule{kAll, E::Timeout, "", "", 504, "", "Timeout", kTimeout, false},
    Rule{kAll, E::Unavailable, "", "", 503, "", "ServiceUnavailable", kService, false},
    Rule{kAll, E::Cancelled, "", "", 503, "", "Cancelled", kService, false},
    Rule{kAll, kAny, "", "", 500, "", "General_InternalServerError", kService, false},
};

bool fits(std::string_view pattern, std::string_view reason) {
    if (pattern.ends_with('*'))
        return reason.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern.empty() || pattern == reason;
}

const Rule& rule_of(const Error& error, Area area) {
    for (const Rule& rule : kRules)
        if ((rule.areas & bit(area)) && (!rule.when || *rule.when == error.code) && fits(rule.reason, error.reason) &&
            (rule.text.empty() || error.message.find(rule.text) != std::string::npos))
            return rule;
    return kRules.back();
}

std::string_view family_text(unsigned status) {
    switch (status) {
    case 400:
        return "Request is invalid and cannot be executed.";
    case 401:
        return "Request is not authenticated.";
    case 403:
        return "Caller is not authorized to perform this action.";
    case 404:
        return "The endpoint does not exist.";
    case 413:
        return "Request is too large.";
    case 429:
        return "Request aborted due to throttling.";
    case 503:
        return "The service is temporarily unavailable.";
    case 504:
        return "Request execution has timed out.";
    default:
        return "Request aborted due to an internal service error.";
    }
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    out += '"';
    out += name;
    out += "\":";
    data::append_json_string(out, value);
}

/// "SEM0100" of "Semantic error: SEM0100: ..."; empty when the text names no such code.
std::string_view text_code(std::string_view message) {
    for (const std::string_view family : {"SEM", "SYN"}) {
        for (std::size_t at = message.find(family); at != std::string_view::npos; at = message.find(family, at + 1)) {
            const std::string_view digits = message.substr(at + 3, 4);
            if (digits.size() == 4 && digits.find_first_not_of("0123456789") == std::string_view::npos)
                return message.substr(at, 7);
        }
    }
    return {};
}

/// The numbers behind `name` in texts such as "[line:position=1:5]".
std::optional<std::pair<unsigned, unsigned>> text_place(std::string_view message) {
    constexpr std::string_view kMark = "[line:position=";
    const std::size_t at = message.find(kMark);
    if (at == std::string_view::npos)
        return std::nullopt;
    unsigned line = 0, column = 0;
    const std::string numbers(message.substr(at + kMark.size(), 24));
    if (std::sscanf(numbers.c_str(), "%u:%u]", &line, &column) != 2)
        return std::nullopt;
    return std::pair{line, column};
}

void append_inner(std::string& out, const Error& error, const ErrorShape& shape, std::string_view code) {
    out += ",\"innererror\":{";
    append_member(out, "code", code);
    out += ',';
    append_member(out, "message", code.starts_with("SYN") ? "Syntax error" : "Semantic error");
    out += ',';
    append_member(out, "@type", shape.type);
    out += ',';
    append_member(out, "@message", error.message);
    out += fmt::format(",\"@permanent\":{},", shape.permanent);
    append_member(out, "@errorCode", code);
    out += ',';
    append_member(out, "@errorMessage", error.message);
    if (const auto place = text_place(error.message))
        out += fmt::format(",\"@line\":{},\"@pos\":{}", place->first, place->second);
    out += '}';
}

} // namespace

ErrorShape shape_of(const Error& error, Area area) {
    const Rule& rule = rule_of(error, area);
    ErrorShape shape;
    shape.status = rule.status;
    shape.code = !rule.code.empty()      ? rule.code
                 : !error.reason.empty() ? std::string_view(error.reason)
                                         : rule.else_code;
    shape.type = rule.type;
    shape.message = family_text(rule.status);
    shape.permanent = rule.permanent;
    return shape;
}

std::string error_body(const Error& error, const ErrorShape& shape, const ErrorContext& context) {
    std::string out = "{\"error\":{";
    append_member(out, "code", shape.code);
    out += ',';
    append_member(out, "message", shape.message);
    out += ',';
    append_member(out, "@type", shape.type);
    out += ',';
    append_member(out, "@message", error.message.empty() ? shape.message : error.message);
    out += ",\"@context\":{\"timestamp\":\"";
    append_datetime(out, context.now);
    out += fmt::format("\",\"serviceAlias\":\"SLUICE\",\"machineName\":\"node-0\",\"processName\":\"sluice\","
                       "\"processId\":{},\"threadId\":{},",
                       ::getpid(), ::gettid());
    append_member(out, "clientRequestId", context.client_request_id);
    out += ',';
    append_member(out, "activityId", context.activity_id);
    out += ',';
    append_member(out, "subActivityId", context.activity_id);
    out += ",\"activityType\":\"GW.Http.CallContext\",";
    append_member(out, "parentActivityId", context.activity_id);
    out += ',';
    append_member(out, "activityStack",
                  fmt::format("(Activity stack: CRID={} ARID={})", context.client_request_id, context.activity_id));
    out += fmt::format("}},\"@failureCode\":{},\"@permanent\":{}", shape.status, shape.permanent);
    if (!context.text.empty()) {
        out += ',';
        append_member(out, "@text", context.text);
    }
    if (!context.database.empty()) {
        out += ',';
        append_member(out, "@database", context.database);
    }
    if (const auto code = text_code(error.message); !code.empty())
        append_inner(out, error, shape, code);
    out += "}}";
    return out;
}

bool is_truncation(const Error& error) {
    return error.reason == "LimitsExceeded";
}

} // namespace sluice::app::wire
