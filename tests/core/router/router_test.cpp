#include "tests/core/router/router_fixture.hpp"

namespace sluice::router {
namespace {

TEST_F(RouterTest, EventsBecomeRowsAndAreAcknowledgedAfterTheCommit) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1,"Text":"a"})");
    deliver(router, 2, R"({"Id":2,"Text":"b"})");
    std::vector<Ack> acks;
    router.take_acks(acks);
    EXPECT_TRUE(acks.empty());
    ASSERT_TRUE(router.drain(seconds(10)));
    router.take_acks(acks);
    ASSERT_EQ(acks.size(), 1u);
    EXPECT_EQ(acks[0].first, 1u);
    EXPECT_EQ(acks[0].last, 2u);
    EXPECT_EQ(rows("Own", "Streamed"), 2);
    EXPECT_EQ(router.events_in_flight(), 0u);
}

TEST_F(RouterTest, ABadEventIsParkedAndItsNeighboursAreStored) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1})");
    deliver(router, 2, R"({"Id":)");
    deliver(router, 3, R"({"Id":3})");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 2);
    EXPECT_EQ(dead_letters("Own", "BadRequest_InvalidBlob"), 1);
    EXPECT_EQ(totals().received, 3u);
    EXPECT_EQ(totals().stored, 2u);
    EXPECT_EQ(totals().dead_lettered, 1u);
    EXPECT_EQ(databases_.writer("Own")->lane_position("c", "l/0")->sequence, 3u);
}

TEST_F(RouterTest, APartlyParsedEventLeavesNoRows) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1}{"Id":2}{"Id":)");
    deliver(router, 2, R"({"Id":3})");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 1);
}

TEST_F(RouterTest, AStrictConnectionParksSingleRecordsAndStoresTheirNeighbours) {
    settings_.strict = true;
    settings_.data_format = "json";
    Router router = event_hub();
    open(router);
    deliver(router, 1, "{\"Id\":1}\n{\"Id\":\n{\"Id\":\"x\"}\n{\"Id\":4}");
    deliver(router, 2, "{\"Id\":5}");
    deliver(router, 3, "{\"Id\":true}");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 3);
    auto letters = databases_.writer("Own")->store().query(
        "SELECT decode(body), position FROM sluice.dead_letters ORDER BY sequence, position", {},
        {{{"body", ScalarType::String}, {"position", ScalarType::String}}}, {});
    ASSERT_TRUE(letters) << letters.error().message;
    const auto chunk = letters->next();
    ASSERT_TRUE(chunk) << chunk.error().message;
    ASSERT_EQ((*chunk)->rows(), 3u);
    EXPECT_EQ((*chunk)->column(0).text(0), "{\"Id\":");
    EXPECT_NE((*chunk)->column(1).text(0).find("\"record\":2"), std::string_view::npos);
    EXPECT_EQ((*chunk)->column(0).text(1), "{\"Id\":\"x\"}");
    EXPECT_NE((*chunk)->column(1).text(1).find("\"record\":3"), std::string_view::npos);
    EXPECT_EQ((*chunk)->column(0).text(2), "{\"Id\":true}"); // nothing of the event is left, so it is parked as a whole
    // Events are counted, not records.
    EXPECT_EQ(totals().received, 3u);
    EXPECT_EQ(totals().stored, 2u);
    EXPECT_EQ(totals().dead_lettered, 1u);
}

