#include "core/ingest/extents.hpp"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {

store::Part extent(store::PartId id, std::uint64_t rows, std::vector<std::string> tags = {}, Ticks created = 0) {
    store::Part part;
    part.id = id;
    part.table = 1;
    part.state = store::PartState::Extent;
    part.rows = rows;
    part.tags = std::move(tags);
    part.opened = part.created = created;
    return part;
}

using Plan = std::vector<std::vector<store::PartId>>;

TEST(PlanMerges, TakesFourSmallExtentsOrMore) {
    EXPECT_EQ(plan_merges({extent(1, 5), extent(2, 5), extent(3, 5)}, {}, 0), Plan{});
    EXPECT_EQ(plan_merges({extent(1, 5), extent(2, 5), extent(3, 5), extent(4, 5)}, {}, 0), (Plan{{1, 2, 3, 4}}));
}

TEST(PlanMerges, KeepsDifferentSetsOfDropByTagsApart) {
    const std::vector<store::Part> extents{extent(1, 5, {"drop-by:a", "x"}), extent(2, 5, {"drop-by:b"}),
                                           extent(3, 5, {"y", "drop-by:a"}), extent(4, 5)};
    EXPECT_EQ(plan_merges(extents, {.at_least = 2}, 0), (Plan{{1, 3}}));
}

TEST(PlanMerges, LeavesLargeAndOldExtentsAlone) {
    const std::vector<store::Part> extents{extent(1, 200'000), extent(2, 5, {}, -20 * kTicksPerDay), extent(3, 5),
                                           extent(4, 5)};
    EXPECT_EQ(plan_merges(extents, {.at_least = 2}, 0), (Plan{{3, 4}}));
}

TEST(PlanMerges, EndsASetAtTheLimitsOfRowsNumberAndTime) {
    const std::vector<store::Part> extents{extent(1, 6), extent(2, 6), extent(3, 6), extent(4, 6)};
    EXPECT_EQ(plan_merges(extents, {.at_least = 2, .max_rows = 12}, 0), (Plan{{1, 2}, {3, 4}}));
    EXPECT_EQ(plan_merges(extents, {.at_least = 2, .at_most = 3}, 0), (Plan{{1, 2, 3}}));
    const std::vector<store::Part> days{extent(1, 6, {}, 0), extent(2, 6, {}, kTicksPerHour),
                                        extent(3, 6, {}, 30 * kTicksPerHour), extent(4, 6, {}, 31 * kTicksPerHour)};
    EXPECT_EQ(plan_merges(days, {.at_least = 2}, 31 * kTicksPerHour), (Plan{{1, 2}, {3, 4}}));
}

} // namespace
} // namespace sluice::ingest
