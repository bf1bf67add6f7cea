#include "core/data/text.hpp"
#include "core/kql/functions.hpp"
#include "core/kql/kql.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace sluice::kql {
namespace {

using data::ScalarType;

// As many rows as DuckDB keeps together, so that an extent is one piece of the file.
constexpr std::int64_t kRowsOfAnExtent = 122'880;
constexpr std::int64_t kExtents = 12;
constexpr Ticks kBetweenRows = kTicksPerSecond / 100;

/// A table of extents that follow each other in time, the last row being a moment old; opened anew for each question,
/// so that what it reads is what it brings into memory.
class Pruning : public ::testing::Test {
protected:
    Pruning() {
        auto store = open();
        const auto before = store->load()->catalogue;
        catalog::Database after = before;
        auto table = std::make_shared<catalog::Table>();
        table->id = after.next_table++;
        table->name = "Events";
        for (const auto& [name, type] : {std::pair{"Timestamp", ScalarType::DateTime}, {"Value", ScalarType::Real}})
            table->columns.push_back({name, type, after.next_column++});
        after.tables.emplace(table->name, table);
        auto transaction = *store->begin();
        EXPECT_TRUE(transaction.save_catalogue(before, after));
        for (std::int64_t part = 1; part <= kExtents; ++part)
            EXPECT_TRUE(transaction.save_part({.id = part, .table = table->id, .extent = data::random_guid()}));
        EXPECT_TRUE(transaction.commit());
        const std::int64_t rows = kRowsOfAnExtent * kExtents;
        number(*store, "INSERT INTO db.sluice.t" + std::to_string(table->id) + " SELECT " + std::to_string(now_) +
                           " - (" + std::to_string(rows) + " - i) * " + std::to_string(kBetweenRows) +
                           ", random(), i // " + std::to_string(kRowsOfAnExtent) + " + 1, 1 FROM range(" +
                           std::to_string(rows) + ") AS r(i)");
        EXPECT_TRUE(store->checkpoint());
        database_ = std::make_shared<const catalog::Database>(after);
    }

    std::unique_ptr<store::Store> open() {
        // One thread, so that the rows are stored in their order.
        auto opened = store::Store::open(
            {.file = folder_ / "events.duckdb", .database = "D", .threads = 1, .functions = scalar_functions()});
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }

    static std::int64_t number(store::Store& store, const std::string& sql) {
        auto result = store.query(sql, {}, {{{"n", ScalarType::Long}}}, {});
        EXPECT_TRUE(result) << result.error().message;
        const auto chunk = result->next();
        EXPECT_TRUE(chunk && *chunk);
        return (*chunk)->column(0).get<std::int64_t>(0);
    }

    struct Answer {
        std::int64_t rows = 0;
        std::int64_t bytes_read = 0; ///< of tables, that the query brought into memory
    };
    Answer ask(std::string_view text) {
        const auto store = open();
        const auto read_so_far = [&] {
            return number(*store, "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'");
        };
        CompileOptions options;
        options.database = database_;
        options.now = now_;
        const auto plan = compile(text, options);
        EXPECT_TRUE(plan) << plan.error().message;
        const std::int64_t before = read_so_far();
        Answer answer;
        answer.rows = number(*store, plan->results.front().sql);
        answer.bytes_read = read_so_far() - before;
        return answer;
    }

private:
    const test::TemporaryFolder folder_;
    const Ticks now_ = *data::parse_datetime("2026-03-01");
    catalog::Snapshot database_;
};

// `Value * 2`, because statistics answer what is asked of the column itself.
TEST_F(Pruning, OldExtentsAreNotReadForTheLastMinutes) {
    const Answer all = ask("Events | where Value * 2 >= 0.0 | count");
    const Answer recent = ask("Events | where Timestamp > ago(5m) and Value * 2 >= 0.0 | count");
    EXPECT_EQ(all.rows, kRowsOfAnExtent * kExtents);
    EXPECT_EQ(recent.rows, 5 * 60 * 100 - 1);
    // Five minutes lie in the last of twelve extents; every extent holds as many bytes.
    EXPECT_LE(recent.bytes_read, all.bytes_read / 6) << all.bytes_read;
    EXPECT_GT(recent.bytes_read, 0);
}

TEST_F(Pruning, OtherFormsOfTheConditionReadNoMore) {
    const std::int64_t all = ask("Events | where Value * 2 >= 0.0 | count").bytes_read;
    for (const char* text :
         {"Events | where Timestamp between (ago(5m) .. now()) and Value * 2 >= 0.0 | count",
          "Events | extend T = Timestamp | where T >= ago(300s) | where Value * 2 >= 0.0 | count",
          "let since = ago(5m); Events | where Value * 2 >= 0.0 and since < Timestamp | count",
          "Events | project Timestamp, Value | where Value * 2 >= 0.0 | where Timestamp > now() - 5m "
          "| summarize count()",
          "union Events | where Timestamp > ago(5m) | summarize countif(Value * 2 >= 0.0)"})
        EXPECT_LE(ask(text).bytes_read, all / 6) << text;
}

} // namespace
} // namespace sluice::kql
