#include "core/app/wire/value.hpp"
#include "core/data/text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::app::wire {
namespace {

using data::ScalarType;

template <class T> std::string cell(ScalarType type, T value) {
    data::Column column(type, 1);
    column.set<T>(0, value);
    std::string out;
    append_cell(out, column, 0);
    return out;
}
std::string text(ScalarType type, std::string_view value) {
    return cell(type, data::StringCell(value));
}
std::string null(ScalarType type) {
    const data::Column column(type, 1);
    std::string out;
    append_cell(out, column, 0);
    return out;
}

struct RealCase {
    const char* name;
    double value;
    const char* wire;
};
class RealTest : public ::testing::TestWithParam<RealCase> {};
TEST_P(RealTest, HasAPointOrAnExponentAndReadsBack) {
    EXPECT_EQ(cell(ScalarType::Real, GetParam().value), GetParam().wire);
    EXPECT_EQ(data::format_real(GetParam().value),
              std::string(GetParam().wire).substr(0, 1) == "\""
                  ? std::string(GetParam().wire).substr(1, std::string(GetParam().wire).size() - 2)
                  : GetParam().wire);
}
INSTANTIATE_TEST_SUITE_P(
    Wire, RealTest,
    ::testing::Values(RealCase{"one", 1.0, "1.0"}, RealCase{"negative_zero", -0.0, "-0.0"},
                      RealCase{"tenth", 0.1, "0.1"}, RealCase{"huge", 1e300, "1e+300"},
                      RealCase{"smallest", 5e-324, "5e-324"}, RealCase{"million", 1e6, "1000000.0"},
                      RealCase{"nan", std::nan(""), "\"NaN\""},
                      RealCase{"infinity", std::numeric_limits<double>::infinity(), "\"Infinity\""},
                      RealCase{"minus_infinity", -std::numeric_limits<double>::infinity(), "\"-Infinity\""}),
    [](const auto& each) { return each.param.name; });

TEST(WireValue, BoolIsAWord) {
    EXPECT_EQ(cell<std::uint8_t>(ScalarType::Bool, 1), "true");
    EXPECT_EQ(cell<std::uint8_t>(ScalarType::Bool, 0), "false");
}

TEST(WireValue, IntegersKeepAllTheirBits) {
    EXPECT_EQ(cell<std::int32_t>(ScalarType::Int, std::numeric_limits<std::int32_t>::min()), "-2147483648");
    EXPECT_EQ(cell<std::int64_t>(ScalarType::Long, std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
    EXPECT_EQ(cell<std::int64_t>(ScalarType::Long, std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(WireValue, DecimalIsAString) {
    EXPECT_EQ(cell(ScalarType::Decimal, *data::parse_decimal("1.234567890123456789")), "\"1.234567890123456789\"");
    EXPECT_EQ(cell(ScalarType::Decimal, *data::parse_decimal("-100")), "\"-100\"");
}

struct TicksCase {
    const char* name;
    ScalarType type;
    Ticks ticks;
    const char* wire;
};
class TicksTest : public ::testing::TestWithParam<TicksCase> {};
TEST_P(TicksTest, LooksAsClientsReadIt) {
    const auto& c = GetParam();
    EXPECT_EQ(cell<Ticks>(c.type, c.ticks), std::string("\"") + c.wire + '"');
    EXPECT_EQ(c.type == ScalarType::DateTime ? data::format_datetime(c.ticks) : data::format_timespan(c.ticks), c.wire);
}
constexpr Ticks kMarch = 638'764'200'000'000'000; // 2025-03-01T10:00:00Z
INSTANTIATE_TEST_SUITE_P(
    Wire, TicksTest,
    ::testing::Values(
        TicksCase{"first", ScalarType::DateTime, 0, "0001-01-01T00:00:00Z"},
        TicksCase{"last", ScalarType::DateTime, kMaxDateTimeTicks, "9999-12-31T23:59:59.9999999Z"},
        TicksCase{"whole_second", ScalarType::DateTime, kMarch, "2025-03-01T10:00:00Z"},
        TicksCase{"seven_digits", ScalarType::DateTime, kMarch + 1'000'000, "2025-03-01T10:00:00.1000000Z"},
        TicksCase{"zero", ScalarType::TimeSpan, 0, "00:00:00"},
        TicksCase{"day", ScalarType::TimeSpan, kTicksPerDay + 2 * kTicksPerHour, "1.02:00:00"},
        TicksCase{"negative", ScalarType::TimeSpan, -kTicksPerMinute - 1, "-00:01:00.0000001"},
        TicksCase{"longest", ScalarType::TimeSpan, std::numeric_limits<Ticks>::max(), "10675199.02:48:05.4775807"},
        TicksCase{"shortest", ScalarType::TimeSpan, std::numeric_limits<Ticks>::min(), "-10675199.02:48:05.4775808"}),
    [](const auto& each) { return each.param.name; });

TEST(WireValue, GuidIsLowerCaseWithHyphens) {
    EXPECT_EQ(cell(ScalarType::Guid, *data::parse_guid("74BE27DE-1E4E-49D9-B579-FE0B331D3642")),
              "\"74be27de-1e4e-49d9-b579-fe0b331d3642\"");
}

TEST(WireValue, StringsAreEscapedWithoutNeed) {
    EXPECT_EQ(text(ScalarType::String, "a \"b\"\n\\ \x01 \xC3\xA4"), "\"a \\\"b\\\"\\n\\\\ \\u0001 \xC3\xA4\"");
    EXPECT_EQ(text(ScalarType::String, "bad \xFF end"), "\"bad \xEF\xBF\xBD end\"");
}

TEST(WireValue, DynamicIsJsonAsItIs) {
    EXPECT_EQ(text(ScalarType::Dynamic, R"({"a":[1,2.5,null]})"), R"({"a":[1,2.5,null]})");
    EXPECT_EQ(text(ScalarType::Dynamic, R"("abc")"), R"("abc")");
}

TEST(WireValue, NullIsNullButTextsAreEmpty) {
    for (const auto type : {ScalarType::Bool, ScalarType::Int, ScalarType::Long, ScalarType::Real, ScalarType::Decimal,
                            ScalarType::DateTime, ScalarType::TimeSpan, ScalarType::Guid, ScalarType::Dynamic})
        EXPECT_EQ(null(type), "null") << data::to_string(type);
    EXPECT_EQ(null(ScalarType::String), "\"\"");
}

TEST(WireValue, CommandsMayShowANullText) {
    const data::Column column(ScalarType::String, 1);
    std::string out;
    append_cell(out, column, 0, true);
    EXPECT_EQ(out, "null");
}

} // namespace
} // namespace sluice::app::wire
