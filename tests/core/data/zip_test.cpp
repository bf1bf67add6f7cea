#include "core/data/archive_reader.hpp"
#include "core/data/gzip.hpp"
#include "tests/core/data/parsing.hpp"
#include "tests/support/zip_bytes.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::data {
namespace {

using sluice::test::MemoryFile;
using sluice::test::zip_bytes;
using sluice::test::ZipEnd;
using sluice::test::ZipEntry;

struct Choice {
    std::string_view name = "z.zip"; ///< of the archive
    std::string_view pattern = {};
    std::optional<Format> format = {}; ///< said, not told by names
    bool plain_gz = false;
    Bytes limit = kMaxFile;
};

Result<ArchiveReader> opened(const MemoryFile& file, const Choice& choice) {
    SLUICE_TRY(auto pattern, ZipPattern::parse(choice.pattern));
    return ArchiveReader::open(file.descriptor(), {.name = std::string(choice.name),
                                                   .location = "file://c/" + std::string(choice.name),
                                                   .pattern = std::move(pattern),
                                                   .plain_gz = choice.plain_gz,
                                                   .limit = choice.limit});
}

/// The rows of all members, or the reason why there are none.
std::string ingested(std::string_view bytes, const Choice& choice = {}, test::Source source = {}) {
    const MemoryFile file(bytes);
    auto reader = opened(file, choice);
    if (!reader)
        return reader.error().reason;
    Rows rows(std::make_shared<const Schema>(test::schema(source.table)));
    for (const ArchiveMember& member : reader->members()) {
        source.format = choice.format.value_or(format_of_file_name(reader->format_name(member)).value_or(Format::Csv));
        if (const auto allowed = check_packed_format(source.format, "zip"); !allowed)
            return allowed.error().reason;
        const auto parser = test::parser(source);
        if (const auto parsed = reader->parse(member, *parser, rows, [] { return Result<>(); }); !parsed) {
            EXPECT_TRUE(parsed.error().permanent());
            EXPECT_THAT(parsed.error().message, testing::HasSubstr("member '" + member.entry.name + "'"));
            return parsed.error().reason;
        }
    }
    return test::shown(rows);
}

struct Case {
    std::string name;
    std::vector<ZipEntry> entries;
    std::string expected;
    Choice choice = {};
    test::Source source = {};
};
void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name;
}

class Zip : public testing::TestWithParam<Case> {};

TEST_P(Zip, IsIngestedByTheRules) {
    const Case& one = GetParam();
    auto entries = one.entries;
    EXPECT_EQ(ingested(zip_bytes(entries), one.choice, one.source), one.expected);
    for (ZipEntry& entry : entries)
        entry.zip64 = true;
    EXPECT_EQ(ingested(zip_bytes(entries, {.zip64 = true}), one.choice, one.source), one.expected) << "as zip64";
    for (ZipEntry& entry : entries)
        entry.deflated = true;
    EXPECT_EQ(ingested(zip_bytes(entries, {.comment = "a comment"}), one.choice, one.source), one.expected)
        << "deflated";
}

const std::vector<ZipEntry> kTwo{{"a.csv", "x,1\n"}, {"b.txt", "y,2\n"}};
const std::string kInvalid = "BadRequest_InvalidArchive", kEmpty = "BadRequest_EmptyArchive";

