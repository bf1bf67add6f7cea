#include "core/data/gzip.hpp"
#include "tests/core/app/served.hpp"

#include <nlohmann/json.hpp>
#include <zlib.h>

namespace sluice::app::test {
namespace {

using HttpApiTest = Served;

nlohmann::json error_of(const RawAnswer& answer) {
    return nlohmann::json::parse(answer.body, nullptr, false)["error"];
}
std::string query(std::string_view csl) {
    return nlohmann::json{{"db", "Harbor"}, {"csl", csl}}.dump();
}

TEST_F(HttpApiTest, EchoesTheRequestIdAndMakesAnActivityId) {
    const auto answer = ask(post("/v2/rest/query", query("T"), "x-ms-client-request-id: KPC.execute;abc\r\n"));
    EXPECT_EQ(answer.header("x-ms-client-request-id"), "KPC.execute;abc");
    EXPECT_EQ(answer.header("x-ms-activity-id").size(), 36u);
    EXPECT_EQ(answer.header("Content-Type"), "application/json; charset=UTF-8");
    EXPECT_NE(answer.body.find("KPC.execute;abc"), std::string::npos);
    EXPECT_EQ(engine.last().client_request_id, "KPC.execute;abc");
}

TEST_F(HttpApiTest, MakesARequestIdWhenThereIsNone) {
    const auto answer = ask(get("/healthz"));
    EXPECT_TRUE(answer.header("x-ms-client-request-id").starts_with("unspecified;"));
}

TEST_F(HttpApiTest, UnknownPathsAre404WithAOneApiError) {
    const auto answer = ask(post("/v3/rest/query", "{}"));
    EXPECT_EQ(answer.status, 404u);
    EXPECT_EQ(error_of(answer)["code"], "NotFound");
    EXPECT_EQ(error_of(answer)["@permanent"], true);
}

TEST_F(HttpApiTest, AWrongMethodIsNamed) {
    const auto answer = ask("PUT /v1/rest/mgmt HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(answer.status, 400u);
    EXPECT_NE(answer.body.find("use POST"), std::string::npos);
}

TEST_F(HttpApiTest, PathsAreCaseInsensitive) {
    EXPECT_EQ(ask(post("/V2/Rest/QUERY", query("T"))).status, 200u);
}

TEST_F(HttpApiTest, MetadataHaveTheSixKeys) {
    const auto answer = ask(get("/v1/rest/auth/metadata"));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(
        answer.body,
        R"({"AzureAD":{"LoginEndpoint":"https://login.microsoftonline.com","LoginMfaRequired":false,)"
        R"("KustoClientAppId":"db662dc1-0cfe-4e1c-a843-19a68e65be58","KustoClientRedirectUri":"http://localhost",)"
        R"("KustoServiceResourceId":"https://kusto.kusto.windows.net",)"
        R"("FirstPartyAuthorityUrl":"https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a"},"dSTS":null})");
}

TEST_F(HttpApiTest, UnderABasePathOnlyTheMetadataStayAtTheRoot) {
    api_options.base_path = "/sluice";
    EXPECT_EQ(ask(get("/sluice/healthz")).status, 200u);
    EXPECT_EQ(ask(get("/healthz")).status, 404u);
    EXPECT_EQ(ask(get("/v1/rest/auth/metadata")).status, 200u);
    EXPECT_EQ(ask(get("/sluice/v1/rest/auth/metadata")).status, 200u);
    EXPECT_EQ(ask(post("/sluice/v1/rest/ingest/Harbor/GaugeReading?streamFormat=csv", "a")).status, 200u);
    EXPECT_EQ(ingested()->database, "Harbor");
}

TEST_F(HttpApiTest, ReadinessFollowsTheBridge) {
    EXPECT_EQ(ask(get("/readyz")).status, 200u);
    is_ready = false;
    const auto answer = ask(get("/readyz"));
    EXPECT_EQ(answer.status, 503u);
    EXPECT_EQ(error_of(answer)["@permanent"], false);
    EXPECT_EQ(ask(get("/healthz")).status, 200u);
}

TEST_F(HttpApiTest, MetricsCountRequests) {
    ask(post("/v2/rest/query", query("T")));
    const auto answer = ask(get("/metrics"));
    EXPECT_TRUE(answer.header("Content-Type").starts_with("text/plain; version=0.0.4"));
    EXPECT_NE(answer.body.find("sluice_http_requests_total{endpoint=\"query_v2\",status=\"200\"}"), std::string::npos);
}

TEST_F(HttpApiTest, TheLandingPageIsHtml) {
    const auto answer = ask(get("/"));
    EXPECT_EQ(answer.header("Content-Type"), "text/html; charset=UTF-8");
    EXPECT_NE(answer.body.find("/v2/rest/query"), std::string::npos);
}

TEST_F(HttpApiTest, CompressesLargeAnswersForThoseWhoListGzip) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 200'000));
        return answer;
    };
    const std::string plain = ask(post("/v1/rest/query", query("T"))).body;
    const auto packed =
        ask(post("/v1/rest/query", query("T"), "Accept-Encoding: identity\r\nAccept-Encoding: gzip,deflate\r\n"));
    EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
    EXPECT_LT(packed.body.size(), plain.size() / 3);
    const auto text = data::gunzip(packed.body, 100_MiB);
    ASSERT_TRUE(text);
    EXPECT_EQ(text->substr(0, text->find("Table_1")), plain.substr(0, plain.find("Table_1")));
    EXPECT_EQ(ask(get("/healthz", "Accept-Encoding: gzip\r\n")).header("Content-Encoding"), "");
    EXPECT_EQ(ask(post("/v1/rest/query", query("T"), "Accept-Encoding: deflate, br\r\n")).header("Content-Encoding"),
              "");
}

TEST_F(HttpApiTest, NoCorsHeadersUnlessConfigured) {
    const auto answer = ask(post("/v2/rest/query", query("T"), "Origin: https://explorer.example\r\n"));
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "");
}

