#include "core/data/bound_mapping.hpp"
#include "core/data/format.hpp"
#include "core/data/mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::data {
namespace {

using testing::HasSubstr;

std::string normalised(MappingKind kind, std::string_view json) {
    const auto mapping = parse_mapping("M", kind, json);
    return mapping ? to_json(*mapping) : mapping.error().reason + ": " + mapping.error().message;
}

struct Bad {
    std::string name;
    MappingKind kind;
    std::string_view json;
    std::string_view says;
};
class BadMapping : public testing::TestWithParam<Bad> {};

TEST_P(BadMapping, IsRefusedWithTheReason) {
    const auto mapping = parse_mapping("M", GetParam().kind, GetParam().json);
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().reason, "BadRequest_InvalidMapping");
    EXPECT_THAT(mapping.error().message, HasSubstr(GetParam().says));
}

constexpr auto kCsv = MappingKind::Csv;
constexpr auto kJson = MappingKind::Json;

INSTANTIATE_TEST_SUITE_P(
    Mapping, BadMapping,
    testing::Values(
        Bad{"FM80", kJson, R"([{"Column":"a","Properties":{"Path":"$.x"}},{"Column":"a","Properties":{"Path":"$.y"}}])",
            "Two or more mapping elements point to the same column."},
        Bad{"FM81", kJson, R"([{"Column":"a","Properties":{"Path":"$..x"}}])", "'..' is not supported"},
        Bad{"FM82", kJson, R"([{"Column":"a","Properties":{"Path":"$.x","ConstValue":"1"}}])", "more than one source"},
        Bad{"FM83", kCsv, R"([{"Column":"a","Properties":{"Ordinal":"0","Transform":"SourceLocation"}}])",
            "SourceLocation"},
        Bad{"FM84", kJson, R"([{"Column":"a","Properties":{"Transform":"BytesAsBase64","Path":"$.x"}}])",
            "BytesAsBase64"},
        Bad{"NoJson", kJson, "[{", "no valid JSON"}, Bad{"Empty", kJson, "[]", "at least one element"},
        Bad{"NoArray", kJson, R"({"Column":"a"})", "at least one element"},
        Bad{"ElementIsText", kJson, R"(["a"])", "mapping element 1 is no object"},
        Bad{"NoColumn", kJson, R"([{"Properties":{"Path":"$.x"}}])", "no \"Column\""},
        Bad{"Type", kJson, R"([{"Column":"a","DataType":"number","Properties":{"Path":"$.x"}}])", "'number'"},
        Bad{"Transform", kJson, R"([{"Column":"a","Properties":{"Path":"$.x","Transform":"GetPathElement"}}])",
            "GetPathElement"},
        Bad{"NoSource", kJson, R"([{"Column":"a","Properties":{}}])", "no source"},
        Bad{"NoOrdinal", kCsv, R"([{"Column":"a"}])", "\"Ordinal\" or \"ConstValue\""},
        Bad{"NegativeOrdinal", kCsv, R"([{"Column":"a","Ordinal":-1}])", "'-1'"},
        Bad{"OrdinalIsNoNumber", kCsv, R"([{"Column":"a","Properties":{"Ordinal":"x"}}])", "'x'"},
        Bad{"OtherKind", kCsv, R"([{"Column":"a","Properties":{"Path":"$.x"}}])", "kind Csv does not take"},
        Bad{"OrdinalInJson", kJson, R"([{"Column":"a","Properties":{"Ordinal":"1"}}])", "kind Json does not take"},
        Bad{"FieldInJson", kJson, R"([{"Column":"a","Properties":{"Field":"x"}}])", "kind Json does not take"},
        Bad{"PathAndField", MappingKind::Avro, R"([{"Column":"a","Properties":{"Path":"$.x","Field":"x"}}])", "both"},
        Bad{"DropInCsv", kCsv, R"([{"Column":"a","Properties":{"Ordinal":"0","Transform":"DropMappedFields"}}])",
            "DropMappedFields"},
        Bad{"UnixTimeInLog", MappingKind::W3cLogFile,
            R"([{"Column":"a","Properties":{"Field":"date","Transform":"DateTimeFromUnixSeconds"}}])",
            "DateTimeFromUnixSeconds"},
        Bad{"Star", kJson, R"([{"Column":"a","Properties":{"Path":"$.*"}}])", "'*'"},
        Bad{"Union", kJson, R"([{"Column":"a","Properties":{"Path":"$['a','b']"}}])", "several names"},
        Bad{"Slice", kJson, R"([{"Column":"a","Properties":{"Path":"$[0:2]"}}])", "slices"},
        Bad{"Filter", kJson, R"([{"Column":"a","Properties":{"Path":"$[?(@.x)]"}}])", "filters"},
        Bad{"NegativeIndex", kJson, R"([{"Column":"a","Properties":{"Path":"$[-1]"}}])", "counted from 0"},
        Bad{"OpenQuote", kJson, R"([{"Column":"a","Properties":{"Path":"$['a]"}}])", "not closed"},
        Bad{"EmptyName", kJson, R"([{"Column":"a","Properties":{"Path":"$."}}])", "missing after '.'"},
        Bad{"ObjectAsValue", kJson, R"([{"Column":"a","Properties":{"Path":{}}}])", "no text"}),
    [](const auto& test) { return test.param.name; });

TEST(Mapping, TakesTheDocumentedForm) {
    EXPECT_EQ(
        normalised(kJson, R"([{"Column":"At","DataType":"datetime",
                                     "Properties":{"Path":"$.ts","Transform":"datetimefromunixmilliseconds"}}])"),
        R"([{"Column":"At","DataType":"datetime","Properties":{"Path":"$.ts","Transform":"DateTimeFromUnixMilliseconds"}}])");
}

