#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

using namespace std::string_view_literals;
using test::parsed;
using test::Source;

struct Case {
    std::string name;
    Source source;
    std::string_view input;
    std::string_view expected;
};

class Delimited : public testing::TestWithParam<Case> {};

TEST_P(Delimited, GivesTheDocumentedRows) {
    EXPECT_EQ(parsed(GetParam().source, GetParam().input), GetParam().expected);
}

TEST_P(Delimited, GivesTheSameRowsInBlocksOfAnySize) {
    for (const std::size_t block : {1, 2, 3, 5, 17})
        EXPECT_EQ(parsed(GetParam().source, GetParam().input, block), GetParam().expected) << "blocks of " << block;
}

constexpr std::string_view kClosing = "Stream_ClosingQuoteMissing";
constexpr std::string_view kFields = "Stream_WrongNumberOfFields";
constexpr std::string_view kNoRecords = "BadRequest_NoRecordsOrWrongFormat";

constexpr ValidationPolicy policy(int options, int implications) {
    return {static_cast<ValidationPolicy::Options>(options), static_cast<ValidationPolicy::Implications>(implications)};
}

const Source kCsv{};
const Source kHeader{.ignore_first_record = true};
const Source kOneText{.table = "a:string"};
const Source kDynamic{.table = "d:dynamic"};

