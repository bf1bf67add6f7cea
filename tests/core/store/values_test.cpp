#include "core/data/text.hpp"
#include "tests/core/store/sandbox.hpp"

#include <cmath>
#include <limits>

namespace sluice::store {
namespace {

using namespace test;
using data::ScalarType;

constexpr PartId kPart = 1;

catalog::Database every_type() {
    catalog::Database database;
    database.name = "Harbor";
    std::vector<catalog::Column> columns;
    for (int i = 0; i <= static_cast<int>(ScalarType::Dynamic); ++i) {
        const auto type = static_cast<ScalarType>(i);
        columns.push_back({std::string(data::to_string(type)), type, static_cast<catalog::ColumnId>(i + 1), ""});
    }
    return with(std::move(database), make_table(1, "T", std::move(columns)));
}

/// A sandbox whose table T has a column of each type.
class Values : public testing::Test {
protected:
    Values() { sandbox_.save(every_type()); }

    void store(const data::Rows& rows) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.append(sandbox_.table("T"), kPart, 77, rows));
        must(transaction.save_part(
            {.id = kPart, .table = 1, .state = PartState::Extent, .extent = {}, .rows = rows.size()}));
        must(transaction.commit());
    }
    /// The column of T as stored, in the order of insertion.
    std::vector<data::Chunk> load(ScalarType type) {
        sandbox_.reopen();
        const auto column = static_cast<int>(type) + 1;
        return sandbox_.read("SELECT c" + std::to_string(column) + " FROM (" +
                                 Store::visible_rows(sandbox_.table("T")) + ")",
                             {{{"v", type}}});
    }
    /// Stores the cells and reads them back.
    template <class T> std::vector<T> round_trip(ScalarType type, const std::vector<T>& cells) {
        data::Rows rows(sandbox_.table("T").schema());
        for (const T& cell : cells) {
            data::Chunk& chunk = rows.next_row();
            chunk.column(static_cast<std::size_t>(type)).set(chunk.rows(), cell);
            rows.finish_row();
        }
        store(rows);
        std::vector<T> read;
        for (const data::Chunk& chunk : load(type))
            for (std::size_t row = 0; row < chunk.rows(); ++row) {
                EXPECT_FALSE(chunk.column(0).is_null(row));
                read.push_back(chunk.column(0).get<T>(row));
            }
        return read;
    }
    std::vector<std::string> round_trip_texts(ScalarType type, const std::vector<std::string>& texts) {
        data::Rows rows(sandbox_.table("T").schema());
        for (const std::string& text : texts) {
            data::Chunk& chunk = rows.next_row();
            chunk.column(static_cast<std::size_t>(type)).set(chunk.rows(), chunk.arena().cell(text));
            rows.finish_row();
        }
        store(rows);
        std::vector<std::string> read;
        for (const data::Chunk& chunk : load(type))
            for (std::size_t row = 0; row < chunk.rows(); ++row)
                read.emplace_back(chunk.column(0).text(row));
        return read;
    }

    Sandbox sandbox_;
};

TEST_F(Values, BoolsComeBack) {
    const std::vector<std::uint8_t> cells{1, 0, 1};
    EXPECT_EQ(round_trip(ScalarType::Bool, cells), cells);
}

TEST_F(Values, IntsComeBackToTheirEnds) {
    const std::vector<std::int32_t> cells{0, -1, std::numeric_limits<std::int32_t>::min(),
                                          std::numeric_limits<std::int32_t>::max()};
    EXPECT_EQ(round_trip(ScalarType::Int, cells), cells);
}

TEST_F(Values, LongsComeBackToTheirEnds) {
    const std::vector<std::int64_t> cells{0, -1, std::numeric_limits<std::int64_t>::min(),
                                          std::numeric_limits<std::int64_t>::max()};
    EXPECT_EQ(round_trip(ScalarType::Long, cells), cells);
}

TEST_F(Values, RealsComeBackBitForBit) {
    const std::vector<double> cells{0.0,
                                    -0.0,
                                    0.1,
                                    std::numeric_limits<double>::denorm_min(),
                                    std::numeric_limits<double>::max(),
                                    std::numeric_limits<double>::infinity(),
                                    -std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN()};
    const auto read = round_trip(ScalarType::Real, cells);
    ASSERT_EQ(read.size(), cells.size());
    for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
        EXPECT_EQ(read[i], cells[i]);
        EXPECT_EQ(std::signbit(read[i]), std::signbit(cells[i])) << i;
    }
    EXPECT_TRUE(std::isnan(read.back()));
}

TEST_F(Values, DecimalsComeBackToTheirEnds) {
    data::Decimal largest;
    for (int i = 0; i < data::Decimal::kPrecision; ++i)
        largest.units = largest.units * 10 + 9;
    const std::vector<data::Decimal> cells{{0}, {1}, {-1}, largest, {-largest.units}};
    EXPECT_EQ(round_trip(ScalarType::Decimal, cells), cells);
}

TEST_F(Values, DateTimesKeepTheirTicksFromYear1To9999) {
    const std::vector<Ticks> cells{0, 1, kUnixEpochTicks - 1, kUnixEpochTicks, kMaxDateTimeTicks};
    EXPECT_EQ(round_trip(ScalarType::DateTime, cells), cells);
}