TEST(Mapping, TakesTheFlatJsonForm) {
    EXPECT_EQ(normalised(kJson, R"([{"column":"At","path":"$.ts","datatype":"datetime","transform":null}])"),
              R"([{"Column":"At","DataType":"datetime","Properties":{"Path":"$.ts"}}])");
}

TEST(Mapping, TakesTheFlatCsvForm) {
    EXPECT_EQ(
        normalised(kCsv,
                   R"([{"Name":"At","DataType":"System.DateTime","CsvDataType":null,"Ordinal":0,"ConstValue":null}])"),
        R"([{"Column":"At","DataType":"datetime","Properties":{"Ordinal":"0"}}])");
}

TEST(Mapping, TakesTrailingCommasAndQuotedApostrophes) {
    EXPECT_EQ(normalised(kJson, R"([{"Column":"a","Properties":{"Path":"$[\'Log, ]Level\']",},}, ])"),
              R"([{"Column":"a","Properties":{"Path":"$['Log, ]Level']"}}])");
}

TEST(Mapping, ReadsItsOwnNormalForm) {
    const std::string text = R"([{"Column":"a","DataType":"long","Properties":{"ConstValue":""}},)"
                             R"({"Column":"b","Properties":{"Path":"$[\"x y\"]"}},)"
                             R"({"Column":"c","Properties":{"Transform":"SourceLineNumber"}}])";
    EXPECT_EQ(normalised(kJson, text), text);
}

TEST(Mapping, IgnoresUnknownMembers) {
    EXPECT_EQ(normalised(kCsv, R"([{"Column":"a","Remark":"x","Properties":{"Ordinal":3,"Colour":"red"}}])"),
              R"([{"Column":"a","Properties":{"Ordinal":"3"}}])");
}

TEST(MappingKind, TakesEveryFormatAsAnAlias) {
    EXPECT_EQ(parse_mapping_kind("TSV"), kCsv);
    EXPECT_EQ(parse_mapping_kind("multijson"), kJson);
    EXPECT_EQ(parse_mapping_kind("azmonstream"), kJson);
    EXPECT_EQ(parse_mapping_kind("apacheavro"), MappingKind::Avro);
    EXPECT_EQ(parse_mapping_kind("w3clogfile"), MappingKind::W3cLogFile);
    EXPECT_EQ(parse_mapping_kind("xml"), std::nullopt);
    EXPECT_TRUE(compatible(MappingKind::ApacheAvro, MappingKind::Avro));
    EXPECT_FALSE(compatible(kCsv, kJson));
}

const Schema kTable{{{"a", ScalarType::String}, {"b", ScalarType::Int}}};

std::string bind_error(std::string_view json) {
    const auto mapping = parse_mapping("M", kJson, json);
    const auto bound = bind_mapping(*mapping, kTable);
    return bound ? "bound" : bound.error().reason + ": " + bound.error().message;
}

TEST(BindMapping, FM86_RefusesAColumnThatTheTableLacks) {
    EXPECT_EQ(bind_error(R"([{"Column":"n","DataType":"long","Properties":{"Path":"$.n"}}])"),
              "BadRequest_InconsistentMapping: mapping 'M': column 'n' is not in the table; add the column or correct "
              "the mapping");
}

TEST(BindMapping, FM87_RefusesAnotherType) {
    EXPECT_EQ(bind_error(R"([{"Column":"b","DataType":"string","Properties":{"Path":"$.n"}}])"),
              "BadRequest_InconsistentMapping: mapping 'M': column 'b' is of type string in the mapping and of type "
              "int in the "
              "table");
}

TEST(BindMapping, TakesAConstantForAPathWithoutDollar) {
    const auto mapping = parse_mapping("M", kJson, R"([{"Column":"a","Properties":{"Path":"fixed"}}])");
    const auto bound = bind_mapping(*mapping, kTable);
    ASSERT_TRUE(bound);
    EXPECT_EQ((*bound)->elements()[0].source, BoundElement::Source::Constant);
    EXPECT_EQ((*bound)->elements()[0].constant, "fixed");
}