TEST_F(RouterTest, FM85_ColumnsOfAMappingThatTheTableLacksAreAddedAndTheBatchIsQueued) {
    add_mapping("M", R"([{"Column":"Id","Path":"$.Id"},{"Column":"n","DataType":"long","Path":"$.n"}])");
    settings_.mapping_rule_name = "M";
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1,"n":7})");
    ASSERT_TRUE(router.drain(seconds(10)));
    const auto table = databases_.catalog().find("Own")->find_table("Streamed");
    ASSERT_EQ(table->columns.size(), 3u);
    EXPECT_EQ(table->columns[2].name, "n");
    EXPECT_EQ(table->columns[2].type, ScalarType::Long);
    EXPECT_EQ(totals().staged, 1u);
    deliver(router, 2, R"({"Id":2,"n":8})"); // there is nothing to add any more
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(totals().stored, 1u);
    ASSERT_TRUE(databases_.writer("Own")->seal_now({}, "Time"));
    EXPECT_EQ(rows("Own", "Streamed"), 2);
    auto sum = databases_.writer("Own")->store().query(
        "SELECT CAST(sum(c" + std::to_string(table->columns[2].id) + ") AS BIGINT) FROM (" + store::Store::visible_rows(*table) + ")", {},
        {{{"n", ScalarType::Long}}}, {});
    ASSERT_TRUE(sum) << sum.error().message;
    EXPECT_EQ((*sum->next())->column(0).get<std::int64_t>(0), 15);
}

TEST_F(RouterTest, NoColumnIsAddedForAMappingThatDoesNotFit) {
    add_mapping("M", R"([{"Column":"n","DataType":"long","Path":"$.n"},{"Column":"Id","DataType":"string","Path":"$.Id"}])");
    settings_.mapping_rule_name = "M";
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1,"n":7})");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(dead_letters("Own", "BadRequest_InconsistentMapping"), 1);
    EXPECT_EQ(databases_.catalog().find("Own")->find_table("Streamed")->columns.size(), 2u);
}

