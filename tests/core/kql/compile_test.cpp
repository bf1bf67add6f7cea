#include "core/kql/kql.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::kql {
namespace {

CompileOptions options_with_parameters(std::map<std::string, std::string> parameters) {
    CompileOptions options;
    options.database = std::make_shared<const catalog::Database>();
    options.parameters = std::move(parameters);
    return options;
}

TEST(Compile, TakesParametersInEveryFormOfTheClients) {
    const char* text = "declare query_parameters(n:long, s:string, t:datetime, d:string = 'x'); print n, s, t, d";
    for (const auto& [n, s, t] :
         {std::tuple{"10", "\"O'Neil\"", "\"2025-03-01\""},
          std::tuple{"\"long(10)\"", R"("\"O\\'Neil\"")", "\"datetime(2025-03-01T10:00:00Z)\""}}) {
        const auto plan = compile(text, options_with_parameters({{"n", n}, {"s", s}, {"t", t}}));
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_NE(plan->results[0].sql.find("'O''Neil'"), std::string::npos) << plan->results[0].sql;
        EXPECT_NE(plan->results[0].sql.find("10::BIGINT"), std::string::npos) << plan->results[0].sql;
    }
}

TEST(Compile, RefusesAParameterWithoutValueOrOfAnotherType) {
    EXPECT_FALSE(compile("declare query_parameters(n:long); print n", options_with_parameters({})));
    EXPECT_FALSE(compile("declare query_parameters(n:long); print n", options_with_parameters({{"n", "\"abc\""}})));
}

TEST(Compile, GivesAResultForEachStatementAndTheVisualization) {
    const auto plan = compile("print a = 1 | render timechart with (title='T'); print b = 2 | as Second",
                              options_with_parameters({}));
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_EQ(plan->results.size(), 2u);
    EXPECT_EQ(plan->results[1].name, "Second");
    EXPECT_EQ(plan->visualization.at("Visualization"), "timechart");
    EXPECT_EQ(plan->visualization.at("Title"), "T");
}

TEST(Compile, ReadsExtraTablesByPosition) {
    CompileOptions options = options_with_parameters({});
    options.extra_tables.push_back({"$command_results",
                                    "SELECT 1 AS a, 'x' AS A",
                                    {{{"a", data::ScalarType::Long}, {"A", data::ScalarType::String}}}});
    const auto plan = compile("['$command_results'] | where A == 'x' | project a", options);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->results[0].schema.columns.size(), 1u);
}

TEST(Compile, NamesLineAndColumnOfAnError) {
    const auto plan = compile("print a = 1\n| where b == 2", options_with_parameters({}));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().message,
              "Semantic error: SEM0100: 'where' operator: Failed to resolve column or scalar expression named 'b' "
              "[line:position=2:9]");
    EXPECT_EQ(plan.error().reason, "General_BadRequest");
}

TEST(Compile, GivesTheOptionsOfTheText) {
    const auto plan =
        compile("set notruncation; set TruncationMaxRecords = 5; set servertimeout = 5m; set a = kql; print 1",
                options_with_parameters({}));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->options, (std::map<std::string, std::string>{{"notruncation", "true"},
                                                                 {"truncationmaxrecords", "5"},
                                                                 {"servertimeout", "\"00:05:00\""},
                                                                 {"a", "\"kql\""}}));
}

TEST(Compile, RefusesWorkThatDoublesWithEachLevel) {
    std::string functions = "let f0 = (x:long) { x };\n";
    std::string lets = "let a0 = rand();\n";
    for (int i = 1; i < 60; ++i) {
        functions += "let f" + std::to_string(i) + " = (x:long) { f" + std::to_string(i - 1) + "(x) + f" +
                     std::to_string(i - 1) + "(x) };\n";
        lets += "let a" + std::to_string(i) + " = a" + std::to_string(i - 1) + " + a" + std::to_string(i - 1) + ";\n";
    }
    EXPECT_FALSE(compile(functions + "print f59(1)", options_with_parameters({})));
    EXPECT_FALSE(compile(lets + "print a59", options_with_parameters({})));
}

