#include "tests/core/store/sandbox.hpp"

namespace sluice::store {
namespace {

using namespace test;

class Transactions : public testing::Test {
protected:
    Transactions() {
        catalog::Database database = sandbox_.database;
        database.next_table = 3;
        sandbox_.save(with(with(database, numbers_table(1, "T")), numbers_table(2, "U")));
    }

    Part part(PartId id, PartState state, std::uint64_t rows, catalog::TableId table = 1) {
        return {.id = id,
                .table = table,
                .state = state,
                .extent = {7, static_cast<std::uint64_t>(id)},
                .batch_key = "key",
                .opened = 10,
                .rows = rows,
                .original_size = rows * 8,
                .items = 2};
    }
    /// Commits `rows` rows into the part and saves it.
    void fill(const Part& facts, std::int64_t first, std::size_t rows) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.append(sandbox_.table(facts.table == 1 ? "T" : "U"), facts.id, 5,
                                numbers(sandbox_.table("T"), first, rows)));
        must(transaction.save_part(facts));
        must(transaction.commit());
    }
    std::int64_t sum() {
        return sandbox_.number("SELECT coalesce(sum(c10), 0) FROM (" + Store::visible_rows(sandbox_.table("T")) + ")");
    }

    Sandbox sandbox_;
};

TEST_F(Transactions, RollbackLeavesNothing) {
    {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.append(sandbox_.table("T"), 1, 5, numbers(sandbox_.table("T"), 0, 10)));
        must(transaction.save_part(part(1, PartState::RowStore, 10)));
        must(transaction.save_lane({.connection = "c", .lane = "l", .epoch = 1, .sequence = 10}));
        must(transaction.save_setting("k", "v"));
        must(transaction.add_gap({.connection = "c", .lane = "l", .first = 1, .last = 2, .reason = "r"}));
    }
    EXPECT_EQ(sandbox_.count("T"), 0);
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.gaps"), 0);
    sandbox_.reopen();
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.t1"), 0);
    EXPECT_TRUE(sandbox_.loaded.parts.empty());
    EXPECT_TRUE(sandbox_.loaded.lanes.empty());
    EXPECT_TRUE(sandbox_.loaded.settings.empty());
}

TEST_F(Transactions, RowsForLaterGoInWithTheCommit) {
    const data::Rows first = numbers(sandbox_.table("T"), 0, 10), second = numbers(sandbox_.table("T"), 10, 5000);
    const data::Rows other = numbers(sandbox_.table("U"), 0, 3);
    {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.append_later(sandbox_.table("T"), 1, 5, first));
        must(transaction.append_later(sandbox_.table("U"), 2, 5, other));
        must(transaction.append_later(sandbox_.table("T"), 1, 5, second));
        must(transaction.save_part(part(1, PartState::RowStore, 5010)));
        must(transaction.save_part(part(2, PartState::RowStore, 3, 2)));
        must(transaction.commit());
    }
    sandbox_.reopen();
    EXPECT_EQ(sandbox_.count("T"), 5010);
    EXPECT_EQ(sum(), 5010 * 5009 / 2);
    EXPECT_EQ(sandbox_.count("U"), 3);
}

TEST_F(Transactions, WhatIsDroppedOrClearedTakesRowsForLaterAlong) {
    const data::Rows dropped = numbers(sandbox_.table("T"), 0, 10), cleared = numbers(sandbox_.table("U"), 0, 10);
    const data::Rows kept = numbers(sandbox_.table("U"), 0, 4);
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.append_later(sandbox_.table("T"), 1, 5, dropped));
    must(transaction.save_part(part(1, PartState::RowStore, 10)));
    must(transaction.drop_part(part(1, PartState::RowStore, 10)));
    must(transaction.append_later(sandbox_.table("U"), 2, 5, cleared));
    must(transaction.save_part(part(2, PartState::RowStore, 10, 2)));
    must(transaction.clear_table(2, false));
    must(transaction.append_later(sandbox_.table("U"), 3, 5, kept));
    must(transaction.save_part(part(3, PartState::RowStore, 4, 2)));
    must(transaction.commit());
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.t1"), 0);
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.t2"), 4);
}

