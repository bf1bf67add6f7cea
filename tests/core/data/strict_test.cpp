#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

using test::parsed;
using test::Source;

// data-connections 1.8: what would be dropped or nulled in silence is refused, and the neighbours are stored.
struct Case {
    std::string name;
    Source source;
    std::string_view input;
    std::string_view expected;
};
class Strict : public testing::TestWithParam<Case> {};

TEST_P(Strict, RefusesTheRecordAndKeepsItsNeighbours) {
    Source source = GetParam().source;
    source.strict = true;
    EXPECT_EQ(parsed(source, GetParam().input), GetParam().expected);
    for (const std::size_t block : {1, 3, 17})
        EXPECT_EQ(parsed(source, GetParam().input, block), GetParam().expected) << "blocks of " << block;
}

constexpr std::string_view kInvalid = "BadRequest_InvalidBlob";

INSTANTIATE_TEST_SUITE_P(
    Cases, Strict,
    testing::Values(
        Case{"NothingIsWrong", {}, "x,1\ny,\n", "(x,1) (y,null)"},
        Case{"AValueThatDoesNotFit", {}, "x,1\r\ny,abc\r\nz,3", "(x,1) (z,3) refused 1 [2:y,abc]"},
        Case{"QuotedRecord", {}, "\"a\nb\",q\nz,3\n", "(z,3) refused 1 [1:\"a\nb\",q]"},
        Case{"BlankLinesAreNoRecords", {}, "\n\nx,1\n\ny,q", "(x,1) refused 1 [2:y,q]"},
        Case{"HeaderIsNoRecord", {.ignore_first_record = true}, "a,b\nx,1\ny,q\n", "(x,1) refused 1 [2:y,q]"},
        Case{"FieldsMissingByPolicyAreNoFailure",
             {.validation = ValidationPolicy{ValidationPolicy::Options::DoNotValidate, {}}},
             "x,1\ny\n",
             "(x,1) (y,null)"},
        Case{"CountsOfFieldsFailTheSource", {}, "x,1\ny\n", "Stream_WrongNumberOfFields"},
        Case{"NothingIsLeft", {}, "x,q\ny,q\n", kInvalid},
        Case{"RecordNumbersCountWhatWasMapped",
             {.table = "b:int, n:long",
              .mapping = R"([{"Column":"b","Ordinal":0},{"Column":"n","Transform":"SourceLineNumber"}])"},
             "1\nx\n3\n",
             "(1,1) (3,3) refused 1 [2:x]"},
        Case{"TextsTakeEverything", {.format = Format::Txt, .table = "a:string"}, "x\n\ny\n", "(x) (y)"},
        Case{"MalformedLine",
             {.format = Format::Json},
             "{\"a\":\"x\"}\n{\"a\":\r\n[1]\n{\"b\":2} // c\n",
             "(x,null) (,2) refused 2 [2:{\"a\":] [3:[1]]"},
        Case{"JsonValueThatDoesNotFit",
             {.format = Format::Json},
             "{\"b\":1}\n{\"b\":1.5} // c\n",
             "(,1) refused 1 [2:{\"b\":1.5}]"},
        Case{"NullsAndMissingMembersFit",
             {.format = Format::Json},
             "{\"b\":null}\n{}\n{\"b\":\"\"}\n",
             "(,null) (,null) (,null)"},
        Case{"LinesAreNumberedWithoutMalformedOnes",
             {.format = Format::Json,
              .table = "b:int, n:long",
              .mapping = R"([{"Column":"b","Path":"$.b"},{"Column":"n","Transform":"SourceLineNumber"}])"},
             "{\"b\":1}\n{\n{\"b\":\"x\"}\n{\"b\":4}\n",
             "(1,1) (4,3) refused 2 [2:{] [3:{\"b\":\"x\"}]"},
        Case{"ElementsOfAnArray",
             {.format = Format::MultiJson},
             R"([{"b":1}, {"b":true} ,{"b":3}])",
             "(,1) (,3) refused 1 [2:{\"b\":true}]"},
        Case{"SyntaxStillFailsTheSource", {.format = Format::MultiJson}, R"({"b":1}{"b":)", kInvalid},
        Case{"LogLines",
             {.format = Format::W3cLogFile, .table = "s:int"},
             "#Fields: s x\n200 a\nq a\n200\n500 -\n",
             "(200) (500) refused 2 [2:q a] [3:200]"},
        Case{"OneValueOnly", {.format = Format::SingleJson}, R"({"b":true})", kInvalid}),
    [](const auto& test) { return test.param.name; });

TEST(StrictLimits, ATextThatIsCutIsRefused) {
    const std::string longer((1 << 20) + 1, 'z');
    EXPECT_EQ(parsed({.table = "a:string", .strict = true}, longer + "\nx\n"), "(x) refused 1 [1:" + longer + "]");
}

TEST(StrictLimits, ASourceWithVeryManyRefusedRecordsFails) {
    std::string lines = "1\n";
    for (int i = 0; i < 10'000; ++i)
        lines += "x\n";
    const Source source{.table = "b:int", .strict = true};
    EXPECT_TRUE(parsed(source, lines).starts_with("(1) refused 10000 [2:x] [3:x]"));
    EXPECT_EQ(parsed(source, lines + "x\n"), kInvalid);
}

TEST(StrictLimits, TheNextSourceStartsAfresh) {
    const auto parser = test::parser({.table = "b:int", .strict = true});
    Rows rows(std::make_shared<const Schema>(test::schema("b:int")));
    parser->begin();
    ASSERT_TRUE(parser->feed("1\nx\n", false, rows));
    ASSERT_TRUE(parser->finish(rows));
    parser->begin();
    ASSERT_TRUE(parser->feed("2\n", false, rows));
    ASSERT_TRUE(parser->finish(rows));
    EXPECT_TRUE(parser->take_refused().empty());
}

} // namespace
} // namespace sluice::data
