#include "core/ingest/writer.hpp"

#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <future>

namespace sluice::ingest {
namespace {

using catalog::Database;
using data::ScalarType;

catalog::Database with_table(Database database, const std::string& name, bool streaming) {
    auto table = std::make_shared<catalog::Table>();
    table->id = database.next_table++;
    table->name = name;
    table->guid = data::random_guid();
    table->columns = {{"Id", ScalarType::Long, database.next_column++}, {"Text", ScalarType::String, database.next_column++}};
    if (streaming)
        table->policies.streaming = catalog::StreamingPolicy{.is_enabled = true};
    table->policies.batching = catalog::BatchingPolicy{.maximum_batching_time_span = 10 * kTicksPerSecond, .maximum_number_of_items = 3};
    database.tables[name] = std::move(table);
    return database;
}

data::Rows rows_of(const catalog::Table& table, std::int64_t first, std::int64_t count) {
    data::Rows rows(table.schema());
    for (std::int64_t id = first; id < first + count; ++id) {
        data::Chunk& chunk = rows.next_row();
        chunk.column(0).set<std::int64_t>(chunk.rows(), id);
        chunk.column(1).set(chunk.rows(), chunk.arena().cell("text of row " + std::to_string(id)));
        rows.finish_row();
    }
    return rows;
}

class Writer : public testing::Test {
protected:
    void SetUp() override { open(); }

    void open() {
        store::StoreOptions options;
        options.file = folder_.path() / "Test.duckdb";
        options.database = "Test";
        auto opened = store::Store::open(options);
        ASSERT_TRUE(opened) << opened.error().message;
        store_ = std::move(*opened);
        auto started = DatabaseWriter::start(*store_, catalog_, clock_, "Test", options_);
        ASSERT_TRUE(started) << started.error().message;
        writer_ = std::move(*started);
    }
    void reopen() {
        writer_.reset();
        store_.reset();
        open();
    }
    std::shared_ptr<const catalog::Table> create(const std::string& name, bool streaming) {
        auto changed = writer_->change_catalogue([&](const Database& database) -> Result<Database> { return with_table(database, name, streaming); });
        EXPECT_TRUE(changed) << changed.error().message;
        return (*changed)->find_table(name);
    }
    TableBatch batch(const std::shared_ptr<const catalog::Table>& table, Path path, std::int64_t first, std::int64_t count) {
        TableBatch made{.table = table, .path = path, .rows = rows_of(*table, first, count)};
        made.raw_size = 20 * static_cast<Bytes>(count);
        made.events = static_cast<std::uint64_t>(count);
        made.batch_key = "key";
        return made;
    }
    Result<> deliver(Delivery delivery) {
        auto done = std::make_shared<std::promise<Result<>>>();
        delivery.done = [done](const Result<>& result) { done->set_value(result); };
        auto answer = done->get_future();
        writer_->submit(std::move(delivery));
        return answer.get();
    }
    std::int64_t number(const std::string& sql) {
        auto result = store_->query(sql, {}, {{{"n", ScalarType::Long}}}, {});
        EXPECT_TRUE(result) << result.error().message;
        auto chunk = result->next();
        EXPECT_TRUE(chunk && *chunk);
        return (*chunk)->column(0).get<std::int64_t>(0);
    }
    /// Counted, and as the parts say: these must agree at any time.
    std::int64_t visible(const catalog::Table& table) {
        const std::int64_t counted = number("SELECT count(*) FROM (" + store::Store::visible_rows(table) + ")");
        EXPECT_EQ(number(store::Store::visible_count(table)), counted);
        return counted;
    }
    Delivery from(const std::string& lane, std::uint64_t epoch, std::uint64_t sequence, TableBatch rows) {
        Delivery delivery;
        delivery.connection = "c";
        delivery.received = rows.events;
        delivery.tables.push_back(std::move(rows));
        delivery.lanes.push_back({lane, epoch, sequence, "token"});
        return delivery;
    }

    test::TemporaryFolder folder_;
    test::FakeClock clock_;
    WriterOptions options_;
    catalog::Catalog catalog_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<DatabaseWriter> writer_;
};

TEST_F(Writer, StreamedRowsAreVisibleAfterTheCommit) {
    const auto table = create("T", true);
    const auto committed = writer_->commit_rows(batch(table, Path::Streaming, 0, 5000));
    ASSERT_TRUE(committed) << committed.error().message;
    EXPECT_EQ(committed->rows, 5000u);
    EXPECT_EQ(visible(*table), 5000);
}

TEST_F(Writer, AGrowingRowStoreIsCountedAtAnyTime) {
    const auto table = create("T", true), other = create("U", true);
    for (std::int64_t round = 0; round < 3; ++round) {
        ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Streaming, 10 * round, 10)));
        ASSERT_TRUE(writer_->commit_rows(batch(other, Path::Streaming, 0, 1)));
        EXPECT_EQ(visible(*table), 10 * round + 10);
    }
    ASSERT_TRUE(store_->checkpoint()); // folds the counters of open parts
    EXPECT_EQ(visible(*table), 30);
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Streaming, 30, 5)));
    EXPECT_EQ(visible(*table), 35);
    ASSERT_TRUE(writer_->seal_row_store(table->id, "test"));
    EXPECT_EQ(visible(*table), 35);
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Streaming, 35, 1)));
    EXPECT_EQ(visible(*table), 36);
    reopen();
    EXPECT_EQ(visible(*table), 36);
    EXPECT_EQ(visible(*other), 3);
}