TEST_F(HttpApiTest, AnswersPreflightsOfAllowedOrigins) {
    api_options.cors_origins = {"https://explorer.example"};
    const auto preflight =
        ask("OPTIONS /v2/rest/query HTTP/1.1\r\nHost: h\r\nOrigin: https://explorer.example\r\n\r\n");
    EXPECT_EQ(preflight.status, 204u);
    EXPECT_EQ(preflight.header("Access-Control-Allow-Origin"), "https://explorer.example");
    EXPECT_EQ(preflight.header("Access-Control-Max-Age"), "86400");
    EXPECT_NE(preflight.header("Access-Control-Allow-Headers").find("x-ms-client-request-id"), std::string_view::npos);
    const auto answer = ask(post("/v2/rest/query", query("T"), "Origin: https://explorer.example\r\n"));
    EXPECT_EQ(answer.header("Access-Control-Expose-Headers"), "x-ms-client-request-id, x-ms-activity-id");
    EXPECT_EQ(ask(post("/v2/rest/query", query("T"), "Origin: https://other.example\r\n"))
                  .header("Access-Control-Allow-Origin"),
              "");
}

// Queries and commands

TEST_F(HttpApiTest, CommandsAreRecognisedOnEveryEndpoint) {
    const std::string command = query("\n// what there is\n .show tables");
    EXPECT_TRUE(ask(post("/v1/rest/mgmt", command)).body.starts_with(R"({"Tables":[{"TableName":"Table_0")"));
    const auto v1 = nlohmann::json::parse(ask(post("/v1/rest/query", command)).body);
    EXPECT_EQ(v1["Tables"].size(), 1u);
    EXPECT_TRUE(ask(post("/v2/rest/query", command)).body.starts_with(R"([{"FrameType":"DataSetHeader")"));
}

TEST_F(HttpApiTest, AQueryBehindACommandAnswersLikeAQuery) {
    engine.on_command = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(numbers(1, 2));
        return answer;
    };
    EXPECT_EQ(nlohmann::json::parse(ask(post("/v1/rest/mgmt", query(".show tables | count"))).body)["Tables"].size(),
              4u);
}

TEST_F(HttpApiTest, TheCommandEndpointRefusesQueries) {
    const auto answer = ask(post("/v1/rest/mgmt", query("T | count")));
    EXPECT_EQ(answer.status, 400u);
    EXPECT_NE(answer.body.find("/v2/rest/query"), std::string::npos);
}

