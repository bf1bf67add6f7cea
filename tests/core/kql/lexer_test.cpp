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
