#include "core/kql/kql.hpp"

#include <gtest/gtest.h>

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
              "Semantic error: SEM0100: Failed to resolve column or scalar expression named 'b' [line:position=2:9]");
    EXPECT_EQ(plan.error().reason, "General_BadRequest");
}

TEST(Compile, KnowsCommandsBehindComments) {
    EXPECT_TRUE(is_command("\xEF\xBB\xBF // note\n .show tables"));
    EXPECT_FALSE(is_command("T | take 1"));
}

} // namespace
} // namespace sluice::kql