TEST_F(HttpApiTest, QueriesGoOverGetButCommandsDoNot) {
    EXPECT_EQ(ask(get("/v2/rest/query?db=Harbor&csl=GaugeReading%20%7C%20count")).status, 200u);
    EXPECT_EQ(engine.last().text, "GaugeReading | count");
    EXPECT_EQ(engine.last().database, "Harbor");
    EXPECT_EQ(ask(get("/v1/rest/query?db=Harbor&csl=.drop%20table%20T")).status, 400u);
}

TEST_F(HttpApiTest, TheEngineSeesWhoAsks) {
    ask("POST /v2/rest/query HTTP/1.1\r\nHost: ingest-box:8080\r\nx-ms-app: tool\r\nx-ms-user: me\r\nContent-Length: "
        "11\r\n\r\n{\"csl\":\"T\"}");
    EXPECT_EQ(engine.last().host, "ingest-box:8080");
    EXPECT_EQ(engine.last().application, "tool");
    EXPECT_EQ(engine.last().user, "me");
}

TEST_F(HttpApiTest, AnErrorOfTheEngineBecomesAOneApiError) {
    engine.on_query = [](const engine::Request&) -> Result<engine::Answer> {
        return Error{ErrorCode::Invalid, "Semantic error: SEM0100: no column 'x'", "General_BadRequest"};
    };
    const auto answer = ask(post("/v2/rest/query", query("T | where x"), "x-ms-client-request-id: KGC.execute;1\r\n"));
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(error_of(answer)["@type"], "Kusto.Data.Exceptions.SemanticException");
    EXPECT_EQ(error_of(answer)["@text"], "T | where x");
    EXPECT_EQ(error_of(answer)["@database"], "Harbor");
    EXPECT_EQ(error_of(answer)["@context"]["clientRequestId"], "KGC.execute;1");
}

TEST_F(HttpApiTest, AnEarlyFailureOfAQueryStillGetsItsStatus) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(failing_after(numbers(0, 10), Error{ErrorCode::Timeout, "out of time"}));
        return answer;
    };
    const auto answer = ask(post("/v2/rest/query", query("T")));
    EXPECT_EQ(answer.status, 504u);
    EXPECT_EQ(error_of(answer)["code"], "RequestExecutionTimeout");
}

TEST_F(HttpApiTest, ALateFailureIsReportedInTheData) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(failing_after(numbers(0, 100'000), Error{ErrorCode::Timeout, "out of time"}));
        return answer;
    };
    const auto answer = ask(post("/v2/rest/query", query("T")));
    EXPECT_EQ(answer.status, 200u);
    const auto frames = nlohmann::json::parse(answer.body);
    EXPECT_EQ(frames.back()["HasErrors"], true);
    EXPECT_EQ(frames.back()["OneApiErrors"][0]["error"]["code"], "RequestExecutionTimeout");
    EXPECT_EQ(frames[2]["Rows"].size(), 100'001u);
    EXPECT_EQ(frames[2]["Rows"].back()["OneApiErrors"][0]["error"]["@message"], "out of time");
}

TEST_F(HttpApiTest, TruncationIsAlwaysInTheData) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(
            failing_after(numbers(0, 2), Error{ErrorCode::TooLarge, "E_QUERY_RESULT_SET_TOO_LARGE", "LimitsExceeded"}));
        return answer;
    };
    const auto answer = ask(post("/v2/rest/query", query("T")));
    EXPECT_EQ(answer.status, 200u);
    const auto frames = nlohmann::json::parse(answer.body);
    EXPECT_EQ(frames[2]["Rows"].size(), 3u);
    EXPECT_EQ(frames.back()["OneApiErrors"][0]["error"]["@permanent"], false);
}

TEST_F(HttpApiTest, PermissionsAreAnsweredWithoutReadingRows) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(failing_after(numbers(0, 0), Error{ErrorCode::Internal, "must not be read"}));
        return answer;
    };
    const auto answer =
        ask(post("/v2/rest/query", R"({"csl":"T | count","properties":{"Options":{"validate_permissions":true}}})"));
    const auto frames = nlohmann::json::parse(answer.body);
    EXPECT_EQ(frames[2]["Rows"].dump(), R"([["OK"]])");
    EXPECT_EQ(frames[2]["Columns"][0]["ColumnType"], "string");
}