TEST(ColumnsToAdd, AreThoseWithATypeThatTheTableLacks) {
    const auto mapping = parse_mapping("M", kJson, R"([{"Column":"n","DataType":"long","Properties":{"Path":"$.n"}},
        {"Column":"b","DataType":"int","Properties":{"Path":"$.b"}},{"Column":"z","Properties":{"Path":"$.z"}}])");
    const auto columns = columns_to_add(*mapping, kTable);
    ASSERT_EQ(columns.size(), 1u);
    EXPECT_EQ(columns[0], (ColumnSchema{"n", ScalarType::Long}));
}

std::string shown_path(std::string_view text) {
    const auto path = parse_path(text);
    if (!path)
        return "error";
    std::string out;
    for (const PathStep& step : path->steps)
        out += step.is_index ? "#" + std::to_string(step.index) + ";" : step.name + ";";
    return out;
}

TEST(Path, TakesTheDocumentedForms) {
    EXPECT_EQ(shown_path("$"), "");
    EXPECT_EQ(shown_path(" $.a "), "a;");
    EXPECT_EQ(shown_path("$.x-opt-offset"), "x-opt-offset;");
    EXPECT_EQ(shown_path("$.@timestamp"), "@timestamp;");
    EXPECT_EQ(shown_path("$.1st name.b"), "1st name;b;");
    EXPECT_EQ(shown_path("$['Log Level']"), "Log Level;");
    EXPECT_EQ(shown_path("$[\"a.b\"].c"), "a.b;c;");
    EXPECT_EQ(shown_path("$.['p'][12].q"), "p;#12;q;");
    EXPECT_EQ(shown_path(R"($['it\'s \\ "x"'])"), R"(it's \ "x";)");
    EXPECT_EQ(shown_path("$['']"), ";");
    EXPECT_EQ(shown_path("$a"), "error");
    EXPECT_EQ(shown_path("$.a]"), "error");
    EXPECT_EQ(shown_path("$.[0]"), "error");
    EXPECT_EQ(shown_path("$[0"), "error");
    EXPECT_EQ(shown_path("$[99999999999]"), "error");
}

TEST(Format, KnowsNamesAndExtensions) {
    EXPECT_EQ(parse_format("MultiJSON"), Format::MultiJson);
    EXPECT_EQ(parse_format("xml"), std::nullopt);
    EXPECT_EQ(to_string(Format::W3cLogFile), "w3clogfile");
    EXPECT_EQ(mapping_kind(Format::Psv), kCsv);
    EXPECT_EQ(mapping_kind(Format::SingleJson), kJson);
    EXPECT_EQ(format_of_file_name("a/b.CSV.gz"), Format::Csv);
    EXPECT_EQ(format_of_file_name("x.tsv"), Format::Tsv);
    EXPECT_EQ(format_of_file_name("a.gz.parquet"), Format::Parquet);
    EXPECT_EQ(format_of_file_name("iis.log"), Format::W3cLogFile);
    EXPECT_EQ(format_of_file_name("a.gz"), std::nullopt);
    EXPECT_EQ(format_of_file_name("csv"), std::nullopt);
    EXPECT_TRUE(name_says_gzip("a.csv.GZ"));
    EXPECT_FALSE(name_says_gzip("a.gz.csv"));
}

TEST(ValidationPolicy, TakesNumbersTextsAndNames) {
    using Options = ValidationPolicy::Options;
    using Implications = ValidationPolicy::Implications;
    for (const std::string_view text :
         {R"({"ValidationOptions":2,"ValidationImplications":1})",
          R"({"validationOptions":"2","validationImplications":"1"})",
          R"({"ValidationOptions":"ValidateCsvInputColumnLevelOnly","ValidationImplications":"BestEffort"})"}) {
        const auto policy = parse_validation_policy(text);
        ASSERT_TRUE(policy) << text;
        EXPECT_EQ(policy->options, Options::ColumnLevelOnly);
        EXPECT_EQ(policy->implications, Implications::BestEffort);
    }
    EXPECT_EQ(parse_validation_policy("{}")->options, Options::ConstantColumns);
}

TEST(ValidationPolicy, RefusesWhatItDoesNotKnow) {
    for (const std::string_view text :
         {"", "[]", "{", R"({"ValidationOptions":3})", R"({"ValidationImplications":"Maybe"})", R"({"Options":1})"}) {
        const auto policy = parse_validation_policy(text);
        ASSERT_FALSE(policy) << text;
        EXPECT_EQ(policy.error().reason, "BadRequest_MalformedIngestionProperty");
    }
}

} // namespace
} // namespace sluice::data
