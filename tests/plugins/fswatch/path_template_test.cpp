#include "plugins/fswatch/path_template.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::fswatch {
namespace {

TEST(PathTemplate, TakesMetadataOutOfPaths) {
    struct Case {
        const char* name;
        const char* text;
        const char* path;
        Metadata expected;
    };
    const Case cases[] = {
        {"segments", "{database}/{table}/{*}", "db/t/a.csv", {{"kustoDatabase", "db"}, {"kustoTable", "t"}}},
        {"too few segments", "{database}/{table}/{*}", "db/a.csv", {}},
        {"too many segments", "{database}/{table}/{*}", "db/t/x/a.csv", {}},
        {"any rest", "{database}/{**}", "db/x/y/a.csv", {{"kustoDatabase", "db"}}},
        {"part of a segment, shortest match", "{table}_{*}.csv", "orders_2026_01.csv", {{"kustoTable", "orders"}}},
        {"literal that comes twice", "{table}.csv", "a.csv.csv", {{"kustoTable", "a.csv"}}},
        {"literal text", "in/{table}/{*}", "in/t/a.csv", {{"kustoTable", "t"}}},
        {"other literal text", "in/{table}/{*}", "out/t/a.csv", {}},
        {"all captures",
         "{database}/{table}/{mapping}/{creation_time}.{format}",
         "d/t/m/2026-01-02.csv",
         {{"kustoDatabase", "d"},
          {"kustoTable", "t"},
          {"kustoIngestionMappingReference", "m"},
          {"kustoCreationTime", "2026-01-02T00:00:00Z"},
          {"kustoDataFormat", "csv"}}},
        {"no empty captures", "{table}_{*}", "_a", {}},
    };
    for (const auto& one : cases)
        EXPECT_EQ(PathTemplate(one.text).match(one.path), one.expected) << one.name;
}

TEST(PathTemplate, CompletesCreationTimes) {
    EXPECT_EQ(full_creation_time("2026-01-02"), "2026-01-02T00:00:00Z");
    EXPECT_EQ(full_creation_time("20260102"), "2026-01-02T00:00:00Z");
    EXPECT_EQ(full_creation_time("2026-01-02T13"), "2026-01-02T13:00:00Z");
    EXPECT_EQ(full_creation_time("2026-01-02T13:14:15Z"), "2026-01-02T13:14:15Z");
    EXPECT_EQ(full_creation_time("yesterday"), "yesterday");
}

TEST(PathTemplate, RefusesWhatItDoesNotUnderstand) {
    for (const auto* text : {"{tabel}/{*}", "{table", "table}", "{**}/{table}", "{table}{*}"})
        EXPECT_THROW(PathTemplate{text}, std::invalid_argument) << text;
}

TEST(PathTemplate, HostileNamesDoNotTakeForEver) {
    const PathTemplate greedy("{*}_{*}_{*}_{*}_{*}_{*}_{*}_{*}_{table}.csv");
    EXPECT_TRUE(greedy.match(std::string(4'000, '_')).empty());
}

} // namespace
} // namespace sluice::fswatch