TEST_F(Writer, QueuedRowsShowWhenTheirBatchIsSealedByCount) {
    const auto table = create("T", false);
    const auto lane = writer_->open_lane("c", "l");
    ASSERT_TRUE(deliver(from("l", lane.epoch, 1, batch(table, Path::Queued, 0, 10))));
    ASSERT_TRUE(deliver(from("l", lane.epoch, 2, batch(table, Path::Queued, 10, 10))));
    EXPECT_EQ(visible(*table), 0);
    EXPECT_EQ(writer_->totals("c").staged, 20u);
    ASSERT_TRUE(deliver(from("l", lane.epoch, 3, batch(table, Path::Queued, 20, 10)))); // the third item
    EXPECT_EQ(visible(*table), 30);
    EXPECT_EQ(writer_->totals("c").staged, 0u);
    EXPECT_EQ(writer_->totals("c").stored, 30u);
    EXPECT_EQ(writer_->parts(table->id).front().seal_reason, "Count");
}

TEST_F(Writer, QueuedRowsAreSealedByTimeAlsoAfterARestart) {
    auto table = create("T", false);
    const auto lane = writer_->open_lane("c", "l");
    ASSERT_TRUE(deliver(from("l", lane.epoch, 1, batch(table, Path::Queued, 0, 10))));
    clock_.advance(std::chrono::seconds(9));
    reopen();
    EXPECT_EQ(visible(*table), 0);
    clock_.advance(std::chrono::seconds(2));
    ASSERT_TRUE(writer_->save_setting("any", "work wakes the writer"));
    ASSERT_TRUE(writer_->save_setting("any", "and this waits for the round before"));
    EXPECT_EQ(visible(*table), 10);
    EXPECT_EQ(writer_->totals("c").stored, 10u);
}

TEST_F(Writer, PositionsAndTotalsComeBackAfterARestart) {
    const auto table = create("T", true);
    const auto lane = writer_->open_lane("c", "l");
    ASSERT_TRUE(deliver(from("l", lane.epoch, 41, batch(table, Path::Streaming, 0, 7))));
    reopen();
    const auto again = writer_->open_lane("c", "l");
    ASSERT_TRUE(again.position);
    EXPECT_EQ(again.position->sequence, 41u);
    EXPECT_EQ(again.position->position, "token");
    EXPECT_GT(again.epoch, lane.epoch);
    EXPECT_EQ(writer_->totals("c").received, 7u);
    EXPECT_EQ(writer_->totals("c").stored, 7u);
    EXPECT_EQ(visible(*table), 7);
}

TEST_F(Writer, AFencedOwnerStoresNothing) {
    const auto table = create("T", true);
    const auto old_owner = writer_->open_lane("c", "l");
    const auto new_owner = writer_->open_lane("c", "l");
    const auto late = deliver(from("l", old_owner.epoch, 9, batch(table, Path::Streaming, 0, 3)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().reason, kLaneFenced);
    EXPECT_FALSE(late.error().permanent());
    EXPECT_EQ(visible(*table), 0);
    EXPECT_FALSE(writer_->lane_position("c", "l"));
    EXPECT_TRUE(deliver(from("l", new_owner.epoch, 9, batch(table, Path::Streaming, 0, 3))));
}

TEST_F(Writer, RowsOfAnOlderSchemaVersionAreFittedToTheNewOne) {
    const auto table = create("T", true);
    auto prepared = batch(table, Path::Streaming, 0, 3);
    const auto changed = writer_->change_catalogue([&](const Database& database) -> Result<Database> {
        Database next = database;
        auto altered = std::make_shared<catalog::Table>(*database.find_table("T"));
        altered->columns.erase(altered->columns.begin());
        altered->columns.push_back({"New", ScalarType::Long, next.next_column++});
        ++altered->version;
        next.tables["T"] = altered;
        return next;
    });
    ASSERT_TRUE(changed) << changed.error().message;
    ASSERT_TRUE(writer_->commit_rows(std::move(prepared)));
    const auto& now = *(*changed)->find_table("T");
    auto result = store_->query("SELECT c" + std::to_string(now.columns[0].id) + ", c" + std::to_string(now.columns[1].id) + " FROM (" +
                                    store::Store::visible_rows(now) + ") ORDER BY 1",
                                {}, *now.schema(), {});
    ASSERT_TRUE(result) << result.error().message;
    auto chunk = *result->next();
    EXPECT_EQ(chunk->column(0).text(0), "text of row 0");
    EXPECT_TRUE(chunk->column(1).is_null(0));
}

TEST_F(Writer, RowsOfADroppedTableAreCountedAsSkipped) {
    const auto table = create("T", true);
    const auto lane = writer_->open_lane("c", "l");
    ASSERT_TRUE(writer_->change_catalogue([](const Database& database) -> Result<Database> {
        Database next = database;
        next.tables.erase("T");
        return next;
    }));
    ASSERT_TRUE(deliver(from("l", lane.epoch, 1, batch(table, Path::Streaming, 0, 4))));
    EXPECT_EQ(writer_->totals("c").skipped["table_dropped"], 4u);
    EXPECT_EQ(writer_->totals("c").received, 4u);
}

TEST_F(Writer, TurningStreamingOffMovesTheRowStoreIntoAnExtent) {
    const auto table = create("T", true);
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Streaming, 0, 100)));
    EXPECT_EQ(writer_->parts(table->id).front().state, store::PartState::RowStore);
    ASSERT_TRUE(writer_->change_catalogue([](const Database& database) -> Result<Database> {
        Database next = database;
        auto altered = std::make_shared<catalog::Table>(*database.find_table("T"));
        altered->policies.streaming = catalog::StreamingPolicy{.is_enabled = false};
        next.tables["T"] = altered;
        return next;
    }));
    EXPECT_EQ(writer_->parts(table->id).front().state, store::PartState::Extent);
    EXPECT_EQ(visible(*table), 100);
}

