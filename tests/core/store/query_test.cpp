#include "core/data/text.hpp"
#include "tests/core/store/sandbox.hpp"

#include <thread>

namespace sluice::store {
namespace {

using namespace test;
using data::ScalarType;

const data::Schema kLong{{{"n", ScalarType::Long}}};
constexpr const char* kEndless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b";

class Queries : public testing::Test {
protected:
    Queries() { sandbox_.save(with(sandbox_.database, numbers_table())); }

    void add(PartId part, std::int64_t first, std::size_t rows) {
        Transaction transaction = must(sandbox_.store().begin());
        must(transaction.append(sandbox_.table("T"), part, 5, numbers(sandbox_.table("T"), first, rows)));
        must(transaction.save_part({.id = part, .table = 1, .state = PartState::Extent, .extent = {}, .rows = rows}));
        must(transaction.commit());
    }
    Error error_of(std::string_view sql, data::Schema types, const QueryOptions& options = {}) {
        auto result = sandbox_.store().query(sql, {}, std::move(types), options);
        if (!result)
            return result.error();
        for (;;) {
            auto chunk = result->next();
            if (!chunk)
                return chunk.error();
            if (!*chunk)
                return {ErrorCode::Internal, "there was no error"};
        }
    }

    Sandbox sandbox_;
};

TEST_F(Queries, TakeParametersOfEveryKind) {
    const auto rows = sandbox_.read(
        "SELECT ?, ?, ?, ?, ?, ? IS NULL",
        {{{"b", ScalarType::Bool},
          {"l", ScalarType::Long},
          {"r", ScalarType::Real},
          {"s", ScalarType::String},
          {"g", ScalarType::Guid},
          {"n", ScalarType::Bool}}},
        {true, std::int64_t{-5}, 2.5, std::string("it's; --\0x", 10), data::Guid{~0ull, 7}, std::monostate{}});
    EXPECT_EQ(rows[0].column(0).get<std::uint8_t>(0), 1);
    EXPECT_EQ(rows[0].column(1).get<std::int64_t>(0), -5);
    EXPECT_EQ(rows[0].column(2).get<double>(0), 2.5);
    EXPECT_EQ(rows[0].column(3).text(0), std::string_view("it's; --\0x", 10));
    EXPECT_EQ(rows[0].column(4).get<data::Guid>(0), (data::Guid{~0ull, 7}));
    EXPECT_EQ(rows[0].column(5).get<std::uint8_t>(0), 1);
}

TEST_F(Queries, WidenWhatSqlGives) {
    const auto rows = sandbox_.read(
        "SELECT sum(x), count(*), 7::TINYINT, 5::UBIGINT, 1.5::DECIMAL(4,2), 1.5::DECIMAL(4,2), 3::HUGEINT, "
        "2.5::FLOAT, NULL::UUID, '{}'::JSON FROM range(3) t(x)",
        {{{"a", ScalarType::Long},
          {"b", ScalarType::Int},
          {"c", ScalarType::Int},
          {"d", ScalarType::Long},
          {"e", ScalarType::Decimal},
          {"f", ScalarType::Real},
          {"g", ScalarType::TimeSpan},
          {"h", ScalarType::Real},
          {"i", ScalarType::Guid},
          {"j", ScalarType::String}}});
    const data::Chunk& row = rows.at(0);
    EXPECT_EQ(row.column(0).get<std::int64_t>(0), 3);
    EXPECT_EQ(row.column(1).get<std::int32_t>(0), 3);
    EXPECT_EQ(row.column(2).get<std::int32_t>(0), 7);
    EXPECT_EQ(row.column(3).get<std::int64_t>(0), 5);
    EXPECT_EQ(data::format_decimal(row.column(4).decimal(0)), "1.5");
    EXPECT_EQ(row.column(5).get<double>(0), 1.5);
    EXPECT_EQ(row.column(6).get<std::int64_t>(0), 3);
    EXPECT_EQ(row.column(7).get<double>(0), 2.5);
    EXPECT_TRUE(row.column(8).is_null(0));
}

TEST_F(Queries, ANumberThatDoesNotFitIsAnError) {
    const Error error = error_of("SELECT 9223372036854775808::HUGEINT", kLong);
    EXPECT_EQ(error.code, ErrorCode::Invalid);
    EXPECT_NE(error.message.find("'n'"), std::string::npos);
}

TEST_F(Queries, AnotherTypeThanWantedNamesTheColumnAndBothTypes) {
    const Error error = error_of("SELECT 'x' AS n", kLong);
    EXPECT_EQ(error.code, ErrorCode::Internal);
    EXPECT_EQ(error.message, "column 1 ('n') of a query was to be long (BIGINT) and is VARCHAR");
}

TEST_F(Queries, AnotherNumberOfColumnsIsAnError) {
    EXPECT_EQ(error_of("SELECT 1, 2", kLong).code, ErrorCode::Internal);
}

TEST_F(Queries, ValuesThatDoNotConvertAreTheCallersFault) {
    EXPECT_EQ(error_of("SELECT CAST('x' || c10 AS BIGINT) FROM (SELECT 1 AS c10)", kLong).code, ErrorCode::Invalid);
    EXPECT_EQ(error_of("SELECT x + 9223372036854775807 FROM range(1, 2) t(x)", kLong).code, ErrorCode::Invalid);
}

TEST_F(Queries, TimeOutInTime) {
    const auto started = std::chrono::steady_clock::now();
    const Error error = error_of(kEndless, {{{"n", ScalarType::Real}}}, {.timeout = std::chrono::milliseconds(100)});
    EXPECT_EQ(error.code, ErrorCode::Timeout) << error.message;
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));
    EXPECT_EQ(sandbox_.number("SELECT 1"), 1);
}