TEST_F(Transactions, MoreRowsThanARowGroupDoNotGoThroughTheLog) {
    const std::size_t count = kRowGroupRows + 1;
    const data::Rows rows = numbers(sandbox_.table("T"), 0, count);
    const Bytes before = sandbox_.store().wal_bytes();
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.append_later(sandbox_.table("T"), 1, 5, rows));
    must(transaction.save_part(part(1, PartState::RowStore, count)));
    must(transaction.commit());
    EXPECT_LT(sandbox_.store().wal_bytes() - before, count);
    sandbox_.reopen();
    EXPECT_EQ(sum(), static_cast<std::int64_t>(count * (count - 1) / 2));
}

TEST_F(Transactions, RowGroupsThatGoInOnTwoThreadsAreThereOnce) {
    // In pieces that do not end where a row group does, and with a remainder.
    const std::size_t piece = kRowGroupRows / 3 + 7, pieces = 11, count = piece * pieces;
    std::vector<data::Rows> rows;
    for (std::size_t i = 0; i < pieces; ++i)
        rows.push_back(numbers(sandbox_.table("T"), static_cast<std::int64_t>(i * piece), piece));
    Transaction transaction = must(sandbox_.store().begin());
    for (const data::Rows& some : rows)
        must(transaction.append_later(sandbox_.table("T"), 1, 5, some));
    must(transaction.save_part(part(1, PartState::RowStore, count)));
    must(transaction.commit());
    sandbox_.reopen();
    EXPECT_EQ(sandbox_.count("T"), static_cast<std::int64_t>(count));
    EXPECT_EQ(sum(), static_cast<std::int64_t>(count * (count - 1) / 2));
}

TEST_F(Transactions, AfterARollbackTheNextOneWorks) {
    {
        Transaction abandoned = must(sandbox_.store().begin());
    }
    fill(part(1, PartState::RowStore, 3), 0, 3);
    EXPECT_EQ(sandbox_.count("T"), 3);
}

TEST_F(Transactions, ASecondOneIsRefusedWhileOneIsOpen) {
    Transaction first = must(sandbox_.store().begin());
    const auto second = sandbox_.store().begin();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Conflict);
}

TEST_F(Transactions, StagedRowsAndPiecesAreInvisibleUntilTheirPartIsAnExtent) {
    fill(part(1, PartState::RowStore, 1), 1, 1);
    fill(part(2, PartState::Staged, 1), 10, 1);
    fill(part(3, PartState::Piece, 1), 100, 1);
    fill(part(4, PartState::Extent, 1), 1000, 1);
    EXPECT_EQ(sum(), 1001);

    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.save_part(part(2, PartState::Extent, 1)));
    must(transaction.save_part(part(3, PartState::Extent, 1)));
    must(transaction.commit());
    EXPECT_EQ(sum(), 1111);
}

TEST_F(Transactions, PartsComeBackWithTheirLatestCounters) {
    Part open = part(1, PartState::Staged, 5);
    open.tags = {"drop-by:a", "it's \"quoted\""};
    open.events = {{"orders", 5}};
    fill(open, 0, 5);
    open.rows = 9;
    open.original_size = 72;
    open.items = 3;
    open.events["orders"] = 9;
    fill(open, 5, 4);
    for (int i = 0; i < 2; ++i) { // the first opening folds counters, the second reads what was folded
        sandbox_.reopen();
        ASSERT_EQ(sandbox_.loaded.parts.size(), 1u);
        const Part& stored = sandbox_.loaded.parts[0];
        EXPECT_EQ(stored.id, 1);
        EXPECT_EQ(stored.table, 1u);
        EXPECT_EQ(stored.state, PartState::Staged);
        EXPECT_EQ(stored.extent, (data::Guid{7, 1}));
        EXPECT_EQ(stored.batch_key, "key");
        EXPECT_EQ(stored.opened, 10);
        EXPECT_EQ(stored.rows, 9u);
        EXPECT_EQ(stored.original_size, 72u);
        EXPECT_EQ(stored.items, 3u);
        EXPECT_EQ(stored.tags, open.tags);
        EXPECT_EQ(stored.events, open.events);
        EXPECT_EQ(sandbox_.loaded.next_part, 2);
    }
}