TEST_F(Values, TimeSpansComeBackToTheirEnds) {
    const std::vector<Ticks> cells{0, -1, std::numeric_limits<Ticks>::min(), std::numeric_limits<Ticks>::max()};
    EXPECT_EQ(round_trip(ScalarType::TimeSpan, cells), cells);
}

TEST_F(Values, GuidsKeepTheirHighestBit) {
    const std::vector<data::Guid> cells{
        {0, 0}, {0x8000'0000'0000'0000u, 1}, {~0ull, ~0ull}, {0x0123456789abcdefu, 0xfedcba9876543210u}};
    EXPECT_EQ(round_trip(ScalarType::Guid, cells), cells);
}

TEST_F(Values, GuidsReadAsTheirTextInSql) {
    round_trip<data::Guid>(ScalarType::Guid, {{0xf123456789abcdefu, 0xfedcba9876543210u}});
    EXPECT_EQ(sandbox_.text("SELECT CAST(c9 AS VARCHAR) FROM sluice.t1"), "f1234567-89ab-cdef-fedc-ba9876543210");
}

TEST_F(Values, StringsComeBackWhateverTheyHold) {
    const std::vector<std::string> texts{"",
                                         "a",
                                         "twelve bytes",
                                         "thirteen byte",
                                         std::string("a\0b", 3),
                                         "Grüße 🙂",
                                         std::string(1 << 20, 'x'),
                                         std::string("\0long text with zero bytes\0", 27)};
    EXPECT_EQ(round_trip_texts(ScalarType::String, texts), texts);
}

TEST_F(Values, DynamicsComeBackAsTheirText) {
    const std::vector<std::string> texts{"{}", R"({"a":[1,2.5,"x",null]})", "\"text\"", "1"};
    EXPECT_EQ(round_trip_texts(ScalarType::Dynamic, texts), texts);
}

TEST_F(Values, NullsComeBackAsNullsAndStringsAsEmpty) {
    data::Rows rows(sandbox_.table("T").schema());
    constexpr std::size_t kRows = 130; // more than two words of validity
    for (std::size_t i = 0; i < kRows; ++i) {
        data::Chunk& chunk = rows.next_row();
        if (i == 64)
            chunk.column(static_cast<std::size_t>(ScalarType::Long)).set(chunk.rows(), std::int64_t{5});
        rows.finish_row();
    }
    store(rows);
    for (int i = 0; i <= static_cast<int>(ScalarType::Dynamic); ++i) {
        const auto type = static_cast<ScalarType>(i);
        const auto chunks = load(type);
        ASSERT_EQ(chunks.size(), 1u);
        ASSERT_EQ(chunks[0].rows(), kRows);
        for (std::size_t row = 0; row < kRows; ++row) {
            const bool is_set = type == ScalarType::String || (type == ScalarType::Long && row == 64);
            EXPECT_EQ(chunks[0].column(0).is_null(row), !is_set) << data::to_string(type) << " " << row;
        }
    }
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sluice.t1 WHERE c8 IS NULL"), 0);
}

TEST_F(Values, ManyChunksGoInOnAllThreads) {
    data::Rows rows(sandbox_.table("T").schema());
    constexpr std::int64_t kRows = 50'000;
    for (std::int64_t i = 0; i < kRows; ++i) {
        data::Chunk& chunk = rows.next_row();
        chunk.column(static_cast<std::size_t>(ScalarType::Long)).set(chunk.rows(), i);
        chunk.column(static_cast<std::size_t>(ScalarType::String))
            .set(chunk.rows(),
                 chunk.arena().cell("a text that is longer than twelve bytes, number " + std::to_string(i)));
        rows.finish_row();
    }
    store(rows);
    sandbox_.reopen();
    EXPECT_EQ(sandbox_.number("SELECT count(DISTINCT c3) FROM sluice.t1"), kRows);
    EXPECT_EQ(sandbox_.number(
                  "SELECT count(*) FROM sluice.t1 WHERE c8 = 'a text that is longer than twelve bytes, number ' || c3 "
                  "AND \"$part\" = 1 AND \"$time\" = 77"),
              kRows);
}

TEST_F(Values, DecimalsOfAResultAreStoredWithTheScaleOfStoredOnesOrBecomeNull) {
    const auto results = sandbox_.read(
        "SELECT * FROM (VALUES (1::DECIMAL(38,0)), (99999999999999999999), (100000000000000000000), (NULL)) AS t(d)",
        {{{"d", ScalarType::Decimal}}});
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].column(0).scale(), 0);
    EXPECT_EQ(data::format_decimal(results[0].column(0).decimal(2)), "100000000000000000000");
    data::Rows rows(sandbox_.table("T").schema());
    for (std::size_t row = 0; row < results[0].rows(); ++row) {
        data::Chunk& chunk = rows.next_row();
        data::Column& column = chunk.column(static_cast<std::size_t>(ScalarType::Decimal));
        column.set_scale(0);
        column.copy(chunk.rows(), results[0].column(0), row);
        rows.finish_row();
    }
    store(rows);
    const auto chunks = load(ScalarType::Decimal);
    ASSERT_EQ(chunks.size(), 1u);
    const data::Column& stored = chunks[0].column(0);
    EXPECT_EQ(data::format_decimal(stored.decimal(0)), "1");
    EXPECT_EQ(data::format_decimal(stored.decimal(1)), "99999999999999999999");
    EXPECT_TRUE(stored.is_null(2));
    EXPECT_TRUE(stored.is_null(3));
}

} // namespace
} // namespace sluice::store
