#include "core/config/load.hpp"
#include "core/host/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

using namespace sluice;
using namespace sluice::host;
using testing::HasSubstr;
using testing::Not;
using Type = Option::Type;

namespace {

Descriptor plugin() {
    return {
        .id = "demo",
        .version = "1",
        .options = {{.name = "servers", .type = Type::Text, .required = true, .summary = "Where to connect."},
                    {.name = "topics", .type = Type::TextList},
                    {.name = "flag", .type = Type::Bool, .fallback = "true"},
                    {.name = "count", .type = Type::Int, .fallback = "5", .least = "1", .most = "10"},
                    {.name = "rate", .type = Type::Real, .least = "0.5"},
                    {.name = "wait", .type = Type::Duration, .fallback = "10s", .least = "1s", .most = "1m"},
                    {.name = "room", .type = Type::Size, .fallback = "64MiB", .least = "1KiB"},
                    {.name = "mode", .type = Type::Choice, .fallback = "auto", .choices = {"auto", "inotify", "poll"}},
                    {.name = "client", .type = Type::TextMap},
                    {.name = "tls.ca_file", .type = Type::Text, .path = true},
                    {.name = "sasl.password", .type = Type::Text, .secret = true},
                    {.name = "start_at", .type = Type::Text}}};
}

/// A connection whose source has these keys besides the plugin, in line 2 of sluice.toml.
config::Connection connection(const std::string& keys) {
    config::Problems problems;
    const auto nothing = [](const std::string& name) -> std::optional<std::string> {
        return name == "SECRET" ? std::optional<std::string>("7h1s") : std::nullopt;
    };
    const auto tree = config::parse("[[connection]]\nsource = { " + keys + " }", "sluice.toml", "", nothing, problems);
    EXPECT_TRUE(problems.empty()) << config::to_string(problems);
    return {.name = "orders", .plugin = "demo", .source = *tree.find("connection")->items[0].find("source")};
}

std::shared_ptr<const OptionValues> bound(const std::string& keys, const HostDefaults& defaults = {}) {
    config::Problems problems;
    auto values = bind_options(plugin(), connection(keys), "/etc/sluice", defaults, problems);
    EXPECT_TRUE(problems.empty()) << config::to_string(problems);
    return values;
}

std::string problems_of(const std::string& keys) {
    config::Problems problems;
    EXPECT_EQ(bind_options(plugin(), connection(keys), "", {}, problems), nullptr) << keys;
    return config::to_string(problems);
}

std::size_t index(const std::string& name) {
    const auto options = plugin().options;
    return static_cast<std::size_t>(
        std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; }) -
        options.begin());
}
const sluice_value& value(const std::shared_ptr<const OptionValues>& values, const std::string& name) {
    return values->data()[index(name)];
}
std::string text(const sluice_str& str) {
    return {str.data, str.size};
}