std::vector<Case> golden() {
    return {
        {"FM01_LineFeeds", kCsv, "x,1\ny,2\n", "(x,1) (y,2)"},
        {"FM02_CarriageReturns", kCsv, "x,1\r\ny,2", "(x,1) (y,2)"},
        {"FM03_QuotedDelimiter", kCsv, "\"a,b\",1", "(a,b,1)"},
        {"FM04_DoubledQuotes", kCsv, R"("he said ""hi""",1)", R"((he said "hi",1))"},
        {"FM05_LineBreaksInQuotes", kCsv, "\"l1\nl2\",1\n\"l3\r\nl4\",2", "(l1\nl2,1) (l3\r\nl4,2)"},
        {"FM06_BlankBeforeQuote", kCsv, " \"a\",1", "( \"a\",1)"},
        {"FM07_QuoteInside", kCsv, "5\" pipe,1", "(5\" pipe,1)"},
        {"FM08_TextAfterQuote", kCsv, "\"a\"b,1", kClosing},
        {"FM09_OpenQuote", kCsv, "x,1\n\"y,2", kClosing},
        {"FM10_EmptyFields", kCsv, "x,\n,5", "(x,null) (,5)"},
        {"FM11_EmptyQuotedFields", kCsv, R"("","")", "(,null)"},
        {"FM12_Integers", kCsv, "p,abc\nq,1.5\nr,5.0\ns,99999999999\nt, 7 \nu,0x10",
         "(p,null) (q,null) (r,null) (s,null) (t,7) (u,16) nulled 4"},
        {"FM13_FewerThanTheTable", kCsv, "x\ny", "(x,null) (y,null)"},
        {"FM14_MoreThanTheTable", kCsv, "x,1,zz\ny,2,ww", "(x,1) (y,2)"},
        {"FM15_DifferingCounts", kCsv, "x,1\ny", kFields},
        {"FM16_BestEffort", {.validation = policy(1, 1)}, "x,1\ny", "(x,1) (y,null) adjusted 1"},
        {"FM17_PolicyFails", {.validation = policy(1, 0)}, "x,1\ny", kFields},
        {"FM17_PolicyDoesNotValidate", {.validation = policy(0, 0)}, "x,1\ny", "(x,1) (y,null)"},
        {"FM18_ByteOrderMark", kCsv, "\xEF\xBB\xBFx,1", "(x,1)"},
        {"FM19_BlankLines", kCsv, "x,1\n\n\r\ny,2\n\n", "(x,1) (y,2)"},
        {"FM20_QuotedEmptyLine", kOneText, "\"\"\nx", "() (x)"},
        {"FM21_InvalidUtf8", kCsv, "\xC3(,1", "(\xEF\xBF\xBD(,1)"},
        {"FM22_HeaderOverTwoLines", kHeader, "\"h\n1\",h2\nx,1", "(x,1)"},
        {"FM23_HeaderOfOtherWidth", kHeader, "h1\nx,1", "(x,1)"},
        {"FM24_HeaderOnly", kHeader, "h1,h2\n", kNoRecords},
        {"FM25_TrailingDelimiter", kCsv, "x,1,", "(x,1)"},
        {"FM26_Tsv", {.format = Format::Tsv}, "a b\t1\n\"c\td\"\t2", "(a b,1) (c\td,2)"},
        {"FM27_Psv", {.format = Format::Psv}, "x|1", "(x,1)"},
        {"FM27_Scsv", {.format = Format::Scsv}, "x;1", "(x,1)"},
        {"FM27_Sohsv",
         {.format = Format::Sohsv},
         "x\x01"
         "1",
         "(x,1)"},
        {"FM28_Tsve",
         {.format = Format::Tsve},
         "a\\tb\t1\n\"q\"\t2\nc\\\\d\t3\nz\\N\t4",
         "(a\tb,1) (\"q\",2) (c\\d,3) (zN,4)"},
        {"FM29_Txt", {.format = Format::Txt, .table = "a:string"}, "l1\r\n\n  l2\n", "(l1) (  l2)"},
        {"FM30_Raw", {.format = Format::Raw, .table = "a:string"}, "l1\nl2\n", "(l1\nl2\n)"},
        {"FM31_BlanksOfABracket", {.table = "a:string, b:string"}, " , ", "( , )"},
        {"FM32_Utf16", kCsv, "\xFF\xFE\x78\0\x2C\0\x31\0"sv, "(x,1)"},
        {"FM33_DynamicBag", kDynamic, R"("{""k"":[1, 2]}")", R"(({"k":[1,2]}))"},
        {"FM33_DynamicText", kDynamic, "abc", R"(("abc"))"},
        {"FM33_DynamicBrokenJson", kDynamic, R"("[1")", R"(("[1"))"},
        {"FM33_DynamicEmpty", kDynamic, R"("")", "(null)"},
        {"FM68_Ordinals",
         {.table = "a:string, b:int, s:string",
          .mapping = R"([{"Column":"a","Properties":{"Ordinal":"1"}},{"Column":"b","Properties":{"Ordinal":0}},
                         {"Column":"s","Properties":{"Transform":"SourceLocation"}}])",
          .location = "file://c/in/x.csv"},
         "1,x",
         "(x,1,file://c/in/x.csv)"},
        {"DC01_EmbeddedFields",
         {.table = "e:datetime, o:long, t:datetime, k:string, v:int", .embedded = "2026-01-01T10:00:00.5000000Z,42,"},
         "2026-03-01T10:00:00Z,temp,21",
         "(2026-01-01T10:00:00.5000000Z,42,2026-03-01T10:00:00Z,temp,21)"},
        {"DC03_EmbeddedFieldsAndTwoLines",
         {.table = "e:datetime, o:long, t:datetime, k:string, v:int", .embedded = "2026-01-01T10:00:00.5000000Z,42,"},
         "2026-03-01T10:00:00Z,temp,21\n2026-03-01T10:00:01Z,temp,22",
         kFields},
        {"DC20_EmbeddedFieldInQuotes", {.table = "k:string, v:int", .embedded = R"("a,""b""",)"}, "1", R"((a,"b",1))"},
        {"DC05_TwoRecords", {.table = "i:int, a:string"}, "1,a\n2,b", "(1,a) (2,b)"},
        {"FM69_OrdinalBeyondTheRecord",
         {.mapping = R"([{"Column":"a","Properties":{"Ordinal":0}},{"Column":"b","Properties":{"Ordinal":5}}])"},
         "x,1",
         "(x,null)"},
    };
}

