#include "core/app/wire/document.hpp"
#include "tests/core/app/fake_engine.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace sluice::app::wire {
namespace {

using app::test::numbers;

constexpr auto kActivity = "8f3f2c1e-0000-4000-8000-000000000001";
constexpr auto kRequest = "KNC.execute;7d0e";
constexpr Ticks kNow = 638'764'200'001'234'567; // 2025-03-01T10:00:00.1234567Z

DocumentContext context(std::size_t tables = 1) {
    return {.client_request_id = kRequest, .activity_id = kActivity, .visualization = {}, .tables = tables};
}

/// The document of `tables` as a client gets it; the last one fails when there is a failure.
std::string write(Document& document, std::vector<engine::ResultTable> tables, const Failure* failure = nullptr) {
    std::string out;
    document.begin(out);
    for (std::size_t i = 0; i < tables.size(); ++i) {
        document.begin_table(out, tables[i]);
        for (auto chunk = tables[i].next(); *chunk; chunk = tables[i].next())
            document.rows(out, **chunk, 0, (*chunk)->rows());
        document.end_table(out, i + 1 == tables.size() ? failure : nullptr);
    }
    document.end(out, {.now = kNow, .duration = std::chrono::microseconds(1500)});
    return out;
}
template <class... Tables> std::vector<engine::ResultTable> tables(Tables... each) {
    std::vector<engine::ResultTable> list;
    (list.push_back(std::move(each)), ...);
    return list;
}

std::string filled(std::string text) {
    text = std::regex_replace(text, std::regex("GUID"), kActivity);
    return std::regex_replace(text, std::regex("\n"), "");
}

constexpr auto kProperties =
    R"("Columns":[{"ColumnName":"TableId","ColumnType":"int"},{"ColumnName":"Key","ColumnType":"string"},{"ColumnName":"Value","ColumnType":"dynamic"}],)"
    R"("Rows":[[1,"Visualization","{\"Visualization\":null,\"Title\":null}"]]})";
const std::string kCompletion = filled(
    R"-({"FrameType":"DataTable","TableId":2,"TableKind":"QueryCompletionInformation","TableName":"QueryCompletionInformation","Columns":[)-"
    R"-({"ColumnName":"Timestamp","ColumnType":"datetime"},{"ColumnName":"ClientRequestId","ColumnType":"string"},{"ColumnName":"ActivityId","ColumnType":"guid"},)-"
    R"-({"ColumnName":"SubActivityId","ColumnType":"guid"},{"ColumnName":"ParentActivityId","ColumnType":"guid"},{"ColumnName":"Level","ColumnType":"int"},)-"
    R"-({"ColumnName":"LevelName","ColumnType":"string"},{"ColumnName":"StatusCode","ColumnType":"int"},{"ColumnName":"StatusCodeName","ColumnType":"string"},)-"
    R"-({"ColumnName":"EventType","ColumnType":"int"},{"ColumnName":"EventTypeName","ColumnType":"string"},{"ColumnName":"Payload","ColumnType":"string"}],"Rows":[)-"
    R"-(["2025-03-01T10:00:00.1234567Z","KNC.execute;7d0e","GUID","GUID","GUID",4,"Info",0,"S_OK (0)",4,"QueryInfo","{\"Count\":1,\"Text\":\"Query completed successfully\"}"],)-"
    R"-(["2025-03-01T10:00:00.1234567Z","KNC.execute;7d0e","GUID","GUID","GUID",6,"Stats",0,"S_OK (0)",0,"QueryResourceConsumption","{\"ExecutionTime\":0.0015}"]]})-");

TEST(V2, PlainHasTheBytesOfTheContract) {
    auto document = make_v2(context(), {});
    EXPECT_EQ(
        write(*document, tables(numbers(42, 43))),
        R"([{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0","IsFragmented":false,"ErrorReportingPlacement":"InData"},)"
        R"({"FrameType":"DataTable","TableId":0,"TableKind":"QueryProperties","TableName":"@ExtendedProperties",)" +
            std::string(kProperties) +
            R"(,{"FrameType":"DataTable","TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":[{"ColumnName":"Count","ColumnType":"long"}],"Rows":[[42]]},)" +
            kCompletion + R"(,{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}])");
}

