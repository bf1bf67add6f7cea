#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

using test::parsed;
using test::Source;

constexpr std::string_view kMapping = R"json([{"Column":"ip","Properties":{"Field":"c-ip"}},
    {"Column":"ua","Properties":{"Field":"cs(User-Agent)"
}
},{"Column":"st","Properties":{"Field":"sc-status"}}])json";
const Source kMapped{.format = Format::W3cLogFile, .table = "ip:string, ua:string, st:int", .mapping = kMapping};
const Source kPlain{.format = Format::W3cLogFile, .table = "a:string, b:int"};

struct Case {
    std::string name;
    Source source;
    std::string_view input;
    std::string_view expected;
};

class W3cLog : public testing::TestWithParam<Case> {};

TEST_P(W3cLog, GivesTheRows) {
    for (const std::size_t block : {0, 1, 9})
        EXPECT_EQ(parsed(GetParam().source, GetParam().input, block), GetParam().expected) << "blocks of " << block;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    All, W3cLog,
    testing::Values(Case{"FM131_FieldsThatChange", kMapped,
                         "#Version: 1.0\n#Fields: date c-ip cs(User-Agent) sc-status\n2026-01-02 10.0.0.1 \"my "
                         "\"\"x\"\" agent\" 200\n"
                         "2026-01-02 10.0.0.2 - 404\n#Fields: sc-status c-ip\n500 10.0.0.3\nbad\n",
                         "(10.0.0.1,my \"x\" agent,200) (10.0.0.2,,404) (10.0.0.3,,500) malformed 1"},
                    Case{"NamesOfTheTable", kPlain, "#Fields: b a\n1 x\r\n2\ty", "(x,1) (y,2)"},
                    Case{"PlusStays", kPlain, "#Fields: a b\nx+y 1\n", "(x+y,1)"},
                    Case{"MoreThanTheFields", kPlain, "#Fields: a b\nx 1 2\ny 3\n", "(y,3) malformed 1"},
                    Case{"OpenQuote", kPlain, "#Fields: a b\n\"x 1\ny 3\n", "(y,3) malformed 1"},
                    Case{"DataBeforeFields", kPlain, "#Version: 1.0\nx 1\n", "BadRequest_InvalidBlob"},
                    Case{"OnlyDirectives", kPlain, "#Fields: a b\n", "BadRequest_NoRecordsOrWrongFormat"},
                    Case{"NumbersOfRecords",
                         {.format = Format::W3cLogFile,
                          .table = "n:long",
                          .mapping = R"([{"Column":"n","Properties":{"Transform":"SourceLineNumber"}}])"},
                         "#Fields: a\nx\nbad line\ny\n",
                         "(1) (2) malformed 1"}),
    name_of);

} // namespace
} // namespace sluice::data
