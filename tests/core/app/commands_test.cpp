#include "core/app/client.hpp"
#include "core/app/commands/commands.hpp"
#include "core/app/commands/result_text.hpp"
#include "tests/core/app/served.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sluice::app::test {
namespace {

TEST(ServerText, IsTakenApart) {
    const auto address = parse_server("http://[::1]:9000/base/");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->host, "::1");
    EXPECT_EQ(address->port, "9000");
    EXPECT_EQ(address->base_path, "/base");
    EXPECT_EQ(address->url(), "http://[::1]:9000/base");
    EXPECT_EQ(parse_server("localhost")->port, "80");
    for (const char* wrong : {"", "https://x", "ftp://x", "http://", "http://x:y", "http://x:"})
        EXPECT_FALSE(parse_server(wrong)) << wrong;
}

TextTable two_rows() {
    return {{{"Name"}, {"Count", true}}, {{"ä,b", "1"}, {"c\t\"d\"\n", "1000"}}};
}

TEST(ResultText, TablesAreAligned) {
    EXPECT_EQ(render_table(two_rows(), {}), "Name      Count\n--------  -----\nä,b           1\nc\\t\"d\"\\n   1000\n");
}
TEST(ResultText, ATerminalGetsARowCountAndNoControlSequences) {
    const TextTable table{{{"A"}}, {{"\x1b[2J"}, {std::string(150, 'x')}}};
    const std::string text = render_table(table, {.terminal = true});
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("x…\n(2 rows)\n"), std::string::npos);
}
TEST(ResultText, VerticalRowsShowWholeCells) {
    EXPECT_EQ(render_vertical(two_rows(), {}), "-- row 1 -----\nName   ä,b\nCount  1\n"
                                               "-- row 2 -----\nName   c\\t\"d\"\\n\nCount  1000\n");
    const TextTable empty{{{"A"}}, {{""}}};
    EXPECT_EQ(render_vertical(empty, {.terminal = true}), "-- row 1 -\nA\n(1 row)\n");
}
TEST(ResultText, CsvIsQuotedWhereItMust) {
    EXPECT_EQ(render_csv(two_rows()), "Name,Count\n\"ä,b\",1\n\"c\t\"\"d\"\"\n\",1000\n");
}
TEST(ResultText, TsvIsEscaped) {
    EXPECT_EQ(render_tsv(two_rows()), "Name\tCount\nä,b\t1\nc\\t\"d\"\\n\t1000\n");
}

constexpr auto kDocument =
    R"({"Tables":[{"TableName":"Table_0","Columns":[{"ColumnName":"B","DataType":"Int64","ColumnType":"long"},)"
    R"({"ColumnName":"A","DataType":"Object","ColumnType":"dynamic"}],"Rows":[[9007199254740993,{"z":1,"a":2}],[null,null]]}]})";
TEST(ResultText, JsonKeepsOrderAndAllDigits) {
    EXPECT_EQ(render_v1(kDocument, "json", {})->text,
              "[\n{\"B\":9007199254740993,\"A\":{\"z\":1,\"a\":2}},\n{\"B\":null,\"A\":null}\n]\n");
}
TEST(ResultText, WhatIsNoAnswerOfABridgeIsSaid) {
    EXPECT_FALSE(render_v1("<html>", "table", {}));
}
TEST(ResultText, ResultsComeWithTheirVisualization) {
    const auto results = read_v1(
        R"({"Tables":[{"TableName":"Table_0","Columns":[{"ColumnName":"A","ColumnType":"long"}],"Rows":[[1]]},)"
        R"({"TableName":"Table_1","Columns":[],"Rows":[["{\"Visualization\":\"piechart\",\"Title\":null}"]]},)"
        R"({"TableName":"Table_2","Columns":[],"Rows":[]},)"
        R"({"TableName":"Table_3","Columns":[],"Rows":[[0,"QueryResult"],[1,"QueryProperties"],[2,"QueryStatus"]]}]})");
    ASSERT_TRUE(results);
    ASSERT_EQ(results->tables.size(), 1u);
    EXPECT_EQ(results->tables[0].columns[0].type, "long");
    EXPECT_EQ(results->visualization, (Visualization{{"Visualization", "piechart"}}));
}
TEST(ResultText, AFailureInTheDataComesWithTheRowsBeforeIt) {
    const auto rendered =
        render_v1(R"({"Tables":[{"TableName":"Table_0","Columns":[{"ColumnName":"A","ColumnType":"long"}],)"
                  R"("Rows":[[1],{"Exceptions":["too many"]}]}],"Exceptions":["too many"]})",
                  "csv", {});
    ASSERT_TRUE(rendered);
    EXPECT_EQ(rendered->text, "A\n1\n");
    EXPECT_EQ(rendered->failure, "too many");
}

/// Commands run in this process against the served fake.
class CommandTest : public Served {
protected:
    std::string server_url() { return "http://127.0.0.1:" + std::to_string(port()); }
    std::string out, err;

