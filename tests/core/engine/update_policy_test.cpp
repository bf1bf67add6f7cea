#include "tests/core/engine/update_policy_fixture.hpp"

#include <fmt/format.h>

namespace sluice::engine {
namespace {

class UpdatePolicy : public UpdatePolicyFixture {};

constexpr auto kAlarmQuery = "GaugeReading | where LevelCm > 620 | project At, Gauge, LevelCm";
constexpr auto kWithBerth = "ParseGauge() | lookup Berth on Gauge | project At, Gauge, LevelCm, Source=Quay";

TEST_F(UpdatePolicy, CommandsShowWhatTheySet) {
    const std::string entry =
        R"j({"IsEnabled":true,"Source":"GaugeRaw","SourceIsWildCard":false,"Query":"ParseGauge()","IsTransactional":true,"PropagateIngestionProperties":false})j";
    EXPECT_EQ(policy("GaugeReading", "GaugeRaw", "ParseGauge()", true),
              "UpdatePolicy | [Harbor].[GaugeReading] | [" + entry + "] | ∅ | Table");
    EXPECT_EQ(
        columns(
            R"j(.alter-merge table GaugeReading policy update '[{"IsEnabled":"True","source":"GaugeRaw","query":"ParseGauge()","istransactional":"true"}]')j",
            "Policy"),
        "[" + entry + "," + entry + "]");
    EXPECT_EQ(run(".show table * policy update | project EntityName"), "[Harbor].[GaugeReading]");
    EXPECT_EQ(columns(".alter table GaugeReading policy update '[]'", "EntityName Policy"),
              "[Harbor].[GaugeReading] | ∅");
    policy("GaugeReading", "GaugeRaw", "ParseGauge", true);
    EXPECT_EQ(run(".delete table GaugeReading policy update"),
              "UpdatePolicy | [Harbor].[GaugeReading] | ∅ | ∅ | Table");
}

struct RefusedCase {
    const char* name;
    const char* entry; ///< the JSON text
    const char* error; ///< what stands behind the common beginning
};

TEST_F(UpdatePolicy, WhatDoesNotFitIsRefusedWhenItIsSet) {
    set_up({".create table Passing (payload:dynamic)",
            ".alter table Passing policy retention softdelete = 0d recoverability = disabled"});
    const RefusedCase cases[] = {
        {"V1", "no json", "Update policy is not a valid JSON array: the text is no JSON"},
        {"V1 no query", R"j([{"Source":"GaugeRaw"}])j",
         "Update policy is not a valid JSON array: an entry has no Query"},
        {"V2", R"j([{"Source":"Nope","Query":"Nope"}])j", "Entity ID 'Nope' of kind 'Table' was not found."},
        {"V3", R"j([{"Source":"database('Harbor').GaugeRaw","Query":"GaugeRaw"}])j",
         "Source must be a table of database 'Harbor'."},
        {"V5 type", R"j([{"Source":"GaugeRaw","Query":"ParseGauge() | extend LevelCm=tolong(LevelCm)"}])j",
         "Query schema does not match table schema. QuerySchema=('datetime,string,long,string'), "
         "TableSchema=('datetime,string,int,string')"},
        {"V7", R"j([{"Source":"GaugeRaw","Query":"Berth | project At=now(), Gauge, LevelCm=int(1), Source=Quay"}])j",
         "Update policy query does not reference source table 'GaugeRaw'."},
        {"V8 source",
         R"j([{"Source":"GaugeRaw","Query":"database('Harbor').GaugeRaw | project At=now(), Gauge='a', LevelCm=int(1), Source='b'"}])j",
         "Source table 'GaugeRaw' has to be named without database(...): it stands for the new rows."},
        {"V12", R"j([{"Source":"GaugeRaw","Query":"ParseGauge()","ManagedIdentity":"system"}])j",
         "Managed identity 'system' is not allowed for usage 'AutomatedFlows'"},
        {"V14",
         R"j([{"Source":"Passing","Query":"Passing | project At=now(), Gauge='a', LevelCm=int(1), Source='b'"}])j",
         "Source table 'Passing' has zero retention, the update policy must be transactional."},
    };
    for (const RefusedCase& tried : cases)
        EXPECT_EQ(run(fmt::format(".alter table GaugeReading policy update ```{}```", tried.entry)),
                  std::string("error: Error during execution of a policy operation: ") + tried.error)
            << tried.name;
    const std::string v4 = policy("GaugeReading", "GaugeRaw", "GaugeRaw | where nope == 1", true);
    EXPECT_EQ(v4.rfind("error: Error during execution of a policy operation: Caught exception while validating query "
                       "for Update Policy: ",
                       0),
              0u)
        << v4;
    EXPECT_EQ(columns(".show table GaugeReading policy update", "Policy"), "∅");
    EXPECT_EQ(
        columns(
            R"j(.alter table GaugeReading policy update with (AllowUnreferencedSourceTable=true) '[{"Source":"GaugeRaw","Query":"Berth | project At=now(), Gauge, LevelCm=int(1), Source=Quay"}]')j",
            "EntityName"),
        "[Harbor].[GaugeReading]");
    EXPECT_EQ(
        columns(
            R"j(.alter table GaugeReading policy update '[{"IsEnabled":false,"Source":"Nope","Query":"nonsense"}]')j",
            "EntityName"),
        "[Harbor].[GaugeReading]")
        << "entries that are off are not checked";
}

TEST_F(UpdatePolicy, A4OutputOfPoliciesCountsAgainstTheLimitOfARequest) {
    set_up({".create table Wide (Text:string)", ".create table Copies (Text:string)"});
    policy("Copies", "Wide", "Wide | mv-expand n = range(1, 2, 1) to typeof(long) | project Text", false);
    stream_on("Wide");
    const std::string line = std::string(500'000, 'x') + "\n"; // a text of more than 1 MiB would be cut
    EXPECT_EQ(
        stream(line + line + line, "Wide", "csv"),
        "error: Stream_InputStreamTooLarge Bad streaming ingestion request to Harbor.Wide : request size with the "
        "output of its update policies exceeds the maximum allowed size of 4194304 bytes.");
    EXPECT_EQ(count("Wide") + count("Copies"), "00");
    EXPECT_EQ(stream(line + line, "Wide", "csv"), "2 Success Unknown");
    EXPECT_EQ(count("Wide") + count("Copies"), "24");
}

TEST_F(UpdatePolicy, A5ScopeIsCheckedWhenPolicyOrStreamingIsSet) {
    stream_on();
    EXPECT_EQ(policy("GaugeReading", "GaugeRaw", kWithBerth, true),
              "error: Error during execution of a policy operation: Referencing additional tables from update "
              "policy is not allowed when "
              "the source table has a StreamingIngestion policy defined. Additional tables: Berth.");
    run(".alter table GaugeRaw policy streamingingestion disable");
    EXPECT_EQ(policy("GaugeReading", "GaugeRaw", kWithBerth, true).rfind("UpdatePolicy | ", 0), 0u);
    EXPECT_EQ(run(".alter table GaugeRaw policy streamingingestion enable"),
              "error: Error during execution of a policy operation: Streaming ingestion cannot be turned on for "
              "table 'GaugeRaw': update "
              "policy on 'GaugeReading' references additional tables: Berth.");
    run(".delete table GaugeRaw policy streamingingestion");
    EXPECT_EQ(run(".alter database Harbor policy streamingingestion enable"),
              "error: Error during execution of a policy operation: Streaming ingestion cannot be turned on for "
              "database 'Harbor': update "
              "policy on 'GaugeReading' references additional tables: Berth.");
}

TEST_F(UpdatePolicy, A6AFunctionChangedLaterFailsOnStreamedRowsOnly) {
    stream_on();
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", false);
    set_up({".create-or-alter function ParseGauge() { GaugeRaw | project At=todatetime(payload.t), "
            "Gauge=tostring(payload.id), "
            "LevelCm=toint(payload.cm) | lookup Berth on Gauge | project At, Gauge, LevelCm, Source=Quay }"});
    EXPECT_EQ(stream(reading("elbe", 500)), "1 Failure UpdatePolicy_BadRequest");
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "10");
    EXPECT_EQ(failures(), "GaugeReading | UpdatePolicy_BadRequest | Permanent | UpdatePolicy");
    EXPECT_EQ(run(".show streamingingestion failures | project Table, ErrorCode, Details"),
              "GaugeReading | UpdatePolicy_BadRequest | Referencing additional tables from update policy is not "
              "allowed when streaming "
              "ingestion is enabled on the source table 'GaugeRaw'. Additional tables: Berth.");

    run(".alter table GaugeRaw policy streamingingestion disable");
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true);
    set_up({".create-or-alter function Kept() { ParseGauge() }"});
    databases_->writer("Harbor")
        ->change_catalogue([](const catalog::Database& before) -> Result<catalog::Database> {
            auto after = before; // what C2 refuses and older files may hold
            auto raw = std::make_shared<catalog::Table>(*before.find_table("GaugeRaw"));
            raw->policies.streaming = catalog::StreamingPolicy{.is_enabled = true};
            after.tables["GaugeRaw"] = raw;
            return after;
        })
        .value();
    EXPECT_EQ(stream(reading("elbe", 501))
                  .rfind("error: UpdatePolicy_BadRequest Failed to run a transactional update policy on "
                         "'GaugeReading': Referencing additional tables",
                         0),
              0u);
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "10");

