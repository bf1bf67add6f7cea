#include "core/app/commands/chart.hpp"

#include <gtest/gtest.h>

namespace sluice::app::test {
namespace {

TextTable table(std::vector<std::pair<std::string, std::string>> columns, std::vector<std::vector<std::string>> rows) {
    TextTable made;
    for (auto& [name, type] : columns)
        made.columns.push_back({name, false, type});
    made.rows = std::move(rows);
    return made;
}
std::string drawn(const TextTable& rows, const Visualization& how, const Style& style = {}) {
    return render_chart(rows, how, style, {.columns = 40, .rows = 5}).value_or("nothing");
}
Visualization kind(std::string name) {
    return {{"Visualization", std::move(name)}};
}

const TextTable kPets = table({{"Pet", "string"}, {"n", "long"}}, {{"cat", "4"}, {"dog", "2"}, {"bird", "1"}});

TEST(Chart, BarsAreInProportion) {
    EXPECT_EQ(drawn(kPets, kind("barchart")), "cat  │███████████████████████████████ 4\n"
                                              "dog  │███████████████▌ 2\n"
                                              "bird │███████▊ 1\n");
}
TEST(Chart, ColumnsStandOnTheirLabels) {
    EXPECT_EQ(drawn(kPets, kind("columnchart")), "4 ┤███████████\n"
                                                 "  │███████████\n"
                                                 "2 ┤███████████ ▄▄▄▄▄▄▄▄▄▄▄\n"
                                                 "  │███████████ ███████████ ▂▂▂▂▂▂▂▂▂▂▂\n"
                                                 "0 ┤███████████ ███████████ ███████████\n"
                                                 "  └────────────────────────────────────\n"
                                                 "   cat         dog         bird\n");
}
TEST(Chart, SlicesShowTheirShare) {
    EXPECT_EQ(drawn(kPets, kind("piechart")), "cat   57.1 % █████▊···· 4\n"
                                              "dog   28.6 % ██▉······· 2\n"
                                              "bird  14.3 % █▍········ 1\n");
}
TEST(Chart, LinesRunOverTime) {
    const TextTable rows =
        table({{"At", "datetime"}, {"v", "real"}},
              {{"2025-03-01T10:00:00Z", "0"}, {"2025-03-01T12:00:00Z", "10"}, {"2025-03-01T11:00:00Z", "5"}});
    EXPECT_EQ(drawn(rows, kind("timechart")), "10 ┤                             ⢀⣀⡠⠤⠒⠒⠉\n"
                                              "   │                      ⢀⣀⡠⠤⠒⠒⠉⠁\n"
                                              " 5 ┤               ⣀⣀⠤⠤⠒⠒⠉⠁\n"
                                              "   │       ⣀⣀⠤⠤⠒⠒⠉⠉\n"
                                              " 0 ┤⣀⠤⠤⠒⠒⠉⠉\n"
                                              "   └────────────────────────────────────\n"
                                              "    2025-03-01 10:00    2025-03-01 12:00\n");
}
TEST(Chart, SeriesAreLettersWithoutColoursAndColoursWithThem) {
    const TextTable rows = table({{"x", "long"}, {"s", "string"}, {"y", "long"}},
                                 {{"1", "up", "0"}, {"2", "up", "2"}, {"1", "flat", "2"}, {"2", "flat", "2"}});
    const std::string plain = drawn(rows, kind("linechart"));
    EXPECT_NE(plain.find("  a up\n  b flat\n"), std::string::npos) << plain;
    EXPECT_NE(plain.find("2 ┤bbbb"), std::string::npos) << plain;
    EXPECT_NE(plain.find("0 ┤aa"), std::string::npos) << plain;
    const std::string colored = drawn(rows, kind("linechart"), {.terminal = true, .color = true});
    EXPECT_NE(colored.find("\x1b[33m●\x1b[0m flat"), std::string::npos) << colored;
}
TEST(Chart, ValuesBelowZeroRunToTheLeft) {
    EXPECT_EQ(drawn(table({{"k", "string"}, {"v", "real"}}, {{"a", "-5"}, {"b", "5"}}), kind("barchart")),
              "a │█████████████████ -5\n"
              "b │                 ████████████████▌ 5\n");
}
TEST(Chart, SeveralNumbersAreBarsOfOneGroup) {
    const std::string text =
        drawn(table({{"k", "string"}, {"min", "long"}, {"max", "long"}}, {{"a", "1", "2"}, {"b", "2", "4"}}),
              kind("barchart"));
    EXPECT_EQ(text, "a a │████████ 1\n"
                    "  b │████████████████ 2\n"
                    "b a │████████████████ 2\n"
                    "  b │████████████████████████████████ 4\n"
                    "  a min\n"
                    "  b max\n");
}
TEST(Chart, ArraysOfMakeSeriesAreTakenApart) {
    const TextTable series =
        table({{"s", "string"}, {"v", "dynamic"}, {"At", "dynamic"}},
              {{"one", "[0,4]", R"(["2025-03-01T00:00:00.0000000Z","2025-03-02T00:00:00.0000000Z"])"}});
    const std::string text = drawn(series, kind("timechart"));
    EXPECT_NE(text.find("2025-03-01 00:00"), std::string::npos) << text;
    EXPECT_NE(text.find("4 ┤"), std::string::npos) << text;
}
TEST(Chart, TakesColumnsAndTitleFromTheOperator) {
    const TextTable rows = table({{"a", "long"}, {"b", "long"}, {"k", "string"}}, {{"1", "7", "x"}, {"2", "7", "y"}});
    const std::string text =
        drawn(rows, {{"Visualization", "barchart"}, {"Title", "T\x1b[2J"}, {"XColumn", "k"}, {"YColumns", "b"}});
    EXPECT_EQ(text, "T [2J\nx │██████████████████████████████████ 7\ny │██████████████████████████████████ 7\n");
}
TEST(Chart, LeavesOutWhatIsNoNumber) {
    EXPECT_EQ(drawn(table({{"k", "string"}, {"v", "real"}}, {{"a", ""}, {"b", "NaN"}, {"c", "1"}}), kind("piechart")),
              "c 100.0 % ██████████ 1\n");
}
TEST(Chart, OfNothingIsNoChart) {
    EXPECT_EQ(drawn(table({{"k", "string"}}, {{"a"}}), kind("piechart")), "nothing");
    EXPECT_EQ(drawn(table({{"k", "string"}, {"v", "long"}}, {}), kind("barchart")), "nothing");
    EXPECT_EQ(drawn(kPets, kind("ladderchart")), "nothing");
    EXPECT_EQ(drawn(kPets, {}), "nothing");
}
TEST(Chart, ManyBarsEndWithTheirNumber) {
    std::vector<std::vector<std::string>> rows;
    for (int i = 0; i < 50; ++i)
        rows.push_back({"k" + std::to_string(i), "1"});
    const std::string text = drawn(table({{"k", "string"}, {"v", "long"}}, rows), kind("columnchart"));
    EXPECT_NE(text.find("(10 more, which are not drawn)\n"), std::string::npos) << text;
}
TEST(Chart, OfOnePointOrOneValueIsDrawn) {
    EXPECT_NE(drawn(table({{"x", "long"}, {"y", "long"}}, {{"1", "0"}}), kind("linechart")), "nothing");
    EXPECT_NE(drawn(table({{"x", "long"}, {"y", "long"}}, {{"1", "5"}, {"2", "5"}}), kind("linechart")), "nothing");
    EXPECT_NE(drawn(table({{"x", "long"}, {"y", "long"}}, {{"1", "-5"}, {"2", "-5"}}), kind("linechart")), "nothing");
}

} // namespace
} // namespace sluice::app::test