INSTANTIATE_TEST_SUITE_P(
    Archive, Zip,
    testing::Values(
        Case{"FM122_AGlobSelects", kTwo, "(x,1)", {.pattern = "*.csv"}},
        Case{"FM123_AnExpressionSelects_FormatByName", kTwo, "(y,2,null)", {.pattern = R"(^b\.)"}},
        Case{"FM123_AnExpressionSelects_FormatGiven", kTwo, "(y,2)", {.pattern = R"(^b\.)", .format = Format::Csv}},
        Case{"FM124_NothingMatches", kTwo, kEmpty, {.pattern = "*.json"}},
        Case{"DC39_EachMemberHasItsHeader",
             {{"a.csv", "h\n1"}, {"b.csv", "h\n2"}},
             "(1) (2)",
             {},
             {.table = "n:long", .ignore_first_record = true}},
        Case{"MembersComeInTheOrderOfTheDirectory", {{"b.csv", "b,1"}, {"a.csv", "a,2"}}, "(b,1) (a,2)"},
        Case{"EachMemberHasItsFormat",
             {{"a.psv", "x|1"}, {"d/b.JSON", R"({"a":"y","b":2})"}, {"c", "z,3"}},
             "(x,1) (y,2) (z,3)"},
        Case{"TheOuterNameWins", {{"a.psv", "x,1"}}, "(x,1)", {.name = "z.csv.zip"}},
        Case{"AFormatThatIsGivenWinsOverAll", {{"a.csv", "x|1"}}, "(x,1)", {"z.json.zip", {}, Format::Psv}},
        Case{"FoldersEmptyAndHiddenFilesAreSkipped",
             {{"d/"},
              {"d/a.csv", "x,1"},
              {"empty.csv"},
              {"__MACOSX/d/a.csv", "no,1"},
              {"d/.b.csv", "no,2"},
              {".c", "no,3"}},
             "(x,1)"},
        Case{"NothingIsLeft", {{"d/"}, {".a.csv", "x,1"}}, kEmpty}, Case{"NoMembers", {}, kEmpty},
        Case{"AGzipMemberIsInflated", {{"a.csv.gz", gzip("x,1\n") + gzip("y,2\n")}}, "(x,1) (y,2)"},
        Case{"AGzipMemberThatIsNone", {{"a.csv.gz", "x,1"}}, "BadRequest_InvalidBlob"},
        Case{"AGzipMemberCutShort", {{"a.csv.gz", gzip("x,1\n").substr(0, 12)}}, "BadRequest_InvalidBlob"},
        Case{"AGzipMemberTakenAsPlain", {{"a.csv.gz", "x,1"}}, "(x,1)", {.plain_gz = true}},
        Case{"ANestedArchive", {{"a.csv", "x,1"}, {"b.ZIP", zip_bytes({{"c.csv", "y,2"}})}}, kInvalid},
        Case{"ANestedArchiveInsideGzip", {{"b.zip.gz", gzip(zip_bytes({{"c.csv", "y,2"}}))}}, kInvalid},
        Case{"ANestedArchiveThatIsNotSelected", {{"a.csv", "x,1"}, {"b.zip", "any"}}, "(x,1)", {.pattern = "*.csv"}},
        Case{"AContainer", {{"a.parquet", "any"}}, "BadRequest_NotSupported"},
        Case{"AContainerByTheOuterName", {{"a.csv", "any"}}, "BadRequest_NotSupported", {.name = "a.avro.zip"}},
        Case{"EncryptedMember", {{.name = "a.csv", .content = "x,1", .flags = 1}}, kInvalid},
        Case{"EncryptedMemberThatIsNotSelected",
             {{"a.csv", "x,1"}, {.name = "b", .content = "y", .flags = 1}},
             "(x,1)",
             {.pattern = "csv"}},
        Case{"ANameThatIsNotUtf8AsItSays", {{"\xFF.csv", "x,1"}}, kInvalid},
        Case{"Deflate64", {{.name = "a.csv", .content = "x,1", .method = 9}}, kInvalid},
        Case{"Bzip2", {{.name = "a.csv", .content = "x,1", .method = 12}}, kInvalid},
        Case{"WrongSum", {{.name = "a.csv", .content = "x,1", .wrong_sum = 1}}, kInvalid},
        Case{"UnpacksToLessThanItClaims", {{.name = "a.csv", .content = "x,1", .claims = 4}}, kInvalid},
        Case{"UnpacksToMoreThanItClaims", {{.name = "a.csv", .content = "x,1\ny,2", .claims = 3}}, kInvalid},
        Case{"AMemberFails", {{"a.csv", "x,1"}, {"b.csv", "y,\"2"}}, "Stream_ClosingQuoteMissing"},
        Case{"AMemberWithoutRecords", {{"a.csv", "x,1"}, {"b.csv", "\n\n"}}, "BadRequest_NoRecordsOrWrongFormat"},
        Case{"FieldCountsAreComparedWithinAMember", {{"a.csv", "x,1"}, {"b.csv", "y,2,3"}}, "(x,1) (y,2)"},
        Case{"EachMemberHasItsByteOrderMark",
             {{"a.csv", "\xEF\xBB\xBFx,1\n"},
              {"b.csv", std::string("\xFF\xFEy\0,\0"
                                    "2\0",
                                    8)}},
             "(x,1) (y,2)"},
        Case{"LinesAreCountedInEachMemberAndItsLocationIsKnown",
             {{"d/a b.csv", "x\ny"}, {"\xC3\xA4.csv", "z"}},
             "(file://c/z.zip!/d/a%20b.csv,1) (file://c/z.zip!/d/a%20b.csv,2) (file://c/z.zip!/%C3%A4.csv,1)",
             {},
             {.mapping = R"([{"Column":"a","Properties":{"Transform":"SourceLocation"}},
                             {"Column":"b","Properties":{"Transform":"SourceLineNumber"}}])"}},
        Case{"OverTheLimitTogether", {{"a.csv", "x,1\n"}, {"b.csv", "y,2\n"}}, "BadRequest_FileTooLarge", {.limit = 7}},
        Case{"JustWithinTheLimit", {{"a.csv", "x,1\n"}, {"b.csv", "y,2\n"}}, "(x,1) (y,2)", {.limit = 8}},
        Case{"ManyLevelsOfFoldersAndAbsolutePathsAreNames",
             {{"/etc/../../a.csv", "x,1"}, {"C:\\b.csv", "y,2"}},
             "(x,1) (y,2)"}),
    [](const auto& test) { return test.param.name; });

