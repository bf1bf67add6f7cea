#include "core/engine/command_lexer.hpp"
#include "core/engine/command_result.hpp"
#include "core/engine/ingestion_properties.hpp"
#include "core/engine/piping.hpp"
#include "core/engine/query_run.hpp"
#include "core/engine/schema_text.hpp"
#include "core/engine/script.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

struct LiteralCase {
    const char* source;
    const char* value; ///< null: not readable
};
class Literals : public testing::TestWithParam<LiteralCase> {};
TEST_P(Literals, AreRead) {
    const Token token = next_token(GetParam().source, 0);
    if (!GetParam().value) {
        EXPECT_EQ(token.kind, Token::Kind::Bad);
        return;
    }
    EXPECT_EQ(token.kind, Token::Kind::Text);
    EXPECT_EQ(token.text, GetParam().value);
    EXPECT_EQ(token.end, std::string_view(GetParam().source).size());
}
INSTANTIATE_TEST_SUITE_P(Forms, Literals,
                         testing::Values(LiteralCase{R"('a\'b')", "a'b"}, LiteralCase{R"("a\"b\n")", "a\"b\n"},
                                         LiteralCase{R"(@'C:\x ''y''')", R"(C:\x 'y')"},
                                         LiteralCase{"```a\n'b' \\n```", "a\n'b' \\n"},
                                         LiteralCase{"h'secret'", "secret"}, LiteralCase{R"(H@"a\b")", R"(a\b)"},
                                         LiteralCase{R"('\u00e9\ud83d\ude00')", "\xC3\xA9\xF0\x9F\x98\x80"},
                                         LiteralCase{R"('a\q')", nullptr}, LiteralCase{"'open", nullptr},
                                         LiteralCase{"```open``", nullptr}));

TEST(CommandLexer, KeepsDashesInsideWords) {
    EXPECT_EQ(next_token(" // c\n create-or-alter x", 0).text, "create-or-alter");
    EXPECT_EQ(next_token("9c2d0000-0000-0000-0000-000000000001)", 0).text, "9c2d0000-0000-0000-0000-000000000001");
}

TEST(CommandLexer, CountsColumnsInCharacters) {
    const Place place = place_of("a\n\xC3\xA9\xC3\xA9x", 6);
    EXPECT_EQ(place.line, 2U);
    EXPECT_EQ(place.column, 3U);
}

TEST(Script, CutsAtCommandsThatBeginALine) {
    const auto commands = split_script(
        "// set-up\n\n.create table T (a:string)\n\n.create function F() {\n  T\n  | where a == '\n.x'\n}\n// next\n"
        ".ingest inline into table T <|\n.5\nx\n\n// end\n.show tables\n");
    ASSERT_TRUE(commands) << commands.error().message;
    ASSERT_EQ(commands->size(), 4U);
    EXPECT_EQ((*commands)[0].text, ".create table T (a:string)");
    EXPECT_EQ((*commands)[0].line, 3U);
    EXPECT_EQ((*commands)[1].text, ".create function F() {\n  T\n  | where a == '\n.x'\n}");
    EXPECT_EQ((*commands)[2].text, ".ingest inline into table T <|\n.5\nx");
    EXPECT_EQ((*commands)[3].text, ".show tables");
    EXPECT_EQ((*commands)[3].line, 16U);
}

TEST(Script, RefusesWhatIsNoCommand) {
    const auto commands = split_script("\nT | count\n.show tables");
    ASSERT_FALSE(commands);
    EXPECT_EQ(commands.error().message, "Syntax error: SYN0002: a command was expected here; it begins with '.' at the "
                                        "start of a line [line:position=2:1]");
}

TEST(Piping, KeepsLinesAndColumns) {
    EXPECT_EQ(piped_query(".show tables (A, BC) | count", 21), "     $command_results| count");
    const std::string text = ".show table ['with a long name'] extents\n| where x";
    const std::string query = piped_query(text, text.find("\n|") + 1);
    EXPECT_EQ(query.find("| where x"), text.find("| where x"));
    EXPECT_EQ(query.size(), text.size());
    EXPECT_EQ(trimmed(query), "$command_results\n| where x");
    EXPECT_EQ(trimmed(piped_query(".show gaps | count", 11)), "$command_results            | count");
    EXPECT_EQ(trimmed(piped_query(".show tables; $command_results | count", 12)), "$command_results | count");
}

