#include "core/ingest/batch_letters.hpp"
#include "core/ingest/batch_sealer.hpp"
#include "core/ingest/policy_cascade.hpp"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(SealRetry, FollowsTheKindOfTheFailure) {
    const Error unknown(ErrorCode::Internal, "", "UpdatePolicy_UnknownError");
    const Error schema(ErrorCode::Invalid, "", "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema");
    const Error broken(ErrorCode::Invalid, "", "UpdatePolicy_BadRequest");
    struct Case {
        const char* name;
        const Error& error;
        unsigned attempts;
        milliseconds since;
        double jitter;
        std::optional<milliseconds> delay;
    };
    const Case cases[] = {
        {"first", unknown, 1, seconds(0), 0.5, seconds(10)},
        {"second", unknown, 2, seconds(10), 0.5, seconds(20)},
        {"jitter down", unknown, 1, seconds(0), 0.0, seconds(8)},
        {"jitter up", unknown, 1, seconds(0), 1.0, seconds(12)},
        {"never more than half an hour", unknown, 40, hours(20), 0.5, minutes(30)},
        {"used up", unknown, 100, hours(48), 0.5, std::nullopt},
        {"a schema may be in the middle of a change", schema, 5, minutes(59), 0.5, seconds(160)},
        {"but not for ever", schema, 9, minutes(60), 0.5, std::nullopt},
        {"wrong for good", broken, 1, seconds(0), 0.5, std::nullopt},
    };
    for (const Case& tried : cases)
        EXPECT_EQ(next_attempt(tried.error, tried.attempts, tried.since, hours(48), tried.jitter), tried.delay)
            << tried.name;
}

/// A chain of tables T0 -> T1 -> ... whose policies do what a script says.
class CascadeTest : public testing::Test {
protected:
    void add(const std::string& name) {
        auto table = std::make_shared<catalog::Table>();
        table->id = database_.next_table++;
        table->name = name;
        table->columns = {{"a", data::ScalarType::Long, database_.next_column++}};
        database_.tables[name] = std::move(table);
    }
    void connect(const std::string& source, const std::string& target, bool transactional) {
        auto table = std::make_shared<catalog::Table>(*database_.find_table(target));
        table->policies.update.push_back({.source = source, .query = source, .is_transactional = transactional});
        database_.tables[target] = std::move(table);
    }
    Derived run(Cascade::Options options) {
        const PolicyGraph graph(std::make_shared<const catalog::Database>(database_));
        Cascade cascade(
            graph, options,
            [&](const PolicyEdge& edge, const NewRows&) -> Result<DerivedRows> {
                return DerivedRows{.rows = data::Rows(edge.target->schema()), .part = ++parts_, .count = 1};
            },
            [&](DerivedRows& rows) { discarded_.push_back(rows.part); });
        return cascade.run({.table = database_.find_table("T0")});
    }

    catalog::Database database_;
    store::PartId parts_ = 0;
    std::vector<store::PartId> discarded_;
};

TEST_F(CascadeTest, AChainLongerThanTheLimitFailsWhereItPassesIt) {
    for (int i = 0; i <= 3; ++i)
        add("T" + std::to_string(i));
    for (int i = 0; i < 3; ++i)
        connect("T" + std::to_string(i), "T" + std::to_string(i + 1), i > 0);
    EXPECT_EQ(run({.max_depth = 3}).outputs.size(), 3u);
    const Derived cut = run({.max_depth = 2});
    EXPECT_EQ(cut.outputs.size(), 0u) << "T1's policy is not transactional and absorbs what fails below it";
    EXPECT_FALSE(cut.failed);
    EXPECT_EQ(cut.failures.front().code, "UpdatePolicy_BadRequest");
    EXPECT_EQ(discarded_.size(), 2u) << "what T1 and T2 had got already goes";
    EXPECT_EQ(cut.status(), "Failure");
}

TEST_F(CascadeTest, StrictCyclesFailInsteadOfBeingCut) {
    add("T0");
    add("T1");
    connect("T0", "T1", true);
    connect("T1", "T0", true);
    EXPECT_FALSE(run({}).failed);
    const Derived strict = run({.strict_cycles = true});
    ASSERT_TRUE(strict.failed);
    EXPECT_EQ(strict.failed->reason, "UpdatePolicy_Cyclic_Update_Not_Allowed");
    EXPECT_EQ(discarded_.size(), 1u);
}

TEST(BatchLetters, RowsBecomeJsonThatReadsBackAsTheSameValues) {
    const data::Schema schema{{{"n", data::ScalarType::Long},
                               {"t", data::ScalarType::DateTime},
                               {"d", data::ScalarType::Dynamic},
                               {"r", data::ScalarType::Real},
                               {"s", data::ScalarType::String},
                               {"b", data::ScalarType::Bool}}};
    data::Chunk chunk(schema, 1);
    chunk.column(0).set<std::int64_t>(0, -7);
    chunk.column(1).set<Ticks>(0, kUnixEpochTicks + 1);
    chunk.column(2).set(0, chunk.arena().cell(R"({"x":[1]})"));
    chunk.column(3).set<double>(0, std::numeric_limits<double>::infinity());
    chunk.column(4).set(0, chunk.arena().cell("a \"quoted\" text"));
    chunk.set_rows(1);
    std::string line;
    append_json_row(line, schema, chunk, 0);
    EXPECT_EQ(line,
              R"({"n":-7,"t":"1970-01-01T00:00:00.0000001Z","d":{"x":[1]},"r":"Infinity","s":"a \"quoted\" text"})"
              "\n");
}

} // namespace
} // namespace sluice::ingest
