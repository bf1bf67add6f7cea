#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

using test::parsed;
using test::Source;

struct Case {
    std::string name;
    Source source;
    std::string_view input;
    std::string_view expected;
};

class Json : public testing::TestWithParam<Case> {};

TEST_P(Json, GivesTheDocumentedRows) {
    EXPECT_EQ(parsed(GetParam().source, GetParam().input), GetParam().expected);
}

TEST_P(Json, GivesTheSameRowsInBlocksOfAnySize) {
    for (const std::size_t block : {1, 2, 3, 5, 17})
        EXPECT_EQ(parsed(GetParam().source, GetParam().input, block), GetParam().expected) << "blocks of " << block;
}

constexpr std::string_view kNoRecords = "BadRequest_NoRecordsOrWrongFormat";
constexpr std::string_view kInvalid = "BadRequest_InvalidBlob";

const Source kLines{.format = Format::Json};
const Source kMulti{.format = Format::MultiJson};
const Source kSingle{.format = Format::SingleJson};

Source dynamic(Format format, std::string_view mapping) {
    return {.format = format, .table = "j:dynamic", .mapping = mapping};
}
constexpr std::string_view kWhole = R"([{"Column":"j","Properties":{"Path":"$"}}])";

std::vector<Case> golden() {
    return {
        {"FM40_BadLineIsDropped", kLines, "{\"a\":\"x\",\"b\":1}\n{\"a\":\"y\",\"b\":\n{\"a\":\"z\",\"b\":3}",
         "(x,1) (z,3) malformed 1"},
        {"FM41_BadValueFailsTheSource", kMulti, "{\"a\":\"x\",\"b\":1}\n{\"a\":\"y\",\"b\":\n{\"a\":\"z\",\"b\":3}",
         kInvalid},
        {"FM42_Array", kMulti, "[{\"a\":\"x\",\"b\":1},\n{\"a\":\"y\",\"b\":2}]", "(x,1) (y,2)"},
        {"FM43_ValuesWithoutSeparator", kMulti, "{\"a\":\"x\"}{\"a\":\"y\"} \n{\"a\":\"z\"}",
         "(x,null) (y,null) (z,null)"},
        {"FM44_TwoValuesOnALine", kLines, R"({"a":"x"}{"a":"y"})", kNoRecords},
        {"FM45_ObjectOverLines", kLines, "{\n\"a\":\"x\"\n}", kNoRecords},
        {"FM46_QuotesAndComments", kLines, R"({'a':'it\'s', "b":1} // c)", "(it's,1)"},
        {"FM47_NumberAndText", kLines, R"({"a":5,"b":"7"})", "(5,7)"},
        {"FM48_ObjectToText", kLines, R"({"a":{"k": [1, 2]},"b":3.0})", R"(({"k":[1,2]},3))"},
        {"FM49_NullAndFraction", kLines, R"({"a":null,"b":3.5})", "(,null) nulled 1"},
        {"FM50_NumberKeepsItsDigits", kLines, R"({"a":1.50,"b":true})", "(1.50,null) nulled 1"},
        {"FM51_NamesAreCaseSensitive", kLines, R"({"A":"x","b":1})", "(,1)"},
        {"FM52_LastOfTwoWins", kLines, R"({"a":"1","a":"2"})", "(2,null)"},
        {"FM53_EmptyArray", kMulti, "[]", kNoRecords},
        {"FM54_SingleArray", dynamic(Format::SingleJson, kWhole), "[1,\n2]", "([1,2])"},
        {"FM55_ArrayOfScalars", dynamic(Format::MultiJson, kWhole), "[1,2]", "(1) (2)"},
        {"FM56_JsonInAString", dynamic(Format::Json, R"([{"Column":"j","Properties":{"Path":"$.p"}}])"),
         R"({"p":"{\"k\":1}"})", R"(("{\"k\":1}"))"},
        {"FM57_TrailingComma", kLines, R"({"a":"x","b":1,})", kNoRecords},
        {"FM58_Paths",
         {.format = Format::Json,
          .table = "t:datetime, lvl:string, x:long, q:string, n:string, k:string, c:int, r:dynamic, m:string",
          .mapping = R"([{"Column":"t","Properties":{"Path":"$.ts"}},
                         {"column":"lvl","Properties":{"path":"$['Log Level']"}},
                         {"Column":"x","Properties":{"Path":"$.x-id"}},
                         {"Column":"q","Properties":{"Path":"$.tags[1]"}},
                         {"Column":"n","path":"$.u.n","transform":null},
                         {"Column":"k","Properties":{"Path":"fixed"}},
                         {"Column":"c","Properties":{"ConstValue":"9"}},
                         {"Column":"r","Properties":{"Path":"$"}},
                         {"Column":"m","Properties":{"Path":"$.u.n.deep"}},])"},
         R"({"ts":"2026-02-03T04:05:06+02:00","Log Level":"warn","x-id":7,"tags":["p","q"],"u":{"n":"Ann"}})",
         R"((2026-02-03T02:05:06Z,warn,7,q,Ann,fixed,9,)"
         R"({"ts":"2026-02-03T04:05:06+02:00","Log Level":"warn","x-id":7,"tags":["p","q"],"u":{"n":"Ann"}},))"},
        {"FM60_DropMappedFields",
         {.format = Format::Json,
          .table = "name:string, x:int, rest:dynamic",
          .mapping = R"([{"Column":"name","Path":"$.p.name"},{"Column":"x","Path":"$.p.d.x"},
                         {"Column":"rest","Path":"$.p","Transform":"DropMappedFields"}])"},
         R"({"p":{"name":"n1","price":2.5,"d":{"x":1,"y":2}}})",
         R"((n1,1,{"price":2.5,"d":{"y":2}}))"},
        {"FM61_DropMappedFieldsKeepsArrays",
         {.format = Format::Json,
          .table = "all:dynamic, a:int, i:int",
          .mapping = R"([{"Column":"all","Path":"$","Transform":"DropMappedFields"},{"Column":"a","Path":"$.a"},
                         {"Column":"i","Path":"$.l[0]"}])"},
         R"({"a":1,"l":[5,6],"z":0})",
         R"(({"l":[5,6],"z":0},1,5))"},
        {"FM62_PropertyBagArray",
         {.format = Format::Json,
          .table = "e:dynamic",
          .mapping = R"([{"Column":"e","Path":"$.e","Transform":"PropertyBagArrayToDictionary"}])"},
         R"({"e":[{"k1":"v1"},{"k2":2},{"k1":"v3"}]})",
         R"(({"k1":"v3","k2":2}))"},
        {"FM63_UnixSeconds",
         {.format = Format::Json,
          .table = "t:datetime",
          .mapping = R"([{"Column":"t","Path":"$.t","Transform":"DateTimeFromUnixSeconds"}])"},
         "{\"t\":1700000000}\n{\"t\":\"1700000000\"}\n{\"t\":1700000000.5}\n{\"t\":-1}\n{\"t\":\"x\"}",
         "(2023-11-14T22:13:20Z) (2023-11-14T22:13:20Z) (2023-11-14T22:13:20.5000000Z) (1969-12-31T23:59:59Z) (null) "
         "nulled 1"},
        {"FM64_SmallerUnixTimes",
         {.format = Format::Json,
          .table = "m:datetime, u:datetime, n:datetime",
          .mapping = R"([{"Column":"m","Path":"$.m","Transform":"DateTimeFromUnixMilliseconds"},
                         {"Column":"u","Path":"$.u","Transform":"DateTimeFromUnixMicroseconds"},
                         {"Column":"n","Path":"$.n","Transform":"DateTimeFromUnixNanoseconds"}])"},
         R"({"m":1700000000123,"u":1700000000123456,"n":1700000000123456789})",
         "(2023-11-14T22:13:20.1230000Z,2023-11-14T22:13:20.1234560Z,2023-11-14T22:13:20.1234567Z)"},
        {"FM65_NumberIsNoDatetime",
         {.format = Format::Json, .table = "t:datetime"},
         R"({"t":1700000000})",
         "(null) nulled 1"},
        {"DC02_EmbeddedInTheFirstRecord",
         {.format = Format::MultiJson,
          .table = "a:int, o:string",
          .mapping = R"([{"Column":"a","Path":"$.a"},{"Column":"o","Path":"$.x-opt-offset"}])",
          .embedded = R"("x-opt-enqueued-time":"2026-01-01T10:00:00.5000000Z","x-opt-offset":"7")"},
         R"({"a":1}{"a":2})",
         "(1,7) (2,)"},
        {"DC02_EmbeddedAsALong",
         {.format = Format::MultiJson,
          .table = "a:int, o:long",
          .mapping = R"([{"Column":"a","Path":"$.a"},{"Column":"o","Path":"$.x-opt-offset"}])",
          .embedded = R"("x-opt-enqueued-time":"2026-01-01T10:00:00.5000000Z","x-opt-offset":"7")"},
         R"({"a":1}{"a":2})",
         "(1,7) (2,null)"},
        {"DC19_TheServiceWins",
         {.format = Format::Json,
          .table = "o:string",
          .mapping = R"([{"Column":"o","Path":"$.x-opt-offset"}])",
          .embedded = R"("x-opt-offset":"9")"},
         R"({"x-opt-offset":"evil"})",
         "(9)"},
        {"DC24_BrokenSecondValue", {.format = Format::MultiJson, .table = "a:int"}, "{\"a\":1}\n{\"a\":", kInvalid},
        {"DC25_BrokenSecondLine", {.format = Format::Json, .table = "a:int"}, "{\"a\":1}\n{\"a\":", "(1) malformed 1"},
        {"FM67_RecordNumbers",
         {.format = Format::Json, .table = "n:long", .mapping = R"([{"Column":"n","Transform":"SourceLineNumber"}])"},
         "{}\n{\n{}",
         "(1) (2) malformed 1"},
    };
}