TEST_F(Transactions, WhatSealingSavedBeatsOlderCounters) {
    Part open = part(1, PartState::RowStore, 5);
    fill(open, 0, 5);
    open.rows = 6;
    fill(open, 5, 1);
    open.state = PartState::Extent;
    open.sealed = 99;
    open.seal_reason = "Time";
    open.rows = 4;
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.save_part(open));
    must(transaction.commit());
    sandbox_.reopen();
    const Part& stored = sandbox_.loaded.parts.at(0);
    EXPECT_EQ(stored.state, PartState::Extent);
    EXPECT_EQ(stored.rows, 4u);
    EXPECT_EQ(stored.sealed, 99);
    EXPECT_EQ(stored.seal_reason, "Time");
}

TEST_F(Transactions, ManySavesOfAPartInOneKeepTheLast) {
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.append(sandbox_.table("T"), 1, 5, numbers(sandbox_.table("T"), 0, 3)));
    must(transaction.save_part(part(1, PartState::RowStore, 1)));
    must(transaction.save_part(part(1, PartState::RowStore, 2)));
    must(transaction.save_part(part(1, PartState::Extent, 2)));
    must(transaction.save_part(part(1, PartState::Extent, 3)));
    must(transaction.commit());
    sandbox_.reopen();
    ASSERT_EQ(sandbox_.loaded.parts.size(), 1u);
    EXPECT_EQ(sandbox_.loaded.parts[0].state, PartState::Extent);
    EXPECT_EQ(sandbox_.loaded.parts[0].rows, 3u);
}

TEST_F(Transactions, PiecesAreGoneAfterTheNextStart) {
    fill(part(1, PartState::Piece, 4), 0, 4);
    fill(part(2, PartState::Staged, 2), 0, 2);
    sandbox_.reopen();
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.t1"), 2);
    ASSERT_EQ(sandbox_.loaded.parts.size(), 1u);
    EXPECT_EQ(sandbox_.loaded.parts[0].id, 2);
}

TEST_F(Transactions, RowsOfAPartThatIsNeverSavedDoNotCommit) {
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.append(sandbox_.table("T"), 9, 5, numbers(sandbox_.table("T"), 0, 1)));
    const auto committed = transaction.commit();
    ASSERT_FALSE(committed);
    EXPECT_NE(committed.error().message.find("part 9"), std::string::npos);
}

TEST_F(Transactions, RowsOfAnotherVersionOfTheTableAreRefused) {
    auto newer = std::make_shared<catalog::Table>(sandbox_.table("T"));
    newer->version = 2;
    Transaction transaction = must(sandbox_.store().begin());
    const auto appended = transaction.append(*newer, 1, 5, numbers(*newer, 0, 1));
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().reason, "General_TransientSchemaMismatch");
}

TEST_F(Transactions, DroppedPartsTakeTheirRowsAlong) {
    fill(part(1, PartState::Extent, 5), 0, 5);
    fill(part(2, PartState::Extent, 5), 5, 5);
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.drop_part(part(1, PartState::Extent, 5)));
    must(transaction.commit());
    EXPECT_EQ(sandbox_.count("T"), 5);
    sandbox_.reopen();
    ASSERT_EQ(sandbox_.loaded.parts.size(), 1u);
    EXPECT_EQ(sandbox_.loaded.parts[0].id, 2);
}

TEST_F(Transactions, ClearedTablesAreEmptyAndTakeRowsAgain) {
    fill(part(1, PartState::RowStore, 5), 0, 5);
    fill(part(2, PartState::Staged, 5), 5, 5);
    fill(part(3, PartState::Extent, 5, 2), 5, 5);
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.append(sandbox_.table("T"), 1, 5, numbers(sandbox_.table("T"), 50, 1)));
    must(transaction.clear_table(1, false));
    must(transaction.append(sandbox_.table("T"), 4, 5, numbers(sandbox_.table("T"), 100, 2)));
    must(transaction.save_part(part(4, PartState::Extent, 2)));
    must(transaction.commit());
    EXPECT_EQ(sum(), 201);
    EXPECT_EQ(sandbox_.count("U"), 5);
    fill(part(5, PartState::RowStore, 1), 1, 1);
    sandbox_.reopen();
    EXPECT_EQ(sum(), 202);
    EXPECT_EQ(sandbox_.loaded.parts.size(), 3u);
}

