#include "plugins/kafka/position.hpp"
#include "plugins/kafka/utc_time.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace {

using namespace sluice::kafka;

TEST(KafkaPosition, IsReadBackAsWritten) {
    const Position position{42, 7, 1'767'225'600'123};
    EXPECT_EQ(to_text(position), R"({"base":7,"offset":42,"timestamp":1767225600123})");
    const auto read = parse_stored(to_text(position)).position;
    ASSERT_TRUE(read);
    EXPECT_EQ(read->offset, 42);
    EXPECT_EQ(read->base, 7u);
    EXPECT_EQ(read->timestamp_ms, 1'767'225'600'123);
}

TEST(KafkaPosition, FitsItsRoomAtTheLargestValues) {
    const Position position{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::uint64_t>::max(),
                            std::numeric_limits<std::int64_t>::max()};
    EXPECT_EQ(parse_stored(to_text(position)).position->base, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(parse_stored(to_text(position)).position->timestamp_ms, std::numeric_limits<std::int64_t>::max());
}

TEST(KafkaPosition, LeavesOutATimestampThatIsNotThere) {
    EXPECT_EQ(to_text({1, 0, -1}), R"({"base":0,"offset":1})");
    EXPECT_EQ(parse_stored(R"({"base":0,"offset":1})").position->timestamp_ms, -1);
}

TEST(KafkaPosition, UnderstandsWhereAnOperatorMovedALane) {
    EXPECT_EQ(parse_stored("beginning").seek->kind, SeekTarget::Kind::Beginning);
    EXPECT_EQ(parse_stored("end").seek->kind, SeekTarget::Kind::End);
    EXPECT_EQ(parse_stored("17").seek->value, 17);
    EXPECT_EQ(parse_stored("2026-01-01T00:00:00Z").seek->value, 1'767'225'600'000);
}

TEST(KafkaPosition, RefusesWhatWasNeverStored) {
    for (const char* text : {"", "{}", "{\"offset\":-1}", "{\"offset\":x}", "nonsense", "-5", "12x"}) {
        EXPECT_FALSE(parse_stored(text).position) << text;
        EXPECT_FALSE(parse_stored(text).seek) << text;
    }
}

TEST(KafkaTime, IsCutToMilliseconds) {
    EXPECT_EQ(parse_utc_ms("2026-01-01T00:00:00.1239999Z"), 1'767'225'600'123);
    EXPECT_EQ(parse_utc_ms("2026-01-01T00:00:00.5Z"), 1'767'225'600'500);
    EXPECT_EQ(parse_utc_ms("2026-01-01"), 1'767'225'600'000);
    EXPECT_EQ(parse_utc_ms("1969-12-31T23:59:59.999Z"), -1);
}

TEST(KafkaTime, RefusesWhatIsNoUtcTime) {
    for (const char* text :
         {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
          "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00Zx"})
        EXPECT_FALSE(parse_utc_ms(text)) << text;
}

} // namespace
