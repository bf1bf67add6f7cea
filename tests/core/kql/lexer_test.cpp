#include "core/kql/lexer.hpp"

#include <gtest/gtest.h>

namespace sluice::kql {
namespace {

TEST(Lexer, ReadsEveryFormOfString) {
    const std::pair<const char*, const char*> cases[] = {
        {R"("a\"b")", "a\"b"},           {R"('a\'b')", "a'b"},       {R"(@"C:\x")", "C:\\x"},
        {R"(@'it''s')", "it's"},         {R"(h"secret")", "secret"}, {"```two\nlines```", "two\nlines"},
        {R"("\u00e9\t")", "\xC3\xA9\t"}, {R"("a" 'b')", "ab"},
    };
    for (const auto& [text, value] : cases) {
        const auto tokens = tokenize(text);
        ASSERT_EQ(tokens.size(), 2u) << text;
        EXPECT_EQ(tokens[0].value.text, value) << text;
    }
}

TEST(Lexer, ReadsTimespansNumbersAndTypedLiterals) {
    EXPECT_EQ(tokenize("1.5h")[0].value.integer, kTicksPerHour * 3 / 2);
    EXPECT_EQ(tokenize("1tick")[0].value.integer, 1);
    EXPECT_EQ(tokenize("0x1F")[0].value.integer, 31);
    EXPECT_DOUBLE_EQ(tokenize("1e5")[0].value.real, 1e5);
    EXPECT_EQ(tokenize("timespan(2)")[0].value.integer, 2 * kTicksPerDay);
    EXPECT_EQ(tokenize("timespan(15 seconds)")[0].value.integer, 15 * kTicksPerSecond);
    EXPECT_TRUE(tokenize("long(null)")[0].value.null);
    EXPECT_EQ(tokenize("dynamic({\"a\": [1, \"x)\"]})")[0].value.text, "{\"a\":[1,\"x)\"]}");
}

TEST(Lexer, GoesOnBehindAnError) {
    std::vector<Failure> errors;
    const auto tokens = tokenize("a ` \"x\\q\" long(z)\n'open\nb", &errors);
    std::vector<Offset> places;
    for (const Failure& error : errors)
        places.push_back(error.at);
    EXPECT_EQ(places, (std::vector<Offset>{2, 4, 10, 18}));
    ASSERT_EQ(tokens.size(), 6u);
    EXPECT_TRUE(tokens[2].value.null);
    EXPECT_EQ(tokens[4].text, "b");
}

TEST(Lexer, ReadsDatesAsPeopleWriteThem) {
    const auto march = tokenize("datetime(2025-03-01)")[0].value.integer;
    for (const char* text :
         {"datetime(3/1/2025)", "datetime(2025-3-1)", "datetime(1 mar 25)", "datetime(March 1, 2025)",
          "datetime(2025, 3, 1)", "datetime(2025-03)", "datetime(03-01-2025 12:00 AM)"})
        EXPECT_EQ(tokenize(text)[0].value.integer, march) << text;
    for (const char* text : {"datetime(1/2)", "datetime(2025-02-30)", "datetime(13/13/2025)", "datetime(1 2 3 4)",
                             "datetime(10:70)", "datetime(March March 2025)", "datetime(13:00 PM)"})
        EXPECT_THROW(tokenize(text), Failure) << text;
}

TEST(Lexer, SaysWhereAStringIsNotClosed) {
    try {
        tokenize("print \"abc");
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.family, Failure::Family::Syntax);
        EXPECT_EQ(failure.at, 6u);
    }
}

} // namespace
} // namespace sluice::kql