TEST_F(Transactions, ClearingCanKeepStagedBatches) {
    fill(part(1, PartState::RowStore, 1), 1, 1);
    fill(part(2, PartState::Staged, 1), 10, 1);
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.clear_table(1, true));
    must(transaction.commit());
    EXPECT_EQ(sandbox_.count("T"), 0);
    Transaction seal = must(sandbox_.store().begin());
    must(seal.save_part(part(2, PartState::Extent, 1)));
    must(seal.commit());
    EXPECT_EQ(sum(), 10);
    sandbox_.reopen();
    EXPECT_EQ(sandbox_.loaded.parts.size(), 1u);
}

TEST_F(Transactions, AClearThatIsRolledBackKeepsTheRows) {
    fill(part(1, PartState::RowStore, 5), 0, 5);
    {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.clear_table(1, false));
    }
    EXPECT_EQ(sandbox_.count("T"), 5);
    fill(part(1, PartState::RowStore, 6), 5, 1);
    EXPECT_EQ(sandbox_.count("T"), 6);
}

TEST_F(Transactions, LanesTotalsAndSettingsKeepTheirLatestValue) {
    for (std::uint64_t i = 1; i <= 3; ++i) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.save_lane({.connection = "or'ders",
                                    .lane = "topic/0",
                                    .epoch = 2,
                                    .sequence = i,
                                    .position = std::string("\0\xff\"x", 4),
                                    .committed_at = 100 + static_cast<Ticks>(i)}));
        must(transaction.save_lane(
            {.connection = "or'ders", .lane = "topic/1", .epoch = 18'000'000'000'000'000'000u, .sequence = i * 2}));
        must(transaction.save_totals(
            "or'ders", {.received = i, .stored = i, .received_bytes = i * 100, .skipped = {{"empty", i}}}));
        must(transaction.save_setting("created", std::to_string(i)));
        must(transaction.commit());
    }
    for (int i = 0; i < 2; ++i) {
        sandbox_.reopen();
        ASSERT_EQ(sandbox_.loaded.lanes.size(), 2u);
        for (const LanePosition& lane : sandbox_.loaded.lanes)
            if (lane.lane == "topic/0") {
                EXPECT_EQ(lane.sequence, 3u);
                EXPECT_EQ(lane.position, std::string("\0\xff\"x", 4));
                EXPECT_EQ(lane.committed_at, 103);
                EXPECT_EQ(lane.epoch, 2u);
            } else {
                EXPECT_EQ(lane.sequence, 6u);
                EXPECT_EQ(lane.epoch, 18'000'000'000'000'000'000u);
            }
        const ConnectionTotals& totals = sandbox_.loaded.totals.at("or'ders");
        EXPECT_EQ(totals.received, 3u);
        EXPECT_EQ(totals.skipped.at("empty"), 3u);
        EXPECT_EQ(sandbox_.loaded.settings.at("created"), "3");
        // What was replaced does not pile up.
        EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.journal"), 4);
    }
}

TEST_F(Transactions, TheFixedNamesShowOneRowForEachThing) {
    for (std::uint64_t i = 1; i <= 2; ++i) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.save_lane({.connection = "c", .lane = "l", .epoch = 1, .sequence = i, .position = "ab"}));
        must(transaction.save_totals("c", {.received = 7 + i}));
        must(transaction.save_part(part(1, PartState::Staged, i)));
        must(transaction.save_file({.connection = "c", .url = "u", .etag = "e", .outcome = "o" + std::to_string(i)}));
        must(transaction.commit());
    }
    EXPECT_EQ(
        sandbox_.number("SELECT CAST(sum(sequence) AS BIGINT) FROM sluice.lane_positions WHERE position = 'ab'::BLOB"),
        2);
    EXPECT_EQ(sandbox_.number("SELECT CAST(sum(received) AS BIGINT) FROM sluice.connection_totals"), 9);
    EXPECT_EQ(sandbox_.number("SELECT rows FROM sluice.staging_batches WHERE batching_key = 'key'"), 2);
    EXPECT_EQ(sandbox_.text("SELECT outcome FROM sluice.files"), "o2");
}