    queue("GaugeRaw", "elbe", 502);
    seal();
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "21") << failures();
    EXPECT_EQ(run("GaugeReading | project Gauge, LevelCm, Source"), "elbe | 502 | north");
}

TEST_F(UpdatePolicy, A7OneStreamedTableMakesItsWholeCascadeStreamed) {
    for (const char* table : {"T1", "T2", "T3", "T4"})
        set_up({fmt::format(".create table {} (a:string)", table).c_str()});
    policy("T2", "T1", "T1", false);
    policy("T3", "T2", "T2", false);
    for (const char* streamed : {"T1", "T2", "T3"}) {
        stream_on(streamed);
        EXPECT_EQ(policy("T4", "T3", "T3 | join kind=inner Berth on $left.a == $right.Gauge | project a", false)
                      .rfind("error: ", 0),
                  0u)
            << streamed;
        run(fmt::format(".delete table {} policy streamingingestion", streamed));
    }
    EXPECT_EQ(policy("T4", "T3", "T3 | join kind=inner Berth on $left.a == $right.Gauge | project a", false)
                  .rfind("UpdatePolicy", 0),
              0u);
}

TEST_F(UpdatePolicy, A8TargetsOfStreamedRowsNeedNoStreamingPolicy) {
    stream_on();
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true);
    policy("GaugeAlarm", "GaugeReading", kAlarmQuery, true);
    EXPECT_EQ(stream(reading("elbe", 700) + "\n" + reading("elbe", 500)), "2 Success Unknown");
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading") + count("GaugeAlarm"), "221");
    EXPECT_EQ(run("GaugeAlarm | project At, Gauge, LevelCm"), "2025-03-01T10:00:00Z | elbe | 700");
    EXPECT_EQ(run("GaugeReading | summarize dcount(ingestion_time())"), "1");
    // Sealing runs no policy again and keeps the rows of a target that has no streaming policy of its own.
    set_up({".create table Unrelated (a:int)"});
    seal();
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading") + count("GaugeAlarm"), "221");
}

