#include "core/router/plan.hpp"

#include <gtest/gtest.h>

namespace sluice::router {
namespace {

using Tags = std::vector<std::string>;

TEST(ParseTags, TakesDoubleAndSingleQuotes) {
    EXPECT_EQ(*parse_tags(R"(["a","drop-by:b"])"), (Tags{"a", "drop-by:b"}));
    EXPECT_EQ(*parse_tags("['myDataTag']"), Tags{"myDataTag"}); // the published sample
    EXPECT_EQ(*parse_tags("[]"), Tags{});
}

TEST(ParseTags, RefusesWhatIsNoArrayOfStrings) {
    for (const char* text : {"tag", "{\"a\":1}", "[1]", "['a", ""}) {
        const auto tags = parse_tags(text);
        ASSERT_FALSE(tags) << text;
        EXPECT_EQ(tags.error().reason, "BadRequest_MalformedIngestionProperty");
    }
}

} // namespace
} // namespace sluice::router
