#include "plugins/testkit/kit.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <ostream>

using namespace sluice;
using namespace sluice::testkit;
using testing::HasSubstr;

namespace {

std::string plugin(const std::string& name) {
    return std::string(KIT_PLUGINS) + "/" + name + ".so";
}

Report judge(Options options) {
    auto report = run(options, [](const CaseResult&) {});
    if (!report)
        throw std::runtime_error(report.error().message);
    return *report;
}

struct Fault {
    const char* plugin; ///< what it does wrong
    const char* named;  ///< the case that has to notice
    Verdict verdict;
    const char* says;
};
void PrintTo(const Fault& fault, std::ostream* out) {
    *out << fault.plugin;
}

const Fault kFaults[] = {
    {"position_goes_backwards", "order.sequences_rise", Verdict::Fail, "sequence 10 after 49 in lane 'numbers'"},
    {"blocks_in_poll", "poll.keeps_the_timeout", Verdict::Fail, "poll took"},
    {"emits_after_stop", "lifecycle.is_silent_after_destroy", Verdict::Fail, "after destroy had returned"},
    {"exports_extra_symbols", "library.exports_one_symbol", Verdict::Fail, "it exports my_broker_version besides"},
    {"leaks", "lifecycle.leaks_nothing", Verdict::Fail, "bytes of memory behind"},
    {"throws", "poll.returns_a_status", Verdict::Fail, "an exception left poll"},
    {"ignores_credit", "poll.keeps_the_credit", Verdict::Fail, "20 messages where the credit was 1"},
    {"acknowledges_early", "delivery.acknowledges_after_the_commit", Verdict::Fail, "did not come again"},
    {"crashes_in_release", "batch.is_released_late_and_out_of_order", Verdict::Crash, "in release"},
    {"lies_about_replay", "order.resumes_after_the_checkpoint", Verdict::Fail, "replay means the same messages again"},
};

class PlantedFault : public testing::TestWithParam<Fault> {};

TEST_P(PlantedFault, IsFoundByTheCaseOfItsName) {
    const auto& fault = GetParam();
    const auto report = judge({.file = plugin(fault.plugin), .only = fault.named});
    ASSERT_EQ(report.results.size(), 1);
    const auto& result = report.results.front();
    EXPECT_EQ(result.name, fault.named);
    EXPECT_EQ(to_string(result.verdict), to_string(fault.verdict)) << result.detail;
    EXPECT_THAT(result.detail, HasSubstr(fault.says));
    EXPECT_THAT(result.repeat, HasSubstr(std::string("--only ") + fault.named + " --seed 1 --in-process"));
    EXPECT_FALSE(report.good());
}

TEST_P(PlantedFault, IsNotBlamedOnASoundPlugin) {
    const auto report = judge({.file = plugin("sound"), .only = GetParam().named});
    ASSERT_EQ(report.results.size(), 1);
    EXPECT_EQ(to_string(report.results.front().verdict), "pass") << report.results.front().detail;
}

INSTANTIATE_TEST_SUITE_P(Kit, PlantedFault, testing::ValuesIn(kFaults),
                         [](const auto& tested) { return std::string(tested.param.plugin); });

TEST(Kit, FindsNothingInASoundPlugin) {
    const auto report = judge({.file = plugin("sound")});
    EXPECT_EQ(report.results.size(), case_names().size());
    for (const auto& result : report.results)
        EXPECT_TRUE(result.verdict == Verdict::Pass || result.name == "config.keeps_secrets")
            << result.name << ": " << to_string(result.verdict) << " " << result.detail;
    EXPECT_TRUE(report.good());
    // Over how many kills nothing was lost.
    EXPECT_THAT(report.results.back().detail, HasSubstr("messages over"));
}

TEST(Kit, PrintsTheCommandThatRepeatsAFailure) {
    CaseResult result{.name = "poll.keeps_the_credit", .verdict = Verdict::Fail, .detail = "why", .repeat = "again"};
    EXPECT_EQ(to_text(result),
              "fail   poll.keeps_the_credit  (0 ms)\n       why\n       again, in one process: again\n");
}

TEST(Kit, RepeatsAFailureInOneProcess) {
    const auto report = judge({.file = plugin("ignores_credit"), .only = "poll.keeps_the_credit", .in_process = true});
    EXPECT_EQ(to_string(report.results.front().verdict), "fail");
}

TEST(Kit, RefusesWhatIsNoPluginWithTheReason) {
    const test::TemporaryFolder folder;
    const auto text = (folder / "text.so").string();
    std::ofstream(text) << "just a text";
    const auto refused = run({.file = text}, [](const CaseResult&) {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("it is no shared library"));
    EXPECT_THAT(run({.file = plugin("sound"), .only = "nonsense"}, [](const CaseResult&) {}).error().message,
                HasSubstr("there is no case or group nonsense; cases: library.loads"));
}

TEST(Kit, NamesTheMistakesOfAKitFile) {
    const test::TemporaryFolder folder;
    const auto file = (folder / "kit.toml").string();
    std::ofstream(file) << "[config]\nnonsense = 1\n[feed]\ncount = 3\n";
    const auto refused = run({.file = plugin("sound"), .config = file}, [](const CaseResult&) {});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("kit.toml:2:"));
    EXPECT_THAT(refused.error().message, HasSubstr("unknown key source.nonsense"));
    EXPECT_THAT(refused.error().message, HasSubstr("kit.toml:4:"));
}

TEST(Kit, WritesJson) {
    Report report{.file = "a.so", .id = "a", .version = "1", .results = {{.name = "x", .verdict = Verdict::Skip}}};
    EXPECT_TRUE(report.good());
    EXPECT_THAT(to_json(report), HasSubstr("\"passed\": true"));
    EXPECT_THAT(to_json(report), HasSubstr("\"verdict\": \"skip\""));
    EXPECT_EQ(summary_text(report), "a 1: 1 skip\n");
}

} // namespace
