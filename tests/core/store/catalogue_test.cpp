#include "tests/core/store/sandbox.hpp"

#include <duckdb.h>

namespace sluice::store {
namespace {

using namespace test;
using data::ScalarType;

void add_row(Sandbox& sandbox, const std::string& table, PartId part, const std::function<void(data::Chunk&)>& fill) {
    data::Rows rows(sandbox.table(table).schema());
    fill(rows.next_row());
    rows.finish_row();
    Transaction transaction = must(sandbox.store().begin());
    must(transaction.append(sandbox.table(table), part, 5, rows));
    must(transaction.save_part(
        {.id = part, .table = sandbox.table(table).id, .state = PartState::Extent, .extent = {}, .rows = 1}));
    must(transaction.commit());
}

catalog::Database changed(const catalog::Database& database, std::vector<catalog::Column> columns) {
    auto table = std::make_shared<catalog::Table>(*database.find_table("T"));
    table->columns = std::move(columns);
    ++table->version;
    return with(database, table);
}

TEST(Catalogue, ComesBackAfterReopening) {
    Sandbox sandbox;
    EXPECT_TRUE(sandbox.loaded.catalogue.tables.empty());
    catalog::Database database = sandbox.database;
    database.name = "Harbor";
    database.guid = {4, 5};
    database.next_table = 2;
    database.functions["f"] = {.name = "f", .parameters = "()", .body = "{ T }"};
    sandbox.save(with(database, numbers_table()));
    sandbox.reopen();
    EXPECT_EQ(sandbox.loaded.catalogue.guid, (data::Guid{4, 5}));
    EXPECT_EQ(sandbox.loaded.catalogue.next_table, 2u);
    EXPECT_EQ(sandbox.loaded.catalogue.functions.at("f").body, "{ T }");
    EXPECT_EQ(sandbox.table("T").columns[0].id, 10u);
}

TEST(Catalogue, AddedColumnsHoldNullsAndEmptyStringsInOldRows) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    add_row(sandbox, "T", 1, [](data::Chunk& chunk) { chunk.column(0).set(0, std::int64_t{1}); });
    auto columns = sandbox.table("T").columns;
    columns.push_back({"s", ScalarType::String, 11, ""});
    columns.push_back({"d", ScalarType::Decimal, 12, ""});
    sandbox.save(changed(sandbox.database, columns));
    add_row(sandbox, "T", 2, [](data::Chunk& chunk) {
        chunk.column(0).set(0, std::int64_t{2});
        chunk.column(1).set(0, data::StringCell("x"));
        chunk.column(2).set(0, data::Decimal{7});
    });
    sandbox.reopen();
    EXPECT_EQ(sandbox.number("SELECT count(*) FROM sluice.t1 WHERE c10 = 1 AND c11 = '' AND c12 IS NULL"), 1);
    EXPECT_EQ(sandbox.number("SELECT count(*) FROM sluice.t1 WHERE c10 = 2 AND c11 = 'x' AND c12 IS NOT NULL"), 1);
}

TEST(Catalogue, DroppedColumnsAndTablesAreGone) {
    Sandbox sandbox;
    auto table = make_table(
        1, "T", {{"a", ScalarType::Long, 10, ""}, {"b", ScalarType::String, 11, ""}, {"c", ScalarType::Int, 12, ""}});
    sandbox.save(with(with(sandbox.database, table), numbers_table(2, "U")));
    add_row(sandbox, "T", 1, [](data::Chunk& chunk) { chunk.column(2).set(0, std::int32_t{3}); });
    add_row(sandbox, "U", 2, [](data::Chunk&) {});

    catalog::Database next = changed(sandbox.database, {sandbox.table("T").columns[2]});
    next.tables.erase("U");
    sandbox.save(next);
    EXPECT_EQ(sandbox.number("SELECT c12 FROM (" + Store::visible_rows(sandbox.table("T")) + ")"), 3);
    sandbox.reopen();
    EXPECT_EQ(sandbox.loaded.catalogue.tables.size(), 1u);
    ASSERT_EQ(sandbox.loaded.parts.size(), 1u);
    EXPECT_EQ(sandbox.number("SELECT count(*) FROM duckdb_columns() WHERE database_name = 'db' AND table_name = 't1' "
                             "AND column_name = 'c11'"),
              0);
    EXPECT_EQ(sandbox.number("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't2'"), 0);
}

TEST(Catalogue, AChangedTypeStartsAnewUnderANewId) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    add_row(sandbox, "T", 1, [](data::Chunk& chunk) { chunk.column(0).set(0, std::int64_t{1}); });
    sandbox.save(changed(sandbox.database, {{"n", ScalarType::String, 11, ""}}));
    EXPECT_EQ(sandbox.text("SELECT c11 FROM (" + Store::visible_rows(sandbox.table("T")) + ")"), "");
}