TEST(Options, FillsInDefaultsAndLeavesTheRestUnset) {
    const auto values = bound("servers = \"b:1\"");
    ASSERT_EQ(values->size(), plugin().options.size());
    EXPECT_EQ(text(value(values, "servers").as.text), "b:1");
    EXPECT_EQ(value(values, "flag").as.integer, 1);
    EXPECT_EQ(value(values, "count").as.integer, 5);
    EXPECT_EQ(value(values, "wait").as.integer, 10'000'000'000);
    EXPECT_EQ(value(values, "room").as.integer, 64 << 20);
    EXPECT_EQ(value(values, "mode").as.integer, 0);
    for (const auto* name : {"topics", "rate", "client", "tls.ca_file", "sasl.password", "start_at"})
        EXPECT_EQ(value(values, name).is_set, 0) << name;
}

TEST(Options, BindsEveryTypeAsTheFileHasIt) {
    const auto values = bound("servers = \"b\", topics = [\"x\", \"^y\"], flag = false, count = 10, rate = 1, wait = "
                              "\"1500ms\", room = 2048, mode = \"poll\", "
                              "client = { \"fetch.min.bytes\" = 1, debug.all = true }, tls = { ca_file = \"ca.pem\" }, "
                              "sasl.password = \"p\"");
    const auto& topics = value(values, "topics").as.list;
    ASSERT_EQ(topics.count, 2);
    EXPECT_EQ(text(topics.items[1]), "^y");
    EXPECT_EQ(value(values, "flag").as.integer, 0);
    EXPECT_EQ(value(values, "count").as.integer, 10);
    EXPECT_EQ(value(values, "rate").as.real, 1.0);
    EXPECT_EQ(value(values, "wait").as.integer, 1'500'000'000);
    EXPECT_EQ(value(values, "room").as.integer, 2048);
    EXPECT_EQ(value(values, "mode").as.integer, 2);
    const auto& client = value(values, "client").as.map;
    ASSERT_EQ(client.count, 2);
    std::map<std::string, std::string> settings;
    for (std::size_t i = 0; i < client.count; ++i)
        settings[text(client.items[i].name)] = {reinterpret_cast<const char*>(client.items[i].value.data),
                                                client.items[i].value.size};
    EXPECT_EQ(settings, (std::map<std::string, std::string>{{"fetch.min.bytes", "1"}, {"debug.all", "true"}}));
    EXPECT_EQ(text(value(values, "tls.ca_file").as.text), "/etc/sluice/ca.pem");
    EXPECT_EQ(text(value(values, "sasl.password").as.text), "p");
}

TEST(Options, RefusesWithPlaceAndWayOut) {
    struct Case {
        const char* keys;
        const char* message;
    };
    const Case cases[] = {
        {"flag = true",
         "sluice.toml:2:10: connection \"orders\": source.servers is missing; it is required: Where to connect."},
        {"servers = \"\"", "sluice.toml:2:22: connection \"orders\": source.servers is \"\"; it must not be empty"},
        {"servers = 5", "source.servers is 5; it must be a text in quotes"},
        {"servers = \"b\", topics = \"x\"",
         "source.topics is \"x\"; it must be a list of texts, such as [\"a\", \"b\"]"},
        {"servers = \"b\", topics = [1]", "source.topics is a list; every item must be a text in quotes, and one is 1"},
        {"servers = \"b\", flag = \"yes\"", "source.flag is \"yes\"; it must be true or false, without quotes"},
        {"servers = \"b\", count = \"5\"", "source.count is \"5\"; it must be a whole number, without quotes"},
        {"servers = \"b\", count = 11", "source.count is 11; it must be at most 10"},
        {"servers = \"b\", count = 0", "source.count is 0; it must be at least 1"},
        {"servers = \"b\", rate = \"fast\"", "source.rate is \"fast\"; it must be a number, without quotes"},
        {"servers = \"b\", rate = 0.25", "source.rate is 0.25; it must be at least 0.5"},
        {"servers = \"b\", rate = nan", "it must be a number, without quotes"},
        {"servers = \"b\", wait = 5", "source.wait is 5; durations need a unit, such as \"5s\""},
        {"servers = \"b\", wait = \"5\"", "source.wait is \"5\"; durations need a unit, such as \"5s\""},
        {"servers = \"b\", wait = \"2m\"", "source.wait is \"2m\"; it must be at most 1m"},
        {"servers = \"b\", wait = true", "source.wait is true; it must be a duration, such as \"5s\""},
        {"servers = \"b\", room = \"big\"",
         "source.room is \"big\"; a size is a number with a unit, such as \"64MiB\", or a number of bytes"},
        {"servers = \"b\", room = -1", "source.room is -1; it must be a size, such as \"64MiB\", or a number of bytes"},
        {"servers = \"b\", mode = \"fast\"", "source.mode is \"fast\"; it must be \"auto\", \"inotify\" or \"poll\""},
        {"servers = \"b\", client = \"x\"", "source.client is \"x\"; it must be a table, such as { key = \"value\" }"},
        {"servers = \"b\", client = { a = [1] }",
         "source.client is a table; its entry a must be a text, a number, true or false"},
        {"server = \"b\"",
         "sluice.toml:2:12: connection \"orders\": unknown key source.server; did you mean source.servers?"},
        {"servers = \"b\", tls = { ca = \"x\" }", "unknown key source.tls.ca"},
        {"servers = \"b\", xyzzy = 1",
         "unknown key source.xyzzy; `sluice plugin describe demo` lists the keys of this plugin"},
    };
    for (const auto& c : cases)
        EXPECT_THAT(problems_of(c.keys), HasSubstr(c.message)) << c.keys;
}

TEST(Options, ReportsEverythingAtOnce) {
    const auto problems = problems_of("count = 0, wait = 5, nope = 1");
    EXPECT_THAT(problems, HasSubstr("source.count"));
    EXPECT_THAT(problems, HasSubstr("source.wait"));
    EXPECT_THAT(problems, HasSubstr("source.nope"));
    EXPECT_THAT(problems, HasSubstr("source.servers is missing"));
}

TEST(Options, NeverShowsSecrets) {
    EXPECT_THAT(problems_of("servers = \"b\", sasl.password = [\"hunter2\"]"),
                HasSubstr("source.sasl.password is (hidden)"));
    EXPECT_THAT(problems_of("servers = \"b\", sasl.password = 12345"), Not(HasSubstr("12345")));
    EXPECT_THAT(problems_of("servers = \"b\", wait = \"${SECRET}\""), Not(HasSubstr("7h1s")));
}

TEST(Options, TakesTheHostsDefaultsOnlyWhereTheFileIsSilent) {
    const HostDefaults defaults{{"start_at", "2026-01-01T00:00:00Z"}, {"mode", "poll"}, {"group_id", "no such option"}};
    auto values = bound("servers = \"b\"", defaults);
    EXPECT_EQ(text(value(values, "start_at").as.text), "2026-01-01T00:00:00Z");
    EXPECT_EQ(value(values, "mode").as.integer, 2) << "before the plugin's own default";
    values = bound("servers = \"b\", start_at = \"beginning\"", defaults);
    EXPECT_EQ(text(value(values, "start_at").as.text), "beginning");
}

TEST(Options, DerivesTheHostsDefaultsFromTheConnection) {
    config::Connection c{.name = "orders"};
    auto defaults = host_defaults(c, {}, "2026-02-03T00:00:00Z");
    EXPECT_EQ(defaults, (HostDefaults{{"start_at", "2026-02-03T00:00:00Z"},
                                      {"group_id", "sluice-orders"},
                                      {"client_id", "sluice-orders"}}));
    c.properties.consumer_group = "mine";
    c.properties.retrieval_start_date = 639'028'224'000'000'000;
    defaults = host_defaults(c, {.durability = "interval", .sync_interval = std::chrono::milliseconds(70)},
                             "2026-02-03T00:00:00Z");
    EXPECT_EQ(defaults.at("group_id"), "mine");
    EXPECT_EQ(defaults.at("start_at"), "2026-01-01T00:00:00Z");
    EXPECT_EQ(defaults.at("spool.sync"), "interval");
    EXPECT_EQ(defaults.at("spool.sync_interval"), "70ms");
    EXPECT_EQ(host_defaults(c, {}, "beginning").at("start_at"), "beginning");
}

TEST(Options, RefusesIsolationItDoesNotHave) {
    auto c = connection("servers = \"b\"");
    c.isolation = "process";
    config::Problems problems;
    EXPECT_EQ(bind_options(plugin(), c, "", {}, problems), nullptr);
    EXPECT_THAT(config::to_string(problems), HasSubstr("source.isolation is \"process\""));
}

TEST(Options, ReadsDeclarationsAsAConfigurationFileHasThem) {
    EXPECT_TRUE(check_declaration({.name = "o", .type = Type::TextList, .fallback = "[\"a\", \"b\"]"}));
    EXPECT_TRUE(check_declaration({.name = "o", .type = Type::Duration, .fallback = "\"10s\""}));
    EXPECT_TRUE(check_declaration({.name = "o", .type = Type::TextMap, .fallback = "{}"}));
    EXPECT_FALSE(check_declaration({.name = "o", .type = Type::Duration, .fallback = "10"}));
    EXPECT_FALSE(check_declaration({.name = "o", .type = Type::Text, .least = "1"}));
    EXPECT_FALSE(check_declaration({.name = "o", .type = Type::Choice, .fallback = "c", .choices = {"a", "b"}}));
}

} // namespace