std::vector<Case> more() {
    return {
        {"OnlyLoneCarriageReturns", kOneText, "a\rb\rc", "(a\rb\rc)"},
        {"MixedLineEnds", kCsv, "x,1\r\ny,2\nz,3\r\n", "(x,1) (y,2) (z,3)"},
        {"CarriageReturnsBeforeALineEnd", kOneText, "a\r\r\nb", "(a\r) (b)"},
        {"CarriageReturnLineIsARecord", kOneText, "\r\rx\n", "(\r\rx)"},
        {"LineFeedThenCarriageReturn", kOneText, "a\n\rb\n", "(a) (\rb)"},
        {"QuotedCarriageReturn", kOneText, "\"a\r\"\r\n\"\r\n\"\n", "(a\r) (\r\n)"},
        {"QuotesOnly", kOneText, "\"\"\"\"\n\"\"\"\"\"\"", "(\") (\"\")"},
        {"OddQuotes", kOneText, "\"\"\"", kClosing},
        {"QuoteAfterText", kOneText, "a\"\"b\"\n", "(a\"\"b\")"},
        {"NulBetweenQuotes", kOneText, "\"a\0\"\"\0\""sv, "(a\0\"\0)"sv},
        {"NulAfterAQuote", kOneText, "\"a\"\0"sv, kClosing},
        {"OnlyDelimiters", {.table = "a:string, b:string, c:string"}, ",,\n,,", "(,,) (,,)"},
        {"RaggedLonger", kCsv, "x,1\ny,2,3\n", kFields},
        {"RaggedInTheLastField", kCsv, "x,1\ny,", "(x,1) (y,null)"},
        {"RaggedByAnEmptyLineInQuotes", kCsv, "x,1\n\"\"\n", kFields},
        {"RaggedBestEffortBothWays",
         {.validation = policy(1, 1)},
         "x,1\ny\nz,3,4\n",
         "(x,1) (y,null) (z,3) adjusted 2"},
        {"MarkInTheMiddleIsData", kOneText,
         "a\n\xEF\xBB\xBF"
         "b",
         "(a) (\xEF\xBB\xBF"
         "b)"},
        {"MarkBeforeAQuote", kOneText, "\xEF\xBB\xBF\"a\nb\"", "(a\nb)"},
        {"NoBreakSpaceIsNoBlank",
         {.table = "b:int"},
         "\xC2\xA0"
         "7\n",
         "(null) nulled 1"},
        {"BlanksAroundValues",
         {.table = "i:int, r:real, t:datetime, g:bool"},
         " 1 ,\t2.5\t,\" 2026-01-02 \", true\r\n",
         "(1,2.5,2026-01-02T00:00:00Z,true)"},
        {"SemicolonFormatKeepsCommas", {.format = Format::Scsv, .table = "a:string, b:real"}, "1,5;2\n", "(1,5,2.0)"},
        {"LoneCarriageReturnIsData", kOneText, "a\rb\r", "(a\rb\r)"},
        {"QuoteThenCarriageReturnAtTheEnd", kOneText, "\"a\"\r", kClosing},
        {"QuoteThenBlank", kCsv, "\"a\" ,1", kClosing},
        {"BackslashInQuotes", kOneText, "\"a\\\"\n", "(a\\)"},
        {"OnlyBlankLines", kCsv, "\n\r\n\n", kNoRecords},
        {"OnlyAMark", kCsv, "\xEF\xBB\xBF", kNoRecords},
        {"PartOfAMark", kOneText, "\xEF\xBB", "(\xEF\xBF\xBD)"},
        {"Nothing", kCsv, "", kNoRecords},
        {"ALineOfBlanks", kOneText, " \n", "( )"},
        {"NulBytes", kOneText, "a\0b"sv, "(a\0b)"sv},
        {"PolicyOfColumnsAlone", {.validation = policy(2, 1)}, "x,1\ny", "(x,1) (y,null) adjusted 1"},
        {"PolicyOfColumnsFails", {.validation = policy(2, 0)}, "x,1\ny,z", "BadRequest_InvalidBlob"},
        {"PolicyOfColumnsIgnoresCounts", {.validation = policy(2, 0)}, "x,1\ny", "(x,1) (y,null)"},
        {"Utf16BigEndian", kCsv, "\xFE\xFF\0x\0,\0\x31\xD8\x3D\xDE\0"sv, "(x,null) nulled 1"},
        {"Utf16Surrogates", kOneText, "\xFF\xFE\x3D\xD8\x00\xDE\x3D\xD8"sv, "(\xF0\x9F\x98\x80\xEF\xBF\xBD)"},
        {"Utf32", kCsv, "\xFF\xFE\0\0x\0\0\0,\0\0\0\x31\0\0\0"sv, "(x,1)"},
        {"TsveEscapedBreaks",
         {.format = Format::Tsve, .table = "a:string, b:string"},
         "a\\\nb\\\tc\td\\\r\n",
         "(a\nb\tc,d\r)"},
        {"TsveBackslashAtTheEnd", {.format = Format::Tsve, .table = "a:string"}, "a\\", "(a\\)"},
        {"TsveEscapedBackslashBeforeLineEnd", {.format = Format::Tsve, .table = "a:string"}, "a\\\\\r\nb", "(a\\) (b)"},
        {"TxtHeader", {.format = Format::Txt, .table = "a:string", .ignore_first_record = true}, "\nh\nx\n", "(x)"},
        {"TxtKeepsQuotes", {.format = Format::Txt, .table = "a:string"}, "\"a,b\n", "(\"a,b)"},
        {"RawIgnoresTheHeaderRule",
         {.format = Format::Raw, .table = "a:string", .ignore_first_record = true},
         "h\n",
         "(h\n)"},
        {"ManyTargetsOfOneField",
         {.table = "a:string, b:int, c:long",
          .mapping = R"([{"Column":"c","Properties":{"Ordinal":0}},{"Column":"a","Properties":{"Ordinal":0}},
                         {"Column":"b","Properties":{"ConstValue":"9"}}])"},
         "7,x",
         "(7,9,7)"},
        {"RecordNumbers",
         {.table = "a:string, n:long",
          .mapping = R"([{"Column":"a","Ordinal":0},{"Column":"n","Transform":"SourceLineNumber"}])",
          .ignore_first_record = true},
         "h\nx\n\ny\n",
         "(x,1) (y,2)"},
        {"UnixTime",
         {.table = "t:datetime", .mapping = R"([{"Column":"t","Ordinal":0,"Transform":"DateTimeFromUnixSeconds"}])"},
         "1700000000\n 1700000000.5 \nx\n\"\"\n",
         "(2023-11-14T22:13:20Z) (2023-11-14T22:13:20.5000000Z) (null) (null) nulled 1"},
        {"EmbeddedFields",
         {.table = "p:string, q:int, a:string, b:int", .embedded = "\"p,1\",7,"},
         "\nx,1\n",
         "(p,1,7,x,1)"},
        {"EmbeddedFieldsAllowOneRecord", {.table = "p:string, a:string", .embedded = "p,"}, "x\ny\n", kFields},
        {"AllTypes",
         {.table = "b:bool, i:int, l:long, r:real, d:decimal, t:datetime, s:timespan, g:guid, y:dynamic"},
         "true,-1,2,1.5,0.10,2026-01-02,01:00:00,74be27de-1e4e-49d9-b579-fe0b331d3642,1.50\n",
         "(true,-1,2,1.5,0.1,2026-01-02T00:00:00Z,01:00:00,74be27de-1e4e-49d9-b579-fe0b331d3642,1.50)"},
        {"DynamicTakesStrictJsonOnly", kDynamic, "'a'\nNaN\ntrue\nnull\n 5 \n", R"(("'a'") ("NaN") (true) (null) (5))"},
        {"RecordOverTheLimit", {.table = "a:string", .max_record = 8}, "12345678\n", "Stream_InputStreamTooLarge"},
        {"OpenRecordOverTheLimit",
         {.table = "a:string", .max_record = 8},
         "\"12345678\n12",
         "Stream_InputStreamTooLarge"},
    };
}

