#include "core/app/prompt/completion.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::app::test {
namespace {

const DatabaseNames kHarbor{
    .database = "Harbor",
    .tables = {{"Gauges", {"At", "Level", "LevelMax", "Site name"}}, {"Ships", {"Name", "Length"}}},
    .functions = {"Latest"},
    .databases = {"Harbor", "Weather"}};

std::vector<std::string> choices(std::string_view text) {
    return complete(text, kHarbor).choices;
}
bool offers(std::string_view text, std::string_view choice) {
    const auto all = choices(text);
    return std::find(all.begin(), all.end(), choice) != all.end();
}

using Names = std::vector<std::string>;

TEST(Completion, BeginsAQueryWithTables) {
    EXPECT_EQ(choices("Ga"), Names{"Gauges"});
    EXPECT_EQ(choices("let x = 1; Sh"), Names{"Ships"});
    EXPECT_TRUE(offers("La", "Latest"));
    EXPECT_TRUE(offers("", "print"));
    EXPECT_FALSE(offers("", "where"));
}
TEST(Completion, OffersOperatorsBehindAPipe) {
    EXPECT_EQ(choices("Gauges\n| whe"), Names{"where"});
    EXPECT_EQ(choices("Gauges | mv-e"), Names{"mv-expand"});
    EXPECT_EQ(complete("Gauges | mv-e", kHarbor).begin, 9u);
    EXPECT_FALSE(offers("Gauges | ", "Gauges"));
}
TEST(Completion, OffersColumnsOfTheTablesInTheText) {
    EXPECT_EQ(choices("Gauges | where Le"), (Names{"Level", "LevelMax"}));
    EXPECT_EQ(choices("Ships | where Leng"), Names{"Length"});
    EXPECT_FALSE(offers("Ships | where ", "Level"));
    EXPECT_TRUE(offers("Ships | join kind=inner (Gauges) on ", "Level"));
}
TEST(Completion, WritesNamesAsTheLanguageWantsThem) {
    EXPECT_TRUE(offers("Gauges | where ", "['Site name']"));
}
TEST(Completion, KnowsNamesThatTheTextDefines) {
    EXPECT_EQ(choices("Gauges | extend heightInFeet = Level * 3.28 | where heigh"), Names{"heightInFeet"});
    EXPECT_FALSE(offers("Gauges | where Undefined == 3 and Unde", "Undefined"));
}
TEST(Completion, OffersFunctionsWithTheirBracket) {
    EXPECT_EQ(choices("Gauges | extend x = startofm"), Names{"startofmonth("});
    EXPECT_EQ(choices("Gauges | summarize arg_ma"), Names{"arg_max("});
    EXPECT_TRUE(offers("Gauges | extend x = to", "tostring("));
    EXPECT_EQ(choices("Gauges | evaluate pivo"), Names{"pivot("});
}
TEST(Completion, OffersStringOperators) {
    EXPECT_TRUE(offers("Ships | where Name starts", "startswith_cs"));
}
TEST(Completion, OffersTablesWhereTheyAreJoined) {
    EXPECT_EQ(choices("Gauges | join (Sh"), Names{"Ships"});
    EXPECT_EQ(choices("union Sh"), Names{"Ships"});
    EXPECT_TRUE(offers(".show table Sh", "Ships"));
}
TEST(Completion, IsQuietInStringsAndComments) {
    EXPECT_TRUE(choices("Ships | where Name == 'Le").empty());
    EXPECT_TRUE(choices("Ships // Le").empty());
    EXPECT_EQ(choices("database('We"), Names{"Weather"});
}
TEST(Completion, MindsCaseOnlyWhenItHelps) {
    EXPECT_EQ(choices("ga"), Names{"Gauges"});
    EXPECT_EQ(choices("Gauges | where lev"), (Names{"Level", "LevelMax"}));
}
TEST(Completion, KnowsWhatChoicesHaveInCommon) {
    EXPECT_EQ(common_start({"Level", "LevelMax"}), "Level");
    EXPECT_EQ(common_start({"a", "b"}), "");
    EXPECT_EQ(common_start({}), "");
}
TEST(Completion, ReadsTheSchemaOfADatabase) {
    const auto names = read_names(
        R"({"Databases":{"A":{"Tables":{},"Functions":{}},"B":{"Tables":{"T":{"OrderedColumns":[{"Name":"x"}]}},)"
        R"("Functions":{"f":{}}}}})",
        "B");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->database, "B");
    EXPECT_EQ(names->tables.at(0).columns, Names{"x"});
    EXPECT_EQ(names->functions, Names{"f"});
    EXPECT_EQ(names->databases, (Names{"A", "B"}));
    EXPECT_EQ(read_names("{\"Databases\":{\"A\":{\"Tables\":{},\"Functions\":{}}}}", "")->database, "A");
    EXPECT_FALSE(read_names("<html>", ""));
}

} // namespace
} // namespace sluice::app::test
