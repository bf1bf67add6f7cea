#include "plugins/fswatch/notification.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace sluice::fswatch {
namespace {

LedgerEntry entry() {
    return {.sequence = 0x2A,
            .path = "in/a b.csv",
            .source_path = {},
            .facts = {.inode = 7, .size = 524'288, .mtime_ns = 1},
            .first_seen_ns = 1'767'261'600'123'456'789,
            .arrival = Arrival::MovedIn};
}

TEST(Notification, HasTheShapeOfABlobCreatedEvent) {
    const auto json = nlohmann::json::parse(notification(entry(), {.container = "data"}, "drop"));
    ASSERT_TRUE(json.is_array());
    ASSERT_EQ(json.size(), 1u);
    const auto& event = json[0];
    EXPECT_EQ(event["eventType"], "Microsoft.Storage.BlobCreated");
    EXPECT_EQ(event["subject"], "/blobServices/default/containers/data/blobs/in/a b.csv");
    EXPECT_EQ(event["eventTime"], "2026-01-01T10:00:00.1234567Z");
    EXPECT_EQ(event["dataVersion"], "");
    EXPECT_EQ(event["metadataVersion"], "1");
    EXPECT_EQ(event["data"]["api"], "PutBlob");
    EXPECT_EQ(event["data"]["url"], "file://data/in/a%20b.csv");
    EXPECT_EQ(event["data"]["contentLength"], 524'288);
    EXPECT_EQ(event["data"]["contentType"], "text/csv");
    EXPECT_EQ(event["data"]["blobType"], "BlockBlob");
    EXPECT_EQ(event["data"]["sequencer"], "000000000000002A");
    EXPECT_EQ(event["data"]["eTag"], etag_text(entry().facts.etag()));
}

TEST(Notification, OfARenameNamesBothEnds) {
    LedgerEntry renamed = entry();
    renamed.arrival = Arrival::Renamed;
    renamed.source_path = "old.csv";
    const auto event = nlohmann::json::parse(notification(renamed, {.container = "data"}, "drop"))[0];
    EXPECT_EQ(event["eventType"], "Microsoft.Storage.BlobRenamed");
    EXPECT_EQ(event["dataVersion"], "1");
    EXPECT_EQ(event["data"]["api"], "RenameFile");
    EXPECT_EQ(event["data"]["sourceUrl"], "file://data/old.csv");
    EXPECT_EQ(event["data"]["destinationUrl"], "file://data/in/a%20b.csv");
    EXPECT_FALSE(event["data"].contains("url"));
    EXPECT_FALSE(event["data"].contains("eTag"));
}

TEST(Notification, IsTheSameEachTimeAndDiffersBetweenEntries) {
    LedgerEntry other = entry();
    other.sequence = 43;
    EXPECT_EQ(notification(entry(), {}, "drop"), notification(entry(), {}, "drop"));
    const auto id = [](const LedgerEntry& one) {
        return nlohmann::json::parse(notification(one, {}, "drop"))[0]["id"];
    };
    EXPECT_NE(id(entry()), id(other));
    EXPECT_EQ(id(entry()).get<std::string>().size(), 36u);
}

TEST(Notification, SurvivesANameThatIsNotText) {
    LedgerEntry odd = entry();
    odd.path = "\xFF\".csv";
    const auto event = nlohmann::json::parse(notification(odd, {.container = "data"}, "drop"))[0];
    EXPECT_EQ(event["data"]["url"], "file://data/%FF%22.csv");
    EXPECT_EQ(event["subject"], "/blobServices/default/containers/data/blobs/%FF\".csv");
}

TEST(Etag, ChangesWithInodeSizeAndTimeOnly) {
    const FileFacts facts{.inode = 1, .size = 2, .mtime_ns = 3, .ctime_ns = 4};
    FileFacts moved = facts;
    moved.ctime_ns = 5;
    EXPECT_EQ(facts.etag(), moved.etag());
    EXPECT_NE(facts.etag(), (FileFacts{.inode = 2, .size = 2, .mtime_ns = 3}).etag());
    EXPECT_NE(facts.etag(), (FileFacts{.inode = 1, .size = 3, .mtime_ns = 3}).etag());
    EXPECT_NE(facts.etag(), (FileFacts{.inode = 1, .size = 2, .mtime_ns = 4}).etag());
}

TEST(Sidecar, TakesNumbersAndBooleansAsText) {
    EXPECT_EQ(
        parse_sidecar(R"({"kustoTable":"T","rawSizeBytes":12,"kustoIgnoreFirstRecord":true,"kustoDatabase":null})"),
        (Metadata{{"kustoTable", "T"}, {"rawSizeBytes", "12"}, {"kustoIgnoreFirstRecord", "true"}}));
}

TEST(Sidecar, RefusesWhatIsNotAFlatObject) {
    for (const auto* text : {"", "[1]", "{\"a\":", "{\"a\":{}}", "{\"a\":[]}", "3"})
        EXPECT_THROW(parse_sidecar(text), std::invalid_argument) << text;
}

TEST(Sidecar, WinsOverThePathWhateverItsSpelling) {
    const Metadata path = {{"kustoTable", "P"}, {"kustoDatabase", "D"}, {"kustoCreationTime", "2026-01-01"}};
    EXPECT_EQ(merge({{"KustoTable", "S"}, {"kustoCreationTimeUtc", "2025-01-01"}}, path),
              (Metadata{{"KustoTable", "S"}, {"kustoCreationTimeUtc", "2025-01-01"}, {"kustoDatabase", "D"}}));
    EXPECT_EQ(merge({}, path), path);
}

TEST(StartTime, IsReadWithAndWithoutZone) {
    EXPECT_EQ(parse_start("1970-01-01T00:00:01Z"), 1'000'000'000);
    EXPECT_EQ(parse_start("1970-01-01T00:00:01"), 1'000'000'000);
    EXPECT_EQ(parse_start("1970-01-01T02:00:00+02:00"), 0);
    EXPECT_EQ(parse_start("1970-01-01T00:00:00.1234567Z"), 123'456'700);
    EXPECT_EQ(parse_start("1970-01-02"), 86'400'000'000'000);
    EXPECT_EQ(parse_start("beginning"), INT64_MIN);
    EXPECT_EQ(parse_start("0001-01-01T00:00:00Z"), INT64_MIN);
    for (const auto* text : {"", "soon", "2026-13-01", "2026-01-01T00", "2026-01-01T00:00:00Zx", "2026-02-30"})
        EXPECT_FALSE(parse_start(text)) << text;
    EXPECT_EQ(time_text(*parse_start("2026-01-01T10:00:00.1234567Z")), "2026-01-01T10:00:00.1234567Z");
}

} // namespace
} // namespace sluice::fswatch