TEST_F(HttpApiTest, GoGetsFragments) {
    const auto answer =
        ask(post("/v2/rest/query",
                 R"({"csl":"T","properties":{"Options":{"results_v2_newlines_between_frames":true,)"
                 R"("results_v2_fragment_primary_tables":true,"results_error_reporting_placement":"end_of_table"}}})"));
    EXPECT_NE(answer.body.find("\n,{\"FrameType\":\"TableFragment\""), std::string::npos);
    EXPECT_TRUE(answer.body.ends_with("\n]"));
}

TEST_F(HttpApiTest, AnExceptionBecomesA500) {
    engine.on_query = [](const engine::Request&) -> Result<engine::Answer> { throw std::runtime_error("broken"); };
    const auto answer = ask(post("/v2/rest/query", query("T")));
    EXPECT_EQ(answer.status, 500u);
    EXPECT_EQ(error_of(answer)["@permanent"], false);
}

// Streaming ingestion

constexpr auto kIngest = "/v1/rest/ingest/Harbor/GaugeReading?streamFormat=Csv&mappingName=M";

TEST_F(HttpApiTest, AStreamingRequestAnswersWithATable) {
    const auto answer = ask(post(kIngest, "a,1\n"));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(
        answer.body,
        R"({"Tables":[{"TableName":"Table_0","Columns":[{"ColumnName":"ConsumedRecordsCount","DataType":"Int64","ColumnType":"long"},)"
        R"({"ColumnName":"UpdatePolicyStatus","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"UpdatePolicyFailureCode","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"UpdatePolicyFailureReason","DataType":"String","ColumnType":"string"}],"Rows":[[3,"Inactive","Unknown",null]]}]})");
    EXPECT_EQ(ingested()->format, "Csv");
    EXPECT_EQ(ingested()->mapping, "M");
    EXPECT_EQ(ingested()->body, "a,1\n");
    EXPECT_FALSE(ingested()->compressed);
}

TEST_F(HttpApiTest, NamesAreDecodedOnceOrTwice) {
    ask(post("/v1/rest/ingest/Harbor/Gauge%20Reading?STREAMFORMAT=csv", "a"));
    EXPECT_EQ(ingested()->table, "Gauge Reading");
    EXPECT_EQ(ingested()->format, "csv");
    ask(post("/v1/rest/ingest/Harbor/Gauge%2520Reading?streamFormat=csv", "a"));
    EXPECT_EQ(ingested()->table, "Gauge Reading");
    ask(post("/v1/rest/ingest/NetDefaultDB/GaugeReading?streamFormat=csv", "a"));
    EXPECT_EQ(ingested()->database, "Harbor");
}

