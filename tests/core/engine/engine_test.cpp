#include "tests/core/engine/engine_fixture.hpp"

#include <algorithm>
#include <future>

namespace sluice::engine {
namespace {

class EngineCommands : public EngineFixture {};

TEST_F(EngineCommands, CreateAndExtendTables) {
    EXPECT_EQ(
        run(".create table GaugeReading (At:datetime, Gauge:string) with (folder='Harbor/Raw')"),
        R"(GaugeReading | {"Name":"GaugeReading","OrderedColumns":[{"Name":"At","Type":"System.DateTime","CslType":"datetime"},{"Name":"Gauge","Type":"System.String","CslType":"string"}]} | Harbor | Harbor/Raw | )");
    EXPECT_EQ(
        columns(".create-merge table GaugeReading (At:datetime, Quality:real)", "Schema"),
        R"({"Name":"GaugeReading","OrderedColumns":[{"Name":"At","Type":"System.DateTime","CslType":"datetime"},{"Name":"Gauge","Type":"System.String","CslType":"string"},{"Name":"Quality","Type":"System.Double","CslType":"real"}]})");
    EXPECT_EQ(run(".show table GaugeReading cslschema"),
              "GaugeReading | At:datetime,Gauge:string,Quality:real | Harbor | Harbor/Raw | ");
    EXPECT_EQ(columns(".create table GaugeReading (Other:int)", "TableName Folder"), "GaugeReading | Harbor/Raw");
    EXPECT_EQ(run(".create tables A (x:int), B (y:string) with (folder='tmp')"),
              "A | Harbor | tmp | \nB | Harbor | tmp | ");
    EXPECT_EQ(run(".create-merge tables A (z:real), C (q:bool)"), "A | Harbor | tmp | \nC | Harbor |  | ");
    EXPECT_EQ(columns(".create table Copy based-on GaugeReading", "TableName Folder DocString"),
              "Copy | Harbor/Raw | Created based on GaugeReading");
    EXPECT_EQ(run(".create table Copy based-on GaugeReading"), "error: Entity 'Copy' of kind 'Table' already exists.");
    EXPECT_EQ(run(".rename table A to A1"), "A1 | Harbor | tmp | ");
    EXPECT_EQ(run(".show tables (B, A1)"), "B | Harbor | tmp | \nA1 | Harbor | tmp | ");
}

TEST_F(EngineCommands, AlterAndDropColumns) {
    set_up({".create table Berth (Gauge:string, Quay:string)"});
    EXPECT_EQ(run(".rename column Berth.Quay to QuayName"), "[Harbor].[Berth].[QuayName] | System.String | ∅");
    EXPECT_EQ(run(".alter column Harbor.Berth.QuayName type=long"), "[Harbor].[Berth].[QuayName] | System.Int64 | ∅");
    EXPECT_EQ(run(".rename columns Gauge=Berth.QuayName, QuayName=Berth.Gauge"),
              "[Harbor].[Berth].[Gauge] | System.Int64 | ∅\n[Harbor].[Berth].[QuayName] | System.String | ∅");
    EXPECT_EQ(columns(".drop column Berth.QuayName", "Schema"),
              R"({"Name":"Berth","OrderedColumns":[{"Name":"Gauge","Type":"System.Int64","CslType":"long"}]})");
    EXPECT_EQ(run(".alter table Berth docstring 'quay of each gauge'"),
              "Berth | Gauge:long | Harbor |  | quay of each gauge");
    EXPECT_EQ(run(".alter-merge table Berth column-docstrings (Nope:'x')"),
              "error: Entity ID 'Nope' of kind 'Column' was not found.");
    EXPECT_EQ(run(".drop table Nope"), "error: Entity ID 'Nope' of kind 'Table' was not found.");
    EXPECT_EQ(run(".drop tables (Nope, Berth) ifexists"), "");
}

TEST_F(EngineCommands, HostileNamesStayNames) {
    EXPECT_EQ(columns(".create table ['a b.c-d'] (['x y']:int)", "TableName"), "a b.c-d");
    EXPECT_EQ(run(".show table ['a b.c-d'] cslschema"), "a b.c-d | ['x y']:int | Harbor |  | ");
    EXPECT_EQ(run(".ingest inline into table ['a b.c-d'] <| 7"), "<guid>");
    EXPECT_EQ(columns(".show table ['a b.c-d'] details", "TableName TotalRowCount"), "a b.c-d | 1");
    EXPECT_EQ(run(".create table ['x\"; DROP TABLE y'] (a:int)"),
              "error: The entity name 'x\"; DROP TABLE y' is not valid: a name consists of letters, digits, '_', "
              "blanks, '.' and '-'");
    EXPECT_EQ(columns(".create table ['select'] (['from']:int)", "TableName"), "select");
    EXPECT_EQ(columns(".create table t (a:int)", "TableName"), "t");
    EXPECT_EQ(columns(".create table T (a:int)", "TableName"), "T");
    EXPECT_EQ(run(".drop table T"), "a b.c-d | Harbor\nselect | Harbor\nt | Harbor");
}

TEST_F(EngineCommands, StreamingPolicies) {
    set_up({".create table GaugeRaw (payload:dynamic)", ".create table Berth (Gauge:string)"});
    EXPECT_EQ(run(".show table Berth policy streamingingestion"),
              "StreamingIngestionPolicy | [Harbor].[Berth] | ∅ | ∅ | Table");
    EXPECT_EQ(
        run(".alter table GaugeRaw policy streamingingestion enable"),
        R"(StreamingIngestionPolicy | [Harbor].[GaugeRaw] | {"IsEnabled":true,"HintAllocatedRate":null} | ∅ | Table)");
    EXPECT_EQ(columns(".alter-merge table GaugeRaw policy streamingingestion '{\"HintAllocatedRate\":1.5}'", "Policy"),
              R"({"IsEnabled":true,"HintAllocatedRate":1.5})");
    EXPECT_EQ(
        run(".alter database Harbor policy streamingingestion '{\"IsEnabled\":true}'"),
        R"(StreamingIngestionPolicy | [Harbor] | {"IsEnabled":true,"HintAllocatedRate":null} | ["Berth","GaugeRaw"] | Database)");
    EXPECT_EQ(columns(".show table Berth details", "StreamingIngestionPolicy IngestionBatchingPolicy"),
              R"({"IsEnabled":true,"HintAllocatedRate":null} | null)");
    EXPECT_EQ(columns(".show table * policy streamingingestion", "EntityName"), "[Harbor].[GaugeRaw]");
    EXPECT_EQ(columns(".delete table GaugeRaw policy streamingingestion", "Policy ChildEntities"), "∅ | ∅");
    EXPECT_EQ(columns(".delete database Harbor policy streamingingestion", "EntityName Policy"), "[Harbor] | ∅");
    EXPECT_EQ(run(".clear table GaugeRaw cache streamingingestion schema"), "node-0 | Succeeded");
    EXPECT_EQ(run(".show cluster policy streamingingestion"),
              R"(StreamingIngestionPolicy | ∅ | {"IsEnabled":true} | ["Harbor","Pier"] | Cluster)");
    EXPECT_EQ(run(".alter table Nope policy streamingingestion enable"),
              "error: Entity ID 'Nope' of kind 'Table' was not found.");
    EXPECT_EQ(
        run(".alter table Berth policy streamingingestion '{}'"),
        "error: Error during execution of a policy operation: IsEnabled is mandatory and should be true or false");
}

TEST_F(EngineCommands, StreamingPoliciesNeedTheSwitch) {
    open(EngineOptions{}, false);
    EXPECT_EQ(run(".alter table Nope policy streamingingestion enable"),
              "error: Admin command cannot be executed as streaming ingestion is not enabled");
    EXPECT_EQ(columns(".show cluster policy streamingingestion", "Policy"), R"({"IsEnabled":false})");
}

TEST_F(EngineCommands, BatchingAndOtherPolicies) {
    set_up({".create table GaugeRaw (payload:dynamic)", ".create table Berth (Gauge:string)"});
    EXPECT_EQ(
        columns(".alter-merge table GaugeRaw policy ingestionbatching '{\"MaximumBatchingTimeSpan\":\"00:00:30\"}'",
                "Policy"),
        R"({"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024})");
    EXPECT_EQ(run(".alter table GaugeRaw policy ingestionbatching '{\"MaximumBatchingTimeSpan\":\"00:00:05\"}'"),
              "error: Error during execution of a policy operation: MaximumBatchingTimeSpan should be greater than or "
              "equal to 00:00:10");
    EXPECT_EQ(columns(".alter tables (GaugeRaw, Berth) policy ingestionbatching '{\"MaximumNumberOfItems\":20}'",
                      "EntityName Policy"),
              "[Harbor].[GaugeRaw] | "
              "{\"MaximumBatchingTimeSpan\":\"00:05:00\",\"MaximumNumberOfItems\":20,\"MaximumRawDataSizeMB\":1024}\n"
              "[Harbor].[Berth] | "
              "{\"MaximumBatchingTimeSpan\":\"00:05:00\",\"MaximumNumberOfItems\":20,\"MaximumRawDataSizeMB\":1024}");
    EXPECT_EQ(
        run(".alter database Harbor policy retention '{}'"),
        R"(RetentionPolicy | [Harbor] | {"SoftDeletePeriod":"365000.00:00:00","Recoverability":"Enabled"} | ["Berth","GaugeRaw"] | Database)");
    EXPECT_EQ(columns(".alter table GaugeRaw policy caching hot = 14d", "PolicyName"), "CachingPolicy");
    EXPECT_EQ(run(".alter database policy ingestiontime true"),
              "error: Error during execution of a policy operation: IngestionTimePolicy is a policy of tables; it "
              "cannot be set on a database");
}

TEST_F(EngineCommands, Mappings) {
    set_up({".create table GaugeReading (At:datetime, Gauge:string)"});
    EXPECT_EQ(columns(".create table GaugeReading ingestion json mapping 'gj' "
                      "'[{\"column\":\"At\",\"Properties\":{\"Path\":\"$.t\"}}]'",
                      "Name Kind LastUpdatedOn Database Table"),
              "gj | JSON | 2026-01-01T00:00:00Z | Harbor | GaugeReading");
    EXPECT_EQ(run(".create table GaugeReading ingestion JSON mapping 'gj' "
                  "'[{\"column\":\"At\",\"Properties\":{\"Path\":\"$.t\"}}]'"),
              "error: Entity 'gj' of kind 'MappingPersistent' already exists.");
    EXPECT_EQ(run(".show table GaugeReading ingestion json mapping 'nope'"),
              "error: Entity ID 'nope' of kind 'MappingPersistent' was not found.");
    EXPECT_EQ(columns(".show table GaugeReading ingestion multijson mapping \"gj\"", "Mapping"),
              R"([{"Column":"At","Properties":{"Path":"$.t"}}])");
    EXPECT_EQ(columns(".create database Harbor ingestion csv mapping 'gc' "
                      "'[{\"Column\":\"At\",\"DataType\":\"datetime\",\"Properties\":{\"Ordinal\":\"0\"}}]'",
                      "Name Kind Database"),
              "gc | CSV | Harbor");
    EXPECT_EQ(columns(".show cluster ingestion mappings", "Name Table"), "gc | \ngj | GaugeReading");
    EXPECT_EQ(run(".drop table GaugeReading ingestion json mapping 'gj'"), "");
}

TEST_F(EngineCommands, IngestInlineMakesAnExtent) {
    set_up({".create table Berth (Gauge:string, Quay:string)"});
    EXPECT_EQ(run(".ingest inline into table Berth with (tags='[\"drop-by:d1\",\"via-hub\"]') <|\nN1,North "
                  "quay\nS2,\"South, inner\"\n"),
              "<guid>");
    EXPECT_EQ(run(".ingest inline into table Berth [N1,North quay] [S2,\"South, inner\"]"), "<guid>");
    EXPECT_EQ(run(".ingest inline into table Berth <|\n"), "zero");
    EXPECT_EQ(run(".show table Berth extents where tags has 'drop-by:d1' and tags contains 'HUB'"),
              "<guid> | Harbor | Berth | 2026-01-01T00:00:00Z | " +
                  columns(".show table Berth extents where tags has 'via-hub'", "OriginalSize") +
                  " | ∅ | ∅ | ∅ | 1 | 1 | " +
                  columns(".show tables (Berth) extents where tags has 'via-hub'", "ExtentContainerId") +
                  " | 2 | 2026-01-01T00:00:00Z | drop-by:d1\r\nvia-hub | StorageV3 | 0");
    EXPECT_EQ(columns(".show table Berth details", "TotalExtents TotalRowCount"), "2 | 4");
    EXPECT_EQ(columns(".drop-pretend extents older 0 hours from Berth limit 1", "TableName"), "Berth");
    EXPECT_EQ(columns(".show database extents", "RowCount"), "2\n2");
    EXPECT_EQ(columns(".drop extents from all tables", "TableName"), "Berth\nBerth");
    EXPECT_EQ(columns(".show table Berth details", "TotalRowCount"), "0");
}

TEST_F(EngineCommands, IngestIfNotExistsSkips) {
    set_up({".create table Berth (Gauge:string)"});
    const char* once =
        ".ingest inline into table Berth with (tags='[\"ingest-by:a7\"]', ingestIfNotExists='[\"a7\"]') <| N1";
    EXPECT_EQ(run(once), "<guid>");
    EXPECT_EQ(run(once), "zero");
    EXPECT_EQ(columns(".show table Berth details", "TotalRowCount"), "1");
}

TEST_F(EngineCommands, AFailedIngestionIsRecorded) {
    set_up({".create table Berth (Gauge:string, Quay:string)"});
    const std::string failed =
        run(".ingest inline into table Berth with (format='json', ingestionMappingReference='nope') <| {}");
    EXPECT_EQ(failed, "error: Entity ID 'nope' of kind 'MappingPersistent' was not found.");
    EXPECT_EQ(
        columns(".show ingestion failures",
                "Database Table Details FailureKind OperationKind ErrorCode ShouldRetry NumberOfSources"),
        "Harbor | Berth | Entity ID 'nope' of kind 'MappingPersistent' was not found. | Permanent | DataIngestInline | "
        "BadRequest_MappingReferenceWasNotFound | false | 1");
}

TEST_F(EngineCommands, ClearEmptiesATable) {
    set_up({".create table Berth (Gauge:string)", ".ingest inline into table Berth <| N1"});
    EXPECT_EQ(run(".clear table Berth data"), "Succeeded");
    EXPECT_EQ(columns(".show table Berth details", "TotalExtents TotalRowCount"), "0 | 0");
}

TEST_F(EngineCommands, DropExtentNamesTheMissingOne) {
    set_up({".create table Berth (Gauge:string)", ".ingest inline into table Berth <| N1"});
    EXPECT_EQ(run(".drop extent 9c2d0000-0000-4000-8000-000000000001"),
              "error: Entity ID '9c2d0000-0000-4000-8000-000000000001' of kind 'Extent' was not found.");
    EXPECT_EQ(columns(".show table Berth extents", "RowCount"), "1");
}

TEST_F(EngineCommands, FunctionsAreStored) {
    set_up({".create table GaugeRaw (payload:dynamic)"});
    EXPECT_EQ(run(".create function with (skipvalidation=true, docstring='d', folder='f') Normalize( Limit : long ) { "
                  "$source_table | take Limit }"),
              "Normalize | (Limit:long) | { $source_table | take Limit } | f | d");
    EXPECT_EQ(run(".create function with (skipvalidation=true) Normalize() { x }"),
              "error: Entity 'Normalize' of kind 'Function' already exists.");
    EXPECT_EQ(columns(".create-or-alter function with (skipvalidation=true) Normalize(a:int, b:string='x') { y }",
                      "Parameters Folder"),
              "(a:int, b:string='x') | f");
    EXPECT_EQ(columns(".alter function Normalize docstring 'v2'", "DocString"), "v2");
    EXPECT_EQ(
        columns(".show function Normalize schema as json", "Schema"),
        R"({"Name":"Normalize","InputParameters":[{"Name":"a","Type":"System.Int32","CslType":"int"},{"Name":"b","Type":"System.String","CslType":"string","CslDefaultValue":"'x'"}],"Body":"{ y }","Folder":"f","DocString":"v2","FunctionKind":"Unknown","OutputColumns":[]})");
    EXPECT_EQ(run(".drop function Normalize"), "Normalize");
    EXPECT_EQ(run(".drop function Normalize"), "error: Entity ID 'Normalize' of kind 'Function' was not found.");
}

TEST_F(EngineCommands, DatabasesAndSchema) {
    set_up({".create table GaugeReading (At:datetime, LevelCm:int) with (folder='Raw')",
            ".alter-merge table GaugeReading column-docstrings (LevelCm:'cm')"});
    EXPECT_EQ(columns(".show databases", "DatabaseName IsCurrent DatabaseAccessMode ReservedSlot1"),
              "Harbor | true | ReadWrite | false\nPier | false | ReadWrite | false");
    EXPECT_EQ(columns(".show databases (pi*)", "DatabaseName"), "Pier");
    EXPECT_EQ(columns(".show database", "DatabaseName CurrentUserIsUnrestrictedViewer"), "Harbor | true");
    EXPECT_EQ(columns(".show database Harbor schema", "DatabaseName TableName ColumnName ColumnType"),
              "Harbor |  |  | \nHarbor | GaugeReading |  | \nHarbor | GaugeReading | At | System.DateTime\nHarbor | "
              "GaugeReading | LevelCm | System.Int32");
    const std::string version = columns(".show database Harbor schema", "Version").substr(0, 4);
    EXPECT_EQ(run(".show database Harbor schema if_later_than \"" + version + "\" as json"), "");
    EXPECT_EQ(run(".show database Pier schema if_later_than \"v1.0\" as json"), "");
    const std::string json = run(".show databases (['Harbor']) schema as json");
    EXPECT_NE(
        json.find(
            R"("Tables":{"GaugeReading":{"Name":"GaugeReading","DefaultColumn":null,"Folder":"Raw","DocString":"","OrderedColumns":[{"Name":"At","Type":"System.DateTime","CslType":"datetime"},{"Name":"LevelCm","Type":"System.Int32","CslType":"int","DocString":"cm"}]}},"ExternalTables":{},"MaterializedViews":{},"EntityGroups":{},"Graphs":{})"),
        std::string::npos)
        << json;
    EXPECT_EQ(
        run(".show database Harbor schema as csl script"),
        ".create-merge table ['GaugeReading'] (['At']:datetime, ['LevelCm']:int) with (folder='Raw', docstring='')\n"
        ".alter-merge table ['GaugeReading'] column-docstrings (['LevelCm']:'cm')");
    EXPECT_EQ(columns(".show databases entities", "EntityType EntityName CslOutputSchema"),
              "Table | GaugeReading | At:datetime,LevelCm:int");
    EXPECT_EQ(run(".show databases (Nope) schema"), "error: Entity ID 'Nope' of kind 'Database' was not found.");
}

TEST_F(EngineCommands, ASchemaScriptMakesTheSameSchema) {
    set_up({".create table ['it is'] (['a b']:int) with (docstring='it\\'s \\\\ here')",
            ".create table ['it is'] ingestion csv mapping 'm\\'n' '[{\"Column\":\"a "
            "b\",\"Properties\":{\"Ordinal\":\"0\"}}]'",
            ".alter table ['it is'] policy retention softdelete=7d", ".alter table ['it is'] policy roworder (x asc)",
            ".create function with (skipvalidation=true) F(a:int) { print \"x\\\\y\" }"});
    const std::string script = run(".show database Harbor schema as csl script");
    const auto ran = run_script(*engine_, "Pier", script);
    ASSERT_TRUE(ran) << ran.error().message << "\n" << script;
    EXPECT_EQ(run_in("Pier", ".show database Pier schema as csl script"), script);
}

TEST_F(EngineCommands, DatabaseOfTheRequest) {
    set_up({".create table Berth (Gauge:string)"});
    EXPECT_EQ(run_in("harbor", ".show tables"), "Berth | Harbor |  | ");
    EXPECT_EQ(run_in("", ".show tables"), "Berth | Harbor |  | ");
    EXPECT_EQ(run_in("NetDefaultDB", ".show tables"), "Berth | Harbor |  | ");
    EXPECT_EQ(run_in("Pier", ".show tables"), "");
    EXPECT_EQ(run_in("Nope", ".show tables"), "error: Entity ID 'Nope' of kind 'Database' was not found.");
    EXPECT_EQ(engine_->command(request("Nope", ".show tables")).error().reason, "BadRequest_DatabaseNotExist");
    EXPECT_EQ(run_in("Pier", ".show table Harbor.Berth cslschema"), "Berth | Gauge:string | Harbor |  | ");
}

TEST_F(EngineCommands, ServiceInformation) {
    EngineOptions options;
    options.version = "1.4.0";
    options.attention = [] { return std::vector<std::string>{"Connection 'orders' has stopped."}; };
    open(options, true);
    EXPECT_EQ(run(".show version"), "1.4.0 | ∅ | Engine | sluice 1.4.0 | {\"Type\":\"Sluice\"}");
    Request ingest = request("NetDefaultDB", ".show version");
    ingest.host = "ingest-sluice:8080";
    EXPECT_EQ(answer_text(engine_->command(ingest), {"ServiceType"}), "DataManagement");
    EXPECT_EQ(columns(".show cluster", "NodeId IsAdmin ProcessorCount"), "node-0 | true | 2");
    EXPECT_EQ(columns(".show diagnostics",
                      "IsHealthy IsAttentionRequired AttentionRequiredReason NumberOfDatabases MergesInProgress"),
              "true | ∅ | true | Connection 'orders' has stopped. | 2");
    EXPECT_EQ(run(".show principal access with (principal='aadapp=x', accesstype='ingest', database='Harbor')"),
              "aadapp=x | ingest | [Harbor] | true");
}

TEST_F(EngineCommands, EmptyViewsOfFailures) {
    EXPECT_EQ(run(".show dead letters"), "");
    EXPECT_EQ(run(".show database * gaps"), "");
    EXPECT_EQ(run(".show streamingingestion failures"), "");
    EXPECT_EQ(run(".show streamingingestion statistics"), "");
    EXPECT_EQ(run(".show ingestion failures with (OperationId=7c51d0aa-0000-4000-8000-000000000031)"), "");
}

TEST_F(EngineCommands, DeadLettersAndGapsAreShown) {
    auto* writer = databases_->writer("Harbor");
    store::DeadLetter letter;
    letter.id = data::random_guid();
    letter.time = letter.first_seen = clock_.now();
    letter.connection = "orders-eh";
    letter.kind = "EventHub";
    letter.source = "orders";
    letter.lane = "orders/3";
    letter.sequence = 12;
    letter.position_json = R"({"topic":"orders","partition":3,"offset":12})";
    letter.body = std::string("\0\xFFx", 3);
    letter.error_code = "BadRequest_InvalidBlob";
    ASSERT_TRUE(writer->transact([&](store::Transaction& t) -> Result<> {
        SLUICE_CHECK(t.add_dead_letter(letter));
        return t.add_gap({.connection = "orders-eh",
                          .lane = "orders/3",
                          .first = 1200,
                          .last = 1799,
                          .reason = "retention",
                          .time = clock_.now()});
    }));
    EXPECT_EQ(columns(".show dead letters", "Id Connection Sequence Position BodyBase64 Attempts Truncated"),
              R"(<guid> | orders-eh | 12 | {"topic":"orders","partition":3,"offset":12} | 1 | AP94 | false)");
    EXPECT_EQ(run(".show database Harbor gaps"),
              "2026-01-01T00:00:00Z | orders-eh | orders/3 | 1200 | 1799 | retention");
    EXPECT_EQ(columns(".show database * dead letters", "Connection"), "orders-eh");
    EXPECT_EQ(run(".show database Pier gaps"), "");
}

TEST_F(EngineCommands, DataOperationsTellBatchesFromSeals) {
    set_up({".create table Berth (Gauge:string)", ".ingest inline into table Berth <| N1"});
    auto* writer = databases_->writer("Harbor");
    const auto table = databases_->catalog().find("Harbor")->find_table("Berth");
    for (const auto path : {ingest::Path::Streaming, ingest::Path::Queued}) {
        data::Rows rows(table->schema());
        rows.next_row();
        rows.finish_row();
        if (path == ingest::Path::Queued) {
            rows.next_row();
            rows.finish_row();
        }
        ASSERT_TRUE(writer->commit_rows({.table = table, .path = path, .rows = std::move(rows)}));
    }
    EXPECT_EQ(columns(".show table Berth extents", "RowCount"), "1");
    EXPECT_EQ(columns(".show table Berth details", "TotalRowCount"), "2");
    ASSERT_TRUE(writer->seal_now({}, "Time"));
    EXPECT_EQ(columns(".show data operations", "Database Table OperationKind RowCount Properties"),
              "Harbor | Berth | SetOrAppend | 1 | ∅\n"
              "Harbor | Berth | RowStoreSeal | 1 | {\"SealReason\":\"RowStoreTime\"}\n"
              "Harbor | Berth | BatchIngest | 2 | {\"SealReason\":\"Time\"}");
}

TEST_F(EngineCommands, ScriptsStopAtTheFirstErrorUnlessToldOtherwise) {
    const std::string script = "\n.create-merge table A (x:int)\n\n.show tables\n// comment\n.alter table Nope folder "
                               "'f'\n.create table B (y:int)\n";
    EXPECT_EQ(
        columns(".execute database script <|" + script, "CommandType CommandText Result Reason"),
        "TableCreateMerge | .create-merge table A (x:int) | Completed | \n"
        "TablesShow | .show tables | Skipped | \n"
        "TableAlterFolder | .alter table Nope folder 'f' | Failed | Entity ID 'Nope' of kind 'Table' was not found.\n"
        "TableCreate | .create table B (y:int) | Skipped | ");
    EXPECT_EQ(columns(".execute database script with (ContinueOnErrors=true) <|" + script, "Result"),
              "Completed\nSkipped\nFailed\nCompleted");
    EXPECT_EQ(run(".execute database script with (ThrowOnErrors=true) <|" + script),
              "error: line 6 of the script: Entity ID 'Nope' of kind 'Table' was not found.");
}

TEST_F(EngineCommands, SetupReportsEveryErrorWithItsLine) {
    const auto ran = run_script(*engine_, "Harbor",
                                "// tables\n.create-merge table A (x:int)\n\n.alter table Nope folder 'f'\n.create "
                                "table B (y:intt)\n.create table C (z:int)");
    ASSERT_FALSE(ran);
    EXPECT_EQ(
        ran.error().message.substr(0, ran.error().message.find("; the types")),
        "line 4: Entity ID 'Nope' of kind 'Table' was not found.\nline 5: Syntax error: SYN0002: 'intt' is no type");
    EXPECT_NE(ran.error().message.find("[line:position=5:20]"), std::string::npos) << ran.error().message;
    EXPECT_EQ(run(".show tables"), "A | Harbor |  | \nC | Harbor |  | ");
}

TEST_F(EngineCommands, ReadOnlyRequestsChangeNothing) {
    Request asked = request("Harbor", ".create table T (a:int)");
    asked.options.read_only = true;
    EXPECT_EQ(
        answer_text(engine_->command(asked)).rfind("error: The request option request_readonly allows no command", 0),
        0U);
    asked.text = ".show tables";
    EXPECT_EQ(answer_text(engine_->command(asked)), "");
}

TEST_F(EngineCommands, RolesAreAsked) {
    EngineOptions options;
    options.holds = [](std::string_view, Role role) { return role == Role::Viewer; };
    open(options, true);
    EXPECT_EQ(run(".show tables"), "");
    EXPECT_EQ(run(".create table T (a:int)"), "error: Forbidden: principal 'aadapp=anonymous' is not authorized to run "
                                              "this command; it needs the role Database User.");
    EXPECT_EQ(engine_->command(request("Harbor", ".create table T (a:int)")).error().reason, "Forbidden");
}

TEST_F(EngineCommands, StateSurvivesAReopen) {
    set_up({".create table Berth (Gauge:string)", ".alter table Berth policy streamingingestion enable",
            ".ingest inline into table Berth <| N1", ".create function with (skipvalidation=true) F() { Berth }",
            ".alter table Berth policy retention softdelete=7d"});
    const std::string script = run(".show database Harbor schema as csl script");
    open(EngineOptions{}, true);
    EXPECT_EQ(run(".show database Harbor schema as csl script"), script);
    EXPECT_EQ(columns(".show table Berth details", "TotalRowCount"), "1");
}

TEST_F(EngineCommands, ManyClientsAtOnce) {
    set_up({".create table Berth (Gauge:string)"});
    std::vector<std::future<int>> clients;
    for (int client = 0; client < 4; ++client)
        clients.push_back(std::async(std::launch::async, [this, client] {
            int failed = 0;
            for (int i = 0; i < 10; ++i) {
                const std::string table = "T" + std::to_string(client) + "_" + std::to_string(i);
                for (const std::string& text :
                     {".create table " + table + " (a:int)", std::string(".ingest inline into table Berth <| N1"),
                      std::string(".show tables details"), ".drop table " + table})
                    failed += engine_->command(request("Harbor", text)) ? 0 : 1;
            }
            return failed;
        }));
    for (auto& client : clients)
        EXPECT_EQ(client.get(), 0);
    EXPECT_EQ(run(".show tables"), "Berth | Harbor |  | ");
    EXPECT_EQ(columns(".show table Berth details", "TotalRowCount TotalExtents"), "40 | 40");
}

TEST_F(EngineCommands, WhatIsNotOfferedSaysSo) {
    set_up({".create table Berth (Gauge:string)"});
    EXPECT_EQ(run(".show table Berth policy update"), "UpdatePolicy | [Harbor].[Berth] | ∅ | ∅ | Table");
    EXPECT_EQ(run(".show external table Files"), "error: This server does not offer external tables.");
    EXPECT_EQ(engine_->command(request("Harbor", ".show external table Files")).error().reason,
              "BadRequest_NotSupported");
}

TEST_F(EngineCommands, RolesThatCommandsGaveCount) {
    EngineOptions options;
    bool all = true;
    options.holds = [&](std::string_view, Role) { return all; };
    open(options, true);
    set_up({".create table Berth (Gauge:string)", ".create table Quay (a:int)",
            ".add table Berth ingestors ('aadapp=hub;contoso')", ".add database Harbor viewers ('AADAPP=hub')"});
    all = false;
    const auto as_hub = [&](const std::string& text) {
        Request asked = request("Harbor", text);
        asked.principal = "aadapp=hub;contoso";
        return answer_text(engine_->command(asked));
    };
    EXPECT_EQ(as_hub(".ingest inline into table Berth <| N1"), "<guid>");
    EXPECT_EQ(as_hub(".show tables | count"), "2");
    EXPECT_NE(as_hub(".ingest inline into table Quay <| 1").find("it needs the role Table Ingestor"),
              std::string::npos);
    EXPECT_NE(as_hub(".drop table Berth").find("it needs the role Table Admin"), std::string::npos);
}

TEST_F(EngineCommands, EncodingPolicyOfAColumnSaysHowLargeItsNewValuesMayBe) {
    set_up({".create table T (a:string, b:string, c:dynamic, d:dynamic)",
            ".alter column T.a policy encoding type='BigObject'",
            ".alter column T.c policy encoding type='BigObject32'"});
    const std::string large(3 << 19, 'x');
    const std::string ingest = ".ingest inline into table T <| " + large + "," + large + ",\"[\"\"" + large +
                               "\"\"]\",\"[\"\"" + large + "\"\"]\"";
    EXPECT_EQ(run(ingest), "<guid>");
    EXPECT_EQ(run("T | project strlen(a), strlen(b), strlen(tostring(c[0])), isnull(d)"),
              "1572864 | 1048576 | 1572864 | true");
    EXPECT_EQ(run(".clear table T data").rfind("error", 0), std::string::npos);
    set_up({".delete column T.a policy encoding", ".alter column T.c policy encoding"});
    EXPECT_EQ(run(ingest), "<guid>");
    EXPECT_EQ(run("T | project strlen(a), isnull(c)"), "1048576 | true");
}

} // namespace
} // namespace sluice::engine
