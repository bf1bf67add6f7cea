#include "connectors/iot_hub/iot_hub_connection.hpp"
#include "tests/core/router/router_fixture.hpp"

#include <functional>
#include <ostream>

namespace sluice::router {
namespace {

using Properties = std::vector<Message::Property>;

/// An event and where it ends; the names are the ids of data-connections 6. The tables have the columns Id:long,
/// Text:string.
struct Example {
    const char* id;
    std::function<void(ConnectionSettings&)> set_up;
    Properties headers;
    std::string_view body;
    const char* database; ///< of the rows; null: none are stored
    const char* table;
    const char* where; ///< of a condition that `rows` rows fulfil
    int rows = 0;
    const char* code = nullptr; ///< of the dead letter
    std::string_view topic = {};
};
void PrintTo(const Example& example, std::ostream* out) {
    *out << example.id;
}

class WorkedExamples : public RouterTest, public testing::WithParamInterface<Example> {
protected:
    Router router() {
        if (settings_.kind == ConnectionKind::IotHub)
            return Router(settings_, std::make_unique<connectors::IotHubConnection>(settings_), databases_, budget_);
        return event_hub();
    }
};

TEST_P(WorkedExamples, EndWhereTheSpecificationSays) {
    const Example& example = GetParam();
    settings_.data_format = "csv";
    example.set_up(settings_);
    Router router = this->router();
    open(router);
    Message event = message(1, example.body);
    event.headers = example.headers.data();
    event.header_count = example.headers.size();
    const Properties system{{"mqtt.topic", example.topic}};
    event.system = system.data();
    event.system_count = example.topic.empty() ? 0 : system.size();
    deliver(router, event);
    ASSERT_TRUE(router.drain(seconds(10)));
    for (const char* database : {"Own", "Other"})
        ASSERT_TRUE(databases_.writer(database)->seal_now({}, "Time"));
    int stored = 0;
    for (const char* database : {"Own", "Other"})
        for (const char* table : {"Streamed", "Queued"})
            stored += static_cast<int>(rows(database, table));
    EXPECT_EQ(stored, example.rows);
    if (example.database) {
        EXPECT_EQ(rows(example.database, example.table, example.where), example.rows);
    }
    if (example.code) {
        EXPECT_EQ(dead_letters("Own", example.code), 1);
    }
    EXPECT_EQ(totals().dead_lettered, example.code ? 1u : 0u);
}

const auto kPlain = [](ConnectionSettings&) {};
const auto kMulti = [](ConnectionSettings& settings) { settings.multi_database = true; };
const auto kNoTable = [](ConnectionSettings& settings) { settings.table_name.clear(); };
const auto kIotHub = [](ConnectionSettings& settings) { settings.kind = ConnectionKind::IotHub; };
/// What a static JSON of this kind stands for by the time the router sees it (core/app/connections.cpp).
const auto kIotHubJson = [](ConnectionSettings& settings) {
    settings.kind = ConnectionKind::IotHub;
    settings.data_format = "multijson";
};

// gzip -n of "1,a\n2,b"
constexpr std::string_view kGzip{
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x33\xd4\x49\xe4\x32\xd2\x49\x02\x00\x68\x50\x9b\x95\x07\x00\x00\x00", 27};

INSTANTIATE_TEST_SUITE_P(
    DataConnections6, WorkedExamples,
    testing::Values(
        Example{"DC05",
                kPlain,
                {{"Compression", "gzip"}},
                kGzip,
                "Own",
                "Streamed",
                "WHERE (c1, c2) IN ((1, 'a'), (2, 'b'))",
                2},
        Example{"DC06", kPlain, {{"Compression", "gzip"}}, "1,a", nullptr, "", "", 0, "BadRequest_InvalidBlob"},
        Example{"DC07", kPlain, {{"table", "Queued"}}, "1,a", "Own", "Streamed", "", 1},
        Example{"DC08", kPlain, {{"Table", "Streamed"}, {"Table", "Queued"}}, "1,a", "Own", "Queued", "", 1},
        Example{"DC09", kPlain, {{"Table", "\xA1\x06Queued"}}, "1,a", "Own", "Queued", "", 1},
        Example{"DC11",
                kPlain,
                {{"Database", "Other"}},
                "1,a",
                nullptr,
                "",
                "",
                0,
                "BadRequest_NonMultiDatabaseDataConnection"},
        Example{"DC12", kPlain, {{"Database", "Own"}}, "1,a", "Own", "Streamed", "", 1},
        Example{"DC13", kMulti, {{"Database", "Nope"}}, "1,a", nullptr, "", "", 0, "BadRequest_DatabaseNotExist"},
        Example{"DC15", kNoTable, {}, "1,a", nullptr, "", "", 0, "BadRequest_InvalidOrEmptyTableName"},
        Example{"DC17_Empty", kPlain, {}, "", nullptr, "", "", 0, "BadRequest_NoRecordsOrWrongFormat"},
        Example{"DC18", kPlain, {{"Format", "raw"}}, "1,a", nullptr, "", "", 0, "BadRequest_FormatNotSupported"},
        Example{"DC21",
                kIotHub,
                {},
                "1,a",
                "Own",
                "Queued",
                "",
                1,
                nullptr,
                "devices/d%201/messages/events/"
                "%24.mid=m%2D1&%24.ct=application%2Fjson%3Bcharset%3Dutf-8&Table=Queued&note="},
        Example{"DC22",
                kIotHub,
                {{"Table", "Streamed"}},
                "1,a",
                "Own",
                "Queued",
                "",
                1,
                nullptr,
                "devices/d1/messages/events/Table=Queued"},
        Example{"DC24",
                kIotHubJson,
                {},
                "{\"Id\":1}\n{\"Id\":",
                nullptr,
                "",
                "",
                0,
                "BadRequest_InvalidBlob",
                "devices/d1/messages/events/"},
        Example{"DC25",
                kIotHubJson,
                {},
                "{\"Id\":1}\n{\"Id\":",
                "Own",
                "Streamed",
                "WHERE c1 = 1",
                1,
                nullptr,
                "devices/d1/messages/events/Format=json"},
        Example{"DC27",
                kIotHub,
                {},
                "1,a",
                "Own",
                "Streamed",
                "WHERE c1 = 1 AND c2 = 'a'",
                1,
                nullptr,
                "devices/d1/messages/events/Compression=gzip"}),
    [](const auto& tested) { return tested.param.id; });

TEST_F(RouterTest, DC14_TheMappingIsOneOfTheTableThatTheEventNames) {
    add_mapping("M", R"([{"Column":"Id","Path":"$.Id"}])");
    settings_.mapping_rule_name = "M";
    Router router = event_hub();
    open(router);
    deliver(router, 1, R"({"Id":1})");
    deliver(router, 2, R"({"Id":2})", {{"Table", "Queued"}});
    ASSERT_TRUE(router.drain(seconds(10)));
    EXPECT_EQ(rows("Own", "Streamed"), 1);
    EXPECT_EQ(dead_letters("Own", "BadRequest_MappingReferenceWasNotFound"), 1);
}

} // namespace
} // namespace sluice::router
