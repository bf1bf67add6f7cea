#include "core/store/hidden_parts.hpp"
#include "tests/core/store/sandbox.hpp"

#include <atomic>
#include <thread>

namespace sluice::store {
namespace {

using namespace test;

std::string select(catalog::TableId table) {
    return "SELECT a FROM t" + std::to_string(table) + without_hidden_parts(table);
}

TEST(HiddenParts, ATableWithoutAnyIsReadAsItIs) {
    EXPECT_EQ(with_known_parts(select(7), {}), "SELECT a FROM t7");
    EXPECT_EQ(with_known_parts(select(7), {{8, {1}}}), "SELECT a FROM t7");
}

TEST(HiddenParts, AFewAreNamedAndManyStayAJoin) {
    EXPECT_EQ(with_known_parts(select(7), {{7, {4, 5}}}), R"(SELECT a FROM t7 WHERE "$part" NOT IN (4, 5))");
    const HiddenParts many{{7, std::vector<PartId>(100, 1)}};
    EXPECT_EQ(with_known_parts(select(7), many), select(7));
}

TEST(HiddenParts, EachTableOfAStatementHasItsOwn) {
    EXPECT_EQ(with_known_parts("(" + select(7) + ") UNION (" + select(71) + ") UNION (" + select(7) + ")", {{71, {3}}}),
              R"((SELECT a FROM t7) UNION (SELECT a FROM t71 WHERE "$part" NOT IN (3)) UNION (SELECT a FROM t7))");
}

TEST(HiddenParts, WhatAUserWritesIsNotTakenForThem) {
    const std::string text =
        R"(SELECT ' ANTI JOIN (SELECT id FROM db.sluice.parts WHERE "table" = 7 AND state IN (1, 3)) AS hidden_7')";
    EXPECT_FALSE(leaves_out_parts(text));
    EXPECT_EQ(with_known_parts(text, {{7, {1}}}), text);
}

/// The first query of a connection meets no hidden part, as most do; what it learns from that holds for no later one.
TEST(HiddenParts, OfLaterCommitsAreHiddenFromAConnectionThatFoundNoneBefore) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    const auto add = [&](PartId id, PartState state) {
        Transaction transaction = must(sandbox.store().begin());
        must(transaction.append(sandbox.table("T"), id, 5, numbers(sandbox.table("T"), 0, 10)));
        must(transaction.save_part(Part{.id = id, .table = 1, .state = state, .extent = {}, .rows = 10}));
        must(transaction.commit());
    };
    add(1, PartState::Extent);
    ASSERT_EQ(sandbox.count("T"), 10);
    add(2, PartState::Staged);
    add(3, PartState::Piece);
    EXPECT_EQ(sandbox.count("T"), 10);
}

/// Each commit makes one batch of ten rows visible, takes the one before away and stages the next: a query of any
/// moment sees ten rows.
TEST(HiddenParts, AreThoseOfTheSnapshotOfTheQuery) {
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    constexpr PartId kBatches = 300;
    constexpr std::size_t kRows = 10;
    const auto part = [](PartId id, PartState state) {
        return Part{.id = id, .table = 1, .state = state, .extent = {}, .rows = kRows};
    };
    const data::Rows rows = numbers(sandbox.table("T"), 0, kRows);
    const auto commit = [&](PartId next) {
        Transaction transaction = must(sandbox.store().begin());
        if (next > 2)
            must(transaction.drop_part(part(next - 2, PartState::Extent)));
        if (next > 1)
            must(transaction.save_part(part(next - 1, PartState::Extent)));
        must(transaction.append(sandbox.table("T"), next, 5, rows));
        must(transaction.save_part(part(next, PartState::Staged)));
        must(transaction.commit());
    };
    commit(1);
    EXPECT_EQ(sandbox.count("T"), 0);
    commit(2);
    std::atomic<bool> done = false;
    std::jthread reader([&] {
        while (!done)
            ASSERT_EQ(sandbox.count("T"), static_cast<std::int64_t>(kRows));
    });
    for (PartId next = 3; next <= kBatches; ++next)
        commit(next);
    done = true;
}

} // namespace
} // namespace sluice::store