TEST(Catalogue, RowsAndTheirTableGoInTogether) {
    Sandbox sandbox;
    const catalog::Database next = with(sandbox.database, numbers_table());
    const catalog::Table& table = *next.find_table("T");
    Transaction transaction = must(sandbox.store().begin());
    must(transaction.save_catalogue(sandbox.database, next));
    must(transaction.append(table, 1, 5, numbers(table, 0, 3)));
    must(transaction.save_part({.id = 1, .table = 1, .state = PartState::Extent, .extent = {}, .rows = 3}));
    must(transaction.commit());
    sandbox.database = next;
    EXPECT_EQ(sandbox.count("T"), 3);
}

TEST(Catalogue, AChangeThatIsRolledBackLeavesTheOldTableUsable) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    {
        Transaction transaction = must(sandbox.store().begin());
        must(transaction.save_catalogue(sandbox.database,
                                        changed(sandbox.database, {{"n", ScalarType::String, 11, ""}})));
    }
    add_row(sandbox, "T", 1, [](data::Chunk& chunk) { chunk.column(0).set(0, std::int64_t{8}); });
    EXPECT_EQ(sandbox.number("SELECT sum(c10) FROM sluice.t1"), 8);
    sandbox.reopen();
    EXPECT_EQ(sandbox.table("T").columns[0].type, ScalarType::Long);
}

TEST(Catalogue, RenamedTablesAndColumnsKeepTheirRows) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    add_row(sandbox, "T", 1, [](data::Chunk& chunk) { chunk.column(0).set(0, std::int64_t{8}); });
    auto renamed = std::make_shared<catalog::Table>(sandbox.table("T"));
    renamed->name = "V";
    renamed->columns[0].name = "m";
    ++renamed->version;
    catalog::Database next = sandbox.database;
    next.tables.erase("T");
    sandbox.save(with(next, renamed));
    EXPECT_EQ(sandbox.number("SELECT m FROM main.\"V\""), 8);
    EXPECT_EQ(
        sandbox.number(
            "SELECT count(*) FROM duckdb_views() WHERE database_name = 'db' AND schema_name = 'main' AND NOT internal"),
        1);
}

class HostileNames : public testing::TestWithParam<std::string> {};

TEST_P(HostileNames, AreOnlyNames) {
    const std::string& name = GetParam();
    Sandbox sandbox("data \"base' --");
    sandbox.save(with(sandbox.database, make_table(1, name, {{name, ScalarType::Long, 10, ""}})));
    add_row(sandbox, name, 1, [](data::Chunk& chunk) { chunk.column(0).set(0, std::int64_t{8}); });
    sandbox.reopen();
    EXPECT_EQ(sandbox.count(name), 1);
    std::string in_sql = "\"";
    for (const char c : name)
        in_sql += c == '"' ? std::string("\"\"") : std::string(1, c);
    in_sql += "\"";
    EXPECT_EQ(sandbox.number("SELECT " + in_sql + " FROM main." + in_sql), 8);
}

INSTANTIATE_TEST_SUITE_P(Names, HostileNames,
                         testing::Values("a\"; DROP TABLE sluice.t1; --", "it's", "select", "db", "sluice", "main",
                                         "a b.c-d", "Größe 🙂", "\\", "c10", "$part", "rowid"));

TEST(Catalogue, NamesThatDifferOnlyInCaseGetViewsOfTheirOwn) {
    Sandbox sandbox;
    sandbox.save(with(
        with(sandbox.database, make_table(1, "t", {{"A", ScalarType::Long, 1, ""}, {"a", ScalarType::Long, 2, ""}})),
        numbers_table(2, "T")));
    EXPECT_EQ(sandbox.number("SELECT count(\"A\") + count(\"a#2\") FROM main.\"t\""), 0);
    EXPECT_EQ(sandbox.number("SELECT count(n) FROM main.\"T#2\""), 0);
}

TEST(Catalogue, ANameWithAZeroByteIsRefused) {
    Sandbox sandbox;
    Transaction transaction = must(sandbox.store().begin());
    const auto saved =
        transaction.save_catalogue(sandbox.database, with(sandbox.database, numbers_table(1, std::string("a\0b", 3))));
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, ErrorCode::Invalid);
}

