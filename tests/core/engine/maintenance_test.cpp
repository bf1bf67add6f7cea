#include "core/engine/maintenance.hpp"
#include "tests/core/engine/engine_fixture.hpp"

#include <future>

namespace sluice::engine {
namespace {

class MaintenanceTest : public EngineFixture {
protected:
    void pass() {
        History history;
        Maintenance(*databases_, history).pass();
    }
    void later(Ticks span) { clock_.advance(std::chrono::microseconds(span / kTicksPerMicrosecond)); }
};

TEST_F(MaintenanceTest, RowsOlderThanTheRetentionPolicyGo) {
    set_up({".create table Old (a:int)", ".create table Kept (a:int)",
            ".alter-merge table Old policy retention softdelete = 7d", ".ingest inline into table Old <| 1",
            ".ingest inline into table Kept <| 1"});
    later(8 * kTicksPerDay);
    set_up({".ingest inline into table Old <| 2"});
    pass();
    EXPECT_EQ(run("Old"), "2");
    EXPECT_EQ(run("Kept"), "1");
}

TEST_F(MaintenanceTest, TagsOlderThanTheirPolicyGo) {
    set_up(
        {".create table T (a:int)",
         R"(.alter table T policy extent_tags_retention '[{"TagPrefix":"drop-by:","RetentionPeriod":"1.00:00:00"}]')",
         R"(.ingest inline into table T with (tags='["drop-by:x","y"]') <| 1)"});
    pass();
    EXPECT_EQ(columns(".show table T extents", "Tags"), "drop-by:x\r\ny");
    later(2 * kTicksPerDay);
    pass();
    EXPECT_EQ(columns(".show table T extents", "Tags"), "y");
}

TEST_F(MaintenanceTest, SmallExtentsBecomeOneAndKeepTheirRows) {
    set_up({".create table T (a:int)", ".ingest inline into table T <| 1", ".ingest inline into table T <| 2",
            ".ingest inline into table T <| 3", R"(.ingest inline into table T with (tags='["drop-by:x"]') <| 4)"});
    pass();
    EXPECT_EQ(columns(".show table T details", "TotalExtents"),
              "4"); // four are needed, and one may not join the others
    set_up({".ingest inline into table T <| 5"});
    const std::string times = run("T | order by a asc | project a, ingestion_time()");
    pass();
    EXPECT_EQ(columns(".show table T extents | order by RowCount asc", "RowCount Tags"), "1 | drop-by:x\n4 | ");
    EXPECT_EQ(run("T | order by a asc | project a, ingestion_time()"), times);
    open(EngineOptions{}, true);
    EXPECT_EQ(run("T | summarize count(), sum(a)"), "5 | 15");
}

TEST_F(MaintenanceTest, AMergePolicyCanForbidIt) {
    set_up({".create table T (a:int)", R"(.alter table T policy merge '{"AllowMerge":false,"AllowRebuild":false}')",
            ".ingest inline into table T <| 1", ".ingest inline into table T <| 2", ".ingest inline into table T <| 3",
            ".ingest inline into table T <| 4"});
    pass();
    EXPECT_EQ(columns(".show table T details", "TotalExtents"), "4");
}

TEST_F(MaintenanceTest, TablesExpire) {
    set_up({".create table Full (a:int)", ".create table Empty (a:int)", ".ingest inline into table Full <| 1",
            R"(.alter table Full policy auto_delete '{"ExpiryDate":"2027-01-01","DeleteIfNotEmpty":false}')",
            R"(.alter table Empty policy auto_delete '{"ExpiryDate":"2027-01-01","DeleteIfNotEmpty":false}')"});
    pass();
    EXPECT_EQ(run(".show tables | count"), "2");
    later(400 * kTicksPerDay);
    pass();
    EXPECT_EQ(run(".show tables | project TableName"), "Full");
}

TEST_F(MaintenanceTest, ADroppedTableComesBackWithoutTheRowsOfItsOpenBatch) {
    set_up({".create table T (a:int)", ".ingest inline into table T <| 7"});
    const auto table = databases_->catalog().find("Harbor")->find_table("T");
    ingest::DatabaseWriter& writer = *databases_->writer("Harbor");
    ingest::Delivery delivery{.connection = "c", .received = 1};
    delivery.tables.push_back({.table = table, .path = ingest::Path::Queued, .rows = data::Rows(table->schema())});
    data::Chunk& chunk = delivery.tables[0].rows.next_row();
    chunk.column(0).set<std::int32_t>(chunk.rows(), 8);
    delivery.tables[0].rows.finish_row();
    std::promise<Result<>> done;
    delivery.done = [&](const Result<>& result) { done.set_value(result); };
    writer.submit(std::move(delivery));
    ASSERT_TRUE(done.get_future().get());
    const std::string version = columns(".show databases (Harbor)", "Version");
    set_up({".drop table T"});
    EXPECT_EQ(run(".undo drop table T version='" + version + "'"), "<guid> | 1 | Recovered | ∅");
    EXPECT_EQ(run("T"), "7");
    EXPECT_EQ(run("T | count"), "1");
}

TEST_F(MaintenanceTest, ADroppedTableComesBackForTwoWeeks) {
    set_up({".create table T (a:int)", ".ingest inline into table T <| 7"});
    const std::string version = columns(".show databases (Harbor)", "Version");
    set_up({".drop table T", ".create table T (other:string)"});
    const std::string undo = ".undo drop table T as Back version='" + version + "'";
    EXPECT_EQ(run(undo), "<guid> | 1 | Recovered | ∅");
    EXPECT_EQ(run("Back"), "7");
    set_up({".drop table Back"});
    open(EngineOptions{}, true);
    later(15 * kTicksPerDay);
    pass();
    EXPECT_EQ(run(".undo drop table Back version='v99.0'"), "error: Entity ID 'Back' of kind 'Table' was not found.");
}

} // namespace
} // namespace sluice::engine
