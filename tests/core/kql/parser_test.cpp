#include "core/kql/parser.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sluice::kql {
namespace {

bool parses(std::string_view text) {
    try {
        parse_query(text);
        return true;
    } catch (const Failure&) {
        return false;
    }
}

TEST(Parser, AcceptsTheTabularOperators) {
    for (const char* text : {
             "T | where a > 1 and b has 'x' | project a, c = b, d.e[0] | take 5",
             "T | summarize n = count(), arg_max(t, *) by bin(t, 1h), k",
             "T | join kind=inner (U | where x == 1) on k, $left.a == $right.b",
             "T | mv-expand a to typeof(long), b = c limit 3",
             "T | mv-apply x = d.a to typeof(long) on (summarize sum(x))",
             "T | parse kind=regex s with * 'a' b:long 'c' *",
             "T | make-series n = count() default=0 on t from ago(1d) to now() step 1h by k",
             "T | top-nested 3 of a by count(), top-nested 1 of b by sum(c)",
             "T | partition by a (top 1 by b)",
             "T | scan declare (n:long = 0) with (step s: true => n = s.n + 1;)",
             "T | evaluate bag_unpack(d) : (a:long, b:string)",
             "union withsource=Source T*, (U | take 1) | count",
             "find in (T, U) where a == 1 project a, b",
             "search in (T) 'x' | render timechart with (title='t')",
             "let f = (a:long, T:(*)) { T | where x == a }; f(1, U)",
             "T | make-graph a --> b with N on id | graph-match (x)-[e]->(y) project x.n",
         })
        EXPECT_TRUE(parses(text)) << text;
}

TEST(Parser, TellsPatternsFromProducts) {
    EXPECT_TRUE(parses("T | extend a = n*0.5, b = n*m, c = n*(1 + 2)"));
    EXPECT_TRUE(parses("T | project-away a*, *b, a*c | where * has 'x'"));
}

TEST(Parser, RefusesDeepNestingInsteadOfOverflowingTheStack) {
    EXPECT_FALSE(parses("print " + std::string(100'000, '(') + "1"));
    EXPECT_FALSE(parses("print " + std::string(100'000, '-') + "1"));
    EXPECT_FALSE(parses("print dynamic(" + std::string(100'000, '[') + ")"));
}

TEST(Parser, SurvivesArbitraryBytes) {
    constexpr std::uint32_t kSeed = 20260711;
    std::mt19937 random(kSeed);
    const std::string_view pieces[] = {"T", "|", "where", "(",         ")", "[",    "]", "'", "\"", "let",
                                       "=", ",", "1",     "datetime(", "*", "\xff", "{", "}", ";",  "project-"};
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (int i = 0; i < 30; ++i)
            text += std::string(pieces[random() % std::size(pieces)]) + (random() % 2 ? " " : "");
        parses(text); // must come back, with or without an error
    }
}

} // namespace
} // namespace sluice::kql
