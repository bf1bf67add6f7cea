#include "core/data/gzip.hpp"
#include "tests/core/engine/engine_fixture.hpp"

#include <fstream>
#include <vector>

/// `.ingest into table T ('file://...')` with packed files (formats-and-mappings 2.1).
namespace sluice::engine {
namespace {

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

INSTANTIATE_TEST_SUITE_P(
    FormatsAndMappings, IngestPacked,
    testing::Values(Case{"FM120_GzipMembers", "x.csv.gz", data::gzip("x,1\n") + data::gzip("y,2\n"), "",
                         "x | 1\ny | 2"},
                    Case{"FM121_NoGzip", "x.csv.gz", "x,1\n", "", "BadRequest_InvalidBlob"},
                    Case{"FM121_NoGzipTakenAsItIs", "x.csv.gz", "x,1\n", "TreatGzAsUncompressed=true", "x | 1"},
                    Case{"FM125_AContainerInGzip", "x.parquet.gz", data::gzip("any"), "", "BadRequest_NotSupported"}),
    [](const auto& test) { return test.param.name; });

TEST_F(IngestFiles, ABlockWithoutARowHidesNoneBehindIt) {
    write("a.csv", "h,h\nx,1"); // the row ends with the file, so the first block gives none
    EXPECT_EQ(ingest(uri("a.csv"), "ignoreFirstRecord=true"), "x | 1");
}

} // namespace
} // namespace sluice::engine
