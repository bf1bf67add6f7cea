#include "core/catalog/policy.hpp"

#include <gtest/gtest.h>

namespace sluice::catalog {
namespace {

constexpr const char* kPrefix = "Error during execution of a policy operation: ";

TEST(StreamingPolicy, ReadsNamesInAnyCase) {
    const auto policy = parse_streaming_policy(R"({"isenabled":"True","HINTALLOCATEDRATE":2.5})", std::nullopt);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ(*policy, (StreamingPolicy{.is_enabled = true, .hint_allocated_rate = 2.5}));
}

TEST(StreamingPolicy, AlterMergeKeepsWhatIsAbsent) {
    const auto policy = parse_streaming_policy(R"({"IsEnabled":false})", StreamingPolicy{true, 4.0});
    ASSERT_TRUE(policy);
    EXPECT_EQ(*policy, (StreamingPolicy{false, 4.0}));
}

TEST(StreamingPolicy, AlterMergeOfTheRateAloneKeepsTheFlag) {
    const auto policy = parse_streaming_policy(R"({"HintAllocatedRate":null})", StreamingPolicy{true, 4.0});
    ASSERT_TRUE(policy);
    EXPECT_EQ(*policy, (StreamingPolicy{true, std::nullopt}));
}

TEST(StreamingPolicy, AlterResetsTheRate) {
    const auto policy = parse_streaming_policy(R"({"IsEnabled":true})", std::nullopt);
    ASSERT_TRUE(policy);
    EXPECT_EQ(policy->hint_allocated_rate, std::nullopt);
}

TEST(StreamingPolicy, IgnoresUnknownProperties) {
    const auto policy = parse_streaming_policy(R"({"IsEnabled":true,"Shards":3})", std::nullopt);
    ASSERT_TRUE(policy);
    EXPECT_EQ(to_json(*policy), R"({"IsEnabled":true,"HintAllocatedRate":null})");
}

struct Refusal {
    std::string name, json, detail;
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << refusal.name;
}

class StreamingPolicyRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(StreamingPolicyRefusal, SaysWhatIsWrong) {
    const auto policy = parse_streaming_policy(GetParam().json, std::nullopt);
    ASSERT_FALSE(policy);
    EXPECT_EQ(policy.error().code, ErrorCode::Invalid);
    EXPECT_EQ(policy.error().message, kPrefix + GetParam().detail);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, StreamingPolicyRefusal,
    testing::Values(
        Refusal{"FlagMissing", R"({})", "IsEnabled is mandatory and should be true or false"},
        Refusal{"FlagNull", R"({"IsEnabled":null})", "IsEnabled is mandatory and should be true or false"},
        Refusal{"FlagIsANumber", R"({"IsEnabled":1})", "IsEnabled should be true or false"},
        Refusal{"RateNegative", R"({"IsEnabled":true,"HintAllocatedRate":-1})",
                "HintAllocatedRate should be a finite number of GB per hour greater than or equal to 0"},
        Refusal{"RateInfinite", R"({"IsEnabled":true,"HintAllocatedRate":1e999})",
                R"(StreamingIngestionPolicy should be a JSON object, such as {"IsEnabled":true})"},
        Refusal{"NotJson", "enable", R"(StreamingIngestionPolicy should be a JSON object, such as {"IsEnabled":true})"},
        Refusal{"Array", "[true]", R"(StreamingIngestionPolicy should be a JSON object, such as {"IsEnabled":true})"}),
    [](const auto& refusal) { return refusal.param.name; });

TEST(BatchingPolicy, AlterSetsWhatIsAbsentToDefaults) {
    const auto policy = parse_batching_policy(R"({"MaximumBatchingTimeSpan":"00:00:30"})", std::nullopt);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ(to_json(*policy),
              R"({"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024})");
}

TEST(BatchingPolicy, AlterMergeKeepsWhatIsAbsent) {
    const BatchingPolicy base{kTicksPerMinute, 20, 200};
    const auto policy = parse_batching_policy(R"({"maximumNumberOfItems":30})", base);
    ASSERT_TRUE(policy);
    EXPECT_EQ(*policy, (BatchingPolicy{kTicksPerMinute, 30, 200}));
}

TEST(BatchingPolicy, TakesBothEndsOfEachRange) {
    EXPECT_TRUE(parse_batching_policy(
        R"({"MaximumBatchingTimeSpan":"00:00:10","MaximumNumberOfItems":1,"MaximumRawDataSizeMB":100})", std::nullopt));
    EXPECT_TRUE(parse_batching_policy(
        R"({"MaximumBatchingTimeSpan":"00:30:00","MaximumNumberOfItems":25000,"MaximumRawDataSizeMB":4096})",
        std::nullopt));
}

class BatchingPolicyRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(BatchingPolicyRefusal, SaysWhatIsWrong) {
    const auto policy = parse_batching_policy(GetParam().json, BatchingPolicy{});
    ASSERT_FALSE(policy);
    EXPECT_EQ(policy.error().code, ErrorCode::Invalid);
    EXPECT_EQ(policy.error().message, kPrefix + GetParam().detail);
}

INSTANTIATE_TEST_SUITE_P(Texts, BatchingPolicyRefusal,
                         testing::Values(Refusal{"TimeTooShort", R"({"MaximumBatchingTimeSpan":"00:00:09"})",
                                                 "MaximumBatchingTimeSpan should be greater than or equal to 00:00:10"},
                                         Refusal{"TimeTooLong", R"({"MaximumBatchingTimeSpan":"00:30:01"})",
                                                 "MaximumBatchingTimeSpan should be less than or equal to 00:30:00"},
                                         Refusal{"TimeIsNone", R"({"MaximumBatchingTimeSpan":"soon"})",
                                                 "MaximumBatchingTimeSpan should be a timespan, such as \"00:00:30\""},
                                         Refusal{"NoItems", R"({"MaximumNumberOfItems":0})",
                                                 "MaximumNumberOfItems should be greater than or equal to 1"},
                                         Refusal{"ManyItems", R"({"MaximumNumberOfItems":25001})",
                                                 "MaximumNumberOfItems should be less than or equal to 25000"},
                                         Refusal{"HugeItems", R"({"MaximumNumberOfItems":18446744073709551615})",
                                                 "MaximumNumberOfItems should be less than or equal to 25000"},
                                         Refusal{"SizeTooSmall", R"({"MaximumRawDataSizeMB":99})",
                                                 "MaximumRawDataSizeMB should be greater than or equal to 100"},
                                         Refusal{"SizeTooLarge", R"({"MaximumRawDataSizeMB":4097})",
                                                 "MaximumRawDataSizeMB should be less than or equal to 4096"},
                                         Refusal{"SizeIsFraction", R"({"MaximumRawDataSizeMB":100.5})",
                                                 "MaximumRawDataSizeMB should be a whole number"}),
                         [](const auto& refusal) { return refusal.param.name; });

} // namespace
} // namespace sluice::catalog