TEST_F(UpdatePolicy, A15CommandsListTheExtentsOfTargets) {
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true, R"j(,"PropagateIngestionProperties":true)j");
    EXPECT_EQ(
        columns(
            R"j(.set-or-append GaugeRaw with (tags='["drop-by:a"]') <| datatable(payload:dynamic)[dynamic({"t":"2025-03-01","id":"elbe","cm":1}), dynamic({"t":"2025-03-01","id":"oste","cm":2})])j",
            "RowCount"),
        "2\n2");
    EXPECT_EQ(columns(".show table GaugeReading extents", "RowCount Tags"), "2 | drop-by:a");
    EXPECT_EQ(
        run(".show data operations | where OperationKind == 'UpdatePolicy' | project Table, RowCount, Properties"),
        R"j(GaugeReading | 2 | {"SourceTable":"GaugeRaw"})j");
    EXPECT_EQ(
        columns(
            R"j(.set-or-replace GaugeRaw <| datatable(payload:dynamic)[dynamic({"t":"2025-03-01","id":"elbe","cm":3})])j",
            "RowCount"),
        "1\n1");
    EXPECT_EQ(run("GaugeReading | project LevelCm"), "3") << "derived tables are replaced too";
    EXPECT_EQ(run(".set-or-replace GaugeRaw <| GaugeRaw | take 0"), "");
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "00");
}

