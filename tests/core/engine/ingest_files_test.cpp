#include "core/data/gzip.hpp"
#include "tests/core/engine/engine_fixture.hpp"
#include "tests/support/zip_bytes.hpp"

#include <fstream>
#include <vector>

/// `.ingest into table T ('file://...')` with packed files (formats-and-mappings 2.1 and 10.1).
namespace sluice::engine {
namespace {

using test::zip_bytes;

class IngestFiles : public EngineFixture {
protected:
    void SetUp() override {
        std::filesystem::create_directories(root());
        EngineOptions options;
        options.file_root = root();
        open(std::move(options), true);
        set_up({".create table T (a:string, b:int)"});
    }
    std::filesystem::path root() const { return folder_.path() / "files"; }
    void write(const std::string& name, const std::string& bytes) {
        std::ofstream(root() / name, std::ios::binary) << bytes;
    }
    /// The rows of the table, or the reason why nothing was stored.
    std::string ingest(const std::string& files, const std::string& with = {}) {
        const auto answer = engine_->command(
            request("Harbor", ".ingest into table T (" + files + ")" + (with.empty() ? "" : " with (" + with + ")")));
        if (!answer) {
            EXPECT_EQ(run("T"), "") << "nothing stays of what failed";
            return answer.error().reason;
        }
        return run("T | order by a asc, b asc");
    }
    std::string uri(const std::string& name) const { return "'file://" + (root() / name).string() + "'"; }
};

struct Case {
    std::string name, file, bytes, with, expected;
};
void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name;
}

class IngestPacked : public IngestFiles, public testing::WithParamInterface<Case> {};

TEST_P(IngestPacked, IsUnpackedByTheRules) {
    write(GetParam().file, GetParam().bytes);
    EXPECT_EQ(ingest(uri(GetParam().file), GetParam().with), GetParam().expected);
}

const std::string kTwo = zip_bytes({{"a.csv", "x,1\n"}, {"b.txt", "y,2\n", true}});

INSTANTIATE_TEST_SUITE_P(
    FormatsAndMappings, IngestPacked,
    testing::Values(
        Case{"FM120_GzipMembers", "x.csv.gz", data::gzip("x,1\n") + data::gzip("y,2\n"), "", "x | 1\ny | 2"},
        Case{"FM121_NoGzip", "x.csv.gz", "x,1\n", "", "BadRequest_InvalidBlob"},
        Case{"FM121_NoGzipTakenAsItIs", "x.csv.gz", "x,1\n", "TreatGzAsUncompressed=true", "x | 1"},
        Case{"FM122_AGlob", "z.zip", kTwo, "zipPattern='*.csv'", "x | 1"},
        Case{"FM123_AnExpression", "z.zip", kTwo, "zipPattern='^b\\\\.'", "y,2 | ∅"},
        Case{"FM123_AnExpressionAndAFormat", "z.zip", kTwo, "zipPattern='^b\\\\.', format='csv'", "y | 2"},
        Case{"FM124_NothingMatches", "z.zip", kTwo, "zipPattern='*.json'", "BadRequest_EmptyArchive"},
        Case{"FM125_AContainerInGzip", "x.parquet.gz", data::gzip("any"), "", "BadRequest_NotSupported"},
        Case{"AContainerInZip", "z.zip", zip_bytes({{"x.parquet", "any"}}), "", "BadRequest_NotSupported"},
        Case{"AContainerInZipByTheProperty", "z.zip", kTwo, "format='avro'", "BadRequest_NotSupported"},
        Case{"AllMembersInTheirFormats", "z.zip", kTwo, "", "x | 1\ny,2 | ∅"},
        Case{"TheOuterNameTellsTheFormat", "z.csv.zip", kTwo, "", "x | 1\ny | 2"},
        Case{"EachMemberHasItsHeader", "z.zip", zip_bytes({{"a.csv", "h,h\nx,1"}, {"b.csv", "h,h\ny,2"}}),
             "ignoreFirstRecord=true", "x | 1\ny | 2"},
        Case{"AMappingByTheFormatOfTheMember", "z.zip", zip_bytes({{"a.json", R"({"n":"x"})"}}),
             R"(ingestionMapping='[{"Column":"a","Path":"$.n"},{"Column":"b","Transform":"SourceLineNumber"}]')",
             "x | 1"},
        Case{"AMemberFails", "z.zip", zip_bytes({{"a.csv", "x,1"}, {"b.csv", "y,\"2"}}), "",
             "Stream_ClosingQuoteMissing"},
        Case{"NoArchive", "z.zip", "x,1\n", "", "BadRequest_InvalidArchive"},
        Case{"ABrokenPattern", "z.zip", kTwo, "zipPattern='(a)\\\\1'", "BadRequest_MalformedIngestionProperty"}),
    [](const auto& test) { return test.param.name; });

TEST_F(IngestFiles, ABlockWithoutARowHidesNoneBehindIt) {
    write("a.csv", "h,h\nx,1"); // the row ends with the file, so the first block gives none
    EXPECT_EQ(ingest(uri("a.csv"), "ignoreFirstRecord=true"), "x | 1");
}

TEST_F(IngestFiles, AnArchiveAndAPlainFileAreOneIngestion) {
    write("z.zip", zip_bytes({{"a.psv", "x|1"}, {"b.csv", "y,2"}}));
    write("c.csv", "z,3");
    EXPECT_EQ(ingest(uri("z.zip") + ", " + uri("c.csv")), "x | 1\ny | 2\nz | 3");
    EXPECT_EQ(columns(".show table T details", "TotalExtents TotalRowCount"), "1 | 3");
}

TEST_F(IngestFiles, ALargeArchiveIsOneExtent) {
    std::string text;
    for (int i = 0; i < 300'000; ++i)
        text += "row of a large member," + std::to_string(i) + "\n";
    write("z.zip", zip_bytes({{"a.csv", text, true}, {"b.csv", text, true}}));
    ASSERT_EQ(run(".ingest into table T (" + uri("z.zip") + ") | project HasErrors"), "false");
    EXPECT_EQ(run("T | summarize count(), sum(b)"), "600000 | 89999700000");
    EXPECT_EQ(columns(".show table T details", "TotalExtents"), "1");
}

} // namespace
} // namespace sluice::engine