    template <class Run> int captured(Run run) {
        ::testing::internal::CaptureStdout();
        ::testing::internal::CaptureStderr();
        const int code = run();
        out = ::testing::internal::GetCapturedStdout();
        err = ::testing::internal::GetCapturedStderr();
        return code;
    }
    int query(std::string text, std::string format = "csv") {
        return captured([&] {
            return query_command({.server = server_url(), .database = "Harbor", .format = format, .text = text}, {});
        });
    }
    std::string file(const std::string& name, std::string_view content) {
        const auto path = folder_ / name;
        std::filesystem::create_directories(folder_);
        std::ofstream(path, std::ios::binary) << content;
        return path.string();
    }
    int ingest(const std::string& path, IngestOptions options = {}) {
        options.server = server_url();
        options.table = "GaugeReading";
        options.files = {path};
        return captured([&] { return ingest_command(options, {}); });
    }
    ~CommandTest() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

private:
    const std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("sluice_command_test_" + std::to_string(::getpid()));
};

TEST_F(CommandTest, QueryPrintsResultsAndNotTheOtherTables) {
    EXPECT_EQ(query("T | count"), kExitDone);
    EXPECT_EQ(out, "Count\n42\n");
    EXPECT_EQ(engine.last().database, "Harbor");
}
TEST_F(CommandTest, QuerySendsCommandsToTheirEndpoint) {
    EXPECT_EQ(query(".show tables", "json"), kExitDone);
    EXPECT_EQ(out, "[\n{\"Count\":1}\n]\n");
}
TEST_F(CommandTest, QueryFailsWithTheServersWords) {
    engine.on_query = [](const engine::Request&) -> Result<engine::Answer> {
        return Error{ErrorCode::Invalid, "Semantic error: SEM0100: no"};
    };
    EXPECT_EQ(query("T"), kExitFailed);
    EXPECT_EQ(err, "Semantic error: SEM0100: no\n");
}
TEST_F(CommandTest, QueryShowsThePlaceOfAnError) {
    engine.on_query = [](const engine::Request&) -> Result<engine::Answer> {
        return Error{ErrorCode::Invalid, "Semantic error: SEM0100: no 'b' [line:position=1:11]"};
    };
    EXPECT_EQ(query("T | where b"), kExitFailed);
    EXPECT_EQ(err, "Semantic error: SEM0100: no 'b' [line:position=1:11]\n  T | where b\n            ^\n");
}
TEST_F(CommandTest, AnAbsentBridgeIsExitCodeThree) {
    EXPECT_EQ(captured([] { return query_command({.server = "http://127.0.0.1:1", .text = "T"}, {}); }),
              kExitUnreachable);
    EXPECT_NE(err.find("sluice run"), std::string::npos);
    EXPECT_EQ(captured([] { return status_command({.server = "http://127.0.0.1:1"}, {}); }), kExitUnreachable);
}
TEST_F(CommandTest, AWrongAddressIsWrongUsage) {
    EXPECT_EQ(captured([] { return query_command({.server = "ftp://x", .text = "T"}, {}); }), kExitUsage);
}
TEST_F(CommandTest, StatusShowsConnectionsAndTables) {
    EXPECT_EQ(captured([&] { return status_command({.server = server_url()}, {}); }), kExitDone);
    EXPECT_NE(out.find("Connection"), std::string::npos);
    EXPECT_NE(out.find("Row store"), std::string::npos);
}
TEST_F(CommandTest, IngestStreamsASmallFile) {
    EXPECT_EQ(ingest(file("a.csv", "x,1\n"), {.database = "Harbor", .mapping = "M 1"}), kExitDone) << err;
    EXPECT_EQ(ingested()->body, "x,1\n");
    EXPECT_EQ(ingested()->format, "csv");
    EXPECT_EQ(ingested()->mapping, "M 1");
    EXPECT_NE(out.find("3 rows streamed"), std::string::npos);
}
TEST_F(CommandTest, IngestGoesAnotherWayWhenTheTableDoesNotStream) {
    on_ingest = [](const ingest::StreamRequest&) -> Result<ingest::StreamReply> {
        return Error{ErrorCode::Invalid, "Streaming ingestion policy is not enabled for the table 'Harbor.T'.",
                     "StreamingIngestionPolicyNotEnabled"};
    };
    const std::string path = file("a.csv", "x,1\n");
    engine.on_command = [](const engine::Request&) -> Result<engine::Answer> {
        return Error{ErrorCode::Invalid, "seen"};
    };
    EXPECT_EQ(ingest(path), kExitFailed);
    EXPECT_EQ(engine.last().text, ".ingest inline into table ['GaugeReading'] with (format='csv') <|\nx,1\n");
    EXPECT_EQ(ingest(path, {.path = "streaming"}), kExitFailed);
    EXPECT_NE(err.find("not enabled"), std::string::npos);
}
TEST_F(CommandTest, IngestNamesWhatIsWrongWithAFile) {
    EXPECT_EQ(ingest("/nonexistent.csv"), kExitFailed);
    EXPECT_NE(err.find("/nonexistent.csv: there is no such file"), std::string::npos);
    EXPECT_EQ(ingest(file("a.unknown", "x")), kExitFailed);
    EXPECT_NE(err.find("--format"), std::string::npos);
    EXPECT_EQ(ingest(file("big.csv", std::string(10'000'000, 'x'))), kExitFailed);
    EXPECT_NE(err.find("EventGrid"), std::string::npos);
}

} // namespace
} // namespace sluice::app::test
