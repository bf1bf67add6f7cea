#include "core/config/units.hpp"

#include <gtest/gtest.h>

using namespace sluice;
using namespace sluice::config;
using namespace std::chrono_literals;

namespace {

TEST(Units, ReadsDurationsWithTheirUnits) {
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("5s").value(), 5s);
    EXPECT_EQ(parse_duration("10m").value(), 10min);
    EXPECT_EQ(parse_duration("48h").value(), 48h);
    EXPECT_EQ(parse_duration("7d").value(), 168h);
    EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
    EXPECT_EQ(parse_duration("0s").value(), 0s);
}

TEST(Units, RefusesADurationWithTheWayOut) {
    struct Case {
        const char* name;
        const char* text;
        const char* message;
    };
    const Case cases[] = {
        {"no unit", "5", "durations need a unit, such as \"5s\""},
        {"negative", "-5s", "a duration is a number with a unit, such as \"5s\""},
        {"empty", "", "a duration is a number with a unit, such as \"5s\""},
        {"unknown unit", "5 weeks", "units of durations are ms, s, m, h and d, as in \"5s\""},
        {"two points", "1.5.2s", "a duration is a number with a unit, such as \"5s\""},
        {"too long", "200000d", "the longest duration is \"106751d\""},
        {"too many digits", "99999999999999999999s", "a duration is a number with a unit, such as \"5s\""},
    };
    for (const auto& c : cases) {
        const auto result = parse_duration(c.text);
        ASSERT_FALSE(result) << c.name;
        EXPECT_EQ(result.error().message, c.message) << c.name;
    }
}

TEST(Units, ReadsSizesAsPowersOfTwo) {
    EXPECT_EQ(parse_size("64KiB").value(), 64_KiB);
    EXPECT_EQ(parse_size("10MB").value(), 10_MiB);
    EXPECT_EQ(parse_size("4GiB").value(), 4_GiB);
    EXPECT_EQ(parse_size("1024").value(), 1_KiB);
    EXPECT_EQ(parse_size("0.5GiB").value(), 512_MiB);
    EXPECT_EQ(parse_size("10 apples").error().message, "units of sizes are KiB, MiB and GiB, as in \"64MiB\"");
    EXPECT_FALSE(parse_size("99999999TiB"));
    EXPECT_FALSE(parse_size("-1"));
}

TEST(Units, ReadsTimesInUtcUnlessAZoneIsGiven) {
    EXPECT_EQ(parse_time("1970-01-01").value(), kUnixEpochTicks);
    EXPECT_EQ(parse_time("1970-01-01T00:00:01").value(), kUnixEpochTicks + kTicksPerSecond);
    EXPECT_EQ(parse_time("1970-01-01 00:00:00.0000001Z").value(), kUnixEpochTicks + 1);
    EXPECT_EQ(parse_time("1970-01-01T02:00:00+02:00").value(), kUnixEpochTicks);
    EXPECT_EQ(parse_time("1969-12-31T19:00-05:00").value(), kUnixEpochTicks);
    EXPECT_EQ(parse_time("0001-01-01").value(), 0);
    EXPECT_EQ(parse_time("9999-12-31T23:59:59.9999999Z").value(), kMaxDateTimeTicks);
    for (const auto* text : {"yesterday", "2026-13-01", "2026-02-30", "2026-01-01T25:00", "2026-01-01T00:00:00X",
                             "2026-1-1", "0001-01-01T00:00:00+01:00"})
        EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Units, WritesWhatItReads) {
    for (const auto* text : {"250ms", "90s", "5m", "7d", "15us"})
        EXPECT_EQ(format_duration(parse_duration(text).value()), text);
    for (const auto* text : {"64KiB", "10MiB", "4GiB", "1000"})
        EXPECT_EQ(format_size(parse_size(text).value()), text);
    for (const auto* text : {"2026-01-01T00:00:00Z", "1969-12-31T23:59:59.9000000Z", "0001-01-01T00:00:00Z"})
        EXPECT_EQ(format_time(parse_time(text).value()), text);
}

} // namespace
