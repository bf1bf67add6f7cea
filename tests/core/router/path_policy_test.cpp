#include "core/router/path_policy.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace sluice::router {
namespace {

using data::Format;
using ingest::Path;

constexpr Bytes kLimit = 4_MiB;

BatchFacts streamable() { return {.cluster_switch = true, .policy_enabled = true, .format = Format::Json, .size = 1000}; }

template <class Change>
BatchFacts with(Change change) {
    BatchFacts facts = streamable();
    change(facts);
    return facts;
}

struct Case {
    const char* name;
    BatchFacts facts;
    Load load;
    PathReason reason;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ChoosePath : public testing::TestWithParam<Case> {};

TEST_P(ChoosePath, FollowsTheTable) {
    const PathChoice choice = choose_path(GetParam().facts, GetParam().load, kLimit);
    EXPECT_EQ(choice.reason, GetParam().reason);
    EXPECT_EQ(choice.path, GetParam().reason == PathReason::Streaming ? Path::Streaming : Path::Queued);
}

// The rows of data-connections 1.6, in its order; the last ones show that the first match wins.
INSTANTIATE_TEST_SUITE_P(
    DataConnections16, ChoosePath,
    testing::Values(
        Case{"Row1SwitchOff", with([](auto& f) { f.cluster_switch = false; }), {}, PathReason::SwitchOrPolicyOff},
        Case{"Row1PolicyOff", with([](auto& f) { f.policy_enabled = false; }), {}, PathReason::SwitchOrPolicyOff},
        Case{"Row2Tsve", with([](auto& f) { f.format = Format::Tsve; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2Txt", with([](auto& f) { f.format = Format::Txt; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2Raw", with([](auto& f) { f.format = Format::Raw; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2SingleJson", with([](auto& f) { f.format = Format::SingleJson; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2ApacheAvro", with([](auto& f) { f.format = Format::ApacheAvro; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2Parquet", with([](auto& f) { f.format = Format::Parquet; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2Orc", with([](auto& f) { f.format = Format::Orc; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2W3cLog", with([](auto& f) { f.format = Format::W3cLogFile; }), {}, PathReason::FormatNotStreamed},
        Case{"Row2CsvStreams", with([](auto& f) { f.format = Format::Csv; }), {}, PathReason::Streaming},
        Case{"Row2SohsvStreams", with([](auto& f) { f.format = Format::Sohsv; }), {}, PathReason::Streaming},
        Case{"Row2MultiJsonStreams", with([](auto& f) { f.format = Format::MultiJson; }), {}, PathReason::Streaming},
        Case{"Row2AvroStreams", with([](auto& f) { f.format = Format::Avro; }), {}, PathReason::Streaming},
        Case{"Row3Tags", with([](auto& f) { f.has_tags = true; }), {}, PathReason::PropertyNotStreamed},
        Case{"Row3CreationTime", with([](auto& f) { f.has_creation_time = true; }), {}, PathReason::PropertyNotStreamed},
        Case{"Row3Header", with([](auto& f) { f.ignores_first_record = true; }), {}, PathReason::PropertyNotStreamed},
        Case{"Row3IfNotExists", with([](auto& f) { f.ingest_if_not_exists = true; }), {}, PathReason::PropertyNotStreamed},
        Case{"Row3Zip", with([](auto& f) { f.is_zip = true; }), {}, PathReason::PropertyNotStreamed},
        Case{"Row4AutoAdd", with([](auto& f) { f.adds_columns = true; }), {}, PathReason::AddsColumns},
        Case{"Row5AtTheLimitStreams", with([](auto& f) { f.size = kLimit; }), {}, PathReason::Streaming},
        Case{"Row5OneByteMore", with([](auto& f) { f.size = kLimit + 1; }), {}, PathReason::TooLarge},
        Case{"Row6BackOff", streamable(), {.in_back_off = true}, PathReason::BackOff},
        Case{"Row7RowStoreFull", streamable(), {.row_store_full = true}, PathReason::NoCapacity},
        Case{"Row7NoSlot", streamable(), {.slot_free = false}, PathReason::NoCapacity},
        Case{"Row8Streaming", streamable(), {}, PathReason::Streaming},
        Case{"FirstMatchWinsOverSize", with([](auto& f) { f.policy_enabled = false; f.size = kLimit + 1; }), {}, PathReason::SwitchOrPolicyOff},
        Case{"SizeBeforeBackOff", with([](auto& f) { f.size = kLimit + 1; }), {.in_back_off = true}, PathReason::TooLarge}),
    [](const auto& test) { return test.param.name; });

} // namespace
} // namespace sluice::router
