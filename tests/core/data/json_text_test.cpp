#include "core/data/json_text.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

std::string literal(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string repaired(std::string_view text) {
    std::string out;
    append_valid_utf8(out, text);
    return out;
}

TEST(JsonText, EscapesWhatMustBeEscapedAndNothingElse) {
    EXPECT_EQ(literal(""), R"("")");
    EXPECT_EQ(literal("a/b \"c\" \\ \xC3\xA4"), "\"a/b \\\"c\\\" \\\\ \xC3\xA4\"");
    EXPECT_EQ(literal(std::string_view("\0\x1f\n\r\t\b\f\x7f", 8)), "\"\\u0000\\u001f\\n\\r\\t\\b\\f\x7f\"");
    EXPECT_EQ(literal("\xC3("), "\"\xEF\xBF\xBD(\"");
}

TEST(JsonText, ReplacesEachMaximalBadPartOnce) {
    constexpr const char* kBad = "\xEF\xBF\xBD";
    const auto bad = [&](int count) {
        std::string out;
        for (int i = 0; i < count; ++i)
            out += kBad;
        return out;
    };
    EXPECT_EQ(repaired("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z"), "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z");
    EXPECT_EQ(repaired("\x80"), bad(1));
    EXPECT_EQ(repaired("\xE2\x82"
                       "A"),
              bad(1) + "A");
    EXPECT_EQ(repaired("\xF0\x9F\x98"), bad(1));
    EXPECT_EQ(repaired("\xED\xA0\x80"), bad(3));
    EXPECT_EQ(repaired("\xC0\xAF"), bad(2));
    EXPECT_EQ(repaired("\xF4\x90\x80\x80"), bad(4));
    EXPECT_EQ(repaired("\xC3\xC3\xA4"), bad(1) + "\xC3\xA4");
}

TEST(MinifyJson, KeepsWhatCountsAndDropsTheRest) {
    EXPECT_EQ(minify_json(" { \"a\" : [ 1.50 , true , null , \"\\u0041\\/\" ] } "), R"({"a":[1.50,true,null,"A/"]})");
    EXPECT_EQ(minify_json(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
    EXPECT_EQ(minify_json("5"), "5");
    EXPECT_EQ(minify_json("[1"), std::nullopt);
    EXPECT_EQ(minify_json("1 2"), std::nullopt);
    EXPECT_EQ(minify_json(""), std::nullopt);
}

TEST(MinifyJson, TakesExtensionsOnlyWhenAsked) {
    for (const std::string_view text : {"{'a':1}", "[1] // c", "[NaN]", "/**/1"}) {
        EXPECT_EQ(minify_json(text), std::nullopt) << text;
        EXPECT_NE(minify_json(text, JsonDialect::Relaxed), std::nullopt) << text;
    }
}

} // namespace
} // namespace sluice::data