TEST_F(Writer, PiecesShowOnlyWithTheDeliveryThatAdoptsThem) {
    const auto table = create("T", false);
    const auto lane = writer_->open_lane("c", "ledger");
    store::Part part;
    part.id = writer_->reserve_part();
    auto written = std::make_shared<std::promise<Result<>>>();
    auto answer = written->get_future();
    writer_->submit_piece({part.id, table, rows_of(*table, 0, 50), 1000, [written](const Result<>& result) { written->set_value(result); }});
    ASSERT_TRUE(answer.get());
    EXPECT_EQ(visible(*table), 0);
    auto rest = batch(table, Path::Queued, 50, 10);
    rest.events = 1;
    rest.flush = true;
    part.rows = 50;
    rest.pieces.push_back(part);
    ASSERT_TRUE(deliver(from("ledger", lane.epoch, 1, std::move(rest))));
    EXPECT_EQ(visible(*table), 60);
    EXPECT_EQ(writer_->totals("c").stored, 1u);
}

TEST_F(Writer, PiecesThatNothingAdoptedAreGoneAfterARestart) {
    const auto table = create("T", false);
    const auto id = writer_->reserve_part();
    auto written = std::make_shared<std::promise<Result<>>>();
    auto answer = written->get_future();
    writer_->submit_piece({id, table, rows_of(*table, 0, 50), 1000, [written](const Result<>& result) { written->set_value(result); }});
    ASSERT_TRUE(answer.get());
    reopen();
    EXPECT_TRUE(writer_->parts(table->id).empty());
    EXPECT_EQ(visible(*table), 0);
}

TEST_F(Writer, ReplacingRowsLeavesOnlyTheNewOnes) {
    const auto table = create("T", false);
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Direct, 0, 10)));
    ASSERT_TRUE(writer_->replace_rows(batch(table, Path::Direct, 0, 3)));
    EXPECT_EQ(visible(*table), 3);
}

TEST_F(Writer, DroppedExtentsTakeTheirRowsAlong) {
    const auto table = create("T", false);
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Direct, 0, 10)));
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Direct, 10, 5)));
    const auto dropped = writer_->drop_extents([](const store::Part& part) { return part.rows == 10; });
    ASSERT_TRUE(dropped);
    EXPECT_EQ(dropped->size(), 1u);
    EXPECT_EQ(visible(*table), 5);
}

TEST_F(Writer, AFullRowStoreThrottlesRequests) {
    writer_.reset();
    store_.reset();
    options_.rowstore_max_bytes = 100;
    open();
    const auto table = create("T", true);
    ASSERT_TRUE(writer_->commit_rows(batch(table, Path::Streaming, 0, 10)));
    const auto refused = writer_->commit_rows(batch(table, Path::Streaming, 10, 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Throttled);
}

TEST_F(Writer, AFailedChangeOfTheCatalogueLeavesEverythingAsItWas) {
    create("T", false);
    const auto before = catalog_.find("Test");
    const auto failed = writer_->change_catalogue([](const Database&) -> Result<Database> { return Error{ErrorCode::Invalid, "no"}; });
    EXPECT_FALSE(failed);
    EXPECT_EQ(catalog_.find("Test"), before);
}

} // namespace
} // namespace sluice::ingest
