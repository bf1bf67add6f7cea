#include "core/host/describe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using namespace sluice::host;
using testing::HasSubstr;

namespace {

Descriptor descriptor() {
    return {
        .id = "demo",
        .version = "1.0.0",
        .summary = "Shows things.",
        .capabilities = SLUICE_CAP_REPLAY | SLUICE_CAP_SINGLETON,
        .options = {
            {.name = "mode",
             .type = Option::Type::Choice,
             .fallback = "auto",
             .choices = {"auto", "poll"},
             .summary = "How it looks."},
            {.name = "tls.key", .type = Option::Type::Text, .required = true, .secret = true, .summary = "The key."},
            {.name = "wait",
             .type = Option::Type::Duration,
             .advanced = true,
             .least = "1s",
             .most = "1m",
             .summary = "How long.",
             .example = "5s"}}};
}

TEST(Describe, PrintsATableForPeople) {
    EXPECT_EQ(describe_text(descriptor()),
              "demo 1.0.0 (source plugin ABI 1.0)\n"
              "Shows things.\n"
              "Capabilities: replay, singleton\n"
              "\n"
              "Keys of a connection's source with plugin = \"demo\":\n"
              "  KEY      DEFAULT   VALUE               MEANING\n"
              "  mode     auto      auto | poll         How it looks.\n"
              "  tls.key  required  text                The key. (secret)\n"
              "  wait     -         duration, 1s to 1m  How long. (advanced) Example: 5s\n");
}

TEST(Describe, PrintsJsonForPrograms) {
    const auto json = describe_json(descriptor());
    EXPECT_THAT(json, HasSubstr("\"id\": \"demo\""));
    EXPECT_THAT(json, HasSubstr("\"capabilities\": [\n    \"replay\",\n    \"singleton\"\n  ]"));
    EXPECT_THAT(
        json,
        HasSubstr(
            "\"name\": \"tls.key\",\n      \"type\": \"text\",\n      \"required\": true,\n      \"secret\": true"));
    EXPECT_THAT(json, HasSubstr("\"default\": null"));
}

TEST(Describe, ReadsItsOwnJson) {
    const auto again = parse_descriptor(describe_json(descriptor()));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->capabilities, descriptor().capabilities);
    EXPECT_EQ(describe_text(*again), describe_text(descriptor()));
    EXPECT_EQ(describe_json(*again), describe_json(descriptor()));
    EXPECT_FALSE(parse_descriptor("{}"));
    EXPECT_FALSE(parse_descriptor("nothing"));
}

TEST(Describe, PrintsAPageOfDocumentation) {
    const auto page = describe_markdown(descriptor());
    EXPECT_THAT(page, HasSubstr("# demo\n\nShows things. Version 1.0.0, source plugin ABI 1.0.\n"));
    EXPECT_THAT(page, HasSubstr("stored exactly once in the embedded engine"));
    EXPECT_THAT(page, HasSubstr("| `mode` | `auto` | auto \\| poll | How it looks. |\n"));
    EXPECT_THAT(page, HasSubstr("| `tls.key` | required | text | The key. (secret) |\n"));
}

TEST(Describe, PrintsASchemaWithATableForEachDot) {
    const auto schema = describe_schema(descriptor());
    EXPECT_THAT(schema, HasSubstr("\"required\": [\n    \"plugin\",\n    \"tls\"\n  ]"));
    EXPECT_THAT(schema, HasSubstr("\"required\": [\n        \"key\"\n      ]"));
    EXPECT_THAT(schema, HasSubstr("\"additionalProperties\": false"));
    EXPECT_THAT(schema, HasSubstr("\"enum\": [\n        \"auto\",\n        \"poll\"\n      ]"));
    EXPECT_THAT(schema, HasSubstr("\"const\": \"demo\""));
    EXPECT_THAT(schema, HasSubstr("\"writeOnly\": true"));
}

TEST(Describe, ListsPluginsWithTheReasonOfRefusals) {
    const std::vector<Registry::Found> found{{"plugins/bad.so", Error{ErrorCode::Invalid, "no entry"}}};
    EXPECT_EQ(list_text(found), "  ID  VERSION  STATE    FILE            SUMMARY\n"
                                "  -   -        refused  plugins/bad.so  no entry\n");
    EXPECT_THAT(list_json(found), HasSubstr("\"state\": \"refused\""));
    EXPECT_THAT(list_json(found), HasSubstr("\"error\": \"no entry\""));
    EXPECT_EQ(list_text({}), "No plugins were found in the folders of plugins.path.\n");
}

} // namespace