TEST_F(UpdatePolicy, S34FailuresGoUpToTheFirstPolicyThatAbsorbsThem) {
    set_up({".create table A (x:long)", ".create table B (x:long)", ".create table C (x:long)"});
    struct Case {
        bool first, second;
        const char* stored; ///< rows of A, B, C
        const char* failures;
    };
    const Case cases[] = {
        {true, true, "000",
         "A | UpdatePolicy_FailedDescendantTransaction | Transient | UpdatePolicy\nB | UpdatePolicy_IngestionError "
         "| Transient | "
         "UpdatePolicy\nC | UpdatePolicy_BadRequest | Permanent | UpdatePolicy"},
        {true, false, "110", "C | UpdatePolicy_BadRequest | Permanent | UpdatePolicy"},
        {false, true, "100",
         "B | UpdatePolicy_IngestionError | Transient | UpdatePolicy\nC | UpdatePolicy_BadRequest | Permanent | "
         "UpdatePolicy"},
        {false, false, "110", "C | UpdatePolicy_BadRequest | Permanent | UpdatePolicy"},
    };
    for (const Case& tried : cases) {
        run(".clear table A data");
        run(".clear table B data");
        policy("B", "A", "A", tried.first);
        set_up({".create-or-alter function Pass() { B }"});
        policy("C", "B", "Pass()", tried.second);
        set_up({".create-or-alter function with (skipvalidation=true) Pass() { B | where nope }"});
        clock_.advance(std::chrono::hours(24 * 15)); // older failures are not shown
        const std::string answer = run(".ingest inline into table A <| 7");
        EXPECT_EQ(answer.rfind("error: ", 0) == 0, std::string(tried.stored) == "000") << answer;
        EXPECT_EQ(count("A") + count("B") + count("C"), tried.stored) << tried.first << tried.second;
        EXPECT_EQ(failures(), tried.failures) << tried.first << tried.second;
    }
}

TEST_F(UpdatePolicy, S36CyclesAreCutAndDiamondsAreNot) {
    set_up({".create table A (x:long)", ".create table B (x:long)", ".create table C (x:long)",
            ".create table D (x:long)"});
    policy("B", "A", "A", true);
    policy("C", "A", "A", true);
    run(R"j(.alter table D policy update '[{"Source":"B","Query":"B","IsTransactional":true},{"Source":"C","Query":"C","IsTransactional":true}]')j");
    policy("A", "D", "D", true);
    stream_on("A");
    EXPECT_EQ(stream("7\n", "A", "csv"), "1 Success Unknown");
    EXPECT_EQ(count("A") + count("B") + count("C") + count("D"), "1112");
    EXPECT_EQ(run(".ingest inline into table A <| 8"), "<guid>\n<guid>\n<guid>\n<guid>\n<guid>");
    EXPECT_EQ(count("A") + count("B") + count("C") + count("D"), "2224");
}

TEST_F(UpdatePolicy, S37WildcardSourcesSeeTheirRowsAsSourceTable) {
    set_up({".create table GaugeNew (payload:dynamic)",
            ".create function with (skipvalidation=true) Normalize() { $source_table | project "
            "At=todatetime(payload.t), "
            "Gauge=tostring(payload.id), LevelCm=toint(payload.cm), Source='any' }"});
    // GaugeAlarm matches the pattern and does not fit the query.
    run(".drop table GaugeAlarm");
    EXPECT_EQ(
        policy("GaugeReading", "Gauge*", "Normalize()", true, R"j(,"SourceIsWildCard":true)j").rfind("UpdatePolicy", 0),
        0u);
    stream_on("GaugeRaw");
    EXPECT_EQ(stream(reading("elbe", 1)), "1 Success Unknown");
    run(R"j(.set-or-append GaugeNew <| datatable(payload:dynamic)[dynamic({"id":"oste","cm":2})])j");
    EXPECT_EQ(run("GaugeReading | project Gauge, LevelCm | order by LevelCm asc"), "elbe | 1\noste | 2");
}

