#include "core/kql/parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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

std::string repeated(std::string_view piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i)
        text += piece;
    return text;
}

TEST(Parser, RefusesEndlessChainsOfOperators) {
    EXPECT_TRUE(parses("print 1" + repeated(" + 1", 500)));
    EXPECT_FALSE(parses("print 1" + repeated(" + 1", 1'000'000)));
    EXPECT_FALSE(parses("print a" + repeated(".a", 1'000'000)));
    EXPECT_FALSE(parses("print a" + repeated("[0]", 1'000'000)));
    EXPECT_FALSE(parses("print a" + repeated(" == a", 1'000'000)));
    EXPECT_FALSE(parses(repeated("let f = () { ", 100'000)));
    EXPECT_FALSE(parses("T " + repeated("| where (U ", 100'000)));
}

TEST(Parser, TakesConditionsOfAnyLength) {
    EXPECT_TRUE(parses("T | where a == 1" + repeated(" or a == 2", 100'000)));
    EXPECT_TRUE(parses("T | where a in (1" + repeated(", 2", 100'000) + ")"));
    EXPECT_TRUE(parses("T" + repeated(" | where a > 1", 10'000)));
}

TEST(Parser, NamesEveryMistakeOfAText) {
    try {
        parse_query("T | wher a | extend b = ) | take 1;\nlet x = ;\nlet f = () { 1 + };\nprint 'a\nprint [");
        FAIL();
    } catch (const Failure& failure) {
        std::vector<Offset> places = {failure.at};
        for (const Failure& other : failure.others)
            places.push_back(other.at);
        ASSERT_GE(places.size(), 5u);
        EXPECT_EQ(places[0], 4u);
        EXPECT_EQ(places[1], 24u);
        EXPECT_EQ(places[2], 44u);
        EXPECT_EQ(places[3], 63u);
        EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
    }
}

TEST(Parser, AcceptsEveryStatement) {
    for (const char* text : {
             "set notruncation; set truncationmaxrecords = 5; print 1",
             "declare query_parameters(a:long, b:string = 'x', c:datetime = datetime(2025)); print a",
             "declare pattern p; declare pattern q = (a:string)[b:string] { ('x').['y'] = { T | take 1 }; }; q('x').y",
             "declare pattern p = (a:string, b:string) { ('x', 'y') = { T }; ('z', 'w') = { U } }; p('x', 'y')",
             "alias database ['a b'] = cluster('c').database('d'); database('a b').T",
             "restrict access to (T, U*, database('d').*, cluster('c').database('d').V*); T",
             "let f = view (a:long = 1, T:(x:long, y:string), U:(*)) { let b = a; T | union U }; f(1, T, U)",
             "let g = entity_group [cluster('c').database('d'), database('e')]; T",
             "T datascope=hotcache | join (U datascope = all) on k",
             "union withsource=N *, database('d*').*T, cluster('c').database('*').*",
             "#connect cluster('help')\nT // the end",
         })
        EXPECT_TRUE(parses(text)) << text;
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