struct Written {
    std::string_view file; ///< of the fuzz target's corpus, behind three bytes that are the target's
    std::string expected;
};

TEST(ZipArchive, ReadsWhatPythonWrites) {
    std::string many;
    for (int i = 0; i < 20; ++i)
        many += " (y,2)";
    for (const Written& one : std::vector<Written>{{"stored", "(x,1)"},
                                                   {"deflated", "(x,1)" + many},
                                                   {"sizes_behind", "(x,1)" + many},
                                                   {"zip64_member", "(x,1)"},
                                                   {"gzip_member", "(x,1)"},
                                                   {"end_in_comment", "(x,1)"},
                                                   {"empty", kEmpty},
                                                   {"bzip2", kInvalid},
                                                   {"encrypted", kInvalid},
                                                   {"nested", kInvalid},
                                                   {"cut_short", kInvalid}}) {
        std::ifstream file("tests/fuzz/corpus/zip/" + std::string(one.file), std::ios::binary);
        std::ostringstream bytes;
        bytes << file.rdbuf();
        ASSERT_GT(bytes.view().size(), 3u) << one.file;
        EXPECT_EQ(ingested(bytes.view().substr(3)), one.expected) << one.file;
    }
}

TEST(ZipArchive, RefusesWhatIsDamagedWithoutACrash) {
    const std::string whole =
        zip_bytes({{"a.csv", "x,1\n", true}, {.name = "b.csv", .content = "y,2\n", .zip64 = true}}, {.zip64 = true});
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_THAT(ingested(std::string_view(whole).substr(0, size)), testing::AnyOf(kInvalid, kEmpty)) << size;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string changed = whole;
        changed[at] ^= '\x55';
        ingested(changed);
    }
    EXPECT_EQ(ingested("no archive at all"), kInvalid);
    EXPECT_EQ(ingested("PK\x03\x04"), kInvalid);
    EXPECT_EQ(ingested(gzip("x,1\n")), kInvalid);
}

TEST(ZipArchive, RefusesOneOfSeveralVolumes) {
    EXPECT_EQ(ingested(zip_bytes({{"a.csv", "x,1"}}, {.disk = 1})), kInvalid);
}

TEST(ZipArchive, SaysWhatItCannotRead) {
    const MemoryFile file(zip_bytes({{.name = "secret.csv", .content = "x,1", .flags = 1}}));
    auto archive = ZipArchive::open(file.descriptor());
    ASSERT_TRUE(archive);
    const auto read = archive->read(*archive->member(0), [](std::string_view) { return Result<>(); });
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "the zip archive cannot be read: 'secret.csv' in it is encrypted");
}

TEST(ZipArchive, AFileThatCannotBeReadIsNotTheArchivesFault) {
    const int folder = ::open(".", O_RDONLY | O_DIRECTORY);
    const auto archive = ZipArchive::open(folder);
    ::close(folder);
    ASSERT_FALSE(archive);
    EXPECT_EQ(archive.error().code, ErrorCode::Io);
}

TEST(ZipArchive, StopsABombAtTheLimit) {
    const MemoryFile file(zip_bytes({{"a.txt", std::string(20 << 20, '\n'), true}}));
    auto reader = opened(file, {.limit = 1_MiB});
    ASSERT_TRUE(reader);
    const auto parser = test::parser({.format = Format::Txt});
    Rows rows(std::make_shared<const Schema>(test::schema("a:string, b:int")));
    const auto parsed = reader->parse(reader->members()[0], *parser, rows, [] { return Result<>(); });
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().reason, "BadRequest_FileTooLarge");
    EXPECT_LE(reader->unpacked(), 1_MiB + 64_KiB);
}