TEST_F(UpdatePolicy, S38RowsOfAZeroRetentionTableOnlyPassThrough) {
    set_up({".alter table GaugeRaw policy retention softdelete = 0d recoverability = disabled"});
    stream_on();
    EXPECT_EQ(stream(reading("elbe", 1)).rfind("error: BadRequest_ZeroRetentionPolicyWithNoUpdatePolicy ", 0), 0u);
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true);
    EXPECT_EQ(stream(reading("elbe", 1)), "0 Success Unknown");
    run(R"j(.set-or-append GaugeRaw <| datatable(payload:dynamic)[dynamic({"id":"oste","cm":2})])j");
    queue("GaugeRaw", "stoer", 3);
    seal();
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "03");
    EXPECT_EQ(columns(".show table GaugeRaw extents", "RowCount"), "");
}

TEST_F(UpdatePolicy, QueriesSeeNothingButTheNewRows) {
    set_up({".create table Sums (n:long, t:datetime)"});
    stream_on();
    policy("Sums", "GaugeRaw",
           "GaugeRaw | extend k=1, i=ingestion_time() | join kind=inner (GaugeRaw | extend k=1) on k | "
           "summarize n=count(), "
           "t=max(i)",
           true);
    EXPECT_EQ(stream(reading("a", 1)), "1 Success Unknown");
    EXPECT_EQ(stream(reading("b", 1) + "\n" + reading("c", 2)), "2 Success Unknown");
    EXPECT_EQ(run("Sums | project n | order by n asc"), "1\n4");
    EXPECT_EQ(run("Sums | where isnull(t) | count"), "0");
}

TEST_F(UpdatePolicy, NowIsTheTimeOfEachIngestion) {
    set_up({".create table Stamped (at:datetime)"});
    stream_on();
    policy("Stamped", "GaugeRaw", "GaugeRaw | project at=now()", true);
    EXPECT_EQ(stream(reading("a", 1)), "1 Success Unknown");
    clock_.advance(std::chrono::hours(1));
    EXPECT_EQ(stream(reading("a", 1)), "1 Success Unknown");
    EXPECT_EQ(run("Stamped | order by at asc | project at"), "2026-01-01T00:00:00Z\n2026-01-01T01:00:00Z");
}

TEST_F(UpdatePolicy, ASchemaInTheMiddleOfAChangeDoesNotLoseABatch) {
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true);
    set_up({".drop table GaugeReading columns (Source)"});
    queue("GaugeRaw", "elbe", 5);
    seal();
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "00");
    EXPECT_EQ(failures(), "GaugeRaw | UpdatePolicy_IngestionError | Transient | UpdatePolicy\n"
                          "GaugeReading | UpdatePolicy_QuerySchemaDoesNotMatchTableSchema | Permanent | UpdatePolicy");
    set_up({".alter-merge table GaugeReading (Source:string)"});
    clock_.advance(std::chrono::seconds(20));
    seal();
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "11");
}

TEST_F(UpdatePolicy, ABatchThatCannotSucceedEndsAsDeadLetters) {
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true);
    set_up({".drop function ParseGauge"});
    queue("GaugeRaw", "elbe", 5);
    seal();
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading"), "00");
    EXPECT_EQ(run(".show dead letters | project Table, Format, ErrorCode, Body=base64_decode_tostring(BodyBase64)"),
              "GaugeRaw | json | UpdatePolicy_BadRequest | "
              R"j({"payload":{"t":"2025-03-01T10:00:00Z","id":"elbe","cm":5}})j"
              "\n");
}

} // namespace
} // namespace sluice::engine