TEST_F(Queries, EndWhenTheyAreCancelled) {
    QueryCancel cancel;
    std::jthread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        cancel.cancel();
    });
    const Error error = error_of(kEndless, {{{"n", ScalarType::Real}}}, {.cancel = &cancel});
    EXPECT_EQ(error.code, ErrorCode::Cancelled) << error.message;
}

TEST_F(Queries, DoNotStartWhenCancelledBefore) {
    QueryCancel cancel;
    cancel.cancel();
    EXPECT_EQ(error_of("SELECT 1", kLong, {.cancel = &cancel}).code, ErrorCode::Cancelled);
}

TEST_F(Queries, StopBetweenChunksWhenCancelled) {
    QueryCancel cancel;
    QueryResult result =
        must(sandbox_.store().query("SELECT range FROM range(100000000)", {}, kLong, {.cancel = &cancel}));
    ASSERT_TRUE(must(result.next()));
    cancel.cancel();
    const auto next = result.next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::Cancelled);
}

TEST_F(Queries, CancellingAFinishedOneTouchesNobody) {
    QueryCancel cancel;
    {
        QueryResult result = must(sandbox_.store().query("SELECT 1", {}, kLong, {.cancel = &cancel}));
        while (must(result.next())) {
        }
    }
    cancel.cancel();
    EXPECT_EQ(sandbox_.number("SELECT 2"), 2);
}

TEST_F(Queries, OutOfMemoryIsALimit) {
    const Error error = error_of("SELECT len(list(i || repeat('x', 200))) FROM range(30000000) t(i)", kLong);
    EXPECT_EQ(error.reason, "LimitsExceeded") << error.message;
    EXPECT_EQ(error.code, ErrorCode::TooLarge);
    EXPECT_EQ(sandbox_.number("SELECT 1"), 1);
}

