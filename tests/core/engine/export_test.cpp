#include "core/data/gzip.hpp"
#include "tests/core/engine/engine_fixture.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>

namespace sluice::engine {
namespace {

class Export : public EngineFixture {
protected:
    void SetUp() override {
        EngineOptions options;
        options.file_root = root_.path();
        open(std::move(options), true);
        set_up({".create table T (n:long, s:string, d:dynamic, r:real, t:datetime)",
                ".set-or-append T <| print long(1), 'a,\"b\"', dynamic({\"x\":[1,2]}), 1.5, datetime(2025-03-01)",
                ".set-or-append T <| print long(null), 'tab\there', dynamic(null), real(nan), datetime(null)"});
    }
    std::string to(const std::string& what, const std::string& more = "",
                   const std::string& query = "T | order by n desc") {
        return columns(fmt::format(".export {} ('file://{}/out') {} <| {}", what, root_.path().string(), more, query),
                       "NumRecords");
    }
    /// Contents of the files that were written, in the order of their numbers.
    std::string written() {
        std::map<std::string, std::string> files;
        if (std::filesystem::exists(root_.path() / "out"))
            for (const auto& entry : std::filesystem::directory_iterator(root_.path() / "out")) {
                std::ifstream file(entry.path(), std::ios::binary);
                files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(file), {});
            }
        std::string all;
        for (const auto& [name, text] : files)
            all += text;
        std::filesystem::remove_all(root_.path() / "out");
        return all;
    }

    test::TemporaryFolder root_;
};

TEST_F(Export, WritesWhatItsFormatSays) {
    EXPECT_EQ(to("to csv"), "2");
    EXPECT_EQ(written(), "1,\"a,\"\"b\"\"\",\"{\"\"x\"\":[1,2]}\",1.5,2025-03-01T00:00:00Z\n,tab\there,,NaN,\n");
    EXPECT_EQ(to("to tsv"), "2");
    EXPECT_EQ(written(), "1\ta,\"b\"\t{\"x\":[1,2]}\t1.5\t2025-03-01T00:00:00Z\n\ttab\\there\t\tNaN\t\n");
    EXPECT_EQ(to("to json"), "2");
    EXPECT_EQ(written(),
              "{\"n\":1,\"s\":\"a,\\\"b\\\"\",\"d\":{\"x\":[1,2]},\"r\":1.5,\"t\":\"2025-03-01T00:00:00Z\"}\n"
              "{\"n\":null,\"s\":\"tab\\there\",\"d\":null,\"r\":\"NaN\",\"t\":null}\n");
}

TEST_F(Export, HeadersNamesAndSizesAreAsAsked) {
    EXPECT_EQ(to("to csv", "with (includeHeaders='all', sizeLimit=1, namePrefix='part', fileExtension='.txt')",
                 "T | project n | order by n desc"),
              "1\n1");
    EXPECT_EQ(written(), "n\n1\nn\n\n");
    EXPECT_EQ(to("to csv", "with (includeHeaders='firstFile', sizeLimit=1)", "T | project n | order by n desc"),
              "1\n1");
    EXPECT_EQ(written(), "n\n1\n\n");
    EXPECT_EQ(to("to csv", "", "T | where false"), "");
}

TEST_F(Export, CompressedFilesAreGzip) {
    EXPECT_EQ(to("compressed to csv", "", "range n from 1 to 300000 step 1"), "300000");
    const auto plain = data::gunzip(written(), 16_MiB);
    ASSERT_TRUE(plain);
    EXPECT_EQ(std::count(plain->begin(), plain->end(), '\n'), 300'000);
}

TEST_F(Export, WhatItWritesCanBeIngestedAgain) {
    for (const std::string format : {"csv", "tsv", "json"}) {
        EXPECT_EQ(to("to " + format, "", "T | where n == 1"), "1");
        std::string path;
        for (const auto& entry : std::filesystem::directory_iterator(root_.path() / "out"))
            path = entry.path().string();
        set_up({fmt::format(".set-or-replace Copy <| T | take 0").c_str(),
                fmt::format(".ingest into table Copy ('file://{}') with (format='{}')", path, format).c_str()});
        EXPECT_EQ(run("Copy"), run("T | where n == 1")) << format;
        written();
    }
}

TEST_F(Export, StaysBelowItsRootAndSaysWhatItCannotDo) {
    for (const char* command : {".export to csv ('file:///etc/out') <| T", ".export to csv ('../out') <| T"})
        EXPECT_NE(run(command).find("does not lie below server.file_root"), std::string::npos) << command;
    EXPECT_NE(to("to csv", "with (namePrefix='../x')").find("part of a file's name"), std::string::npos);
    EXPECT_NE(run(".export to csv ('https://files.example/out') <| T").find("file:// URIs only"), std::string::npos);
    EXPECT_NE(to("to parquet").find("parquet"), std::string::npos);
    // A query that fails half-way leaves no file.
    EXPECT_NE(to("to csv", "", "T | extend x = Nope").find("Nope"), std::string::npos);
    EXPECT_EQ(written(), "");
}

} // namespace
} // namespace sluice::engine
