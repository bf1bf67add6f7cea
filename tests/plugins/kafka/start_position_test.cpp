#include "plugins/kafka/start_position.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace {

using namespace sluice::kafka;
using Kind = StartDecision::Kind;

constexpr std::int64_t kTime = 1'767'225'600'000;

StoredLane stored(std::uint64_t sequence, const std::string& position) {
    return {sequence, parse_stored(position)};
}

struct StartCase {
    const char* name;
    StartFacts facts;
    bool beginning = false; ///< start_at
    OnGap on_gap = OnGap::Earliest;
    Kind kind = Kind::Offset;
    std::int64_t offset = 0;
    std::uint64_t base = 0;
    bool verify = false, commit_now = false;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> gap{};
};
void PrintTo(const StartCase& c, std::ostream* out) {
    *out << c.name;
}

const StartCase kCases[] = {
    {.name = "StoredPositionWinsOverCommit",
     .facts = {.stored = stored(9, R"({"base":0,"offset":9})"), .low = 0, .high = 20, .committed = 15},
     .offset = 10},
    {.name = "StoredTimestampIsVerified",
     .facts = {.stored = stored(9, R"({"base":0,"offset":9,"timestamp":5})"), .low = 0, .high = 20},
     .offset = 9,
     .verify = true},
    {.name = "ExpiredRecordCannotBeVerified",
     .facts = {.stored = stored(9, R"({"base":0,"offset":9,"timestamp":5})"), .low = 10, .high = 20},
     .offset = 10},
    {.name = "CaughtUpStartsAtTheEnd",
     .facts = {.stored = stored(19, R"({"base":0,"offset":19})"), .low = 0, .high = 20},
     .offset = 20},
    {.name = "PastTheEndIsAnotherTopic",
     .facts = {.stored = stored(20, R"({"base":0,"offset":20})"), .low = 0, .high = 20},
     .beginning = true,
     .offset = 0,
     .base = 21,
     .commit_now = true},
    {.name = "BaseIsKept",
     .facts = {.stored = stored(109, R"({"base":100,"offset":9})"), .low = 0, .high = 20},
     .offset = 10,
     .base = 100},
    {.name = "GapGoesOnAtTheOldest",
     .facts = {.stored = stored(102, R"({"base":100,"offset":2})"), .low = 6, .high = 20},
     .offset = 6,
     .base = 100,
     .gap = {{103, 105}}},
    {.name = "GapGoesOnAtTheNewest",
     .facts = {.stored = stored(2, R"({"base":0,"offset":2})"), .low = 6, .high = 20},
     .on_gap = OnGap::Latest,
     .offset = 20,
     .gap = {{3, 19}}},
    {.name = "GapStops",
     .facts = {.stored = stored(2, R"({"base":0,"offset":2})"), .low = 6, .high = 20},
     .on_gap = OnGap::Stop,
     .kind = Kind::Stop,
     .offset = 6,
     .gap = {{3, 5}}},
    {.name = "CommitOfTheGroup", .facts = {.low = 0, .high = 20, .committed = 15}, .offset = 15},
    {.name = "CommitOutsideIsIgnored",
     .facts = {.low = 0, .high = 20, .committed = 21},
     .kind = Kind::Time,
     .commit_now = true},
    {.name = "BeginningIgnoresTheCommit",
     .facts = {.low = 3, .high = 20, .committed = 15},
     .beginning = true,
     .offset = 3,
     .commit_now = true},
    {.name = "AddedLaterIsReadWhole",
     .facts = {.low = 0, .high = 20, .added_later = true},
     .offset = 0,
     .commit_now = true},
    {.name = "NothingKnownStartsAtTheTime", .facts = {.low = 0, .high = 20}, .kind = Kind::Time, .commit_now = true},
    {.name = "MovedToTheBeginning",
     .facts = {.stored = stored(50, "beginning"), .low = 4, .high = 20},
     .offset = 4,
     .base = 51},
    {.name = "MovedToTheEnd", .facts = {.stored = stored(50, "end"), .low = 4, .high = 20}, .offset = 20, .base = 51},
    {.name = "MovedToAnOffset", .facts = {.stored = stored(50, "7"), .low = 4, .high = 20}, .offset = 7, .base = 51},
};

class KafkaStart : public ::testing::TestWithParam<StartCase> {};

TEST_P(KafkaStart, IsChosenByTheTable) {
    const StartCase& c = GetParam();
    const StartPolicy policy{c.beginning ? StartAt{} : StartAt{kTime}, c.on_gap};
    const StartDecision d = decide_start(c.facts, policy);
    EXPECT_EQ(d.kind, c.kind);
    EXPECT_EQ(d.base, c.base);
    EXPECT_EQ(d.verify, c.verify);
    EXPECT_EQ(d.commit_now, c.commit_now);
    EXPECT_EQ(d.kind == Kind::Time ? d.time_ms : d.offset, d.kind == Kind::Time ? kTime : c.offset);
    std::optional<std::pair<std::uint64_t, std::uint64_t>> gap;
    if (d.gap)
        gap.emplace(d.gap->first, d.gap->last);
    EXPECT_EQ(gap, c.gap);
}
INSTANTIATE_TEST_SUITE_P(Table, KafkaStart, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

} // namespace