TEST_F(HttpApiTest, BodiesAreTakenForWhatTheyAre) {
    const std::string two_members = data::gzip("a,1\n") + data::gzip("b,2\n");
    ask(post(kIngest, two_members, "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(ingested()->body, "a,1\nb,2\n");
    ask(post(kIngest, data::gzip("c,3\n")));
    EXPECT_EQ(ingested()->body, "c,3\n");
    ask(post(kIngest, "d,4\n", "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(ingested()->body, "d,4\n");
    std::string deflated(100, '\0');
    uLongf size = deflated.size();
    ASSERT_EQ(::compress(reinterpret_cast<Bytef*>(deflated.data()), &size, reinterpret_cast<const Bytef*>("e,5\n"), 4),
              Z_OK);
    ask(post(kIngest, deflated.substr(0, size), "Content-Encoding: deflate\r\n"));
    EXPECT_EQ(ingested()->body, "e,5\n");
}

TEST_F(HttpApiTest, ABrokenGzipBodyIsABadRequest) {
    const std::string cut = data::gzip(std::string(1000, 'x')).substr(0, 20);
    const auto answer = ask(post(kIngest, cut, "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(error_of(answer)["code"], "BadRequest_InvalidBlob");
    EXPECT_FALSE(ingested());
}

TEST_F(HttpApiTest, OtherCodingsAreRefused) {
    const auto answer = ask(post(kIngest, "x", "Content-Encoding: br\r\n"));
    EXPECT_EQ(answer.status, 400u);
    EXPECT_NE(answer.body.find("'br'"), std::string::npos);
}

TEST_F(HttpApiTest, AZipWithOneFileIsUnpacked) {
    // One stored entry "a.csv" with the content "a,1\n".
    using namespace std::string_literals;
    const std::string local =
        "PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0"s + "\0\0\0\0"s + "\x04\0\0\0\x04\0\0\0\x05\0\0\0"s + "a.csv" + "a,1\n";
    const std::string central = "PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0"s + "\0\0\0\0"s +
                                "\x04\0\0\0\x04\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s + "a.csv";
    const std::string end = "PK\x05\x06\0\0\0\0\x01\0\x01\0"s + std::string(1, static_cast<char>(central.size())) +
                            "\0\0\0"s + std::string(1, static_cast<char>(local.size())) + "\0\0\0\0\0"s;
    const auto answer = ask(post(kIngest, local + central + end, "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(answer.status, 200u) << answer.body;
    EXPECT_EQ(ingested()->body, "a,1\n");
}

TEST_F(HttpApiTest, InflationStopsJustBehindTheLimit) {
    max_request = 1_MiB;
    ask(post(kIngest, data::gzip(std::string(50'000'000, 'x')), "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(ingested()->body.size(), 1_MiB + 1);
}

TEST_F(HttpApiTest, ABodyOverTheWireLimitIs413AndTheConnectionGoesOn) {
    api_options.max_ingest_bytes = 1000;
    RawClient client(port());
    const auto answer = client.ask(post(kIngest, std::string(2'000'000, 'x')));
    EXPECT_EQ(answer->status, 413u);
    EXPECT_EQ(error_of(*answer)["code"], "Stream_InputStreamTooLarge");
    EXPECT_EQ(error_of(*answer)["@permanent"], false);
    EXPECT_EQ(error_of(*answer)["@message"],
              "Bad streaming ingestion request to Harbor.GaugeReading : request size 2000000 exceeds the maximum "
              "allowed size of 1000 bytes.");
    EXPECT_EQ(client.ask(post(kIngest, "a,1\n"))->status, 200u);
    EXPECT_EQ(places.load(), 12u);
}

TEST_F(HttpApiTest, AFullHouseIs429) {
    places = 0;
    RawClient client(port());
    const auto answer = client.ask(post(kIngest, std::string(100'000, 'x')));
    EXPECT_EQ(answer->status, 429u);
    EXPECT_EQ(error_of(*answer)["code"], "Throttling");
    EXPECT_EQ(error_of(*answer)["@type"], "Kusto.Data.Exceptions.KustoRequestThrottledException");
    EXPECT_EQ(error_of(*answer)["@message"],
              "The request was throttled: too many concurrent ingestion requests (Limit: 12).");
    EXPECT_EQ(answer->header("Retry-After"), "1");
    EXPECT_FALSE(ingested());
    places = 1;
    EXPECT_EQ(client.ask(post(kIngest, "a,1\n"))->status, 200u);
}

TEST_F(HttpApiTest, APlaceIsFreeAgainWhenTheAnswerIsThere) {
    places = 1;
    RawClient first(port()), second(port());
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(first.ask(post(kIngest, "a,1\n"))->status, 200u);
        EXPECT_EQ(second.ask(post(kIngest, "a,1\n"))->status, 200u);
    }
}

TEST_F(HttpApiTest, PropertiesThatThePathCannotHonourAreRefused) {
    const auto tags = ask(post(std::string(kIngest) + "&tags=a", "x"));
    EXPECT_EQ(tags.status, 400u);
    EXPECT_EQ(error_of(tags)["code"], "BadRequest_IngestionPropertyNotSupportedInThisContext");
    EXPECT_EQ(
        error_of(tags)["@message"],
        "Bad streaming ingestion request to Harbor.GaugeReading : property 'tags' is not supported by this path.");
    EXPECT_NE(
        ask(post(std::string(kIngest) + "&ingestionMapping=%5B%5D", "x")).body.find("inline mapping is not supported"),
        std::string::npos);
    EXPECT_EQ(ask(post(std::string(kIngest) + "&sourceKind=uri", "{}")).status, 400u);
    EXPECT_EQ(ask(post(std::string(kIngest) + "&unheard=of", "x")).status, 200u);
}

TEST_F(HttpApiTest, ADisabledClusterIs404) {
    on_ingest = [](const ingest::StreamRequest&) -> Result<ingest::StreamReply> {
        return Error{ErrorCode::Unsupported, "Streaming ingestion is disabled for the cluster.", "NotFound"};
    };
    EXPECT_EQ(ask(post(kIngest, "x")).status, 404u);
}

} // namespace
} // namespace sluice::app::test