/// The file as somebody without sluice opens it.
class StockDuckDb {
public:
    explicit StockDuckDb(const std::filesystem::path& file) {
        EXPECT_EQ(duckdb_open(file.c_str(), &database_), DuckDBSuccess);
        EXPECT_EQ(duckdb_connect(database_, &connection_), DuckDBSuccess);
    }
    ~StockDuckDb() {
        duckdb_disconnect(&connection_);
        duckdb_close(&database_);
    }
    std::string ask(const std::string& sql) {
        duckdb_result result;
        std::string text;
        const std::string as_text = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + sql + ")";
        if (duckdb_query(connection_, as_text.c_str(), &result) == DuckDBSuccess) {
            for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
                char* value = duckdb_value_varchar(&result, column, 0);
                text += (column ? "|" : "") + std::string(value ? value : "NULL");
                duckdb_free(value);
            }
        } else {
            text = duckdb_result_error(&result);
        }
        duckdb_destroy_result(&result);
        return text;
    }

private:
    duckdb_database database_ = nullptr;
    duckdb_connection connection_ = nullptr;
};

TEST(StockDuckDb, SeesPlainTypesThroughTheViews) {
    Sandbox sandbox;
    std::vector<catalog::Column> columns;
    for (int i = 0; i <= static_cast<int>(ScalarType::Dynamic); ++i)
        columns.push_back({std::string(data::to_string(static_cast<ScalarType>(i))), static_cast<ScalarType>(i),
                           static_cast<catalog::ColumnId>(i + 1), ""});
    sandbox.save(with(sandbox.database, make_table(1, "T", std::move(columns))));
    add_row(sandbox, "T", 1, [](data::Chunk& chunk) {
        chunk.column(0).set(0, std::uint8_t{1});
        chunk.column(1).set(0, std::int32_t{-1});
        chunk.column(2).set(0, std::int64_t{1} << 40);
        chunk.column(3).set(0, 1.5);
        chunk.column(4).set(0, data::Decimal{1'000'000'000'000'000'000});
        chunk.column(5).set(0, kMaxDateTimeTicks);
        chunk.column(6).set(0, -kTicksPerHour);
        chunk.column(7).set(0, data::StringCell("text"));
        chunk.column(8).set(0, data::Guid{0x0123456789abcdefu, 1});
        chunk.column(9).set(0, data::StringCell(R"({"a":1})"));
    });
    add_row(sandbox, "T", 2, [](data::Chunk& chunk) { chunk.column(5).set(0, Ticks{0}); });
    Transaction transaction = must(sandbox.store().begin());
    data::Rows staged(sandbox.table("T").schema());
    staged.next_row();
    staged.finish_row();
    must(transaction.append(sandbox.table("T"), 3, 5, staged));
    must(transaction.save_part({.id = 3, .table = 1, .state = PartState::Staged, .extent = {}, .rows = 1}));
    must(transaction.commit());
    sandbox.close();

    StockDuckDb stock(sandbox.file());
    EXPECT_EQ(stock.ask("SELECT count(*) FROM \"T\""), "2");
    EXPECT_EQ(
        stock.ask("SELECT typeof(bool), typeof(int), typeof(long), typeof(real), typeof(decimal), typeof(datetime), "
                  "typeof(timespan), typeof(string), typeof(guid), typeof(dynamic) FROM \"T\""),
        "BOOLEAN|INTEGER|BIGINT|DOUBLE|DECIMAL(38,18)|TIMESTAMP|INTERVAL|VARCHAR|UUID|JSON");
    EXPECT_EQ(stock.ask("SELECT * EXCLUDE decimal FROM \"T\" WHERE bool"),
              "true|-1|1099511627776|1.5|9999-12-31 "
              "23:59:59.999999|-01:00:00|text|01234567-89ab-cdef-0000-000000000001|{\"a\":1}");
    EXPECT_EQ(stock.ask("SELECT CAST(decimal AS DOUBLE) FROM \"T\" WHERE bool"), "1.0");
    EXPECT_EQ(stock.ask("SELECT datetime FROM \"T\" WHERE bool IS NULL"), "0001-01-01 00:00:00");
    EXPECT_EQ(
        stock.ask("SELECT string_agg(table_type, ',') FROM information_schema.tables WHERE table_schema = 'main'"),
        "VIEW");
    EXPECT_EQ(
        stock.ask(
            "SELECT count(*) FROM sluice.lane_positions, sluice.connection_totals, sluice.dead_letters, sluice.gaps, "
            "sluice.files, sluice.waiting, sluice.staging_batches, sluice.queue_items"),
        "0");
}

} // namespace
} // namespace sluice::store
