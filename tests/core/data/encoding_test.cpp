#include "core/data/encoding.hpp"
#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

using namespace std::string_view_literals;
using test::parsed;

struct Case {
    const char* name;
    std::string_view encoding, bytes, rows;
};

class DeclaredEncoding : public testing::TestWithParam<Case> {};

TEST_P(DeclaredEncoding, BecomesUtf8WhereverItIsCut) {
    const Case& c = GetParam();
    const test::Source source{.encoding = c.encoding};
    for (const std::size_t block : {0, 1, 2, 3, 5})
        EXPECT_EQ(parsed(source, c.bytes, block), c.rows) << "in blocks of " << block;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Encodings, DeclaredEncoding,
    testing::Values(Case{"DC16", "windows-1252", "\xE9,1"sv, "(\u00e9,1)"},
                    Case{"AnyCase", "Windows-1252", "\xE9,1"sv, "(\u00e9,1)"},
                    Case{"None", "", "\xC3\xA9,1"sv, "(\u00e9,1)"}, Case{"Utf8", "UTF8", "\xC3\xA9,1"sv, "(\u00e9,1)"},
                    Case{"Utf16", "utf-16",
                         "\xE9\0,\0"
                         "1\0"sv,
                         "(\u00e9,1)"},
                    Case{"Utf16WithItsMark", "unicode",
                         "\xFF\xFE\xE9\0,\0"
                         "1\0"sv,
                         "(\u00e9,1)"},
                    Case{"Utf16BigEndian", "unicodeFFFE",
                         "\0\xE9\0,\0"
                         "1"sv,
                         "(\u00e9,1)"},
                    Case{"Utf16Pair", "utf-16",
                         "\x3D\xD8\x00\xDE,\0"
                         "1\0"sv,
                         "(\U0001F600,1)"},
                    Case{"Utf32", "utf-32",
                         "\xE9\0\0\0,\0\0\0"
                         "1\0\0\0"sv,
                         "(\u00e9,1)"},
                    Case{"MarkOfUtf8Wins", "windows-1252", "\xEF\xBB\xBF\xC3\xA9,1"sv, "(\u00e9,1)"},
                    Case{"MarkOfUtf16Wins", "utf-32",
                         "\xFE\xFF\0\xE9\0,\0"
                         "1"sv,
                         "(\u00e9,1)"},
                    Case{"StartsLikeAMark", "windows-1252", "\xEF,1"sv, "(\u00ef,1)"},
                    Case{"Gb18030DropsItsMark", "gb18030", "\x84\x31\x95\x33\xC4\xE3,1"sv, "(\u4f60,1)"},
                    Case{"ShiftJis", "shift_jis", "\x93\xFA\\,1"sv, "(\u65e5\\,1)"},
                    Case{"EucKr", "euc-kr", "\xC7\xD1,1"sv, "(\ud55c,1)"},
                    Case{"Koi8", "koi8-r", "\xC1,1"sv, "(\u0430,1)"},
                    Case{"Big5", "big5", "\xA7\x41,1"sv, "(\u4f60,1)"},
                    Case{"Ibm437", "ibm437", "\x81,1"sv, "(\u00fc,1)"},
                    Case{"Macintosh", "macintosh", "\x8E,1"sv, "(\u00e9,1)"},
                    Case{"HalfOfAPair", "utf-16",
                         "\x3D\xD8x\0,\0"
                         "1\0"sv,
                         "(\uFFFDx,1)"},
                    Case{"Undecodable", "us-ascii", "a\xE9,1"sv, "(a\uFFFD,1)"}),
    name_of);

TEST(DeclaredEncoding, ACharacterThatIsCutShortBecomesOneReplacement) {
    EXPECT_EQ(parsed({.table = "a:string", .encoding = "shift_jis"}, "a\x93"sv), "(a\uFFFD)");
    EXPECT_EQ(parsed({.table = "a:string", .encoding = "utf-16"}, "a\0b"sv), "(a\uFFFD)");
}

TEST(DeclaredEncoding, ACharacterThatWaitsForAMarkIsNotLost) {
    EXPECT_EQ(parsed({.table = "a:string", .encoding = "windows-1255"}, "\xE0"sv), "(\u05d0)");
}

TEST(DeclaredEncoding, AppliesToTextsOfAllKindsAndAgainForTheNextSource) {
    const auto parser = test::parser({.format = Format::Json, .table = "a:string", .encoding = "windows-1252"});
    Rows rows(std::make_shared<const Schema>(test::schema("a:string")));
    for (int source = 0; source < 2; ++source) {
        parser->begin();
        ASSERT_TRUE(parser->feed("{\"a\":\"\xE9\"}", false, rows));
        ASSERT_TRUE(parser->finish(rows));
    }
    EXPECT_EQ(test::shown(rows), "(\u00e9) (\u00e9)");
}

TEST(FindEncoding, EveryNameOfTheListCanBeDecoded) {
    for (const char* name :
         {"utf-8",        "utf8",         "utf-16",       "unicode",      "utf-16be",     "unicodefffe",
          "utf-32",       "utf-32be",     "us-ascii",     "ascii",        "iso-8859-1",   "latin1",
          "iso-8859-2",   "iso-8859-3",   "iso-8859-4",   "iso-8859-5",   "iso-8859-6",   "iso-8859-7",
          "iso-8859-8",   "iso-8859-9",   "iso-8859-10",  "iso-8859-11",  "iso-8859-13",  "iso-8859-14",
          "iso-8859-15",  "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254",
          "windows-1255", "windows-1256", "windows-1257", "windows-1258", "koi8-r",       "koi8-u",
          "ibm437",       "ibm850",       "ibm852",       "shift_jis",    "euc-jp",       "euc-kr",
          "gb2312",       "gbk",          "gb18030",      "big5",         "macintosh"}) {
        const auto found = find_encoding(name);
        ASSERT_TRUE(found) << name;
        EXPECT_TRUE(CharsetDecoder::open(*found)) << name << " is " << *found;
    }
}

TEST(FindEncoding, RefusesUnknownNamesAndUtf7) {
    for (const char* name : {"utf-7", "klingon", "iso-8859-12", "UTF-16LE//IGNORE"}) {
        const auto found = find_encoding(name);
        ASSERT_FALSE(found) << name;
        EXPECT_EQ(found.error().reason, "BadRequest_MalformedIngestionProperty");
    }
}

} // namespace
} // namespace sluice::data
