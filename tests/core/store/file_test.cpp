#include "core/data/text.hpp"
#include "core/store/damage.hpp"
#include "tests/core/store/sandbox.hpp"

#include <duckdb.h>

#include <atomic>
#include <fstream>
#include <thread>

namespace sluice::store {
namespace {

using namespace test;

TEST(StoreFile, IsRefusedWhileItIsOpenInThisProcess) {
    Sandbox sandbox;
    const auto second = Store::open(sandbox.options());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Conflict);
    EXPECT_NE(second.error().message.find(sandbox.file().string()), std::string::npos);
}

TEST(StoreFile, ThatIsNoDatabaseIsNamedWithTheWaysOut) {
    const sluice::test::TemporaryFolder folder;
    const auto file = folder.path() / "x.duckdb";
    const std::string junk(20000, 'x');
    std::ofstream(file) << junk;
    const auto opened = Store::open({.file = file, .database = "x"});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::Io);
    EXPECT_NE(opened.error().message.find(file.string()), std::string::npos);
    EXPECT_NE(opened.error().message.find("is damaged"), std::string::npos) << opened.error().message;
    EXPECT_EQ(opened.error().reason, kStoreDamaged);
    std::ifstream in(file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), junk);
}

TEST(StoreFile, OfSomebodyElseIsLeftAlone) {
    const sluice::test::TemporaryFolder folder;
    const auto file = folder.path() / "x.duckdb";
    duckdb_database database;
    duckdb_connection connection;
    ASSERT_EQ(duckdb_open(file.c_str(), &database), DuckDBSuccess);
    duckdb_connect(database, &connection);
    duckdb_query(connection, "CREATE TABLE theirs AS SELECT 1 AS a", nullptr);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    const auto opened = Store::open({.file = file, .database = "x"});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::Conflict);
}

TEST(StoreFile, InAFolderThatIsNotThereIsAnError) {
    const sluice::test::TemporaryFolder folder;
    const auto opened = Store::open({.file = folder.path() / "none" / "x.duckdb", .database = "x"});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::Io);
}

TEST(StoreFile, MayBeNamedLikeOurSchema) {
    for (const char* name : {"sluice", "main", "db", "temp", "system"}) {
        Sandbox sandbox(name);
        sandbox.save(with(sandbox.database, numbers_table()));
        sandbox.reopen();
        EXPECT_EQ(sandbox.count("T"), 0) << name;
    }
}

TEST(Checkpoint, FoldsTheLogIntoTheFile) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    for (PartId part = 1; part <= 3; ++part) {
        Transaction transaction = must(sandbox.store().begin());
        must(transaction.append(sandbox.table("T"), part, 5, numbers(sandbox.table("T"), 0, 1000)));
        must(transaction.save_part({.id = part, .table = 1, .state = PartState::Extent, .extent = {}, .rows = 1000}));
        must(transaction.commit());
    }
    EXPECT_GT(sandbox.store().wal_bytes(), 1000u);
    must(sandbox.store().checkpoint());
    EXPECT_EQ(sandbox.store().wal_bytes(), 0u);
    EXPECT_GT(sandbox.store().file_bytes(), 0u);
    sandbox.reopen();
    EXPECT_EQ(sandbox.count("T"), 3000);
}

TEST(Checkpoint, WaitsForTheOpenTransaction) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    std::atomic<bool> finished = false;
    std::jthread other;
    {
        Transaction transaction = must(sandbox.store().begin());
        must(transaction.save_setting("a", "b"));
        other = std::jthread([&] {
            must(sandbox.store().checkpoint());
            finished = true;
        });
        must(transaction.commit());
        EXPECT_FALSE(finished);
    }
    other.join();
    EXPECT_TRUE(finished);
}

