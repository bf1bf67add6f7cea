#pragma once

#include "connectors/event_grid/event_grid_connection.hpp"
#include "connectors/event_hub/event_hub_connection.hpp"
#include "core/router/router.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

namespace sluice::router {

using catalog::Database;
using data::ScalarType;
using std::chrono::seconds;

/// A database with a streamed and a queued table of one long and one string column.
inline Database with_tables(Database database) {
    for (const bool streamed : {true, false}) {
        auto table = std::make_shared<catalog::Table>();
        table->id = database.next_table++;
        table->name = streamed ? "Streamed" : "Queued";
        table->columns = {{"Id", ScalarType::Long, database.next_column++},
                          {"Text", ScalarType::String, database.next_column++}};
        if (streamed)
            table->policies.streaming = catalog::StreamingPolicy{.is_enabled = true};
        database.tables[table->name] = table;
    }
    return database;
}

/// Routers over the databases Own and Other in a temporary folder.
class RouterTest : public testing::Test {
protected:
    RouterTest() : databases_(options(), clock_) {
        for (const char* name : {"Own", "Other"}) {
            EXPECT_TRUE(databases_.open(name));
            EXPECT_TRUE(databases_.writer(name)->change_catalogue(
                [](const Database& d) -> Result<Database> { return with_tables(d); }));
        }
        settings_.name = "c";
        settings_.database = "Own";
        settings_.table_name = "Streamed";
        settings_.data_format = "multijson";
    }

    ingest::Databases::Options options() {
        ingest::Databases::Options made;
        made.data_dir = folder_.path() / "data";
        made.streaming_enabled = true;
        made.expected_databases = 2;
        return made;
    }
    Router event_hub() {
        return Router(settings_, std::make_unique<connectors::EventHubConnection>(settings_), databases_, budget_);
    }

    Message message(std::uint64_t sequence, std::string_view body) {
        Message made;
        made.lane = lane_;
        made.sequence = sequence;
        made.payload = body;
        return made;
    }
    void deliver(Router& router, const Message& made) {
        const auto delivered = router.deliver({&made, 1});
        ASSERT_TRUE(delivered) << delivered.error().message;
    }
    void deliver(Router& router, std::uint64_t sequence, std::string_view body,
                 std::vector<Message::Property> headers = {}) {
        Message made = message(sequence, body);
        made.headers = headers.data();
        made.header_count = headers.size();
        deliver(router, made);
    }
    /// A json mapping of the table Streamed.
    void add_mapping(const std::string& name, std::string_view json) {
        ASSERT_TRUE(databases_.writer("Own")->change_catalogue([&](const Database& before) -> Result<Database> {
            Database after = before;
            auto table = std::make_shared<catalog::Table>(*after.find_table("Streamed"));
            SLUICE_TRY(auto mapping, data::parse_mapping(name, data::MappingKind::Json, json));
            table->mappings.emplace(std::pair(data::MappingKind::Json, name),
                                    catalog::StoredMapping{std::move(mapping)});
            after.tables[table->name] = table;
            return after;
        }));
    }
    std::int64_t number(const char* database, const std::string& sql) {
        auto result = databases_.writer(database)->store().query(sql, {}, {{{"n", ScalarType::Long}}}, {});
        EXPECT_TRUE(result) << result.error().message;
        return (*result->next())->column(0).get<std::int64_t>(0);
    }
    std::int64_t rows(const char* database, const char* name, const std::string& where = {}) {
        const auto snapshot = databases_.catalog().find(database);
        const catalog::Table& table = *snapshot->find_table(name);
        const std::int64_t counted =
            number(database, "SELECT count(*) FROM (" + store::Store::visible_rows(table) + ") " + where);
        if (where.empty()) {
            EXPECT_EQ(number(database, store::Store::visible_count(table)), counted);
        }
        return counted;
    }
    std::int64_t dead_letters(const char* database, std::string_view code) {
        auto result =
            databases_.writer(database)->store().query("SELECT count(*) FROM sluice.dead_letters WHERE error_code = ?",
                                                       {std::string(code)}, {{{"n", ScalarType::Long}}}, {});
        EXPECT_TRUE(result) << result.error().message;
        return (*result->next())->column(0).get<std::int64_t>(0);
    }
    store::ConnectionTotals totals() { return databases_.writer("Own")->totals("c"); }
    void open(Router& router, std::string_view lane = "l/0") {
        const auto opened = router.open_lane(lane);
        ASSERT_TRUE(opened);
        lane_ = opened->lane;
        resume_ = *opened;
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
    ingest::Databases databases_;
    std::shared_ptr<InFlightBudget> budget_ = std::make_shared<InFlightBudget>();
    ConnectionSettings settings_;
    std::uint32_t lane_ = 0;
    ResumePoint resume_;
};

/// Routers of a watched folder `in`, whose rows go to the table Queued.
class FileRouterTest : public RouterTest {
protected:
    FileRouterTest() {
        settings_.kind = ConnectionKind::EventGrid;
        settings_.data_format = "";
        settings_.table_name = "Queued";
        std::filesystem::create_directories(root());
    }
    std::filesystem::path root() const { return folder_.path() / "in"; }
    Router event_grid() {
        return Router(settings_, std::make_unique<connectors::EventGridConnection>(settings_), databases_, budget_);
    }

    void notify(Router& router, std::uint64_t sequence, const std::string& name, const std::string& etag = "e1",
                std::vector<Message::Property> metadata = {}) {
        const std::string path = (root() / name).string();
        std::error_code ignored;
        const auto size = std::filesystem::file_size(path, ignored);
        const std::string payload = R"([{"eventType":"Microsoft.Storage.BlobCreated","data":{"url":"file://in/)" +
                                    name + R"(","contentLength":)" + std::to_string(ignored ? 1 : size) + "}}]";
        const std::array<Message::Property, 2> system{{{"file.path", path}, {"file.etag", etag}}};
        Message made = message(sequence, payload);
        made.system = system.data();
        made.system_count = system.size();
        made.headers = metadata.data();
        made.header_count = metadata.size();
        deliver(router, made);
    }
    void write(const std::string& name, const std::string& text) { std::ofstream(root() / name) << text; }
    void seal() { ASSERT_TRUE(databases_.writer("Own")->seal_now({}, "Time")); }
};

} // namespace sluice::router