std::string name_of(const testing::TestParamInfo<Case>& test) {
    return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(Golden, Delimited, testing::ValuesIn(golden()), name_of);
INSTANTIATE_TEST_SUITE_P(More, Delimited, testing::ValuesIn(more()), name_of);

TEST(Delimited, FM34_CutsTextsAtOneMegabyteBetweenCharacters) {
    const std::string ones((1 << 20) + 1, 'z');
    EXPECT_EQ(parsed(kOneText, ones), "(" + ones.substr(1) + ") truncated 1");
    std::string accented((1 << 20) - 1, 'z');
    const std::string expected = "(" + accented + ") truncated 1";
    accented += "\xC3\xA4";
    EXPECT_EQ(parsed(kOneText, accented), expected);
}

TEST(Delimited, NullsDynamicValuesOverOneMegabyte) {
    EXPECT_EQ(parsed(kDynamic, std::string((1 << 20) + 1, '1')), "(null) nulled 1");
    EXPECT_EQ(parsed(kDynamic, std::string((1 << 20) - 2, 'x')), "(\"" + std::string((1 << 20) - 2, 'x') + "\")");
}

TEST(Delimited, TakesRecordsOfManyFields) {
    std::string line = "x";
    for (int i = 0; i < 200'000; ++i)
        line += ",\"\"";
    EXPECT_EQ(parsed(kCsv, line + "\n" + line), "(x,null) (x,null)");
    EXPECT_EQ(parsed(kCsv, line + "\n" + line + ","), kFields);
    EXPECT_EQ(parsed(kOneText, line + "\n", 4096), "(x)");
}

TEST(Delimited, TakesALongQuotedRecordInSmallBlocks) {
    std::string text = "\"";
    for (int i = 0; i < 40'000; ++i)
        text += "line\n";
    text += "\",1\n";
    std::string input = "a,1\n" + text + "b,2\n";
    const std::string expected = "(a,1) (" + text.substr(1, text.size() - 5) + ",1) (b,2)";
    EXPECT_EQ(parsed(kCsv, input, 100), expected);
    EXPECT_EQ(parsed(kCsv, input, 5000), expected);
}

TEST(Delimited, FillsManyChunks) {
    const auto parser = test::parser({.table = "n:long"});
    Rows rows(std::make_shared<const Schema>(test::schema("n:long")));
    std::string input;
    for (int i = 0; i < 5000; ++i)
        input += std::to_string(i) + "\n";
    parser->begin();
    ASSERT_TRUE(parser->feed(input, false, rows));
    const auto outcome = parser->finish(rows);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->rows, 5000u);
    ASSERT_EQ(rows.chunks().size(), 3u);
    EXPECT_EQ(rows.chunks()[1].column(0).get<std::int64_t>(0), 2048);
    EXPECT_EQ(rows.chunks()[2].column(0).get<std::int64_t>(5000 - 4096 - 1), 4999);
}

TEST(Parser, LeavesTheNeighboursOfAFailedSourceAndIsReadyForTheNext) {
    for (const Format format : {Format::Csv, Format::MultiJson}) {
        const bool csv = format == Format::Csv;
        const auto parser = test::parser({.format = format});
        Rows rows(std::make_shared<const Schema>(test::schema("a:string, b:int")));
        const auto run = [&](std::string_view bytes) {
            const auto mark = rows.mark();
            parser->begin();
            const bool good = parser->feed(bytes, false, rows) && parser->finish(rows);
            if (!good)
                rows.rewind(mark);
            return good;
        };
        EXPECT_TRUE(
            run(csv ? "a long text that needs the arena,1\n" : R"({"a":"a long text that needs the arena","b":1})"));
        EXPECT_FALSE(run(csv ? "bad,2\nbad\n" : R"({"a":"bad","b":2} {"a":"bad","b":3)"));
        EXPECT_TRUE(run(csv ? "c,\n" : R"({"a":"c"})"));
        EXPECT_EQ(test::shown(rows), "(a long text that needs the arena,1) (c,null)");
    }
}

TEST(MakeParser, SaysWhichFormatsAreNotReadAndWhy) {
    const auto made = make_parser({.format = Format::Orc, .schema = std::make_shared<const Schema>()});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::Unsupported);
    EXPECT_EQ(made.error().reason, "BadRequest_FormatNotSupported");
    EXPECT_NE(made.error().message.find("Debian has no ORC library"), std::string::npos) << made.error().message;
}

TEST(MakeParser, RefusesHigherOrdinalsForTxt) {
    const auto schema = std::make_shared<const Schema>(test::schema("a:string"));
    const auto mapping = parse_mapping("M", MappingKind::Csv, R"([{"Column":"a","Ordinal":1}])");
    const auto made =
        make_parser({.format = Format::Txt, .schema = schema, .mapping = *bind_mapping(*mapping, *schema)});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().reason, "BadRequest_InconsistentMapping");
}