TEST(Checkpoint, UnderLoadKeepsEverything) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    constexpr int kCommits = 300;
    std::atomic<bool> done = false;
    std::atomic<int> checkpoints = 0, refused = 0, wrong = 0;
    std::jthread checkpointer([&] {
        while (!done) {
            if (const auto result = sandbox.store().checkpoint(); result)
                ++checkpoints;
            else if (result.error().code == ErrorCode::Unavailable)
                ++refused;
            else
                ++wrong;
        }
    });
    std::jthread reader([&] {
        while (!done)
            if (sandbox.count("T") % 10 != 0)
                ++wrong;
    });
    Part part{.id = 1, .table = 1, .state = PartState::RowStore, .extent = {}};
    for (int i = 1; i <= kCommits; ++i) {
        Transaction transaction = must(sandbox.store().begin());
        must(transaction.append(sandbox.table("T"), part.id, 5, numbers(sandbox.table("T"), i * 10, 10)));
        part.rows += 10;
        if (i % 50 == 0) {
            part.state = PartState::Extent;
            part.sealed = i;
        }
        must(transaction.save_part(part));
        must(transaction.save_lane(
            {.connection = "c", .lane = "l", .epoch = 1, .sequence = static_cast<std::uint64_t>(i)}));
        must(transaction.commit());
        if (part.state == PartState::Extent)
            part = {.id = part.id + 1, .table = 1, .state = PartState::RowStore, .extent = {}};
    }
    done = true;
    checkpointer.join();
    reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(checkpoints, 0);
    sandbox.reopen();
    EXPECT_EQ(sandbox.count("T"), kCommits * 10);
    EXPECT_EQ(sandbox.number("SELECT count(DISTINCT c10) FROM sluice.t1"), kCommits * 10);
    EXPECT_EQ(sandbox.loaded.lanes.at(0).sequence, static_cast<std::uint64_t>(kCommits));
    std::uint64_t rows = 0;
    for (const Part& stored : sandbox.loaded.parts)
        rows += stored.rows;
    EXPECT_EQ(rows, static_cast<std::uint64_t>(kCommits * 10));
}

TEST(StoreFile, OfVersion1GetsRoomForLargerDecimals) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, make_table(1, "T", {{"d", data::ScalarType::Decimal, 10, ""}})));
    const auto add = [&](PartId part, const char* value) {
        Transaction transaction = must(sandbox.store().begin());
        data::Rows rows(sandbox.table("T").schema());
        data::Chunk& chunk = rows.next_row();
        chunk.column(0).set(chunk.rows(), *data::parse_decimal(value));
        rows.finish_row();
        must(transaction.append(sandbox.table("T"), part, 5, rows));
        must(transaction.save_part({.id = part, .table = 1, .state = PartState::Extent, .extent = {}, .rows = 1}));
        must(transaction.commit());
    };
    add(1, "-1.5");
    sandbox.close();
    duckdb_database database;
    duckdb_connection connection;
    ASSERT_EQ(duckdb_open(sandbox.file().c_str(), &database), DuckDBSuccess);
    ASSERT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
    for (const char* statement :
         {"ALTER TABLE sluice.t1 ALTER COLUMN c10 TYPE DECIMAL(38,20)", "UPDATE sluice.format SET version = 1"})
        ASSERT_EQ(duckdb_query(connection, statement, nullptr), DuckDBSuccess) << statement;
    duckdb_disconnect(&connection);
    duckdb_close(&database);

    sandbox.reopen();
    add(2, "18446744073709551615");
    EXPECT_EQ(sandbox.text("SELECT string_agg(CAST(d AS VARCHAR), ' ' ORDER BY d) FROM db.main.\"T\""),
              "-1.500000000000000000 18446744073709551615.000000000000000000");
    EXPECT_EQ(sandbox.number("SELECT max(version)::BIGINT FROM db.sluice.format"), 2);
    sandbox.reopen();
    EXPECT_EQ(sandbox.count("T"), 2);
}

} // namespace
} // namespace sluice::store
