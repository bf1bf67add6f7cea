#include "core/app/http_envelope.hpp"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using std::chrono::milliseconds;

struct TimeoutCase {
    const char* text;
    std::optional<std::int64_t> seconds;
};
class ServerTimeout : public ::testing::TestWithParam<TimeoutCase> {};
TEST_P(ServerTimeout, ReadsWhatClientsWrite) {
    const auto read = parse_server_timeout(GetParam().text);
    EXPECT_EQ(read ? std::optional(read->count()) : std::nullopt,
              GetParam().seconds ? std::optional(*GetParam().seconds * 1000) : std::nullopt)
        << GetParam().text;
}
INSTANTIATE_TEST_SUITE_P(Forms, ServerTimeout,
                         ::testing::Values(TimeoutCase{"00:04:00.000", 240}, TimeoutCase{"0:05:00", 300},
                                           TimeoutCase{"00:04:00", 240}, TimeoutCase{"1 day, 0:00:00", 3600},
                                           TimeoutCase{"2 days, 3:00:00", 3600}, TimeoutCase{"50m", 3000},
                                           TimeoutCase{"30", 30}, TimeoutCase{"30s", 30},
                                           TimeoutCase{"0.00:10:00", 600}, TimeoutCase{"1.00:00:00", 3600},
                                           TimeoutCase{"2h", 3600}, TimeoutCase{"soon", std::nullopt},
                                           TimeoutCase{"", std::nullopt}, TimeoutCase{"0", std::nullopt},
                                           TimeoutCase{"-5m", std::nullopt}, TimeoutCase{"1:2", std::nullopt},
                                           TimeoutCase{"::", std::nullopt}, TimeoutCase{" day", std::nullopt}));

struct FormCase {
    const char* name;
    const char* properties; ///< JSON of the member, "" for none
    bool taken;
};
class PropertiesForm : public ::testing::TestWithParam<FormCase> {};
TEST_P(PropertiesForm, FindsOptionsAndParameters) {
    const std::string text = GetParam().properties;
    const auto envelope =
        read_envelope(R"({"db":"Harbor","csl":"T")" + (text.empty() ? text : ",\"properties\":" + text) + "}");
    ASSERT_TRUE(envelope) << envelope.error().message;
    EXPECT_EQ(envelope->request.options.no_truncation, GetParam().taken);
    EXPECT_EQ(envelope->request.options.parameters.count("n"), GetParam().taken ? 1u : 0u);
}
INSTANTIATE_TEST_SUITE_P(
    Forms, PropertiesForm,
    ::testing::Values(FormCase{"absent", "", false}, FormCase{"null", "null", false},
                      FormCase{"empty_string", R"("")", false}, FormCase{"null_in_string", R"("null")", false},
                      FormCase{"object", R"({"Options":{"notruncation":true},"Parameters":{"n":1}})", true},
                      FormCase{"string", R"("{\"Options\":{\"notruncation\":true},\"Parameters\":{\"n\":1}}")", true},
                      FormCase{"lower_case", R"({"options":{"notruncation":"true"},"parameters":{"n":1}})", true},
                      FormCase{"null_members", R"({"Options":null,"Parameters":null})", false},
                      FormCase{"null_option", R"({"Options":{"notruncation":null},"Parameters":{}})", false}),
    [](const auto& each) { return each.param.name; });

TEST(Envelope, KeepsParametersAsJsonText) {
    const auto envelope = read_envelope(
        R"-({"csl":"T","properties":{"Parameters":{"a":10,"b":"long(10)","c":"\"O\\'Neil\"","d":1.5,"e":true,"f":null,"g":"ä"}}})-");
    ASSERT_TRUE(envelope);
    const auto& parameters = envelope->request.options.parameters;
    EXPECT_EQ(parameters.at("a"), "10");
    EXPECT_EQ(parameters.at("b"), R"-("long(10)")-");
    EXPECT_EQ(parameters.at("c"), R"("\"O\\'Neil\"")");
    EXPECT_EQ(parameters.at("d"), "1.5");
    EXPECT_EQ(parameters.at("e"), "true");
    EXPECT_EQ(parameters.at("f"), "null");
    EXPECT_EQ(parameters.at("g"), R"("ä")");
}

TEST(Envelope, ReadsNumbersFromStringsAndLimits) {
    const auto envelope = read_envelope(
        R"({"csl":"T","properties":{"Options":{"truncationmaxrecords":"1000","truncationmaxsize":1048576,"query_take_max_records":5,)"
        R"("request_readonly":true,"servertimeout":90,"deferpartialqueryfailures":"True","unheard_of":{}}}})");
    ASSERT_TRUE(envelope);
    EXPECT_EQ(envelope->request.options.truncation_max_records, 1000u);
    EXPECT_EQ(envelope->request.options.truncation_max_size, 1048576u);
    EXPECT_EQ(envelope->request.options.take_max_records, 5u);
    EXPECT_TRUE(envelope->request.options.read_only);
    EXPECT_EQ(envelope->request.options.server_timeout, milliseconds(90'000));
    EXPECT_TRUE(envelope->v2.defer_failures);
}

TEST(Envelope, NoRequestTimeoutMeansAnHour) {
    const auto envelope =
        read_envelope(R"({"csl":"T","properties":{"Options":{"norequesttimeout":true,"servertimeout":"00:01:00"}}})");
    EXPECT_EQ(envelope->request.options.server_timeout, milliseconds(3'600'000));
}

TEST(Envelope, TakesAwayAByteOrderMark) {
    EXPECT_EQ(read_envelope("\xEF\xBB\xBF{\"csl\":\"\xEF\xBB\xBF T\"}")->request.text, " T");
}

TEST(Envelope, SaysWhatIsWrong) {
    EXPECT_NE(read_envelope("nothing").error().message.find("not a JSON object"), std::string::npos);
    EXPECT_NE(read_envelope("[]").error().message.find("not a JSON object"), std::string::npos);
    EXPECT_NE(read_envelope("{}").error().message.find("'csl'"), std::string::npos);
    EXPECT_NE(read_envelope(R"({"csl":"T","properties":7})").error().message.find("'properties'"), std::string::npos);
    EXPECT_EQ(read_envelope(R"({"db":null,"csl":"T"})")->request.database, "");
}

TEST(CommandText, BeginsWithAPointBehindBlanksAndComments) {
    EXPECT_TRUE(is_command_text(".show tables"));
    EXPECT_TRUE(is_command_text("\xEF\xBB\xBF \n// a comment\n\t.show tables"));
    EXPECT_FALSE(is_command_text("T | where x == .5"));
    EXPECT_FALSE(is_command_text("// .show tables"));
    EXPECT_FALSE(is_command_text(""));
}

TEST(TargetText, IsTakenApart) {
    const Target target = parse_target("/v1/Rest//a%20b/%zz?X=1&y=a+b%26c&z");
    EXPECT_EQ(target.segments, (std::vector<std::string>{"v1", "Rest", "a b", "%zz"}));
    EXPECT_EQ(*target.parameter("x"), "1");
    EXPECT_EQ(*target.parameter("Y"), "a b&c");
    EXPECT_EQ(*target.parameter("z"), "");
    EXPECT_EQ(target.parameter("missing"), nullptr);
    EXPECT_EQ(parse_target("http://host:80/healthz").segments, std::vector<std::string>{"healthz"});
    EXPECT_TRUE(parse_target("/").segments.empty());
}

} // namespace
} // namespace sluice::app
