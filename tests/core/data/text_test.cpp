#include "core/data/text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::data {
namespace {

/// What the parser made of `text`, shown as the wire shows it, so that a table of cases needs one kind of expectation.
std::string shown(ScalarType type, std::string_view text) {
    const auto show = [](const auto& value, auto format) { return value ? format(*value) : std::string("null"); };
    switch (type) {
    case ScalarType::Bool:
        return show(parse_bool(text), [](bool value) { return std::string(value ? "true" : "false"); });
    case ScalarType::Int:
        return show(parse_int(text), [](auto value) { return std::to_string(value); });
    case ScalarType::Long:
        return show(parse_long(text), [](auto value) { return std::to_string(value); });
    case ScalarType::Real:
        return show(parse_real(text), format_real);
    case ScalarType::Decimal:
        return show(parse_decimal(text), format_decimal);
    case ScalarType::DateTime:
        return show(parse_datetime(text), format_datetime);
    case ScalarType::TimeSpan:
        return show(parse_timespan(text), format_timespan);
    case ScalarType::Guid:
        return show(parse_guid(text), format_guid);
    default:
        return std::string(text);
    }
}

struct Case {
    std::string name;
    ScalarType type;
    std::string_view text;
    std::string_view expected;
};

class Text : public testing::TestWithParam<Case> {};

TEST_P(Text, ParsesAsDocumented) {
    EXPECT_EQ(shown(GetParam().type, GetParam().text), GetParam().expected) << GetParam().text;
}

std::vector<Case> numbered(std::string name, ScalarType type,
                           std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
    std::vector<Case> cases;
    for (const auto& [text, expected] : pairs)
        cases.push_back({name + "_" + std::to_string(cases.size() + 1), type, text, expected});
    return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(DateTime, Text,
                         testing::ValuesIn(numbered("FM100", ScalarType::DateTime,
                                                    {{"2026-01-02", "2026-01-02T00:00:00Z"},
                                                     {"2026-01-02 03:04", "2026-01-02T03:04:00Z"},
                                                     {"2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.1234567Z"},
                                                     {"Sat, 8 Nov 14 15:05:02 GMT", "2014-11-08T15:05:02Z"},
                                                     {"Saturday, 08-Nov-14 15:05 GMT", "2014-11-08T15:05:00Z"},
                                                     {"2014-1-8 15:05:25", "2014-01-08T15:05:25Z"},
                                                     {"2026-02-30", "null"},
                                                     {"1767261600", "null"},
                                                     {"01/02/2026", "null"},
                                                     {"2026-01-02T24:00:00", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(DateTimeForms, Text,
                         testing::ValuesIn(numbered("form", ScalarType::DateTime,
                                                    {{"2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z"},
                                                     {"2026-02-03T04:05:06-0230", "2026-02-03T06:35:06Z"},
                                                     {"2026-02-03T04:05+02", "2026-02-03T02:05:00Z"},
                                                     {" 2026-02-03T04:05:06.5\t", "2026-02-03T04:05:06.5000000Z"},
                                                     {"2026-02-03 04:05:06 UTC", "2026-02-03T04:05:06Z"},
                                                     {"2014-1-8 15:05:25 GMT", "2014-01-08T15:05:25Z"},
                                                     {"2014-1-8", "null"},
                                                     {"2014-1-8 15:05:25.5", "null"},
                                                     {"8 nov 2014 15:05", "2014-11-08T15:05:00Z"},
                                                     {"08-NOV-50 15:05:01", "1950-11-08T15:05:01Z"},
                                                     {"1 Jan 49 00:00", "2049-01-01T00:00:00Z"},
                                                     {"8 Nov 2014 15:05 PST", "null"},
                                                     {"Someday, 8 Nov 14 15:05:02 GMT", "null"},
                                                     {"Saturday, 8 Nov 14 15:05:02 GMT", "null"},
                                                     {"8-Nov-14 15:05", "null"},
                                                     {"2026-01-02T03:04:60", "null"},
                                                     {"2026-01-02T03:04:05.Z", "null"},
                                                     {"2026-01-02T03:04:05+24:00", "null"},
                                                     {"2026-01-02T", "null"},
                                                     {"2026-01-02T03", "null"},
                                                     {"2026-01-02T03:04:05Zx", "null"},
                                                     {"2026-13-02", "null"},
                                                     {"2026-00-02", "null"},
                                                     {"2026-01-00", "null"},
                                                     {"2024-02-29", "2024-02-29T00:00:00Z"},
                                                     {"2023-02-29", "null"},
                                                     {"1900-02-29", "null"},
                                                     {"2000-02-29", "2000-02-29T00:00:00Z"},
                                                     {"0001-01-01", "0001-01-01T00:00:00Z"},
                                                     {"0001-01-01T00:00+01", "null"},
                                                     {"0000-12-31", "null"},
                                                     {"9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.9999999Z"},
                                                     {"9999-12-31T23:59:59-01", "null"},
                                                     {"", "null"},
                                                     {"-", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(TimeSpan, Text,
                         testing::ValuesIn(numbered("FM101", ScalarType::TimeSpan,
                                                    {{"1.02:03:04.5", "1.02:03:04.5000000"},
                                                     {"02:03", "02:03:00"},
                                                     {"-00:00:01", "-00:00:01"},
                                                     {"90m", "01:30:00"},
                                                     {"1.5h", "01:30:00"},
                                                     {"2", "2.00:00:00"},
                                                     {"10tick", "00:00:00.0000010"},
                                                     {"25:00", "null"},
                                                     {"1w", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(TimeSpanForms, Text,
                         testing::ValuesIn(numbered("form", ScalarType::TimeSpan,
                                                    {{"15 seconds", "00:00:15"},
                                                     {"100ms", "00:00:00.1000000"},
                                                     {"10microsecond", "00:00:00.0000100"},
                                                     {"-1d", "-1.00:00:00"},
                                                     {".5h", "00:30:00"},
                                                     {".h", "null"},
                                                     {".", "null"},
                                                     {"-", "null"},
                                                     {"1.5", "null"},
                                                     {"1.2.3", "null"},
                                                     {"00:60", "null"},
                                                     {"00:00:60", "null"},
                                                     {"00:00:00.12345678", "null"},
                                                     {"00:00:00.", "null"},
                                                     {"00:00:0", "null"},
                                                     {"10675199.02:48:05.4775807", "10675199.02:48:05.4775807"},
                                                     {"10675199.02:48:05.4775808", "null"},
                                                     {"-10675199.02:48:05.4775808", "-10675199.02:48:05.4775808"},
                                                     {"99999999999999999d", "null"},
                                                     {"9999999999999999999", "null"},
                                                     {"", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Bool, Text,
                         testing::ValuesIn(numbered("FM102", ScalarType::Bool,
                                                    {{"TRUE", "true"},
                                                     {"0", "false"},
                                                     {"2", "true"},
                                                     {"-1", "true"},
                                                     {"yes", "null"},
                                                     {" false ", "false"},
                                                     {"t", "null"},
                                                     {"1.0", "null"},
                                                     {"", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Real, Text,
                         testing::ValuesIn(numbered("FM103", ScalarType::Real,
                                                    {{"1.5e3", "1500.0"},
                                                     {".5", "0.5"},
                                                     {"NaN", "NaN"},
                                                     {"-inf", "-Infinity"},
                                                     {"1,5", "null"},
                                                     {"5.", "5.0"},
                                                     {"+1", "1.0"},
                                                     {"Infinity", "Infinity"},
                                                     {"0x1", "null"},
                                                     {"1e400", "Infinity"},
                                                     {"-1e400", "-Infinity"},
                                                     {"1e-400", "0.0"},
                                                     {"-0.0", "-0.0"},
                                                     {"0.1", "0.1"},
                                                     {"123456789012345678901234567890", "1.2345678901234568e+29"},
                                                     {"2.2250738585072011e-308", "2.225073858507201e-308"},
                                                     {"1e300", "1e+300"},
                                                     {"100000", "100000.0"},
                                                     {".", "null"},
                                                     {"1e", "null"},
                                                     {"1e+", "null"},
                                                     {"1.2.3", "null"},
                                                     {"1 2", "null"},
                                                     {"--1", "null"},
                                                     {"", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    Decimal, Text,
    testing::ValuesIn(numbered("FM104", ScalarType::Decimal,
                               {{"1e3", "1000"},
                                {"0.1", "0.1"},
                                {"x", "null"},
                                {"-1.50", "-1.5"},
                                {"000.0", "0"},
                                {"0.000000000000000001", "0.000000000000000001"},
                                {"0.0000000000000000005", "0"},
                                {"0.0000000000000000015", "0.000000000000000002"},
                                {"0.00000000000000000051", "0.000000000000000001"},
                                {"12345678901234567890", "12345678901234567890"},
                                {"18446744073709551615", "18446744073709551615"},
                                {"123456789012345678901", "null"},
                                {"1e19", "10000000000000000000"},
                                {"1e20", "null"},
                                {"12345678901234567890.123456789012345", "12345678901234567890.12345678901234"},
                                {"12345678901234567890.123456789012355", "12345678901234567890.12345678901236"},
                                {"99999999999999999999.999999999999999", "null"},
                                {"12345e-3", "12.345"},
                                {"nan", "null"},
                                {"inf", "null"},
                                {"1e999999999999", "null"},
                                {"", "null"}})),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Guid, Text,
    testing::ValuesIn(numbered("FM105", ScalarType::Guid,
                               {{"74be27de-1e4e-49d9-b579-fe0b331d3642", "74be27de-1e4e-49d9-b579-fe0b331d3642"},
                                {"74BE27DE1E4E49D9B579FE0B331D3642", "74be27de-1e4e-49d9-b579-fe0b331d3642"},
                                {"{74be27de-1e4e-49d9-b579-fe0b331d3642}", "74be27de-1e4e-49d9-b579-fe0b331d3642"},
                                {"(74be27de1e4e49d9b579fe0b331d3642)", "74be27de-1e4e-49d9-b579-fe0b331d3642"},
                                {"{74be27de-1e4e-49d9-b579-fe0b331d3642)", "null"},
                                {"74be27de-1e4e-49d9-b579-fe0b331d364", "null"},
                                {"74be27de-1e4e-49d9-b579-fe0b331d36422", "null"},
                                {"74be27de-1e4e-49d9-b579-fe0b331d364g", "null"},
                                {"74be27de1-e4e-49d9-b579-fe0b331d3642", "null"},
                                {"", "null"}})),
    name_of);

INSTANTIATE_TEST_SUITE_P(Long, Text,
                         testing::ValuesIn(numbered("FM106", ScalarType::Long,
                                                    {{"9223372036854775807", "9223372036854775807"},
                                                     {"9223372036854775808", "null"},
                                                     {"0xFF", "255"},
                                                     {"-9223372036854775808", "-9223372036854775808"},
                                                     {"-9223372036854775809", "null"},
                                                     {"0xFFFFFFFFFFFFFFFF", "-1"},
                                                     {"0x1FFFFFFFFFFFFFFFF", "null"},
                                                     {"0x", "null"},
                                                     {"0xG", "null"},
                                                     {"-0x1", "null"},
                                                     {"+00000000000000000000007", "7"},
                                                     {"18446744073709551617", "null"},
                                                     {"+", "null"},
                                                     {"1 ", "1"},
                                                     {"", "null"}})),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Int, Text,
                         testing::ValuesIn(numbered("FM12", ScalarType::Int,
                                                    {{"abc", "null"},
                                                     {"1.5", "null"},
                                                     {"5.0", "null"},
                                                     {"99999999999", "null"},
                                                     {" 7 ", "7"},
                                                     {"0x10", "16"},
                                                     {"2147483647", "2147483647"},
                                                     {"2147483648", "null"},
                                                     {"-2147483648", "-2147483648"},
                                                     {"0x7FFFFFFF", "2147483647"},
                                                     {"0x80000000", "null"},
                                                     {"0xFFFFFFFFFFFFFFFF", "null"},
                                                     {"1,000", "null"},
                                                     {"1e3", "null"}})),
                         name_of);

TEST(CivilTime, EveryDayOfFourCenturiesComesBack) {
    CivilTime expected{1, 1, 1, 0, 0, 0, 0};
    for (Ticks day = 0; day < 146'097 + 366; ++day) {
        const CivilTime civil = to_civil(day * kTicksPerDay);
        ASSERT_EQ(civil.year, expected.year) << day;
        ASSERT_EQ(civil.month, expected.month) << day;
        ASSERT_EQ(civil.day, expected.day) << day;
        ASSERT_EQ(from_civil(civil), day * kTicksPerDay);
        ++expected.day;
        if (!from_civil(expected)) {
            expected.day = 1;
            if (++expected.month == 13) {
                expected.month = 1;
                ++expected.year;
            }
        }
    }
}

TEST(CivilTime, KnowsTheUnixEpochAndTheLastTick) {
    EXPECT_EQ(format_datetime(kUnixEpochTicks), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_datetime(kMaxDateTimeTicks), "9999-12-31T23:59:59.9999999Z");
}

TEST(FormatReal, ReadsBackAsTheSameValue) {
    for (const double value :
         {0.1, 1.0 / 3, 1e15, 123456789012345.6, 1e-5, 9.9e-6, 5e-324, std::numeric_limits<double>::max()})
        EXPECT_EQ(parse_real(format_real(value)), value) << format_real(value);
}

} // namespace
} // namespace sluice::data