TEST(ZipArchive, StopsABombThatUnpacksToNothing) {
    std::string nothing;
    for (int i = 0; i < 100'000; ++i)
        nothing += gzip("");
    EXPECT_EQ(ingested(zip_bytes({{"a.csv.gz", nothing, true}}), {.limit = 1_MiB}), "BadRequest_FileTooLarge");
}

TEST(ZipArchive, SpendsNoMemoryOnWhatADirectoryClaims) {
    const MemoryFile file(zip_bytes({{"a.csv", "x,1"}}, {.zip64 = true, .claims = std::uint64_t(1) << 40}));
    const auto archive = ZipArchive::open(file.descriptor());
    ASSERT_FALSE(archive);
    EXPECT_THAT(archive.error().message, testing::HasSubstr("more than 100000 members"));
}

TEST(ZipArchive, LimitsTheNumberOfMembers) {
    sluice::test::ZipWriter writer;
    for (std::uint64_t i = 0; i < ZipArchive::kMaxMembers; ++i)
        writer.add({"a"});
    const std::string most = writer.finish({.zip64 = true});
    EXPECT_EQ(ingested(most), kEmpty);
    writer.add({"a"});
    EXPECT_EQ(ingested(writer.finish({.zip64 = true})), kInvalid);
}

TEST(ZipArchive, LimitsTheDirectory) {
    sluice::test::ZipWriter writer;
    const std::string name(60'000, 'n');
    for (int i = 0; i < 300; ++i)
        writer.add({name});
    const MemoryFile file(writer.finish());
    const auto archive = ZipArchive::open(file.descriptor());
    ASSERT_FALSE(archive);
    EXPECT_THAT(archive.error().message, testing::HasSubstr("a directory of more than 16777216 bytes"));
}

TEST(ZipArchive, LeavesThePositionOfTheFileAlone) {
    const MemoryFile file(zip_bytes({{"a.csv", "x,1"}}));
    const off_t before = ::lseek(file.descriptor(), 3, SEEK_SET);
    ASSERT_TRUE(opened(file, {}));
    EXPECT_EQ(::lseek(file.descriptor(), 0, SEEK_CUR), before);
}

bool selects(std::string_view pattern, std::string_view path) {
    const auto parsed = ZipPattern::parse(pattern);
    EXPECT_TRUE(parsed) << pattern;
    return parsed && parsed->matches(path);
}

TEST(ZipPattern, IsAnExpressionFoundAnywhereInThePath) {
    EXPECT_TRUE(selects("", "any"));
    EXPECT_TRUE(selects("2024/", "in/2024/a.csv"));
    EXPECT_TRUE(selects(R"(\.csv$)", "in/a.csv"));
    EXPECT_FALSE(selects(R"(\.csv$)", "in/a.CSV"));
    EXPECT_FALSE(selects("^a", "in/a.csv"));
    EXPECT_TRUE(selects("^(?!b)", "a.csv"));
    EXPECT_FALSE(selects("^(?!b)", "b.csv"));
    EXPECT_TRUE(selects(R"(a\d{2}\.(csv|tsv))", "a17.tsv"));
}

TEST(ZipPattern, IsAGlobWhenItIsNoExpression) {
    EXPECT_TRUE(selects("*.csv", "in/a.csv"));
    EXPECT_FALSE(selects("*.csv", "in/a.csv.gz"));
    EXPECT_FALSE(selects("*.csv", "a.csv/b"));
    EXPECT_FALSE(selects("*.csv", "a.CSV"));
    EXPECT_TRUE(selects("*[0-9].csv", "in/a7.csv"));
    EXPECT_TRUE(selects("*", "in/anything"));
}

struct GlobCase {
    std::string_view glob, matches, differs;
};

TEST(ZipPattern, MatchesGlobs) {
    for (const GlobCase& one : std::vector<GlobCase>{{"*a*b", "xaxbxb", "xaxbx"},
                                                     {"?.csv", "\xC3\xA4.csv", ".csv"},
                                                     {"[abc]", "b", "d"},
                                                     {"[a-cx-]", "-", "d"},
                                                     {"[!a-c]", "d", "b"},
                                                     {"[^a-c]", "d", "b"},
                                                     {"[]a]", "]", "b"},
                                                     {"[\xC3\xA4-\xC3\xBC]", "\xC3\xB6", "o"},
                                                     {"[a", "[a", "a"},
                                                     {"a**", "a", "b"},
                                                     {"", "", "a"},
                                                     {"a?c*", "abcdef", "ac"}}) {
        EXPECT_TRUE(matches_glob(one.matches, one.glob)) << one.glob;
        EXPECT_FALSE(matches_glob(one.differs, one.glob)) << one.glob;
    }
}

TEST(ZipPattern, TakesNoMoreTimeThanThePathIsLong) {
    const std::string path(20'000, 'a');
    EXPECT_FALSE(selects("(a+)+$b", path));
    EXPECT_FALSE(matches_glob(path, "*a*a*a*a*a*a*b"));
}

TEST(ZipPattern, RefusesWhatCouldTakeForEver) {
    for (const std::string& pattern :
         {std::string(R"((a)\1)"), std::string("((a{500}){500}){500}"), std::string(257, 'a')}) {
        const auto parsed = ZipPattern::parse(pattern);
        ASSERT_FALSE(parsed) << pattern;
        EXPECT_EQ(parsed.error().reason, "BadRequest_MalformedIngestionProperty");
    }
    EXPECT_TRUE(ZipPattern::parse(std::string(128, '(') + std::string(128, ')')));
}

} // namespace
} // namespace sluice::data
