#include "tests/core/engine/engine_fixture.hpp"

namespace sluice::engine {
namespace {

class StreamingLoad : public EngineFixture {
protected:
    /// A streaming request that brought `bytes`.
    void stream(const std::string& table, Bytes bytes, const std::string& status = "Success") {
        ingest::StreamingStatistics::Call call;
        call.database = "Harbor";
        call.table = table;
        call.at = clock_.now();
        call.data_size = bytes;
        call.rows = 1;
        call.status = status;
        databases_->streaming_statistics().add(call);
    }
    std::string attention() { return columns(".show diagnostics", "IsAttentionRequired AttentionRequiredReason"); }
};

TEST_F(StreamingLoad, MoreThanFourGigabytesInAnHourAsksForAttention) {
    stream("Busy", 3_GiB);
    stream("Calm", 4_GiB);
    stream("Refused", 9_GiB, "FailureBadRequest");
    EXPECT_EQ(attention(), "false | ∅");
    clock_.advance(std::chrono::minutes(50));
    stream("Busy", 2_GiB);
    EXPECT_EQ(attention(),
              "true | Table 'Harbor.Busy' streamed 5.0 GB in the last hour; above 4 GB queued ingestion is "
              "the better path.");
    clock_.advance(std::chrono::minutes(20));
    EXPECT_EQ(attention(), "false | ∅"); // the first request was 70 minutes ago
}

TEST_F(StreamingLoad, TheCapacityOfSealingIsThatOfThePolicy) {
    EXPECT_EQ(columns(".show capacity streaming-ingestion-post-processing", "Resource Total Consumed Remaining"),
              "streaming-ingestion-post-processing | 4 | 0 | 4");
}

} // namespace
} // namespace sluice::engine