TEST_F(RouterTest, AMappingMayAskWhereAnEventCameFrom) {
    add_mapping("M", R"([{"Column":"Id","Path":"$.Id"},{"Column":"Text","Transform":"SourceLocation"}])");
    settings_.mapping_rule_name = "M";
    Router router = event_hub();
    open(router, "orders/3");
    deliver(router, 42, R"({"Id":1})");
    ASSERT_TRUE(router.drain(seconds(10)));
    const auto snapshot = databases_.catalog().find("Own");
    auto result = databases_.writer("Own")->store().query(
        "SELECT c" + std::to_string(snapshot->find_table("Streamed")->columns[1].id) + " FROM (" +
            store::Store::visible_rows(*snapshot->find_table("Streamed")) + ")", {}, {{{"t", ScalarType::String}}}, {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ((*result->next())->column(0).text(0), "source://c/orders/3/42");
}

TEST_F(RouterTest, DC16_TheDeclaredEncodingDecidesHowABodyIsRead) {
    settings_.data_format = "csv";
    Router router = event_hub();
    open(router);
    deliver(router, 1, "1,\xE9", {{"Encoding", "windows-1252"}});
    deliver(router, 2, "1,\xC3\xA9");
    deliver(router, 3, "1,a", {{"Encoding", "klingon"}});
    deliver(router, 4, "1,a", {{"Encoding", "windows-1252"}, {"Compression", "gzip"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed", "WHERE c2 = '\u00e9'"), 2);
    EXPECT_EQ(dead_letters("Own", "BadRequest_MalformedIngestionProperty"), 1);
    EXPECT_EQ(dead_letters("Own", "BadRequest_NotSupported"), 1);
}

TEST_F(RouterTest, DC03_DC04_SystemPropertiesGoIntoSingleUncompressedRecords) {
    settings_.data_format = "csv";
    settings_.event_system_properties = {"x-opt-offset"};
    Router router = event_hub();
    open(router);
    deliver(router, 1, "a");
    deliver(router, 2, "a\nb");
    deliver(router, 3, "a", {{"Compression", "gzip"}});
    deliver(router, 4, "4,txt", {{"Format", "txt"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed", "WHERE c1 = 1 AND c2 = 'a'"), 1);
    ASSERT_TRUE(databases_.writer("Own")->seal_now({}, "Time")); // txt is not streamed, so its row was staged
    EXPECT_EQ(rows("Own", "Streamed"), 2);
    EXPECT_EQ(dead_letters("Own", "Stream_WrongNumberOfFields"), 1);
    EXPECT_EQ(dead_letters("Own", "BadRequest_NotSupported"), 1);
}

TEST_F(RouterTest, EventsThatNameAnUnknownTableOrMappingOrDatabaseAreParkedWithTheCode) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, "{}", {{"Table", "Nowhere"}});
    deliver(router, 2, "{}", {{"IngestionMappingReference", "none"}});
    deliver(router, 3, "{}", {{"Database", "Other"}});
    deliver(router, 4, "{}", {{"Format", "nonsense"}});
    deliver(router, 5, "{}", {{"Compression", "lz4"}});
    deliver(router, 6, "not gzip", {{"Compression", "gzip"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    for (const char* code : {"BadRequest_TableNotExist", "BadRequest_MappingReferenceWasNotFound", "BadRequest_NonMultiDatabaseDataConnection",
                             "BadRequest_FormatNotSupported", "BadRequest_MalformedIngestionProperty", "BadRequest_InvalidBlob"})
        EXPECT_EQ(dead_letters("Own", code), 1) << code;
}

TEST_F(RouterTest, AnEmptyRoutingPropertyCountsAsAbsent) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1})", {{"Table", ""}});
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 1);
}

TEST_F(RouterTest, AFailedTransactionalPolicyQueuesTheRowsAndThreeInARowTheTable) {
    const auto set_policy = [&](const std::string& query) {
        const auto changed = databases_.writer("Own")->change_catalogue([&](const Database& before) -> Result<Database> {
            Database after = before;
            auto target = std::make_shared<catalog::Table>();
            if (const auto known = before.find_table("Derived"))
                *target = *known;
            else
                *target = {.id = after.next_table++, .name = "Derived", .columns = {{"Id", ScalarType::Long, after.next_column++}}};
            target->policies.update = {{.source = "Streamed", .query = query, .is_transactional = true}};
            after.tables["Derived"] = target;
            return after;
        });
        ASSERT_TRUE(changed) << changed.error().message;
    };
    set_policy("Streamed | where nope");
    Router router = event_hub();
    open(router);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        deliver(router, i, R"({"Id":1})");
        ASSERT_TRUE(router.drain(seconds(10)));
        EXPECT_EQ(totals().staged, i);
        EXPECT_EQ(databases_.writer("Own")->lane_position("c", "l/0")->sequence, i);
    }
    set_policy("Streamed | project Id");
    deliver(router, 4, R"({"Id":4})");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 0) << "the table is in back-off";
    EXPECT_EQ(router.probe().figures->queued_events, 4u);
    EXPECT_EQ(router.probe().figures->streamed_events, 0u);
    ASSERT_TRUE(databases_.writer("Own")->seal_now({}, "Time"));
    EXPECT_EQ(rows("Own", "Streamed"), 4);
    EXPECT_EQ(rows("Own", "Derived"), 4);
    EXPECT_EQ(totals().stored, 4u);
}

TEST_F(RouterTest, ATableWithoutAPolicyIsQueuedAndItsRowsAreStaged) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1})", {{"Table", "Queued"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Queued"), 0);
    EXPECT_EQ(totals().staged, 1u);
    ASSERT_TRUE(databases_.writer("Own")->seal_now({}, "Time"));
    EXPECT_EQ(rows("Own", "Queued"), 1);
    EXPECT_EQ(totals().staged, 0u);
    EXPECT_EQ(totals().stored, 1u);
}

TEST_F(RouterTest, DC10_TagsForceTheQueuedPath) {
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1})", {{"Tags", "['blue','drop-by:2026-01']"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    const auto parts = databases_.writer("Own")->parts();
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_EQ(parts[0].state, store::PartState::Staged);
    EXPECT_EQ(parts[0].tags, (std::vector<std::string>{"blue", "drop-by:2026-01"}));
}