TEST_F(Transactions, DeadLettersComeBackByIdAndGoWhenDropped) {
    DeadLetter letter{.id = {0x8000'0000'0000'0001u, 2},
                      .time = 3,
                      .first_seen = 2,
                      .connection = "c",
                      .kind = "EventHub",
                      .source = "kafka://c/t/0/1",
                      .lane = "t/0",
                      .sequence = 1,
                      .position_json = R"({"offset":1})",
                      .database = "d",
                      .table = "T",
                      .format = "json",
                      .mapping = "m",
                      .error_code = "E",
                      .failure_kind = "Permanent",
                      .details = "it's broken",
                      .attempts = 4,
                      .body = std::string("\x00\xff\x80 any bytes", 13),
                      .truncated = true};
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.add_dead_letter(letter));
    DeadLetter other = letter;
    other.id = {1, 1};
    must(transaction.add_dead_letter(other));
    must(transaction.drop_dead_letter(other.id));
    must(transaction.commit());

    EXPECT_FALSE(sandbox_.store().find_dead_letter(other.id));
    const auto found = sandbox_.store().find_dead_letter(letter.id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->body, letter.body);
    EXPECT_EQ(found->details, letter.details);
    EXPECT_EQ(found->attempts, 4u);
    EXPECT_EQ(found->properties_json, "{}");
    EXPECT_EQ(found->position_json, R"({"offset":1})");
    EXPECT_TRUE(found->truncated);

    Transaction drop = must(sandbox_.store().begin());
    must(drop.drop_dead_letter(letter.id));
    must(drop.commit());
    EXPECT_FALSE(sandbox_.store().find_dead_letter(letter.id));
}

TEST_F(Transactions, FilesAreFoundWithWhatWasSavedLast) {
    const FileRecord file{
        .connection = "in", .url = "file:///a", .etag = "1", .outcome = "stored", .pending_action = "{}", .time = 5};
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.save_file(file));
    FileRecord second = file;
    second.etag = "2";
    must(transaction.save_file(second));
    second.pending_action = "";
    must(transaction.save_file(second));
    must(transaction.commit());

    EXPECT_EQ(sandbox_.store().find_file("in", "file:///a", "1")->pending_action, "{}");
    EXPECT_EQ(sandbox_.store().find_file("in", "file:///a", "2")->pending_action, "");
    EXPECT_FALSE(sandbox_.store().find_file("in", "file:///a", "3"));
    EXPECT_FALSE(sandbox_.store().find_file("other", "file:///a", "1"));
    const auto pending = sandbox_.store().files_with_pending_action("in");
    ASSERT_EQ(pending.size(), 1u);
    EXPECT_EQ(pending[0].etag, "1");
}

TEST_F(Transactions, FailuresAndGapsAreStored) {
    Transaction transaction = must(sandbox_.store().begin());
    IngestionFailure failure;
    failure.operation_id = {1, 2};
    failure.details = "it's broken";
    failure.should_retry = true;
    must(transaction.add_failure(failure));
    must(transaction.add_gap({.connection = "c", .lane = "l", .first = 4, .last = 6, .reason = "expired", .time = 9}));
    must(transaction.commit());
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.failures WHERE should_retry AND operation_id = ?",
                              {data::Guid{1, 2}}),
              1);
    EXPECT_EQ(sandbox_.number("SELECT last - first FROM sluice.gaps WHERE reason = 'expired'"), 2);
}

TEST_F(Transactions, AQueueItemIsSettledThoughNoneWasStagedTheFirstTime) {
    const auto settle = [&](PartId part) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.settle_queue_items(part, "Succeeded", R"({"Extent": "e"})"));
        must(transaction.commit());
    };
    const auto save = [&](data::Guid id, std::string state, std::string announcement) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.save_queue_item({id, {1, 1}, std::move(state), std::move(announcement)}));
        must(transaction.commit());
    };
    save({0, 1}, "Pending", "{}");
    settle(7);
    save({0, 2}, "Staged", R"({"Part": 7})");
    settle(7);
    EXPECT_EQ(sandbox_.text("SELECT string_agg(state, ' ' ORDER BY id) FROM sluice.queue_items"), "Pending Succeeded");
}

} // namespace
} // namespace sluice::store
