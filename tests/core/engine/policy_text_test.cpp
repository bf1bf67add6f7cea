#include "core/engine/policy_text.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

struct PolicyCase {
    const char* keyword;
    const char* base; ///< JSON set before; empty: none
    const char* value;
    bool literal;
    bool merge;
    bool on_table;
    const char* expected; ///< policy text, or the error
};

class PolicyTexts : public testing::TestWithParam<PolicyCase> {};
TEST_P(PolicyTexts, ReadAsDocumented) {
    const PolicyCase& c = GetParam();
    const auto kind = find_policy(c.keyword);
    ASSERT_TRUE(kind);
    catalog::Policies policies;
    if (*c.base) {
        ASSERT_TRUE(set_policy(policies, **kind, {c.base, true}, false, c.on_table));
    }
    const auto set = set_policy(policies, **kind, {c.value, c.literal}, c.merge, c.on_table);
    EXPECT_EQ(set ? policy_text(policies, **kind).value_or("none") : set.error().message, c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Documented, PolicyTexts,
    testing::Values(
        PolicyCase{"streamingingestion", "", "enable", false, false, true,
                   R"({"IsEnabled":true,"HintAllocatedRate":null})"},
        PolicyCase{"StreamingIngestion", "", "disable", false, false, true,
                   R"({"IsEnabled":false,"HintAllocatedRate":null})"},
        PolicyCase{"streamingingestion", R"({"IsEnabled":true})", R"({"HintAllocatedRate":1.5})", true, true, true,
                   R"({"IsEnabled":true,"HintAllocatedRate":1.5})"},
        PolicyCase{"ingestionbatching", R"({"MaximumNumberOfItems":20})", R"({"MaximumBatchingTimeSpan":"00:00:30"})",
                   true, true, true,
                   R"({"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":20,"MaximumRawDataSizeMB":1024})"},
        PolicyCase{"ingestionbatching", R"({"MaximumNumberOfItems":20})", R"({"MaximumBatchingTimeSpan":"00:00:30"})",
                   true, false, true,
                   R"({"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":500,"MaximumRawDataSizeMB":1024})"},
        PolicyCase{"ingestionbatching", "", R"({"MaximumBatchingTimeSpan":"00:00:05"})", true, false, true,
                   "Error during execution of a policy operation: MaximumBatchingTimeSpan should be greater than or "
                   "equal to 00:00:10"},
        PolicyCase{"retention", "", "{}", true, false, false,
                   R"({"SoftDeletePeriod":"365000.00:00:00","Recoverability":"Enabled"})"},
        PolicyCase{"retention", "", "softdelete = 0s recoverability = disabled", false, true, true,
                   R"({"SoftDeletePeriod":"00:00:00","Recoverability":"Disabled"})"},
        PolicyCase{"retention", "", "softdelete = 0s", false, true, true,
                   R"({"SoftDeletePeriod":"00:00:00","Recoverability":"Disabled"})"},
        PolicyCase{"retention", R"({"SoftDeletePeriod":"10.00:00:00"})", "recoverability=disabled", false, true, true,
                   R"({"SoftDeletePeriod":"10.00:00:00","Recoverability":"Disabled"})"},
        PolicyCase{"retention", "", "softdelete = 0s", false, true, false,
                   "Error during execution of a policy operation: SoftDeletePeriod 0 is possible on a table only"},
        PolicyCase{"caching", "", "hot = 14d", false, false, true,
                   R"({"DataHotSpan":{"Value":"14.00:00:00"},"IndexHotSpan":{"Value":"14.00:00:00"}})"},
        PolicyCase{
            "caching", "", "hot = 30d, hot_window = datetime(2021-01-01) .. datetime(2021-02-01)", false, false, true,
            R"({"DataHotSpan":{"Value":"30.00:00:00"},"IndexHotSpan":{"Value":"30.00:00:00"},"HotWindows":[{"MinValue":"2021-01-01T00:00:00Z","MaxValue":"2021-02-01T00:00:00Z"}]})"},
        PolicyCase{
            "merge", "", R"({"maxrangeinhours":8})", true, true, true,
            R"({"RowCountUpperBoundForMerge":16000000,"OriginalSizeMBUpperBoundForMerge":30000,"MaxExtentsToMerge":100,"MaxRangeInHours":8,"AllowRebuild":true,"AllowMerge":true,"Lookback":{"Kind":"Default","CustomPeriod":null}})"},
        PolicyCase{"extent_tags_retention", "", R"([{"tagprefix":"drop-by:","RetentionPeriod":"3.00:00:00"}])", true,
                   false, true, R"([{"TagPrefix":"drop-by:","RetentionPeriod":"3.00:00:00"}])"},
        PolicyCase{
            "extent_tags_retention", "", R"([{"TagPrefix":"drop","RetentionPeriod":"3.00:00:00"}])", true, false, true,
            "Error during execution of a policy operation: TagPrefix should end with ':' and contain no other ':'"},
        PolicyCase{"ingestiontime", "", "true", false, false, true, R"({"IsEnabled":true})"},
        PolicyCase{"roworder", "", "(Gauge asc, At desc)", false, false, true, "(Gauge asc, At desc)"}));

TEST(PolicyText, UnknownPoliciesListTheKnownOnes) {
    const auto kind = find_policy("retension");
    ASSERT_FALSE(kind);
    EXPECT_EQ(kind.error().message,
              "'retension' is no policy; the policies are streamingingestion, ingestionbatching, update, "
              "ingestiontime, retention, "
              "caching, merge, sharding, extent_tags_retention, roworder, auto_delete, encoding, partitioning, "
              "managed_identity, "
              "restricted_view_access, row_level_security.");
}

TEST(PolicyText, TheTextOfARowLevelSecurityPolicyIsNotSetByItself) {
    catalog::Policies policies;
    const auto set = set_policy(policies, **find_policy("row_level_security"), {"enable 'T'", false}, false, true);
    ASSERT_FALSE(set);
    EXPECT_TRUE(policies.other.empty());
}

} // namespace
} // namespace sluice::engine