TEST(CommandResult, BecomesASelectThatNoTextCanLeave) {
    CommandResult result("Na\"me:string, N:long, At:datetime, Ok:bool, J:dynamic, R:real");
    result.add(
        {std::string("x'); DROP TABLE t; --\0z", 23), std::int64_t{7}, Null{}, true, Dynamic{R"({"a":"'"})"}, 1.5});
    EXPECT_EQ(result.select(),
              std::string("SELECT * FROM (VALUES (('x''); DROP TABLE t; --' || chr(0) || 'z'), 7::BIGINT, "
                          "NULL::BIGINT, TRUE, '{\"a\":\"''\"}', '1.5'::DOUBLE)) AS "
                          "\"$command\"(\"Na\"\"me\", \"N\", \"At\", \"Ok\", \"J\", \"R\")"));
}

TEST(CommandResult, WithoutRowsIsStillTyped) {
    EXPECT_EQ(CommandResult("A:string, B:guid").select(), "SELECT '' AS \"A\", NULL::UUID AS \"B\" WHERE false");
}

TEST(CommandResult, TellsWhichTextsMayBeNull) {
    CommandResult result("A:string, B:string");
    result.add({std::string("x"), Null{}});
    EXPECT_EQ(result.null_texts(), (std::vector<std::size_t>{1}));
}

/// Gives chunks of the given numbers of rows, each row one long.
Pull counting(std::vector<std::size_t> sizes) {
    return [sizes, at = std::size_t{0}]() mutable -> Result<std::optional<data::Chunk>> {
        if (at == sizes.size())
            return std::optional<data::Chunk>();
        data::Schema schema{{{"n", data::ScalarType::Long}}};
        data::Chunk chunk(schema);
        for (std::size_t i = 0; i < sizes[at]; ++i)
            chunk.column(0).set<std::int64_t>(i, 1'000'000);
        chunk.set_rows(sizes[at++]);
        return std::optional(std::move(chunk));
    };
}

struct Drained {
    std::size_t rows = 0;
    std::string error;
};
Drained drain(const Pull& pull) {
    Drained out;
    for (int i = 0; i < 100; ++i) {
        auto chunk = pull();
        if (!chunk) {
            out.error = chunk.error().reason + ": " + chunk.error().message.substr(0, 110);
            return out;
        }
        if (!*chunk)
            return out;
        out.rows += (*chunk)->rows();
    }
    return out;
}

TEST(ResultLimits, CutAtTheRecordAndSaySo) {
    const auto drained = drain(limited(counting({1000, 1000, 1000}), {.records = 1500}));
    EXPECT_EQ(drained.rows, 1500U);
    EXPECT_EQ(drained.error, "LimitsExceeded: Query result set has exceeded the internal record count limit 1500 "
                             "(E_QUERY_RESULT_SET_TOO_LARGE); the rows up");
}

TEST(ResultLimits, LetAResultOfExactlyTheLimitPass) {
    const auto drained = drain(limited(counting({1000, 500}), {.records = 1500}));
    EXPECT_EQ(drained.rows, 1500U);
    EXPECT_EQ(drained.error, "");
}

TEST(ResultLimits, CutBySize) {
    const auto drained = drain(limited(counting({1000, 1000}), {.bytes = 12'000}));
    EXPECT_GT(drained.rows, 1000U);
    EXPECT_LT(drained.rows, 2000U);
    EXPECT_EQ(drained.error.rfind("LimitsExceeded: ", 0), 0U);
}

TEST(ResultLimits, TakeEndsWithoutAnError) {
    const auto drained = drain(limited(counting({1000, 1000}), {.records = 5000, .take = 1200}));
    EXPECT_EQ(drained.rows, 1200U);
    EXPECT_EQ(drained.error, "");
}

TEST(IngestionProperties, ReadTagsInBothQuotations) {
    EXPECT_EQ(*parse_text_array("tags", R"(["a","b"])"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(*parse_text_array("tags", "['drop-by:d1']"), (std::vector<std::string>{"drop-by:d1"}));
    EXPECT_EQ(parse_text_array("tags", "[1]").error().reason, "BadRequest_MalformedIngestionProperty");
}

TEST(IngestionProperties, TakeTheJsonForm) {
    Argument with;
    with.literal = true;
    with.text = R"({"tags":"[\"a\"]","format":"csv","ignoreFirstRecord":true})";
    const auto properties = read_ingest_properties(with);
    ASSERT_TRUE(properties) << properties.error().message;
    EXPECT_EQ(properties->tags, (std::vector<std::string>{"a"}));
    EXPECT_EQ(properties->format, data::Format::Csv);
    EXPECT_TRUE(properties->ignore_first_record);
}

TEST(IngestionProperties, CheckMappingsBeforeTheTableIsLookedAt) {
    struct Case {
        std::vector<std::pair<std::string, std::string>> properties;
        std::string reason;
    };
    const std::vector<Case> cases{
        {{{"format", "json"}, {"ingestionMapping", "[]"}, {"ingestionMappingReference", "M"}},
         "BadRequest_DuplicateMapping"},
        {{{"format", "json"}, {"jsonMapping", "[]"}, {"jsonMappingReference", "M"}}, "BadRequest_DuplicateMapping"},
        {{{"ingestionMappingReference", ""}}, "BadRequest_EmptyMappingReference"},
        {{{"format", "json"}, {"csvMapping", "[]"}}, "BadRequest_InvalidMappingReference"},
        {{{"format", "csv"}, {"ingestionMapping", "[]"}, {"ingestionMappingType", "multijson"}},
         "BadRequest_InvalidMappingReference"},
        {{{"format", "csv"}, {"ingestionMapping", "[]"}, {"ingestionMappingType", "xml"}},
         "BadRequest_MalformedIngestionProperty"},
        {{{"format", "psv"}, {"ingestionMapping", "[]"}, {"ingestionMappingType", "csv"}}, ""},
        {{{"format", "apacheavro"}, {"avroMapping", "[]"}}, ""},
        {{{"format", "csv"},
          {"validationPolicy", R"({"ValidationOptions":"1","ValidationImplications":"BestEffort"})"}},
         ""},
        {{{"format", "csv"}, {"validationPolicy", R"({"ValidationOptions":7})"}},
         "BadRequest_MalformedIngestionProperty"},
    };
    for (const auto& [properties, reason] : cases) {
        Argument with;
        for (const auto& [name, value] : properties)
            with.properties.add({name, value});
        const auto read = read_ingest_properties(with);
        EXPECT_EQ(read ? "" : read.error().reason, reason) << properties.back().first;
    }
}

TEST(IngestionProperties, NameTheUnknownOne) {
    Argument with;
    with.properties.add({"tag", "x"});
    EXPECT_EQ(read_query_properties(with).error().message.substr(0, 62),
              "Property 'tag' is unknown here; this command knows: creationTi");
}

TEST(InlineData, BracketsHoldRecords) {
    EXPECT_EQ(*bracketed_records("[N1,North quay]\n [S2,\"South ] inner\"]"), "N1,North quay\nS2,\"South ] inner\"\n");
    EXPECT_FALSE(bracketed_records("[N1"));
    EXPECT_EQ(inline_data("  \r\na,b\n"), "a,b\n");
    EXPECT_EQ(inline_data(" a,b"), "a,b");
}

TEST(SchemaText, TidiesParameters) {
    EXPECT_EQ(tidy_parameters("( a : long , T:(x:int, *), s:string = 'a, b' )"),
              "(a:long, T:(x:int, *), s:string='a, b')");
}

TEST(SchemaText, ComparesVersions) {
    catalog::Database database;
    database.version = 7;
    EXPECT_FALSE(later_than(database, "v7.12"));
    EXPECT_TRUE(later_than(database, "v6.0"));
    EXPECT_TRUE(later_than(database, "nonsense"));
}

} // namespace
} // namespace sluice::engine