std::vector<Case> more() {
    return {
        {"BlankLines", kLines, "\n \t\r\n{\"a\":\"x\"}\r\n\n", "(x,null)"},
        {"OnlyComments", kMulti, "// a\n/* b */ // c", kNoRecords},
        {"CommentsEverywhere", kMulti, "/**/{/*1*/\"a\"/*2*/:/*3*/\"x\"/*4*/,//5\n\"b\"://6\n1/*7*/}//8\n{}",
         "(x,1) (,null)"},
        {"CommentOverLines", kLines, "{\"a\":\"x\"} /* c\n */", kNoRecords},
        {"NaNAndInfinity",
         {.format = Format::Json, .table = "r:real, s:string, d:dynamic, l:long"},
         R"({"r":NaN,"s":-Infinity,"d":[Infinity],"l":NaN})",
         R"((NaN,-Infinity,["Infinity"],null) nulled 1)"},
        {"NegativeInfinity", {.format = Format::Json, .table = "r:real"}, R"({"r":-Infinity})", "(-Infinity)"},
        {"WholeNumbers",
         {.format = Format::Json, .table = "l:long, i:int, b:bool, d:decimal"},
         "{\"l\":1e2,\"i\":3.0,\"b\":0.0,\"d\":0.10}\n{\"l\":9223372036854775807,\"i\":2147483648,\"b\":-2,\"d\":1e3}",
         "(100,3,false,0.1) (9223372036854775807,null,true,1000) nulled 1"},
        {"LongOverflow",
         {.format = Format::Json, .table = "l:long"},
         R"({"l":9223372036854775808})",
         "(null) nulled 1"},
        {"LongDigitsOfAReal",
         {.format = Format::Json, .table = "r:real"},
         R"({"r":12345678901234567890123.5e-1})",
         "(1.2345678901234568e+21)"},
        {"TextsToTypes",
         {.format = Format::Json, .table = "r:real, t:datetime, g:guid, s:timespan"},
         R"({"r":"1.5","t":"2026-01-02","g":"74be27de1e4e49d9b579fe0b331d3642","s":""})",
         "(1.5,2026-01-02T00:00:00Z,74be27de-1e4e-49d9-b579-fe0b331d3642,null)"},
        {"EmptyStringsToTypes",
         {.format = Format::Json, .table = "s:string, d:dynamic, i:int, b:bool, t:datetime"},
         R"({"s":"","d":"","i":"","b":" ","t":""})",
         R"((,"",null,null,null))"},
        {"Escapes",
         {.format = Format::Json, .table = "a:string"},
         R"({"a":"\"\\\/\b\f\n\r\t\u00e4\uD83D\uDE00\ud83dx"})",
         "(\"\\/\b\f\n\r\t\xC3\xA4\xF0\x9F\x98\x80\xEF\xBF\xBDx)"},
        {"EscapedNames", kLines, R"({"\u0061":"x"})", "(x,null)"},
        {"TabInAString", kLines, "{\"a\":\"x\ty\"}", "(x\ty,null)"},
        {"ControlInAString", kLines, "{\"a\":\"x\x01y\"}", kNoRecords},
        {"InvalidUtf8", kLines, "{\"a\":\"x\xC3(\"}", "(x\xEF\xBF\xBD(,null)"},
        {"MinimalEscapes", dynamic(Format::Json, kWhole), R"({ "\u0061" : "\/\u00e4\u0001" , 'q"' : 'x' })",
         "({\"a\":\"/\xC3\xA4\\u0001\",\"q\\\"\":\"x\"})"},
        {"RepeatedNamesInADynamic", dynamic(Format::Json, kWhole),
         R"({"a":1,"b":{"c":1,"c":2},"a":{"z":0},"\u0062":3})", R"(({"a":{"z":0},"b":3}))"},
        {"RepeatedNamesReset",
         {.format = Format::Json,
          .table = "n:string, b:int",
          .mapping = R"([{"Column":"n","Path":"$.u.n"},{"Column":"b","Path":"$.u.l[1]"}])"},
         R"({"u":{"n":"x","l":[1,2]},"u":{"l":[1]}})",
         "(,null)"},
        {"RepeatedNameWithNull", kLines, R"({"a":"x","b":1,"b":null})", "(x,null)"},
        {"LeadingZero", kLines, R"({"a":"x","b":01})", kNoRecords},
        {"LeadingPlus", kLines, R"({"a":"x","b":+1})", kNoRecords},
        {"Hexadecimal", kLines, R"({"a":"x","b":0x1})", kNoRecords},
        {"UnquotedName", kLines, R"({a:"x"})", kNoRecords},
        {"BadLiteralInAnUnmappedMember", kLines, R"({"a":"x","z":[tru]})", kNoRecords},
        {"BadEscapeInAnUnmappedMember", kLines, R"({"a":"x","z":"\x"})", kNoRecords},
        {"NumbersCutShort", kLines, "{\"b\":1.}\n{\"b\":-}\n{\"b\":1e}\n{\"b\":.5}", kNoRecords},
        {"LineIsNoObject", kLines, "[1]\n5\n{\"a\":\"x\"}", "(x,null) malformed 2"},
        {"LineIsNoObjectButMapped", dynamic(Format::Json, kWhole), "[1, 2]\n5\nnull\n\"x\"\n",
         R"(([1,2]) (5) (null) ("x"))"},
        {"ElementOfARecord", dynamic(Format::Json, R"([{"Column":"j","Path":"$[1].x"}])"),
         "[0,{\"x\":true}]\n{\"x\":1}\n", "(true) (null)"},
        {"MultiIsNoObject", kMulti, R"({"a":"x"} 5)", kInvalid},
        {"MultiElementIsNoObject", kMulti, R"([{"a":"x"},[1]])", kInvalid},
        {"MultiScalars", dynamic(Format::MultiJson, kWhole), "12 true[\"a\",[1]]3", R"((12) (true) ("a") ([1]) (3))"},
        {"MultiArrays", kMulti, R"([{"a":"x"}]{"a":"y"}[ ][{"a":"z"}])", "(x,null) (y,null) (z,null)"},
        {"MultiOpenArray", kMulti, R"([{"a":"x"},)", kInvalid},
        {"MultiTrailingComma", kMulti, R"([{"a":"x"},])", kInvalid},
        {"MultiMissingComma", kMulti, R"([{"a":"x"}{"a":"y"}])", kInvalid},
        {"MultiStrayBracket", kMulti, R"({"a":"x"}])", kInvalid},
        {"MultiOpenComment", kMulti, R"({"a":"x"} /* )", kInvalid},
        {"MultiNothing", kMulti, " \n", kNoRecords},
        {"Single", kSingle, "\xEF\xBB\xBF {\n\"a\":\"x\" }\n", "(x,null)"},
        {"SingleTwoValues", kSingle, R"({"a":"x"} {"a":"y"})", kInvalid},
        {"SingleArrayWithoutAPath", kSingle, R"([{"a":"x"}])", kInvalid},
        {"SingleBroken", kSingle, R"({"a":"x")", kInvalid},
        {"SingleNothing", kSingle, "\n", kNoRecords},
        {"NoCommonName", kLines, R"({"q":"x"})", "(,null)"},
        {"PathInAScalar",
         {.format = Format::Json,
          .table = "a:int, b:int",
          .mapping = R"([{"Column":"a","Path":"$.a"},{"Column":"b","Path":"$.a.b"}])"},
         "{\"a\":1}\n{\"a\":{\"b\":2}}\n{\"a\":[3]}",
         "(1,null) (null,2) (null,null) nulled 2"},
        {"OnePathTwoColumns",
         {.format = Format::Json,
          .table = "a:int, b:string",
          .mapping = R"([{"Column":"a","Path":"$.a"},{"Column":"b","Path":"$['a']"}])"},
         R"({"a":7})",
         "(7,7)"},
        {"UnixTimeToText",
         {.format = Format::Json,
          .table = "a:string, b:long",
          .mapping = R"([{"Column":"a","Path":"$.a","Transform":"DateTimeFromUnixSeconds"},
                                           {"Column":"b","Path":"$.a","Transform":"DateTimeFromUnixSeconds"}])"},
         "{\"a\":0}\n{\"a\":true}\n{\"a\":{}}\n{\"a\":null}\n{\"a\":1e30}",
         "(1970-01-01T00:00:00.0000000Z,null) (,null) (,null) (,null) (,null) nulled 7"},
        {"UnixTimeRoundsDown",
         {.format = Format::Json,
          .table = "a:datetime",
          .mapping = R"([{"Column":"a","Path":"$.a","Transform":"DateTimeFromUnixNanoseconds"}])"},
         "{\"a\":-1}\n{\"a\":199}",
         "(1969-12-31T23:59:59.9999999Z) (1970-01-01T00:00:00.0000001Z)"},
        {"PropertyBagForms",
         {.format = Format::Json,
          .table = "e:dynamic",
          .mapping = R"([{"Column":"e","Path":"$.e","Transform":"PropertyBagArrayToDictionary"}])"},
         "{\"e\":[]}\n{\"e\":{\"k\": 1}}\n{\"e\":[1,{\"k\":2},[3]]}\n{\"e\":5}\n{\"e\":null}",
         R"(({}) ({"k":1}) ({"k":2}) (null) (null) nulled 1)"},
        {"DropFromANonObject",
         {.format = Format::Json,
          .table = "e:dynamic, x:int",
          .mapping = R"([{"Column":"e","Path":"$.e","Transform":"DropMappedFields"},
                                               {"Column":"x","Path":"$.e.d.x"}])"},
         "{\"e\":[{\"d\":1}]}\n{\"e\":7}\n{\"e\":{\"d\":{\"x\":1}}}",
         R"(([{"d":1}],null) (7,null) ({"d":{}},1))"},
        {"EmbeddedMembers",
         {.format = Format::MultiJson,
          .table = "a:string, b:int, r:dynamic",
          .mapping = R"([{"Column":"a","Path":"$.a"},{"Column":"b","Path":"$.b"},{"Column":"r","Path":"$"}])",
          .embedded = R"("b":7,"p":null)"},
         "{\"b\":1,\"a\":\"x\" // c\n}{\"a\":\"y\"}",
         R"((x,7,{"b":7,"a":"x","p":null}) (y,null,{"a":"y"}))"},
        {"EmbeddedInAnEmptyObject", {.format = Format::Json, .embedded = R"("b":7)"}, "{ }\n", "(,7)"},
        {"LineOverTheLimit",
         {.format = Format::Json, .max_record = 8},
         R"({"a":"12345678"})",
         "Stream_InputStreamTooLarge"},
        {"ValueOverTheLimit",
         {.format = Format::MultiJson, .max_record = 8},
         R"({"a":"12345678"})",
         "Stream_InputStreamTooLarge"},
    };
}

