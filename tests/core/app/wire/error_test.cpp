#include "core/app/wire/error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::app::wire {
namespace {

using E = ErrorCode;

struct Case {
    const char* name;
    Area area;
    Error error;
    unsigned status;
    const char* code;
    const char* type; ///< last part
    bool permanent;
};
class ErrorTable : public ::testing::TestWithParam<Case> {};

TEST_P(ErrorTable, HasStatusCodeTypeAndPermanence) {
    const Case& c = GetParam();
    const ErrorShape shape = shape_of(c.error, c.area);
    EXPECT_EQ(shape.status, c.status);
    EXPECT_EQ(shape.code, c.code);
    EXPECT_EQ(shape.type.substr(shape.type.rfind('.') + 1), c.type);
    EXPECT_EQ(shape.permanent, c.permanent);
    EXPECT_FALSE(shape.message.empty());
}

constexpr auto kRequestType = "StreamingIngestionRequestException";
constexpr auto kServiceType = "StreamingIngestionServiceException";
INSTANTIATE_TEST_SUITE_P(
    Streaming, ErrorTable,
    ::testing::Values(
        Case{"S1",
             Area::Streaming,
             {E::Unsupported, "Streaming ingestion is disabled for the cluster.", "NotFound"},
             404,
             "NotFound",
             kRequestType,
             true},
        Case{"S2",
             Area::Streaming,
             {E::Invalid, "x", "StreamingIngestionPolicyNotEnabled"},
             400,
             "BadRequest",
             "StreamingIngestionPolicyNotEnabledException",
             true},
        Case{"S3",
             Area::Streaming,
             {E::NotFound, "x", "BadRequest_EntityNotFound"},
             400,
             "BadRequest_EntityNotFound",
             kRequestType,
             true},
        Case{"S4a",
             Area::Streaming,
             {E::Denied, "x", "Unauthorized"},
             401,
             "Unauthorized",
             "KustoRequestDeniedException",
             true},
        Case{"S4b", Area::Streaming, {E::Denied, "x"}, 403, "Forbidden", "KustoRequestDeniedException", true},
        Case{"S5",
             Area::Streaming,
             {E::NotFound, "x", "BadRequest_MappingReferenceWasNotFound"},
             400,
             "BadRequest_MappingReferenceWasNotFound",
             kRequestType,
             true},
        Case{"S6",
             Area::Streaming,
             {E::Invalid, "x", "BadRequest_MissingMappingFailure"},
             400,
             "BadRequest_MissingMappingFailure",
             kRequestType,
             true},
        Case{"S7",
             Area::Streaming,
             {E::Unsupported, "x", "BadRequest_IngestionPropertyNotSupportedInThisContext"},
             400,
             "BadRequest_IngestionPropertyNotSupportedInThisContext",
             kRequestType,
             true},
        Case{"S9",
             Area::Streaming,
             {E::Invalid, "x", "BadRequest_FormatNotSupported"},
             400,
             "BadRequest_FormatNotSupported",
             kRequestType,
             true},
        Case{"S10", Area::Streaming, {E::Invalid, "x", "BadRequest"}, 400, "BadRequest", kRequestType, true},
        Case{"S11",
             Area::Streaming,
             {E::Invalid, "x", "Stream_ClosingQuoteMissing"},
             400,
             "Stream_ClosingQuoteMissing",
             kRequestType,
             true},
        Case{"S12", Area::Streaming, {E::Throttled, "x"}, 429, "Throttling", "KustoRequestThrottledException", false},
        Case{"S13",
             Area::Streaming,
             {E::TooLarge, "x", "Stream_InputStreamTooLarge"},
             413,
             "Stream_InputStreamTooLarge",
             "KustoRequestPayloadTooLargeException",
             false},
        Case{"S14",
             Area::Streaming,
             {E::Invalid, "x", "UpdatePolicy_BadRequest"},
             500,
             "UpdatePolicy_BadRequest",
             kServiceType,
             false},
        Case{"S15",
             Area::Streaming,
             {E::Invalid, "x", "BadRequest_InconsistentMapping"},
             400,
             "BadRequest_InconsistentMapping",
             kRequestType,
             true},
        Case{"S16", Area::Streaming, {E::Internal, "x"}, 500, "General_InternalServerError", kServiceType, false},
        Case{"S17",
             Area::Streaming,
             {E::Internal, "x", "General_TransientSchemaMismatch"},
             500,
             "General_TransientSchemaMismatch",
             kServiceType,
             false},
        Case{"S18",
             Area::Streaming,
             {E::Unsupported, "x", "BadRequest_NotSupported"},
             400,
             "BadRequest_NotSupported",
             kRequestType,
             true},
        Case{"S19",
             Area::Streaming,
             {E::Unavailable, "x", "ServiceUnavailable_StreamingIngestionDatabaseUnderMaintenance"},
             503,
             "ServiceUnavailable_StreamingIngestionDatabaseUnderMaintenance",
             kServiceType,
             false},
        Case{"TimeOut", Area::Streaming, {E::Timeout, "x"}, 504, "Timeout", "KustoServiceTimeoutException", false},
        Case{"Disk", Area::Streaming, {E::Io, "x"}, 500, "General_InternalServerError", kServiceType, false}),
    [](const auto& each) { return each.param.name; });
INSTANTIATE_TEST_SUITE_P(
    Texts, ErrorTable,
    ::testing::Values(
        Case{"Syntax",
             Area::Query,
             {E::Invalid, "Syntax error: SYN0002: x", "General_BadRequest"},
             400,
             "General_BadRequest",
             "SyntaxException",
             true},
        Case{"Semantic",
             Area::Query,
             {E::Invalid, "Semantic error: SEM0100: x", "General_BadRequest"},
             400,
             "General_BadRequest",
             "SemanticException",
             true},
        Case{"Database",
             Area::Query,
             {E::NotFound, "x", "BadRequest_DatabaseNotExist"},
             400,
             "BadRequest_DatabaseNotExist",
             "KustoBadRequestException",
             true},
        Case{"Entity",
             Area::Command,
             {E::NotFound, "x", "BadRequest_EntityNotFound"},
             400,
             "BadRequest_EntityNotFound",
             "EntityNotFoundException",
             true},
        Case{"Envelope",
             Area::Query,
             {E::Invalid, "x", "General_BadRequest"},
             400,
             "General_BadRequest",
             "KustoBadRequestException",
             true},
        Case{"QueryThrottled", Area::Query, {E::Throttled, "x"}, 429, "Throttling", "QueryThrottledException", false},
        Case{"CommandThrottled",
             Area::Command,
             {E::Throttled, "x"},
             429,
             "Throttling",
             "ControlCommandThrottledException",
             false},
        Case{"Deadline",
             Area::Query,
             {E::Timeout, "x", "RequestExecutionTimeout"},
             504,
             "RequestExecutionTimeout",
             "KustoServiceTimeoutException",
             false},
        Case{"Truncated",
             Area::Query,
             {E::TooLarge, "x", "LimitsExceeded"},
             400,
             "LimitsExceeded",
             "KustoServicePartialQueryFailureLimitsExceededException",
             false},
        Case{"Internal",
             Area::Query,
             {E::Internal, "x"},
             500,
             "General_InternalServerError",
             "KustoServiceException",
             false},
        Case{"TooLarge",
             Area::Command,
             {E::TooLarge, "x"},
             413,
             "Stream_InputStreamTooLarge",
             "KustoRequestPayloadTooLargeException",
             false},
        Case{"Path", Area::Transport, {E::NotFound, "x"}, 404, "NotFound", "KustoBadRequestException", true},
        Case{"NotReady",
             Area::Transport,
             {E::Unavailable, "x"},
             503,
             "ServiceUnavailable",
             "KustoServiceException",
             false}),
    [](const auto& each) { return each.param.name; });

nlohmann::json body(const Error& error) {
    const ErrorContext context{.client_request_id = "KNC.execute;7d0e",
                               .activity_id = "8f3f",
                               .text = "T | \"x\"",
                               .database = "Harbor",
                               .now = 0};
    return nlohmann::json::parse(error_body(error, shape_of(error, Area::Query), context));
}

TEST(ErrorBody, HasWhatClientsRead) {
    const auto error = body({E::Invalid, "Semantic error: SEM0100: 'where' operator: no column 'Lvel'"})["error"];
    EXPECT_EQ(error["code"], "General_BadRequest");
    EXPECT_EQ(error["message"], "Request is invalid and cannot be executed.");
    EXPECT_EQ(error["@type"], "Kusto.Data.Exceptions.SemanticException");
    EXPECT_EQ(error["@message"], "Semantic error: SEM0100: 'where' operator: no column 'Lvel'");
    EXPECT_EQ(error["@failureCode"], 400);
    EXPECT_EQ(error["@permanent"], true);
    EXPECT_EQ(error["@context"]["clientRequestId"], "KNC.execute;7d0e");
    EXPECT_EQ(error["@context"]["activityId"], "8f3f");
    EXPECT_EQ(error["@text"], "T | \"x\"");
    EXPECT_EQ(error["@database"], "Harbor");
    EXPECT_EQ(error["innererror"]["code"], "SEM0100");
    EXPECT_EQ(error["innererror"]["@errorCode"], "SEM0100");
}

TEST(ErrorBody, HasNoInnerErrorWithoutACode) {
    EXPECT_FALSE(body({E::Internal, "x"})["error"].contains("innererror"));
}

TEST(ErrorBody, NamesThePlaceForEditors) {
    const auto inner =
        body({E::Invalid,
              "Syntax error: SYN0002: A recognition error occurred. [line:position=3:17]"})["error"]["innererror"];
    EXPECT_EQ(inner["@line"], 3);
    EXPECT_EQ(inner["@pos"], 17);
}

} // namespace
} // namespace sluice::app::wire
