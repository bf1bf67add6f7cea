#include "core/data/gzip.hpp"
#include "tests/core/router/router_fixture.hpp"
#include "tests/support/zip_bytes.hpp"

#include <gmock/gmock.h>

namespace sluice::router {
namespace {

using test::zip_bytes;
using test::ZipEntry;

class ArchiveTest : public FileRouterTest {
protected:
    /// Announces the archive and waits until it is dealt with and its batch is sealed.
    void ingest(const std::string& name, const std::string& bytes) {
        write(name, bytes);
        Router router = event_grid();
        open(router, "ledger");
        notify(router, 1, name);
        ASSERT_TRUE(router.drain(seconds(30)));
        seal();
    }
    /// "1:a 2:b", by the number.
    std::string stored(const char* table = "Queued") {
        const auto found = databases_.catalog().find("Own")->find_table(table);
        return text("SELECT coalesce(string_agg(id || ':' || line, ' ' ORDER BY id), '') FROM (" +
                    store::Store::visible_rows(*found) + ") AS t(id, line)");
    }
    /// Of the only dead letter.
    std::string letter(const std::string& column) { return text("SELECT " + column + " FROM sluice.dead_letters"); }

    std::string text(const std::string& sql) {
        auto result = databases_.writer("Own")->store().query(sql, {}, {{{"text", ScalarType::String}}}, {});
        EXPECT_TRUE(result) << result.error().message;
        const auto chunk = result->next();
        EXPECT_TRUE(chunk && *chunk);
        return std::string((*chunk)->column(0).text(0));
    }
};

TEST_F(ArchiveTest, DC39_EachMemberHasItsHeaderRecord) {
    settings_.ignore_first_record = true;
    ingest("z.zip", zip_bytes({{"a.csv", "h,t\n1,a"}, {"b.csv", "h,t\n2,b\n"}}));
    EXPECT_EQ(stored(), "1:a 2:b");
    EXPECT_EQ(totals().received, 1u);
    EXPECT_EQ(totals().stored, 1u);
}

TEST_F(ArchiveTest, IsQueuedWhereItsRowsCouldBeStreamed) {
    settings_.table_name = "Streamed";
    write("z.csv.zip", zip_bytes({{"a", "1,a"}}));
    write("a.csv", "2,b");
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "z.csv.zip");
    notify(router, 2, "a.csv");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(stored("Streamed"), "2:b");
    seal();
    EXPECT_EQ(stored("Streamed"), "1:a 2:b");
}

TEST_F(ArchiveTest, MembersOfSeveralFormatsCommitTogether) {
    ingest(
        "z.zip",
        zip_bytes({{"a.csv", "1,a"}, {"d/b.json", R"({"Id":2,"Text":"b"})", true}, {"c.csv.gz", data::gzip("3,c")}}));
    EXPECT_EQ(stored(), "1:a 2:b 3:c");
    EXPECT_EQ(totals().stored, 1u);
}

TEST_F(ArchiveTest, AMappingOfTheMembersFormatIsEnough) {
    settings_.table_name = "Streamed";
    settings_.mapping_rule_name = "M"; // of kind json; the archive's own name tells no format
    add_mapping("M", R"([{"Column":"Id","Path":"$.n"},{"Column":"Text","Transform":"SourceLocation"}])");
    ingest("z.zip", zip_bytes({{"d/a b.json", R"({"n":1})"}}));
    EXPECT_EQ(stored("Streamed"), "1:file://in/z.zip!/d/a%20b.json");
}

TEST_F(ArchiveTest, ColumnsThatAMappingAddsAreThereForAllFormats) {
    settings_.table_name = "Streamed";
    settings_.mapping_rule_name = "M";
    add_mapping("M", R"([{"Column":"Id","Path":"$.n"},{"Column":"More","DataType":"string","Path":"$.m"}])");
    ingest("z.zip", zip_bytes({{"a.json", R"({"n":1,"m":"x"})"}, {"b.multijson", R"([{"n":2,"m":"y"}])"}}));
    EXPECT_EQ(rows("Own", "Streamed"), 2);
    EXPECT_EQ(databases_.catalog().find("Own")->find_table("Streamed")->columns.size(), 3u);
}

TEST_F(ArchiveTest, AMemberThatFailsFailsTheArchive) {
    ingest("z.zip", zip_bytes({{"a.csv", "1,a"}, {"b.csv", "2,\"open"}, {"c.csv", "3,c"}}));
    EXPECT_EQ(stored(), "");
    EXPECT_EQ(letter("error_code"), "Stream_ClosingQuoteMissing");
    EXPECT_THAT(letter("details"), testing::HasSubstr("member 'b.csv' of the zip archive"));
    EXPECT_EQ(totals().dead_lettered, 1u);
}

TEST_F(ArchiveTest, ALargeOneIsWrittenAheadAndCountsWhole) {
    std::string text;
    for (int i = 0; i < 300'000; ++i)
        text += std::to_string(i) + ",row of a large member that needs pieces\n";
    std::string json;
    for (int i = 0; i < 100'000; ++i)
        json += R"({"Id":)" + std::to_string(i) +
                R"(,"Text":"row of another one that needs pieces too"})"
                "\n";
    const std::vector<ZipEntry> members{{"a.csv", text, true}, {"b.json", json, true}};
    ingest("large.zip", zip_bytes(members));
    EXPECT_EQ(rows("Own", "Queued"), 400'000);
    EXPECT_EQ(totals().stored, 1u);
}

TEST_F(ArchiveTest, ALargeOneThatBreaksOffLeavesNothing) {
    std::string text;
    for (int i = 0; i < 300'000; ++i)
        text += std::to_string(i) + ",row of a large member that needs pieces\n";
    ingest("large.zip", zip_bytes({{"a.csv", text, true}, {"b.json", "no json"}}));
    EXPECT_EQ(rows("Own", "Queued"), 0);
    EXPECT_EQ(letter("error_code"), "BadRequest_NoRecordsOrWrongFormat");
    for (const store::Part& part : databases_.writer("Own")->parts())
        EXPECT_NE(part.state, store::PartState::Piece);
}

TEST_F(ArchiveTest, AStrictConnectionParksSingleRecordsOfAMember) {
    settings_.strict = true;
    ingest("z.zip",
           zip_bytes({{"a.json", R"({"Id":1,"Text":"a"})"}, {"b.json", "{\"Id\":2,\"Text\":\"b\"}\n{\"Id\":\"x\"}"}}));
    EXPECT_EQ(stored(), "1:a 2:b");
    EXPECT_EQ(letter("decode(body)"), R"({"Id":"x"})");
    EXPECT_THAT(letter("details"), testing::HasSubstr("member 'b.json'"));
    EXPECT_EQ(totals().stored, 1u);
    EXPECT_EQ(totals().dead_lettered, 0u);
}

TEST_F(ArchiveTest, IsIngestedOnceHoweverOftenItIsAnnounced) {
    write("z.zip", zip_bytes({{"a.csv", "1,a"}}));
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "z.zip");
    notify(router, 2, "z.zip");
    ASSERT_TRUE(router.drain(seconds(10)));
    seal();
    EXPECT_EQ(stored(), "1:a");
    EXPECT_EQ(totals().skipped["duplicate"], 1u);
}

TEST_F(ArchiveTest, OneThatIsGoneIsSkipped) {
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "gone.zip");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(totals().skipped["deleted"], 1u);
}

TEST_F(ArchiveTest, ADatabaseThatAFileNamesGetsTheWholeArchive) {
    settings_.multi_database = true;
    write("z.zip", zip_bytes({{"a.csv", "1,a"}, {"b.json", R"({"Id":2,"Text":"b"})"}}));
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "z.zip", "e1", {{"kustoDatabase", "Other"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    ASSERT_TRUE(databases_.writer("Other")->seal_now({}, "Time"));
    EXPECT_EQ(rows("Other", "Queued"), 2);
    EXPECT_EQ(rows("Own", "Queued"), 0);
}

struct Refusal {
    std::string name, file, bytes, reason;
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << refusal.name;
}

class ArchiveRefusal : public ArchiveTest, public testing::WithParamInterface<Refusal> {};

TEST_P(ArchiveRefusal, BecomesADeadLetterWithTheReason) {
    ingest(GetParam().file, GetParam().bytes);
    EXPECT_EQ(stored(), "");
    EXPECT_EQ(letter("error_code"), GetParam().reason);
    EXPECT_EQ(letter("source"), "file://in/" + GetParam().file);
    EXPECT_EQ(totals().dead_lettered, 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Archive, ArchiveRefusal,
    testing::Values(
        Refusal{"NoArchive", "z.zip", "1,a", "BadRequest_InvalidArchive"},
        Refusal{"CutShort", "z.zip", zip_bytes({{"a.csv", "1,a"}}).substr(0, 40), "BadRequest_InvalidArchive"},
        Refusal{"Encrypted", "z.csv.zip", zip_bytes({{.name = "a", .content = "1,a", .flags = 1}}),
                "BadRequest_InvalidArchive"},
        Refusal{"Nested", "z.zip", zip_bytes({{"a.zip", zip_bytes({{"a.csv", "1,a"}})}}), "BadRequest_InvalidArchive"},
        Refusal{"Empty", "z.zip", zip_bytes({}), "BadRequest_EmptyArchive"},
        Refusal{"OnlyHiddenFiles", "z.zip", zip_bytes({{"__MACOSX/a.csv", "1,a"}, {"d/"}}), "BadRequest_EmptyArchive"},
        Refusal{"AContainerByItsName", "z.zip", zip_bytes({{"a.avro", "any"}}), "BadRequest_NotSupported"},
        Refusal{"AContainerByTheArchivesName", "z.avro.zip", zip_bytes({{"a.csv", "1,a"}}),
                "BadRequest_NotSupported"}),
    [](const auto& test) { return test.param.name; });

} // namespace
} // namespace sluice::router
