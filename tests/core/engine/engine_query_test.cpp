#include "tests/core/engine/engine_fixture.hpp"

#include <algorithm>
#include <chrono>

namespace sluice::engine {
namespace {

class EngineQueries : public EngineFixture {
protected:
    void SetUp() override {
        EngineFixture::SetUp();
        set_up(
            {".create table Berth (Gauge:string, Level:int)", ".ingest inline into table Berth <|\nN1,3\nS2,5\nN3,8"});
    }
};

TEST_F(EngineQueries, ReadTheDatabaseOfTheRequest) {
    EXPECT_EQ(run("Berth | where Level > 4 | project Gauge | sort by Gauge asc"), "N3\nS2");
    EXPECT_EQ(run_in("harbor", "Berth | count"), "3");
    EXPECT_EQ(run_in("Nope", "print 1"), "error: Entity ID 'Nope' of kind 'Database' was not found.");
    EXPECT_EQ(engine_->query(request("Nope", "print 1")).error().reason, "BadRequest_DatabaseNotExist");
}

TEST_F(EngineQueries, RunBehindACommand) {
    EXPECT_EQ(run(".show tables | project TableName"), "Berth");
    EXPECT_EQ(run(".show tables\n| where TableName == 'Nope'\n| count"), "0");
    EXPECT_EQ(run(".show tables; $command_results | count"), "1");
    EXPECT_EQ(run(".show table Berth details | project TotalRowCount, StreamingIngestionPolicy"), "3 | null");
    EXPECT_EQ(run(".show table Berth policy streamingingestion | where isempty(Policy) | count"), "1");
    EXPECT_EQ(run(".show database schema | where ColumnType == 'System.Int32' | project ColumnName"), "Level");
    EXPECT_EQ(run(".show ingestion failures | count"), "0");
    EXPECT_EQ(run(".show table Berth extents | where MaxCreatedOn > datetime(2025-01-01) | project RowCount, Kind"),
              "3 | StorageV3");
}

/// A stored table is searched in parts (numbers, nulls, what is not a number), a computed one at once.
TEST_F(EngineQueries, TheTopOfAStoredTableIsThatOfTheSameRowsComputed) {
    const std::string rows = "datatable(k:string, x:real) ['a', 1.5, 'b', real(nan), 'c', real(null), 'd', real(-inf), "
                             "'e', real(inf), 'f', -2.0, 'g', 1.25]";
    set_up({".create table Mixed (k:string, x:real)"});
    ASSERT_EQ(run(".set-or-append Mixed <| " + rows).rfind("error", 0), std::string::npos);
    EXPECT_EQ(run("Mixed | top 3 by x | project k"), "e\na\ng");
    EXPECT_EQ(run("Mixed | top 3 by x asc | project k"), "c\nb\nd");
    for (const char* how : {"x", "x asc", "x desc nulls first", "x asc nulls last", "x asc nulls first"})
        for (const char* count : {"0", "1", "2", "4", "6", "100"}) {
            const std::string top = std::string(" | top ") + count + " by " + how + " | project k, x";
            EXPECT_EQ(run("Mixed" + top), run(rows + top)) << top;
        }
}

TEST_F(EngineQueries, ACommandWithAQueryAnswersLikeAQuery) {
    const auto bare = engine_->command(request("Harbor", ".show tables"));
    const auto piped = engine_->command(request("Harbor", ".show tables | count"));
    ASSERT_TRUE(bare && piped);
    EXPECT_TRUE(bare->is_command);
    EXPECT_FALSE(piped->is_command);
}

TEST_F(EngineQueries, TextsOfAResultCannotLeaveTheirQuotes) {
    set_up({".alter table Berth docstring 'it\\'s \"quoted\"; \\\\ -- /* \\n end'"});
    EXPECT_EQ(run(".show tables | project DocString"), "it's \"quoted\"; \\ -- /* \n end");
}

TEST_F(EngineQueries, ErrorsBehindACommandNameTheirPlace) {
    const std::string message = run(".show tables details | where Nope == 1");
    EXPECT_EQ(message.rfind("error: Semantic error", 0), 0U) << message;
    EXPECT_NE(message.find("Nope"), std::string::npos) << message;
}

TEST_F(EngineQueries, ErrorsOfAnInputNameTheirPlaceInTheWholeText) {
    const std::string message = run(".set-or-append High <|\n  Berth\n  | where Nope > 1");
    EXPECT_NE(message.find("[line:position=3:11]"), std::string::npos) << message;
}

TEST_F(EngineQueries, FillTables) {
    EXPECT_EQ(columns(".set-or-append High <| Berth | where Level > 4", "RowCount"), "2");
    EXPECT_EQ(run(".show table High cslschema"), "High | Gauge:string,Level:int | Harbor |  | ");
    EXPECT_EQ(run(".set High <| Berth"), "error: Entity 'High' of kind 'Table' already exists.");
    EXPECT_EQ(run(".append Nope <| Berth"), "error: Entity ID 'Nope' of kind 'Table' was not found.");
    EXPECT_EQ(run(".append High <| print x = 1"),
              "error: Query schema does not match table schema. QuerySchema=('long'), TableSchema=('string,int')");
    EXPECT_EQ(run("High | count"), "2");
    EXPECT_EQ(run(".append High <| Berth | where Level > 100"), "");
    EXPECT_EQ(columns(".set-or-replace High <| Berth | where Level < 4", "RowCount"), "1");
    EXPECT_EQ(run("High"), "N1 | 3");
    EXPECT_EQ(
        columns(".set-or-replace High with (recreate_schema=true) <| Berth | summarize Peak=max(Level)", "RowCount"),
        "1");
    EXPECT_EQ(run("High"), "8");
    EXPECT_EQ(columns(".append High with (extend_schema=true) <| Berth | where Gauge == 'N1' | project Level, Gauge",
                      "RowCount"),
              "1");
    EXPECT_EQ(run("High | sort by Peak asc"), "3 | N1\n8 | ");
    EXPECT_EQ(columns(".drop extents <| .show table High extents | where RowCount == 1", "TableName"), "High\nHigh");
}

TEST_F(EngineQueries, AFailedLoadLeavesTheTableAsItWas) {
    EXPECT_EQ(run(".set-or-replace Berth <| print 1").rfind("error: Query schema does not match", 0), 0U);
    EXPECT_EQ(run("Berth | count"), "3");
    EXPECT_EQ(run(".show ingestion failures | project OperationKind, Table"), "TableSetOrReplace | Berth");
}

TEST_F(EngineQueries, LongResultsEndWithAnError) {
    Request asked = request("Harbor", "Berth");
    asked.options.truncation_max_records = 2;
    const std::string cut = answer_text(engine_->query(asked));
    EXPECT_NE(cut.find("E_QUERY_RESULT_SET_TOO_LARGE"), std::string::npos) << cut;
    EXPECT_EQ(std::count(cut.begin(), cut.end(), '|'), 2) << cut;
    asked.options.no_truncation = true;
    EXPECT_EQ(answer_text(engine_->query(asked)), "N1 | 3\nS2 | 5\nN3 | 8");
    asked.options.take_max_records = 1;
    EXPECT_EQ(answer_text(engine_->query(asked)), "N1 | 3");
}

TEST_F(EngineQueries, ParametersAreValues) {
    Request asked = request(
        "Harbor",
        "declare query_parameters(least:int, gauge:string); Berth | where Level >= least and Gauge == gauge | count");
    asked.options.parameters = {{"least", "\"int(3)\""}, {"gauge", "\"N1\""}};
    EXPECT_EQ(answer_text(engine_->query(asked)), "1");
    asked.options.parameters["gauge"] = "\"N1' or true or '\"";
    EXPECT_EQ(answer_text(engine_->query(asked)), "0");
}

TEST_F(EngineQueries, TheTextMayAskForOptionsToo) {
    const std::string cut = run("set truncationmaxrecords = 2; Berth");
    EXPECT_NE(cut.find("E_QUERY_RESULT_SET_TOO_LARGE"), std::string::npos) << cut;
    EXPECT_EQ(run("set truncationmaxrecords = 2; set notruncation; Berth | count"), "3");
    EXPECT_EQ(run("set query_take_max_records = 1; Berth"), "N1 | 3");
    Request asked = request("Harbor", "set truncationmaxrecords = 3; Berth | count");
    asked.options.truncation_max_records = 0;
    EXPECT_EQ(answer_text(engine_->query(asked)), "3");
    EXPECT_EQ(run("set truncationmaxrecords = 'many'; Berth").rfind("error: Semantic error: SEM0027", 0), 0U);
    EXPECT_EQ(run("set servertimeout = 5; Berth").rfind("error: Semantic error: SEM0027", 0), 0U);
    EXPECT_EQ(run("set some_unknown_option = 'x'; Berth | count"), "3");
}

TEST_F(EngineQueries, EndWhenTheTimeOfTheTextIsUp) {
    const std::string late = run("set servertimeout = 20ms; let N = range x from 1 to 1000000 step 1 | extend k = 1; N "
                                 "| join kind=inner (N) on k | summarize countif(x1 % 7 == 3)");
    EXPECT_NE(late.find("exceeded the allotted time"), std::string::npos) << late;
}

TEST_F(EngineQueries, ReadTheTablesOfAnotherDatabase) {
    EXPECT_EQ(run_in("Pier", ".create table Crane (Name:string, Lift:int)").rfind("error", 0), std::string::npos);
    EXPECT_EQ(run_in("Pier", ".ingest inline into table Crane <|\nC1,7").rfind("error", 0), std::string::npos);
    EXPECT_EQ(run("database('Pier').Crane"), "C1 | 7");
    EXPECT_EQ(run("cluster('here').database('Pier').Crane | project Lift"), "7");
    EXPECT_EQ(run("alias database p = database('Pier'); database('p').table('Crane') | count"), "1");
    EXPECT_EQ(run_in("Pier", "database('Harbor').Berth | count"), "3");
    EXPECT_EQ(run("print database('Pier')").rfind("error: Semantic error", 0), 0U);
    const std::string both = run("union Berth, database('Pier').Crane | count");
    EXPECT_NE(both.find("tables of two databases ('Harbor' and 'Pier') is not supported"), std::string::npos) << both;
}

TEST_F(EngineQueries, BodiesOfFunctionsAreChecked) {
    const std::string refused = run(".create function F() { Berth | where Nope > 1 }");
    EXPECT_NE(refused.find("Nope"), std::string::npos) << refused;
    EXPECT_EQ(run(".show functions"), "");
    EXPECT_EQ(columns(".create function F() { Berth | where Level > 4 }", "Name Body"),
              "F | { Berth | where Level > 4 }");
}

} // namespace
} // namespace sluice::engine