TEST_F(RouterTest, DC17_TombstonesAreSkippedAndCounted) {
    Router router = event_hub();
    open(router);
    Message tombstone = message(1, {});
    tombstone.payload_is_null = true;
    deliver(router, tombstone);
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(totals().skipped["tombstone"], 1u);
    EXPECT_EQ(totals().received, 1u);
    EXPECT_EQ(databases_.writer("Own")->lane_position("c", "l/0")->sequence, 1u);
}

TEST_F(RouterTest, ANewInstanceResumesAfterTheCommittedPosition) {
    {
        Router router = event_hub();
        open(router);
        EXPECT_FALSE(resume_.found);
        Message made = message(41, R"({"Id":1})");
        made.position = "token";
        deliver(router, made);
        ASSERT_TRUE(router.drain(seconds(10)));
    }
    Router again = event_hub();
    open(again);
    EXPECT_TRUE(resume_.found);
    EXPECT_EQ(resume_.sequence, 41u);
    EXPECT_EQ(resume_.position, "token");
    deliver(again, 41, R"({"Id":1})"); // delivered again all the same
    ASSERT_TRUE(again.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 1);
    EXPECT_EQ(totals().skipped["duplicate"], 1u);
}

TEST_F(RouterTest, AnOwnerThatWasReplacedStops) {
    Router old_owner = event_hub();
    open(old_owner);
    deliver(old_owner, 1, R"({"Id":1})");
    Router new_owner = event_hub();
    open(new_owner);
    old_owner.drain(seconds(10));
    const Message next = message(2, R"({"Id":2})");
    const auto refused = old_owner.deliver({&next, 1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, ingest::kLaneFenced);
    EXPECT_EQ(rows("Own", "Streamed"), 0);
}

TEST_F(RouterTest, MultiDatabaseEventsAreStoredOnceInEachAcrossARestart) {
    settings_.multi_database = true;
    {
        Router router = event_hub();
        open(router);
        deliver(router, 1, R"({"Id":1})", {{"Database", "Other"}});
        deliver(router, 2, R"({"Id":2})");
        ASSERT_TRUE(router.drain(seconds(10)));
    }
    EXPECT_EQ(rows("Other", "Streamed"), 1);
    EXPECT_EQ(rows("Own", "Streamed"), 1);
    EXPECT_EQ(databases_.writer("Other")->lane_position("c", "l/0")->sequence, 1u);
}

TEST_F(RouterTest, AnotherDatabaseDropsWhatItHasAfterACrashBetweenTheCommits) {
    settings_.multi_database = true;
    // The other database committed sequence 7, the own one did not get that far.
    const auto epoch = databases_.writer("Other")->open_lane("c", "l/0").epoch;
    ingest::Delivery earlier;
    earlier.connection = "c";
    earlier.lanes.push_back({"l/0", epoch, 7, {}});
    databases_.writer("Other")->submit(std::move(earlier));
    ASSERT_TRUE(databases_.writer("Other")->save_setting("wait", "for the delivery"));
    Router router = event_hub();
    open(router);
    deliver(router, 7, R"({"Id":7})", {{"Database", "Other"}});
    deliver(router, 8, R"({"Id":8})", {{"Database", "Other"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Other", "Streamed"), 1);
    EXPECT_EQ(databases_.writer("Own")->lane_position("c", "l/0")->sequence, 8u);
}

TEST_F(RouterTest, AFullHouseOfEventsPausesTheSource) {
    settings_.max_in_flight_bytes = 1000;
    settings_.micro_batch_bytes = 1_GiB;
    Router router = event_hub();
    open(router);
    EXPECT_GT(router.credit().messages, 0u);
    const std::string body = R"({"Id":1,"Text":")" + std::string(2000, 'x') + "\"}";
    deliver(router, 1, body);
    EXPECT_EQ(router.credit().messages, 0u);
    EXPECT_TRUE(router.paused());
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_GT(router.credit().messages, 0u);
}

TEST_F(RouterTest, OversizedEventsAreParked) {
    settings_.max_event_bytes = 10;
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1,"Text":"too long"})");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(dead_letters("Own", "Stream_InputStreamTooLarge"), 1);
}

TEST_F(RouterTest, LostRangesBecomeGapsOfTheNextCommit) {
    Router router = event_hub();
    open(router);
    router.lost(lane_, 5, 9, "retention");
    deliver(router, 10, R"({"Id":1})");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(totals().gap, 5u);
}

TEST_F(FileRouterTest, AFileIsIngestedOnceHoweverOftenItIsAnnounced) {
    write("a.csv", "1,a\n2,b\n");
    {
        Router router = event_grid();
        open(router, "ledger");
        notify(router, 1, "a.csv");
        notify(router, 2, "a.csv");
        ASSERT_TRUE(router.drain(seconds(10)));
    }
    Router again = event_grid();
    open(again, "ledger");
    notify(again, 3, "a.csv");
    ASSERT_TRUE(again.drain(seconds(10)));
    seal();
    EXPECT_EQ(rows("Own", "Queued"), 2);
    EXPECT_EQ(totals().skipped["duplicate"], 2u);
}

TEST_F(FileRouterTest, ALargeFileIsWrittenAheadAndCountsWhole) {
    std::string text;
    for (int i = 0; i < 300'000; ++i)
        text += std::to_string(i) + ",row of a large file that needs pieces\n";
    write("large.csv", text);
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "large.csv");
    ASSERT_TRUE(router.drain(seconds(30)));
    EXPECT_EQ(rows("Own", "Queued"), 0);
    seal();
    EXPECT_EQ(rows("Own", "Queued"), 300'000);
    EXPECT_EQ(totals().stored, 1u);
}

TEST_F(FileRouterTest, ALargeFileThatBreaksOffLeavesNothing) {
    std::string text;
    for (int i = 0; i < 300'000; ++i)
        text += std::to_string(i) + ",row of a large file that needs pieces\n";
    write("broken.csv", text + "1,\"open quote\n");
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "broken.csv");
    ASSERT_TRUE(router.drain(seconds(30)));
    seal();
    EXPECT_EQ(rows("Own", "Queued"), 0);
    EXPECT_EQ(dead_letters("Own", "Stream_ClosingQuoteMissing"), 1);
    for (const store::Part& part : databases_.writer("Own")->parts())
        EXPECT_NE(part.state, store::PartState::Piece);
}

TEST_F(FileRouterTest, MissingAndEmptyFilesAreSkippedAndCounted) {
    write("empty.csv", "");
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "gone.csv");
    notify(router, 2, "empty.csv");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(totals().skipped["deleted"], 1u);
    EXPECT_EQ(totals().skipped["empty_file"], 1u);
    EXPECT_EQ(totals().received, 2u);
}

TEST_F(FileRouterTest, FM125_AContainerInsideGzipIsRefused) {
    write("x.avro.gz", "any");
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "x.avro.gz");
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(dead_letters("Own", "BadRequest_NotSupported"), 1);
}

TEST_F(FileRouterTest, ADoneFileIsMovedAfterTheCommit) {
    settings_.on_success = "move";
    settings_.done_dir = (folder_.path() / "done").string();
    write("a.csv", "1,a\n");
    Router router = event_grid();
    open(router, "ledger");
    notify(router, 1, "a.csv");
    EXPECT_TRUE(std::filesystem::exists(root() / "a.csv"));
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_FALSE(std::filesystem::exists(root() / "a.csv"));
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "done/a.csv"));
    ASSERT_TRUE(databases_.writer("Own")->save_setting("wait", "until the action is noted"));
    EXPECT_TRUE(databases_.writer("Own")->store().files_with_pending_action("c").empty());
}

} // namespace
} // namespace sluice::router