std::string name_of(const testing::TestParamInfo<Case>& test) {
    return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(Golden, Json, testing::ValuesIn(golden()), name_of);
INSTANTIATE_TEST_SUITE_P(More, Json, testing::ValuesIn(more()), name_of);

std::string nested(int levels) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(levels) - 1, '[') +
           std::string(static_cast<std::size_t>(levels) - 1, ']') + "}\n";
}

TEST(Json, LimitsNestingTo256Levels) {
    const Source source{.format = Format::Json, .table = "a:dynamic"};
    EXPECT_EQ(parsed(source, nested(256)), "(" + nested(256).substr(5, 510) + ")");
    EXPECT_EQ(parsed(source, nested(257)), kNoRecords);
    EXPECT_EQ(parsed({.format = Format::Json, .table = "b:dynamic"}, nested(257)), kNoRecords);
    EXPECT_EQ(parsed({.format = Format::Json, .table = "b:dynamic"}, nested(256)), "(null)");
}

TEST(Json, KeepsManyRepeatedNamesApart) {
    std::string input = "{", expected = "({";
    for (int i = 0; i < 100; ++i)
        input += "\"k" + std::to_string(i % 50) + "\":" + std::to_string(i) + (i < 99 ? "," : "}\n");
    for (int i = 0; i < 50; ++i)
        expected += "\"k" + std::to_string(i) + "\":" + std::to_string(i + 50) + (i < 49 ? "," : "})");
    EXPECT_EQ(parsed(dynamic(Format::Json, kWhole), input), expected);
}