TEST_F(Queries, ReachNoOtherFile) {
    for (const char* sql :
         {"SELECT count(*) FROM read_csv('/etc/passwd')", "SELECT count(*) FROM read_text('/etc/hostname')",
          "SELECT count(*) FROM glob('/etc/*')", "SELECT count(*) FROM '/etc/passwd'"}) {
        const Error error = error_of(sql, kLong);
        EXPECT_NE(error.message, "there was no error") << sql;
    }
    EXPECT_FALSE(sandbox_.store().query("ATTACH '/tmp/other.duckdb'", {}, {}, {}));
    EXPECT_FALSE(sandbox_.store().query("COPY (SELECT 1) TO '/tmp/sluice-must-not-be'", {}, {}, {}));
    EXPECT_FALSE(sandbox_.store().query("SET enable_external_access = true", {}, {}, {}));
    EXPECT_FALSE(std::filesystem::exists("/tmp/sluice-must-not-be"));
}

TEST_F(Queries, SpillIntoTheDataFolder) {
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM (SELECT i, repeat('x', 100) || i AS t FROM range(4000000) r(i) "
                              "ORDER BY t DESC LIMIT 3900000)"),
              3900000);
}

TEST_F(Queries, StayOnTheirSnapshotWhileCommitsGoOn) {
    constexpr std::size_t kRows = 500'000;
    add(1, 0, kRows);
    QueryResult result =
        must(sandbox_.store().query(Store::visible_rows(sandbox_.table("T")), {},
                                    {{{"n", ScalarType::Long}, {"p", ScalarType::Long}, {"t", ScalarType::Long}}}, {}));
    std::size_t seen = 0;
    auto first = must(result.next());
    ASSERT_TRUE(first);
    seen += first->rows();

    add(2, 0, kRows);
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.drop_part({.id = 1, .table = 1, .extent = {}}));
    must(transaction.commit());
    while (auto chunk = must(result.next())) {
        for (std::size_t row = 0; row < chunk->rows(); ++row)
            ASSERT_EQ(chunk->column(1).get<std::int64_t>(row), 1);
        seen += chunk->rows();
    }
    EXPECT_EQ(seen, kRows);
    EXPECT_EQ(sandbox_.number("SELECT min(\"$part\") FROM (" + Store::visible_rows(sandbox_.table("T")) + ")"), 2);
}

TEST_F(Queries, KeepReadingATableThatIsClearedMeanwhile) {
    constexpr std::size_t kRows = 500'000;
    add(1, 0, kRows);
    QueryResult result = must(
        sandbox_.store().query("SELECT c10 FROM (" + Store::visible_rows(sandbox_.table("T")) + ")", {}, kLong, {}));
    std::size_t seen = must(result.next())->rows();
    Transaction transaction = must(sandbox_.store().begin());
    must(transaction.clear_table(1, false));
    must(transaction.commit());
    while (auto chunk = must(result.next()))
        seen += chunk->rows();
    EXPECT_EQ(seen, kRows);
    EXPECT_EQ(sandbox_.count("T"), 0);
}

TEST_F(Queries, SeeRowsAndPartsOfOneSnapshot) {
    // A seal moves rows from one part's count to another's visibility; readers must see each row once, before and
    // after.
    constexpr int kRounds = 60;
    add(1, 0, 1000);
    std::atomic<bool> done = false;
    std::atomic<int> wrong = 0;
    std::jthread reader([&] {
        while (!done)
            if (sandbox_.count("T") % 1000 != 0)
                ++wrong;
    });
    for (PartId part = 2; part < 2 + kRounds; ++part) {
        for (const PartState state : {PartState::Staged, PartState::Extent}) {
            Transaction transaction = must(sandbox_.store().begin());
            if (state == PartState::Staged)
                must(transaction.append(sandbox_.table("T"), part, 5, numbers(sandbox_.table("T"), 0, 1000)));
            must(transaction.save_part({.id = part, .table = 1, .state = state, .extent = {}, .rows = 1000}));
            must(transaction.commit());
        }
    }
    done = true;
    reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(sandbox_.count("T"), 1000 * (1 + kRounds));
}

TEST_F(Queries, RunOnManyThreads) {
    add(1, 0, 100'000);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                for (int k = 0; k < 10; ++k)
                    if (sandbox_.count("T") != 100'000)
                        ++wrong;
            });
    }
    EXPECT_EQ(wrong, 0);
}

} // namespace
} // namespace sluice::store
