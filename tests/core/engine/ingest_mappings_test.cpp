#include "core/ingest/streaming.hpp"
#include "tests/core/engine/engine_fixture.hpp"

#include <vector>

/// The mapping a request names, against the table (formats-and-mappings 9.6), on every path that a client has.
namespace sluice::engine {
namespace {

enum class By { Streaming, Inline };

struct Case {
    std::string name;
    std::vector<std::string> mappings; ///< commands behind ".create "
    std::string format, body;
    std::string expected; ///< the rows, or the reason of the error
    std::string given = "ingestionMappingReference='M'";
};
void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name;
}

class NamedMapping : public EngineFixture, public testing::WithParamInterface<Case> {
protected:
    std::string ingest(By path) {
        const Case& one = GetParam();
        if (path == By::Streaming) {
            ingest::StreamRequest streamed;
            streamed.database = "Harbor";
            streamed.table = "T";
            streamed.stream_format = one.format;
            streamed.mapping_name = "M";
            streamed.body = one.body;
            const auto reply = ingest::ingest_stream(*databases_, streamed);
            return reply ? run("T") : reply.error().reason;
        }
        const auto answer =
            engine_->command(request("Harbor", ".ingest inline into table T with (format='" + one.format + "', " +
                                                   one.given + ") <|\n" + one.body));
        return answer ? run("T") : answer.error().reason;
    }
    void set_up_tables() {
        set_up({".create table T (a:string, b:int)", ".alter table T policy streamingingestion enable"});
        for (const std::string& mapping : GetParam().mappings)
            set_up({(".create " + mapping).c_str()});
    }
};

TEST_P(NamedMapping, OfAStreamingRequest) {
    set_up_tables();
    EXPECT_EQ(ingest(By::Streaming), GetParam().expected);
}

TEST_P(NamedMapping, OfADirectIngestion) {
    set_up_tables();
    EXPECT_EQ(ingest(By::Inline), GetParam().expected);
}

const std::string kByName = R"([{"Column":"a","Path":"$.x"},{"Column":"b","Path":"$.y"}])";
const std::string kSwapped = R"([{"Column":"a","Path":"$.y"},{"Column":"b","Path":"$.x"}])";
const std::string kTwoKeys = R"({"x":"1","y":"2"})";

INSTANTIATE_TEST_SUITE_P(
    FormatsAndMappings, NamedMapping,
    testing::Values(
        Case{"FM86_AColumnThatTheTableLacks",
             {R"(table T ingestion json mapping 'M' '[{"Column":"n","DataType":"long","Properties":{"Path":"$.n"}}]')"},
             "json",
             R"({"n":1})",
             "BadRequest_InconsistentMapping"},
        Case{
            "FM87_AColumnOfAnotherType",
            {R"(table T ingestion json mapping 'M' '[{"Column":"b","DataType":"string","Properties":{"Path":"$.n"}}]')"},
            "json",
            R"({"n":1})",
            "BadRequest_InconsistentMapping"},
        Case{"FM88_AMappingOfAnotherKind",
             {R"(table T ingestion csv mapping 'M' '[{"Column":"a","Ordinal":0}]')"},
             "json",
             kTwoKeys,
             "BadRequest_MappingReferenceWasNotFound"},
        Case{"FM88_AMappingOfAnotherKindOfTheDatabase",
             {R"(database Harbor ingestion csv mapping 'M' '[{"Column":"a","Ordinal":0}]')"},
             "multijson",
             kTwoKeys,
             "BadRequest_MappingReferenceWasNotFound"},
        Case{"FM89_TheTablesMappingGoesFirst",
             {"database Harbor ingestion json mapping 'M' '" + kByName + "'",
              "table T ingestion json mapping 'M' '" + kSwapped + "'"},
             "json",
             kTwoKeys,
             "2 | 1"},
        Case{"FM89_TheDatabasesMappingIsUsedWithoutIt",
             {"database Harbor ingestion json mapping 'M' '" + kByName + "'",
              "table T ingestion csv mapping 'M' '[{\"Column\":\"a\",\"Ordinal\":0}]'"},
             "json",
             kTwoKeys,
             "1 | 2"}),
    [](const auto& test) { return test.param.name; });

/// The streaming endpoint takes none.
class MappingInTheRequest : public NamedMapping {};

TEST_P(MappingInTheRequest, OfADirectIngestion) {
    set_up_tables();
    EXPECT_EQ(ingest(By::Inline), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    FormatsAndMappings, MappingInTheRequest,
    testing::Values(Case{"FM86_AColumnThatTheTableLacks",
                         {},
                         "json",
                         R"({"n":1})",
                         "BadRequest_InconsistentMapping",
                         R"(ingestionMapping='[{"Column":"n","DataType":"long","Properties":{"Path":"$.n"}}]')"},
                    Case{"FM87_AColumnOfAnotherType",
                         {},
                         "json",
                         R"({"n":1})",
                         "BadRequest_InconsistentMapping",
                         R"(ingestionMapping='[{"Column":"b","DataType":"string","Properties":{"Path":"$.n"}}]')"}),
    [](const auto& test) { return test.param.name; });

} // namespace
} // namespace sluice::engine
