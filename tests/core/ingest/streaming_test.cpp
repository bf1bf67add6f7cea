#include "core/ingest/streaming.hpp"

#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {

using catalog::Database;
using data::ScalarType;

class Streaming : public testing::Test {
protected:
    void open(bool enabled, bool require_mapping = false) {
        Databases::Options options;
        options.data_dir = folder_.path();
        options.streaming_enabled = enabled;
        options.require_mapping = require_mapping;
        databases_ = std::make_unique<Databases>(options, clock_);
        const auto opened = databases_->open("Harbor");
        ASSERT_TRUE(opened) << opened.error().message;
        const auto changed = databases_->writer("Harbor")->change_catalogue([](const Database& database) -> Result<Database> {
            Database next = database;
            for (const bool streamed : {true, false}) {
                auto table = std::make_shared<catalog::Table>();
                table->id = next.next_table++;
                table->name = streamed ? "GaugeRaw" : "Berth";
                table->columns = {{"At", ScalarType::DateTime, next.next_column++}, {"Level", ScalarType::Int, next.next_column++}};
                if (streamed)
                    table->policies.streaming = catalog::StreamingPolicy{.is_enabled = true};
                next.tables[table->name] = table;
            }
            return next;
        });
        ASSERT_TRUE(changed) << changed.error().message;
    }
    Result<StreamReply> stream(std::string table, std::string format, std::string_view body, std::string mapping = {}) {
        StreamRequest request;
        request.database = "Harbor";
        request.table = std::move(table);
        request.stream_format = std::move(format);
        request.mapping_name = std::move(mapping);
        request.body = body;
        return ingest_stream(*databases_, request);
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
    std::unique_ptr<Databases> databases_;
};

TEST_F(Streaming, StoresAndCounts) {
    open(true);
    const auto reply = stream("GaugeRaw", "Csv", "2025-01-01,1\n2025-01-02,2\n");
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->consumed_records, 2u);
    EXPECT_EQ(reply->update_policy_status, "Inactive");
    const auto buckets = databases_->streaming_statistics().buckets();
    ASSERT_EQ(buckets.size(), 1u);
    EXPECT_EQ(buckets[0].total_rows, 2u);
}

TEST_F(Streaming, S1SwitchOff) {
    open(false);
    EXPECT_EQ(stream("GaugeRaw", "Csv", "x").error().message, "Streaming ingestion is disabled for the cluster.");
}

TEST_F(Streaming, S2PolicyOff) {
    open(true);
    EXPECT_EQ(stream("Berth", "Csv", "x").error().message, "Streaming ingestion policy is not enabled for the table 'Harbor.Berth'.");
}

TEST_F(Streaming, S3UnknownTable) {
    open(true);
    const auto reply = stream("GaugeX", "Csv", "x");
    EXPECT_EQ(reply.error().message, "Entity ID 'GaugeX' of kind 'Table' was not found.");
    EXPECT_EQ(reply.error().reason, "BadRequest_EntityNotFound");
}

TEST_F(Streaming, S5UnknownMapping) {
    open(true);
    const auto reply = stream("GaugeRaw", "json", "{}", "m1");
    EXPECT_EQ(reply.error().message, "Entity ID 'm1' of kind 'MappingPersistent' was not found.");
    EXPECT_EQ(reply.error().reason, "BadRequest_MappingReferenceWasNotFound");
}

TEST_F(Streaming, S6MappingRequiredButAbsent) {
    open(true, true);
    const auto reply = stream("GaugeRaw", "json", "{}");
    EXPECT_EQ(reply.error().reason, "BadRequest_MissingMappingFailure");
    EXPECT_EQ(reply.error().message, "Bad streaming ingestion request to Harbor.GaugeRaw : format 'json' needs a mapping name.");
    EXPECT_TRUE(stream("GaugeRaw", "Csv", "2025-01-01,1\n"));
}

TEST_F(Streaming, S9UnknownFormat) {
    open(true);
    EXPECT_EQ(stream("GaugeRaw", "orc", "x").error().message,
              "Bad streaming ingestion request to Harbor.GaugeRaw : format 'orc' is not supported.");
    EXPECT_EQ(stream("GaugeRaw", "", "x").error().reason, "BadRequest_FormatNotSupported");
}

TEST_F(Streaming, S10NothingLeft) {
    open(true);
    EXPECT_EQ(stream("GaugeRaw", "Csv", "\n\n").error().message,
              "Bad streaming ingestion request to Harbor.GaugeRaw : The input stream is empty after processing, tip:check stream validity");
}

TEST_F(Streaming, S11BrokenPayload) {
    open(true);
    EXPECT_EQ(stream("GaugeRaw", "Csv", "2025-01-01,\"1\n").error().reason, "Stream_ClosingQuoteMissing");
}

TEST_F(Streaming, S13TheLimitItselfIsAllowedAndOneByteMoreIsNot) {
    open(true);
    std::string body(4_MiB - 2, 'x');
    body += ",1";
    EXPECT_TRUE(stream("GaugeRaw", "Csv", body));
    const auto reply = stream("GaugeRaw", "Csv", body + "2");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::TooLarge);
    EXPECT_EQ(reply.error().message, "Bad streaming ingestion request to Harbor.GaugeRaw : request size 4194305 exceeds the maximum "
                                     "allowed size of 4194304 bytes.");
}

TEST_F(Streaming, ValuesMayBeAsLargeAsTheEncodingPolicyOfTheirColumnSays) {
    open(true);
    const auto changed = databases_->writer("Harbor")->change_catalogue([](const Database& database) -> Result<Database> {
        Database next = database;
        auto table = std::make_shared<catalog::Table>(*next.find_table("GaugeRaw"));
        table->columns = {{"Note", ScalarType::String, next.next_column++}};
        table->columns[0].encoding = R"({"MaxValueSize":5})";
        next.tables["GaugeRaw"] = table;
        return next;
    });
    ASSERT_TRUE(changed) << changed.error().message;
    ASSERT_TRUE(stream("GaugeRaw", "Csv", "abcdefg\n"));
    auto rows = databases_->writer("Harbor")->store().query("SELECT \"Note\" FROM db.main.\"GaugeRaw\"", {},
                                                            {{{"n", ScalarType::String}}}, {});
    ASSERT_TRUE(rows) << rows.error().message;
    const auto chunk = rows->next();
    ASSERT_TRUE(chunk && *chunk);
    EXPECT_EQ((*chunk)->column(0).text(0), "abcde");
}

} // namespace
} // namespace sluice::ingest