TEST(Json, FindsColumnsInAnyOrderOfAnyNumber) {
    std::string table, forward, backward, expected;
    for (int i = 0; i < 40; ++i) {
        const std::string name = "column" + std::to_string(i);
        table += (i == 0 ? "" : ", ") + name + ":int";
        forward += (i == 0 ? "{\"" : ",\"") + name + "\":" + std::to_string(i);
        backward = (i == 0 ? "" : ",") + backward;
        backward = "\"" + name + "\":" + std::to_string(i) + (i == 0 ? "" : backward);
        expected += (i == 0 ? "(" : ",") + std::to_string(i);
    }
    expected += ")";
    EXPECT_EQ(
        parsed({.format = Format::Json, .table = table}, forward + "}\n{\"x\":0," + backward + "}\n" + forward + "}"),
        expected + " " + expected + " " + expected);
}

TEST(Json, TakesALongValueInSmallBlocks) {
    const std::string text(200'000, 'z');
    const std::string input = R"([{"a":"x"},{"a":")" + text + R"(","b":2},{"a":"y"}])";
    for (const Format format : {Format::MultiJson})
        for (const std::size_t block : {100, 5000})
            EXPECT_EQ(parsed({.format = format}, input, block), "(x,null) (" + text + ",2) (y,null)");
}

TEST(Json, NamesThePlaceOfAnError) {
    const auto parser = test::parser(kMulti);
    Rows rows(std::make_shared<const Schema>(test::schema("a:string, b:int")));
    parser->begin();
    ASSERT_TRUE(parser->feed("{\"a\":\"x\"}\n", false, rows));
    const auto fed = parser->feed("{\"a\":tru}\n", false, rows);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().message, "record 2 is no valid JSON: a value is expected at byte 16 of the source");
}

} // namespace
} // namespace sluice::data