TEST(V2, FragmentedHasTheLinesThatGoReads) {
    auto document = make_v2(context(), {.fragmented = true, .newlines = true});
    EXPECT_EQ(
        write(*document, tables(numbers(42, 43))),
        "[{\"FrameType\":\"DataSetHeader\",\"IsProgressive\":false,\"Version\":\"v2.0\",\"IsFragmented\":true,"
        "\"ErrorReportingPlacement\":\"EndOfTable\"}\n"
        ",{\"FrameType\":\"DataTable\",\"TableId\":0,\"TableKind\":\"QueryProperties\",\"TableName\":\"@"
        "ExtendedProperties\"," +
            std::string(kProperties) +
            "\n,{\"FrameType\":\"TableHeader\",\"TableId\":1,\"TableKind\":\"PrimaryResult\",\"TableName\":"
            "\"PrimaryResult\",\"Columns\":[{\"ColumnName\":\"Count\",\"ColumnType\":\"long\"}]}\n"
            ",{\"FrameType\":\"TableFragment\",\"TableFragmentType\":\"DataAppend\",\"TableId\":1,\"Rows\":[[42]]}\n"
            ",{\"FrameType\":\"TableCompletion\",\"TableId\":1,\"RowCount\":1}\n," +
            kCompletion + "\n,{\"FrameType\":\"DataSetCompletion\",\"HasErrors\":false,\"Cancelled\":false}\n]");
}

TEST(V2, AnEmptyFragmentedTableHasNoFragment) {
    auto document = make_v2(context(), {.fragmented = true, .newlines = true});
    const std::string text = write(*document, tables(numbers(0, 0)));
    EXPECT_EQ(text.find("TableFragment\""), std::string::npos);
    EXPECT_NE(text.find(R"("TableCompletion","TableId":1,"RowCount":0})"), std::string::npos);
}

