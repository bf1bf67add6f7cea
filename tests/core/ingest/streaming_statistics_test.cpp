#include "core/ingest/streaming_statistics.hpp"

#include <gtest/gtest.h>

namespace sluice::ingest {
namespace {

StreamingStatistics::Call call(Ticks at, std::uint64_t size, std::uint64_t rows) {
    StreamingStatistics::Call made;
    made.database = "Harbor";
    made.table = "GaugeRaw";
    made.at = at;
    made.data_size = size;
    made.rows = rows;
    made.duration = 10 * kTicksPerMillisecond;
    return made;
}

TEST(StreamingStatistics, SumsUpCallsOfOneMinute) {
    StreamingStatistics statistics;
    statistics.add(call(0, 100, 1));
    statistics.add(call(30 * kTicksPerSecond, 300, 5));
    statistics.add(call(61 * kTicksPerSecond, 1, 1));
    const auto buckets = statistics.buckets();
    ASSERT_EQ(buckets.size(), 2u);
    EXPECT_EQ(buckets[0].count, 2u);
    EXPECT_EQ(buckets[0].total_size, 400u);
    EXPECT_EQ(buckets[0].min_size, 100u);
    EXPECT_EQ(buckets[0].max_rows, 5u);
}

TEST(StreamingStatistics, KeepsFailuresApartByCode) {
    StreamingStatistics statistics;
    auto failed = call(0, 1, 0);
    failed.status = "FailureBadRequest";
    failed.error_code = "BadRequest_InvalidBlob";
    statistics.add(failed);
    failed.error_code = "BadRequest_MappingReferenceWasNotFound";
    statistics.add(failed);
    EXPECT_EQ(statistics.buckets().size(), 2u);
}

TEST(StreamingStatistics, ForgetsAfterFourteenDays) {
    StreamingStatistics statistics;
    statistics.add(call(0, 1, 1));
    statistics.add(call(15 * kTicksPerDay, 1, 1));
    EXPECT_EQ(statistics.buckets().size(), 1u);
}

TEST(StreamingStatistics, PropertiesNameMappingAndFormat) {
    EXPECT_EQ(streaming_properties_json("m1", "csv", true), R"({"Mapping":"m1","Format":"Csv","Compressed":true,"IngestionSource":"Stream"})");
    EXPECT_EQ(streaming_properties_json("", "json", false), R"({"Mapping":null,"Format":"Json","Compressed":false,"IngestionSource":"Stream"})");
}

} // namespace
} // namespace sluice::ingest
