#include "core/engine/command_table.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

namespace sluice::engine {
using namespace std::string_view_literals;
namespace {

/// The operation that a text is, or the text of the error.
std::string recognised(std::string_view text) {
    const auto parsed = parse_command(text);
    if (!parsed)
        return parsed.error().message;
    return parsed->command->handler ? type_of(*parsed) : "not offered: " + std::string(parsed->command->feature);
}

struct Example {
    const char* text;
    const char* type;
};

class Commands : public testing::TestWithParam<Example> {};
TEST_P(Commands, IsRecognised) {
    EXPECT_EQ(recognised(GetParam().text), GetParam().type) << GetParam().text;
}

const Example kExamples[] = {
    {".create table GaugeReading (At:datetime, Gauge:string, LevelCm:int, Source:string) with (folder='Harbor/Raw')",
     "TableCreate"},
    {".create-merge table ['T']  (['fields']:dynamic, ['name']:string, ['tags']:dynamic, ['timestamp']:datetime);",
     "TableCreateMerge"},
    {".CREATE TABLE T (a:int)", "TableCreate"},
    {"// first\n.create table\n T (a:int, // why\n b:string)", "TableCreate"},
    {".alter-merge table GaugeReading (LevelCm:long)", "TableAlterMerge"},
    {".alter table Scratch (b:string, c:datetime) with (docstring='reshaped')", "TableAlter"},
    {".rename column Berth.Quay to QuayName", "ColumnRename"},
    {".rename columns Gauge=GaugeReading.Source, Source=GaugeReading.Gauge", "ColumnsRename"},
    {".drop column Scratch.c", "ColumnDrop"},
    {".drop table GaugeReading columns (Quality)", "TableDropColumns"},
    {".drop tables (Scratch, Scratch2) ifexists", "TablesDrop"},
    {".drop table T ifexists skip-seal", "TableDrop"},
    {".alter column GaugeReading.Quality type=string", "ColumnAlter"},
    {".alter column ['Table'].['ColumnX'] type=string", "ColumnAlter"},
    {".clear table GaugeRaw data", "TableClear"},
    {".create tables A (x:int), B (y:string) with (folder='tmp')", "TablesCreate"},
    {".create table GaugeCopy based-on GaugeReading ifnotexists with (folder='tmp')", "TableCreateBasedOn"},
    {".rename table A to A1", "TableRename"},
    {".rename tables GaugeReading=GaugeStage ifexists, GaugeStage=GaugeReading", "TablesRename"},
    {".alter table Berth docstring 'quay of each gauge'", "TableAlterDocString"},
    {".alter-merge table Berth column-docstrings (Quay:'quay name')", "TableAlterColumnDocStrings"},
    {".show tables", "TablesShow"},
    {".show tables (A, B) details", "TablesShowDetails"},
    {".show table GaugeReading cslschema", "TableShowSchema"},
    {".show table ['with blank'] schema as json", "TableShowSchema"},
    {".show table [my table] details", "TableShowDetails"},
    {".show table details", "TableShow"}, // a table may be called so
    {".alter table GaugeRaw policy streamingingestion enable", "StreamingIngestionPolicyAlter"},
    {".alter-merge table GaugeRaw policy streamingingestion '{\"HintAllocatedRate\":1.5}'",
     "StreamingIngestionPolicyAlter"},
    {".alter database Harbor policy streamingingestion '{\"IsEnabled\":true}'", "StreamingIngestionPolicyAlter"},
    {".alter database policy streamingingestion enable", "StreamingIngestionPolicyAlter"},
    {".alter tables (GaugeRaw, Berth) policy ingestionbatching '{\"MaximumNumberOfItems\":20}'",
     "IngestionBatchingPolicyAlter"},
    {".alter-merge table GaugeRaw policy retention softdelete = 0s recoverability = disabled", "RetentionPolicyAlter"},
    {".alter table MyTable policy caching hot = 30d, hot_window = datetime(2021-01-01) .. datetime(2021-02-01)",
     "CachingPolicyAlter"},
    {".show table * policy update", "UpdatePolicyShow"},
    {".show database * policy ingestionbatching", "IngestionBatchingPolicyShow"},
    {".show cluster policy streamingingestion", "StreamingIngestionPolicyShow"},
    {".delete table GaugeRaw policy streamingingestion", "StreamingIngestionPolicyDelete"},
    {".clear database cache streamingingestion schema", "DatabaseClearSchemaCache"},
    {".create-or-alter table ['t'] ingestion json mapping 't_mapping' "
     "'[{\"column\":\"fields\",\"Properties\":{\"Path\":\"$[\\'fields\\']\"}}]'",
     "MappingCreateOrAlter"},
    {".create table T ingestion csv mapping \"M\"\n'['\n'{\"column\":\"a\",\"Properties\":{\"Ordinal\":\"0\"}}'\n']'",
     "MappingCreate"},
    {".show table T ingestion mappings", "MappingsShow"},
    {".show cluster ingestion mappings", "MappingsShow"},
    {".show database Harbor ingestion csv mappings 'gc'", "MappingsShow"},
    {".ingest inline into table Berth <|\nN1,North quay\nS2,\"South, inner\"", "DataIngestInline"},
    {".ingest inline into table Berth [N1,North quay] [S2,\"South, inner\"]", "DataIngestInline"},
    {".set-or-append GaugeAlarm with (tags='[\"ingest-by:a7\"]') <| GaugeReading | where LevelCm > 620",
     "TableSetOrAppend"},
    {".show table GaugeReading extents where tags has 'drop-by:2025-03-01' and tags !contains 'HUB'", "ExtentsShow"},
    {".show tables (GaugeRaw, Berth) extents hot", "ExtentsShow"},
    {".drop extents (9c2d0000-0000-0000-0000-000000000001, 1e770000-0000-0000-0000-000000000002) from GaugeReading",
     "ExtentsDrop"},
    {".drop extents <| .show table T extents | where MaxCreatedOn < ago(30d)", "ExtentsDrop"},
    {".drop-pretend extents older 10 days from all tables", "ExtentsDrop"},
    {".drop extents older 90 days from all tables limit 100", "ExtentsDrop"},
    {".create function with (skipvalidation=true) Normalize() { $source_table | project At, Source='any' }",
     "FunctionCreate"},
    {".create-or-alter function with (docstring='raw to typed', folder='etl') ParseGauge() { GaugeRaw | take 1 }",
     "FunctionCreateOrAlter"},
    {".drop functions (ParseGauge, Nope) ifexists", "FunctionsDrop"},
    {".show database Harbor dead letters", "DeadLettersShow"},
    {".show ingestion failures with (OperationId=7c51d0aa-0000-4000-8000-000000000031)", "IngestionFailuresShow"},
    {".show version", "VersionShow"},
    {".show databases (D1, D*) details", "DatabasesShow"},
    {".show database Harbor schema if_later_than \"v7.12\" as json", "DatabaseSchemaShow"},
    {".show databases (['Harbor']) schema as json", "DatabasesSchemaShow"},
    {".show schema as json", "SchemaShow"},
    {".execute database script with (ContinueOnErrors=true) <|\n.create-merge table A (x:int)",
     "DatabaseScriptExecute"},
    {".create materialized-view V on table T { T | summarize count() by x }", "not offered: materialized views"},
    {".create-merge table T (a:int)", "TableCreateMerge"},
    {".add database Test users ('aaduser=a@b.c') 'note'", "PrincipalsAlter"},
    {".set table GaugeRaw ingestors none skip-results", "PrincipalsAlter"},
    {".set-or-replace async T <| print 1", "TableSetOrReplace"},
    {".append T <| print 1", "TableAppend"},
    {".move async extents from table A to table B (9c2d0000-0000-0000-0000-000000000001)", "ExtentsMove"},
    {".replace extents in table B with (setNewIngestionTime=true) <| { .show table B extents }, { A | take 1 }",
     "ExtentsReplace"},
    {".alter-merge table T extent tags ('a', 'b') <| .show table T extents", "ExtentTagsAlter"},
    {".drop table T extent tags ('a')", "ExtentTagsDrop"},
    {".merge T (9c2d0000-0000-0000-0000-000000000001, 1e770000-0000-0000-0000-000000000002) with (rebuild=true)",
     "ExtentsMerge"},
    {".undo drop table T as N version=\"v7.3\"", "TableUndoDrop"},
    {".show operation 9c2d0000-0000-0000-0000-000000000001 details", "OperationDetailsShow"},
    {".show running queries by *", "RunningQueriesShow"},
    {".show capacity streaming-ingestion-post-processing with (scope=cluster)", "CapacityShow"},
    {".delete async table T records with (whatif=true) <| T | where a == 1", "TableDeleteRecords"},
    {".alter cluster policy caching hot = 30d", "CachingPolicyAlter"},
    {".ingest async into table T (h'file:///a.csv', 'file:///b.csv') with (format='csv')", "DataIngestPull"},
};
INSTANTIATE_TEST_SUITE_P(Examples, Commands, testing::ValuesIn(kExamples));

TEST(CommandTable, SplitsOffThePipedQuery) {
    const std::string text = ".show tables | where TableName has 'a | b' | count";
    const auto parsed = parse_command(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    ASSERT_TRUE(parsed->match.pipe);
    EXPECT_EQ(*parsed->match.pipe, text.find('|'));
}

TEST(CommandTable, TakesAStatementOverTheCommandsRows) {
    const auto parsed = parse_command(".show tables; $command_results | count");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->match.pipe, 12U);
}

TEST(CommandTable, AcceptsATrailingSemicolon) {
    const auto parsed = parse_command(".show tables ;\n");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_FALSE(parsed->match.pipe);
}

struct Wrong {
    const char* text;
    const char* message;
};
class WrongCommands : public testing::TestWithParam<Wrong> {};
TEST_P(WrongCommands, SayWhatAndWhere) {
    const auto parsed = parse_command(GetParam().text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message, GetParam().message);
    EXPECT_EQ(parsed.error().reason, "General_BadRequest");
    EXPECT_EQ(parsed.error().code, ErrorCode::Invalid);
}
const Wrong kWrong[] = {
    {".show tabels", "Syntax error: SYN0002: 'tabels' was not understood; the nearest known command is '.show tables "
                     "[(...)]' [line:position=1:7]"},
    {".creat table T (a:int)", "Syntax error: SYN0002: 'creat' was not understood; the nearest known command is "
                               "'.create|create-merge|define table <table> (...) "
                               "[with (...)]' [line:position=1:2]"},
    {".create-merge table\n  T (a:int) with folder='x'",
     "Syntax error: SYN0002: 'folder' was not understood; expected '(' before the properties; the nearest known "
     "command is "
     "'.create|create-merge|define table <table> (...) [with (...)]' [line:position=2:18]"},
    {".drop table T ifexsts", "Syntax error: SYN0002: 'ifexsts' was not understood; the nearest known command is "
                              "'.drop table <table> [ifexists] [skip-seal]' "
                              "[line:position=1:15]"},
    {".alter table T docstring", "Syntax error: SYN0002: the command ends too early; expected a string literal; the "
                                 "nearest known command is '.alter table <table> "
                                 "docstring|folder <text>' [line:position=1:25]"},
    {".create table T (a:strin)", "Syntax error: SYN0002: 'strin' is no type; the types are bool, datetime, decimal, "
                                  "dynamic, guid, int, long, real, string, timespan "
                                  "[line:position=1:20]"},
    {".drop table a-b", "Syntax error: SYN0002: a name with '-' has to be written ['a-b'] [line:position=1:13]"},
    {".alter table T docstring 'open",
     "Syntax error: SYN0002: the string literal that begins here is not closed [line:position=1:26]"},
    {".show tables\n.show databases", "Syntax error: SYN0002: a second command begins here; send commands one by one, "
                                      "or together with '.execute database script <|' "
                                      "[line:position=2:1]"},
};
INSTANTIATE_TEST_SUITE_P(Texts, WrongCommands, testing::ValuesIn(kWrong));

TEST(CommandTable, EveryShownCommandReadsAndNoOtherDoes) {
    for (const auto& command : commands()) {
        const std::string_view verbs = std::string_view(command.pattern).substr(0, command.pattern.find(' '));
        const bool shows = verbs == "show" || verbs == "get" || verbs == "get|show";
        if (command.handler) {
            EXPECT_EQ(command.effect == Effect::Reads, shows) << command.pattern;
        }
    }
}

/// Texts with a few bytes changed, cut or doubled: each is a command or gets an orderly error. The seed is fixed.
TEST(CommandTable, SurvivesBrokenTexts) {
    std::mt19937 random(20260101);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    const std::string_view marks = "'\"`@h\\[]{}()|<;.,=:*-\n\0\xC3\xFF"sv;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = kExamples[below(std::size(kExamples))].text;
        for (std::size_t i = 0; i <= below(3); ++i) {
            const std::size_t at = below(text.size());
            switch (below(3)) {
            case 0:
                text[at] = marks[below(marks.size())];
                break;
            case 1:
                text.resize(at + 1);
                break;
            default:
                text.insert(at, text.substr(below(text.size()), below(12)));
            }
        }
        const auto parsed = parse_command(text);
        if (!parsed) {
            ASSERT_EQ(parsed.error().message.rfind("Syntax error: SYN0002: ", 0), 0U) << text;
            ASSERT_NE(parsed.error().message.find(" [line:position="), std::string::npos) << text;
        }
    }
}

/// Command texts of the public documentation, when they are at hand: nothing crashes, and what is unknown gets an
/// orderly error.
TEST(CommandTable, SurvivesTheDocumentedCommands) {
    const char* folder = std::getenv("SLUICE_CONFORMANCE");
    if (!folder)
        GTEST_SKIP() << "set SLUICE_CONFORMANCE to the folder that holds commands.jsonl";
    std::ifstream lines(std::filesystem::path(folder) / "commands.jsonl");
    ASSERT_TRUE(lines);
    int total = 0, offered = 0, known = 0;
    std::map<std::string, int> unknown;
    for (std::string line; std::getline(lines, line);) {
        const auto text = nlohmann::json::parse(line)["query"].get<std::string>();
        const auto parsed = parse_command(text);
        ++total;
        if (parsed) {
            ++known;
            offered += parsed->command->handler ? 1 : 0;
        } else {
            EXPECT_EQ(parsed.error().message.rfind("Syntax error: SYN0002: ", 0), 0U) << parsed.error().message;
            ++unknown[text.substr(0, 70) + " => " + parsed.error().message.substr(0, 160)];
        }
    }
    std::printf("%d documented commands: %d recognised, %d of them offered\n", total, known, offered);
    if (std::getenv("SLUICE_VERBOSE"))
        for (const auto& [text, count] : unknown)
            std::printf("%d x %s\n", count, text.c_str());
    EXPECT_GT(known * 10, total * 7);
}

} // namespace
} // namespace sluice::engine
