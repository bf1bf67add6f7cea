#include "plugins/fswatch/names.hpp"

#include <gtest/gtest.h>

namespace sluice::fswatch {
namespace {

TEST(NameRules, SaysWhichFilesCount) {
    const NameRules rules{.container = "data"};
    struct Case {
        const char* name;
        const char* path;
        bool eligible;
    };
    const Case cases[] = {
        {"plain", "a.csv", true},
        {"in a folder", "in/a.csv", true},
        {"leading dot", ".a.csv", false},
        {"folder with leading dot", ".done/a.csv", false},
        {"folder with leading dot further down", "in/.done/a.csv", false},
        {"tmp", "a.csv.tmp", false},
        {"upper case tmp", "a.csv.TMP", false},
        {"partial", "a.partial", false},
        {"part", "a.part", false},
        {"browser download", "a.crdownload", false},
        {"sftp client", "a.filepart", false},
        {"editor", "a.swp", false},
        {"backup", "a.csv~", false},
        {"sidecar", "a.csv.meta.json", false},
        {"looks like an ignored suffix but is not", "department.csv", true},
    };
    for (const auto& one : cases)
        EXPECT_EQ(rules.is_eligible(one.path), one.eligible) << one.name;
}

TEST(NameRules, FiltersApplyToTheSubject) {
    const NameRules rules{.container = "data",
                          .subject_begins_with = "/blobServices/default/containers/data/blobs/in/",
                          .subject_ends_with = ".csv.gz"};
    EXPECT_TRUE(rules.is_eligible("in/a.csv.gz"));
    EXPECT_TRUE(rules.is_eligible("IN/A.CSV.GZ"));
    EXPECT_FALSE(rules.is_eligible("other/a.csv.gz"));
    EXPECT_FALSE(rules.is_eligible("in/a.csv"));
    NameRules exact = rules;
    exact.subject_case_sensitive = true;
    EXPECT_TRUE(exact.is_eligible("in/a.csv.gz"));
    EXPECT_FALSE(exact.is_eligible("in/a.CSV.gz"));
}

TEST(NameRules, AFlatFolderHasNoSubfolders) {
    const NameRules rules{.container = "data", .recursive = false};
    EXPECT_TRUE(rules.is_eligible("a.csv"));
    EXPECT_FALSE(rules.is_eligible("in/a.csv"));
    EXPECT_FALSE(rules.is_watched_folder("in"));
    EXPECT_TRUE(rules.is_watched_folder(""));
}

TEST(NameRules, UrlsArePercentEncodedAndSubjectsAreNot) {
    const NameRules rules{.container = "my data"};
    EXPECT_EQ(rules.url("in/a b%.csv"), "file://my%20data/in/a%20b%25.csv");
    EXPECT_EQ(rules.subject("in/a b%.csv"), "/blobServices/default/containers/my data/blobs/in/a b%.csv");
    EXPECT_EQ(rules.url("\xFF.csv"), "file://my%20data/%FF.csv");
}

TEST(Utf8, TellsWellFormedTextFromBytes) {
    EXPECT_TRUE(is_utf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
    for (const auto* bytes :
         {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80"})
        EXPECT_FALSE(is_utf8(bytes));
    EXPECT_EQ(printable("\xE9t\xE9"), "%E9t%E9");
    EXPECT_EQ(printable("\xC3\xA9t\xC3\xA9"), "\xC3\xA9t\xC3\xA9");
}

} // namespace
} // namespace sluice::fswatch