TEST(MakeParser, RefusesAMappingOfAnotherKind) {
    const auto schema = std::make_shared<const Schema>(test::schema("a:string"));
    const auto mapping = parse_mapping("M", MappingKind::Csv, R"([{"Column":"a","Ordinal":0}])");
    const auto made =
        make_parser({.format = Format::Json, .schema = schema, .mapping = *bind_mapping(*mapping, *schema)});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().reason, "BadRequest_InvalidMappingReference");
}

TEST(Delimited, ValuesMayBeAsLargeAsTheEncodingPolicyOfTheirColumnSays) {
    const Source source{.table = "a:string, b:string, c:dynamic, d:dynamic", .max_values = {4, 3_MiB, 6}};
    EXPECT_EQ(parsed(source, "abcdef,abcdef,\"[1,2,3]\",\"[1,2,3]\"\n\xC3\xB1x\xC3\xB1,x,\"[1,2]\",1\n"),
              "(abcd,abcdef,null,[1,2,3]) (\xC3\xB1x,x,[1,2],1) nulled 1 truncated 2");
    const std::string large(3 << 20, 'z');
    EXPECT_EQ(parsed(source, "a," + large + ",,"), "(a," + large + ",null,null)");
    EXPECT_EQ(parsed(source, "a," + large + "z,,"), "(a," + large + ",null,null) truncated 1");
}

} // namespace
} // namespace sluice::data