TEST(V2, FragmentsEndAfterTenThousandRows) {
    auto document = make_v2(context(), {.fragmented = true, .newlines = false});
    const std::string text = write(*document, tables(numbers(0, 25'000)));
    std::size_t fragments = 0;
    for (std::size_t at = text.find("\"TableFragment\""); at != std::string::npos;
         at = text.find("\"TableFragment\"", at + 1))
        ++fragments;
    EXPECT_EQ(fragments, 3u);
    EXPECT_NE(text.find("]]},{\"FrameType\":\"TableFragment\""), std::string::npos);
    EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(V2, NewlinesWithoutFragmentsOnlySeparateFrames) {
    auto document = make_v2(context(), {.newlines = true});
    const std::string text = write(*document, tables(numbers(42, 43)));
    EXPECT_NE(text.find("\"InData\"}\n,{\"FrameType\":\"DataTable\""), std::string::npos);
    EXPECT_TRUE(text.ends_with("\n]"));
}

TEST(V2, SeveralResultsHaveAscendingIds) {
    auto document = make_v2(context(2), {});
    const std::string text = write(*document, tables(numbers(0, 1), numbers(5, 6)));
    EXPECT_NE(text.find(R"("TableId":1,"TableKind":"PrimaryResult")"), std::string::npos);
    EXPECT_NE(text.find(R"("TableId":2,"TableKind":"PrimaryResult")"), std::string::npos);
    EXPECT_NE(text.find(R"("TableId":3,"TableKind":"QueryCompletionInformation")"), std::string::npos);
}

const Failure kFailure{.text = "E_QUERY_RESULT_SET_TOO_LARGE", .one_api = R"({"error":{"code":"LimitsExceeded"}})"};

TEST(V2, AFailureStandsBetweenTheRowsAndAtTheEnd) {
    auto document = make_v2(context(), {});
    const std::string text = write(*document, tables(numbers(1, 3)), &kFailure);
    EXPECT_NE(text.find(R"("Rows":[[1],[2],{"OneApiErrors":[{"error":{"code":"LimitsExceeded"}}]}]})"),
              std::string::npos)
        << text;
    EXPECT_TRUE(text.ends_with(
        R"({"FrameType":"DataSetCompletion","HasErrors":true,"Cancelled":false,"OneApiErrors":[{"error":{"code":"LimitsExceeded"}}]}])"))
        << text;
}

TEST(V2, AFailureOfAFragmentedTableStandsInItsCompletion) {
    auto document = make_v2(context(), {.fragmented = true, .newlines = true});
    const std::string text = write(*document, tables(numbers(1, 3)), &kFailure);
    EXPECT_NE(text.find("\n,{\"FrameType\":\"TableCompletion\",\"TableId\":1,\"RowCount\":2,\"OneApiErrors\":[{"
                        "\"error\":{\"code\":\"LimitsExceeded\"}}]}\n"),
              std::string::npos)
        << text;
}

TEST(V2, DeferredFailuresAreOnlyAtTheEnd) {
    auto document = make_v2(context(), {.defer_failures = true});
    const std::string text = write(*document, tables(numbers(1, 3)), &kFailure);
    EXPECT_NE(text.find(R"("Rows":[[1],[2]]})"), std::string::npos);
    EXPECT_NE(text.find(R"("HasErrors":true)"), std::string::npos);
}

TEST(V1, ACommandIsExactlyOneTable) {
    auto table = numbers(42, 43, "RowCount");
    auto document = make_v1_command(context());
    EXPECT_EQ(
        write(*document, tables(std::move(table))),
        R"({"Tables":[{"TableName":"Table_0","Columns":[{"ColumnName":"RowCount","DataType":"Int64","ColumnType":"long"}],"Rows":[[42]]}]})");
}

TEST(V1, ACommandWithoutResultStillHasATable) {
    auto document = make_v1_command(context());
    EXPECT_EQ(write(*document, {}), R"({"Tables":[{"TableName":"Table_0","Columns":[],"Rows":[]}]})");
}

TEST(V1, AQueryHasFourTablesWithItsContentsLast) {
    auto document = make_v1_query(context());
    const std::string text = std::regex_replace(
        write(*document, tables(numbers(42, 43))),
        std::regex("\"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\""), "\"G\"");
    EXPECT_EQ(
        text,
        R"({"Tables":[{"TableName":"Table_0","Columns":[{"ColumnName":"Count","DataType":"Int64","ColumnType":"long"}],"Rows":[[42]]},)"
        R"({"TableName":"Table_1","Columns":[{"ColumnName":"Value","DataType":"String","ColumnType":"string"}],"Rows":[["{\"Visualization\":null,\"Title\":null}"]]},)"
        R"({"TableName":"Table_2","Columns":[{"ColumnName":"Timestamp","DataType":"DateTime","ColumnType":"datetime"},)"
        R"({"ColumnName":"Severity","DataType":"Int32","ColumnType":"int"},{"ColumnName":"SeverityName","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"StatusCode","DataType":"Int32","ColumnType":"int"},{"ColumnName":"StatusDescription","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"Count","DataType":"Int32","ColumnType":"int"},{"ColumnName":"RequestId","DataType":"Guid","ColumnType":"guid"},)"
        R"({"ColumnName":"ActivityId","DataType":"Guid","ColumnType":"guid"},{"ColumnName":"SubActivityId","DataType":"Guid","ColumnType":"guid"},)"
        R"({"ColumnName":"ClientActivityId","DataType":"String","ColumnType":"string"}],"Rows":[)"
        R"(["2025-03-01T10:00:00.1234567Z",4,"Info",0,"Query completed successfully",1,"G","G","G","KNC.execute;7d0e"],)"
        R"(["2025-03-01T10:00:00.1234567Z",6,"Stats",0,"{\"ExecutionTime\":0.0015}",1,"G","G","G","KNC.execute;7d0e"]]},)"
        R"({"TableName":"Table_3","Columns":[{"ColumnName":"Ordinal","DataType":"Int64","ColumnType":"long"},{"ColumnName":"Kind","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"Name","DataType":"String","ColumnType":"string"},{"ColumnName":"Id","DataType":"String","ColumnType":"string"},)"
        R"({"ColumnName":"PrettyName","DataType":"String","ColumnType":"string"}],"Rows":[)"
        R"([0,"QueryResult","PrimaryResult","G",""],[1,"QueryProperties","@ExtendedProperties","G",""],)"
        R"([2,"QueryStatus","QueryStatus","00000000-0000-0000-0000-000000000000",""]]}]})");
}

TEST(V1, AFailureStandsBetweenTheRowsAndAtTheTop) {
    auto document = make_v1_command(context());
    const std::string text = write(*document, tables(numbers(1, 2)), &kFailure);
    EXPECT_TRUE(text.ends_with(
        R"("Rows":[[1],{"Exceptions":["E_QUERY_RESULT_SET_TOO_LARGE"]}]}],"Exceptions":["E_QUERY_RESULT_SET_TOO_LARGE"]})"))
        << text;
}

TEST(Visualization, HasAllKeysWhenSomethingIsDrawn) {
    EXPECT_EQ(
        visualization_json({{"Visualization", "timechart"}, {"Title", "a \"b\""}, {"Accumulate", "true"}}),
        R"({"Visualization":"timechart","Title":"a \"b\"","XColumn":null,"Series":null,"YColumns":null,"AnomalyColumns":null,"XTitle":null,)"
        R"("YTitle":null,"XAxis":null,"YAxis":null,"Legend":null,"YSplit":null,"Accumulate":true,"IsQuerySorted":false,"Kind":null,)"
        R"("Ymin":"NaN","Ymax":"NaN","Xmin":null,"Xmax":null})");
}

} // namespace
} // namespace sluice::app::wire