TEST(Compile, BindsLongConditionsAndChains) {
    std::string any = "print x = 1 | where x == 1", sum = "print x = 1";
    for (int i = 0; i < 20'000; ++i)
        any += " or x == 2";
    for (int i = 0; i < 500; ++i)
        sum += " + 1";
    EXPECT_TRUE(compile(any, options_with_parameters({})));
    EXPECT_TRUE(compile(sum, options_with_parameters({})));
}

TEST(Compile, TellsEditorsEverythingThatIsWrong) {
    const auto found = diagnose("print a = 1 +;\nprint ~ 2", options_with_parameters({}));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].line, 1u);
    EXPECT_EQ(found[0].column, 14u);
    EXPECT_EQ(found[1].line, 2u);
    EXPECT_EQ(found[1].offset, 21u);
    EXPECT_EQ(diagnose("print nosuch", options_with_parameters({})).at(0).code, "SEM0100");
    EXPECT_TRUE(diagnose("print 1", options_with_parameters({})).empty());
}

TEST(Compile, CountsAWholeTableWithoutReadingIt) {
    catalog::Database database;
    auto table = std::make_shared<catalog::Table>();
    table->id = 7;
    table->name = "T";
    table->columns.push_back({"x", data::ScalarType::Long, 1});
    database.tables[table->name] = table;
    CompileOptions options = options_with_parameters({});
    options.database = std::make_shared<const catalog::Database>(database);
    const auto reads = [&](std::string_view query) {
        const auto plan = compile(query, options);
        EXPECT_TRUE(plan) << query << ": " << plan.error().message;
        return plan->results.at(0).sql.find("sluice.t7") != std::string::npos;
    };
    EXPECT_FALSE(reads("T | count"));
    EXPECT_FALSE(reads("T | summarize count()"));
    EXPECT_TRUE(reads("T | where x > 1 | count"));
    EXPECT_TRUE(reads("T | take 5 | count"));
    EXPECT_TRUE(reads("T | summarize count() by x"));
    EXPECT_TRUE(reads("T | summarize count(), max(x)"));
    EXPECT_TRUE(reads("T | union T | count"));
    EXPECT_TRUE(reads("T | distinct x | count"));
    options.rewrites = false;
    EXPECT_TRUE(reads("T | count"));
}

TEST(Compile, AnswersATextThatEndsInsideOfAnEscape) {
    EXPECT_FALSE(compile("print 'a\\", options_with_parameters({})));
    EXPECT_EQ(diagnose("print \"\\", options_with_parameters({})).at(0).offset, 6u);
}

TEST(Compile, AnswersAnyNumberOfBytesThatAreNoText) {
    const std::string bytes(1'000'000, '\x01');
    const auto found = diagnose("print 1" + bytes, options_with_parameters({}));
    ASSERT_FALSE(found.empty());
    EXPECT_LE(found.size(), 100u);
}

TEST(Compile, RefusesTimespansAndNumbersOfRowsOutOfRange) {
    EXPECT_FALSE(compile("print time(99999999999999999999999d)", options_with_parameters({})));
    const auto all = compile("print 1 | take 1e300", options_with_parameters({}));
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_NE(all->results[0].sql.find("LIMIT 1000000000000000000"), std::string::npos) << all->results[0].sql;
}

TEST(Vocabulary, HoldsWhatRunsAndNothingElse) {
    const Vocabulary& words = vocabulary();
    const auto has = [](const std::vector<std::string>& list, const char* word) {
        return std::binary_search(list.begin(), list.end(), word);
    };
    EXPECT_TRUE(has(words.functions, "iff") && has(words.functions, "strcat") && has(words.functions, "bin"));
    EXPECT_TRUE(has(words.aggregates, "arg_max"));
    EXPECT_TRUE(has(words.operators, "mv-expand") && has(words.operators, "order"));
    EXPECT_FALSE(has(words.operators, "externaldata") || has(words.operators, "print"));
    EXPECT_TRUE(has(words.string_operators, "matches regex") && has(words.string_operators, "endswith_cs"));
    EXPECT_TRUE(has(words.plugins, "pivot") && has(words.plugins, "activity_metrics"));
}

TEST(Compile, KnowsCommandsBehindComments) {
    EXPECT_TRUE(is_command("\xEF\xBB\xBF // note\n .show tables"));
    EXPECT_FALSE(is_command("T | take 1"));
}

} // namespace
} // namespace sluice::kql
