#include "core/store/parquet.hpp"
#include "tests/core/data/parsing.hpp"
#include "tests/support/temporary_folder.hpp"

#include <duckdb.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::store {
namespace {

using data::Format;
using data::test::parsed;
using data::test::Source;

const bool kRegistered = [] {
    register_parquet();
    return true;
}();

/// A Parquet file that DuckDB writes from a query.
class Writer {
public:
    Writer() {
        EXPECT_EQ(duckdb_open(nullptr, &database_), DuckDBSuccess);
        EXPECT_EQ(duckdb_connect(database_, &connection_), DuckDBSuccess);
    }
    ~Writer() {
        duckdb_disconnect(&connection_);
        duckdb_close(&database_);
    }
    std::string write(const std::string& query, const std::string& options = {}) {
        const std::string path = (folder_.path() / "f.parquet").string();
        duckdb_result result;
        const std::string sql = "COPY (" + query + ") TO '" + path + "' (FORMAT parquet" + options + ")";
        EXPECT_EQ(duckdb_query(connection_, sql.c_str(), &result), DuckDBSuccess) << duckdb_result_error(&result);
        duckdb_destroy_result(&result);
        std::ostringstream bytes;
        bytes << std::ifstream(path, std::ios::binary).rdbuf();
        return bytes.str();
    }

private:
    test::TemporaryFolder folder_;
    duckdb_database database_ = nullptr;
    duckdb_connection connection_ = nullptr;
};

struct Case {
    const char* name;
    const char* value; ///< SQL, becomes the column v
    /// What columns of these types hold: bool, int, long, real, decimal, datetime, timespan, string, guid, dynamic.
    const char* row;
};

constexpr std::string_view kAll =
    R"([{"Column":"b","Path":"$.v"},{"Column":"i","Path":"$.v"},{"Column":"l","Path":"$.v"},{"Column":"r","Path":"$.v"},)"
    R"({"Column":"d","Path":"$.v"},{"Column":"t","Path":"$.v"},{"Column":"s","Path":"$.v"},{"Column":"x","Path":"$.v"},)"
    R"({"Column":"g","Path":"$.v"},{"Column":"o","Path":"$.v"}])";
constexpr std::string_view kTable =
    "b:bool, i:int, l:long, r:real, d:decimal, t:datetime, s:timespan, x:string, g:guid, o:dynamic";

class ParquetMatrix : public testing::TestWithParam<Case> {};

TEST_P(ParquetMatrix, ConvertsAsTheTableSays) {
    Writer writer;
    const std::string file = writer.write(std::string("SELECT ") + GetParam().value + " AS v");
    EXPECT_EQ(parsed({.format = Format::Parquet, .table = kTable, .mapping = kAll}, file), GetParam().row);
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Types, ParquetMatrix,
    testing::Values(
        Case{"Int8", "7::TINYINT", "(true,7,7,7.0,7,null,null,7,null,null) nulled 4"},
        Case{"Int16", "0::SMALLINT", "(false,0,0,0.0,0,null,null,0,null,null) nulled 4"},
        Case{"Int32", "7::INTEGER", "(true,7,7,7.0,7,null,null,7,null,null) nulled 4"},
        Case{"FM126_Int64IntoBool", "7::BIGINT", "(true,7,7,7.0,7,null,null,7,null,null) nulled 4"},
        Case{"Int64OutOfRange", "3000000000::BIGINT",
             "(true,null,3000000000,3000000000.0,3000000000,null,null,3000000000,null,null) nulled 5"},
        Case{"UInt8", "7::UTINYINT", "(true,7,7,7.0,7,null,null,7,null,null) nulled 4"},
        Case{"UInt16", "7::USMALLINT", "(true,7,7,7.0,7,null,null,7,null,null) nulled 4"},
        Case{"UInt32", "7::UINTEGER", "(true,7,7,7.0,7,null,null,7,null,null) nulled 4"},
        Case{"UInt64", "7::UBIGINT", "(true,7,7,null,7,null,null,7,null,null) nulled 5"},
        Case{"Float32", "1.5::FLOAT", "(true,null,null,1.5,1.5,null,null,1.5,null,null) nulled 6"},
        Case{"Float64WithoutFraction", "3::DOUBLE", "(true,3,3,3.0,3,null,null,3.0,null,null) nulled 4"},
        Case{"FM126_BooleanIntoInt", "true", "(true,null,null,null,1,null,null,true,null,null) nulled 7"},
        Case{"DecimalInInt32", "1.50::DECIMAL(5,2)", "(true,null,null,1.5,1.5,null,null,1.50,null,null) nulled 6"},
        Case{"DecimalInInt64", "2.00::DECIMAL(15,2)", "(true,2,2,2.0,2,null,null,2.00,null,null) nulled 4"},
        Case{"DecimalInFixedBytes", "2.00::DECIMAL(30,2)", "(null,null,2,2.0,2,null,null,2.00,null,null) nulled 6"},
        Case{"Timestamp", "TIMESTAMP '2026-01-02 03:04:05.678901'",
             "(null,null,null,null,null,2026-01-02T03:04:05.6789010Z,null,2026-01-02T03:04:05.6789010Z,null,null) "
             "nulled 8"},
        Case{"TimestampWithZone", "TIMESTAMPTZ '2026-01-02 03:04:05+00'",
             "(null,null,null,null,null,2026-01-02T03:04:05Z,null,2026-01-02T03:04:05.0000000Z,null,null) nulled 8"},
        Case{"TimestampMillis", "'2026-01-02 03:04:05.678'::TIMESTAMP_MS",
             "(null,null,null,null,null,2026-01-02T03:04:05.6780000Z,null,2026-01-02T03:04:05.6780000Z,null,null) "
             "nulled 8"},
        Case{"TimestampNanos", "'2026-01-02 03:04:05.123456789'::TIMESTAMP_NS",
             "(null,null,null,null,null,2026-01-02T03:04:05.1234567Z,null,2026-01-02T03:04:05.1234567Z,null,null) "
             "nulled 8"},
        Case{"Date", "DATE '2026-01-02'",
             "(null,null,null,null,null,2026-01-02T00:00:00Z,null,2026-01-02,null,null) nulled 8"},
        Case{"Time", "TIME '01:02:03.5'",
             "(null,null,null,null,null,null,01:02:03.5000000,01:02:03.5000000,null,null) nulled 8"},
        Case{"FM126_StringIntoDateTime", "'2026-01-01'",
             "(null,null,null,null,null,null,null,2026-01-01,null,\"2026-01-01\") nulled 8"},
        Case{"StringOfANumber", "'12'", "(null,12,12,12.0,12,null,null,12,null,12) nulled 4"},
        Case{"Bytes", "'ab'::BLOB", "(null,null,null,null,null,null,null,ab,null,\"ab\") nulled 8"},
        Case{"Uuid", "'0d3c1a2b-0000-4000-8000-000000000001'::UUID",
             "(null,null,null,null,null,null,null,0d3c1a2b-0000-4000-8000-000000000001,0d3c1a2b-0000-4000-8000-"
             "000000000001,null) nulled 8"},
        Case{"Json", "'{\"a\": [1, 2]}'::JSON",
             "(null,null,null,null,null,null,null,{\"a\": [1, 2]},null,{\"a\":[1,2]}) nulled 8"},
        Case{"List", "[1, NULL, 3]", "(null,null,null,null,null,null,null,,null,[1,null,3]) nulled 9"},
        Case{"FM126_StructIntoString", "{'a': 1, 'b': 'x'}",
             "(null,null,null,null,null,null,null,,null,{\"a\":1,\"b\":\"x\"}) nulled 9"},
        Case{"MapOfTexts", "MAP {'k': TIMESTAMP '2026-01-02 03:04:05'}",
             "(null,null,null,null,null,null,null,,null,{\"k\":\"2026-01-02T03:04:05.0000000Z\"}) nulled 9"},
        Case{"MapOfNumbers", "MAP {1: 'x'}",
             "(null,null,null,null,null,null,null,,null,[{\"key\":1,\"value\":\"x\"}]) nulled 9"},
        Case{"Enum", "'on'::ENUM('on', 'off')", "(null,null,null,null,null,null,null,on,null,\"on\") nulled 8"},
        Case{"TimeWithZone", "TIMETZ '01:02:03+00'",
             "(null,null,null,null,null,null,01:02:03,01:02:03,null,null) nulled 8"},
        Case{"HugeInteger", "3::HUGEINT", "(true,3,3,3.0,3,null,null,3.0,null,null) nulled 4"},
        Case{"Interval", "INTERVAL 1 DAY", "(null,null,null,null,null,null,null,,null,null) nulled 10"},
        Case{"TimestampSeconds", "'2026-01-02 03:04:05'::TIMESTAMP_S",
             "(null,null,null,null,null,2026-01-02T03:04:05Z,null,2026-01-02T03:04:05.0000000Z,null,null) nulled 8"},
        Case{"BeforeYear1", "TIMESTAMP '0044-03-15 (BC) 12:00:00'",
             "(null,null,null,null,null,null,null,,null,null) nulled 9"},
        Case{"ListOfStructs", "[{'a': [1.5::FLOAT]}, NULL]",
             "(null,null,null,null,null,null,null,,null,[{\"a\":[1.5]},null]) nulled 9"},
        Case{"Bits", "'101'::BIT", "(null,101,101,101.0,101,null,null,101,null,101) nulled 4"},
        Case{"Null", "NULL::INTEGER", "(null,null,null,null,null,null,null,,null,null)"}),
    name_of);

struct Reading {
    const char* name;
    const char* query;
    Source source;
    const char* rows;
};

class ParquetReading : public testing::TestWithParam<Reading> {};

TEST_P(ParquetReading, GivesTheRows) {
    Writer writer;
    Source source = GetParam().source;
    source.format = Format::Parquet;
    const std::string file = writer.write(GetParam().query);
    EXPECT_EQ(parsed(source, file), GetParam().rows);
    EXPECT_EQ(parsed(source, file, 7), GetParam().rows) << "in small blocks";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ParquetReading,
    testing::Values(
        Reading{"FM127_UInt64",
                "SELECT 9223372036854775808::UBIGINT AS v",
                {.table = "l:long, r:real, d:decimal",
                 .mapping = R"([{"Column":"l","Path":"$.v"},{"Column":"r","Path":"$.v"},{"Column":"d","Path":"$.v"}])"},
                "(null,null,9223372036854775808) nulled 2"},
        Reading{"LargestUInt64IntoDecimal",
                "SELECT 18446744073709551615::UBIGINT AS v",
                {.table = "v:decimal"},
                "(18446744073709551615)"},
        Reading{"DecimalOfManyDigits",
                "SELECT 123456789012345678901.5::DECIMAL(38,1) AS v",
                {.table = "v:decimal"},
                "(null) nulled 1"},
        Reading{
            "FM60_DropMappedFields",
            "SELECT {'name': 'n1', 'price': 2.5::DOUBLE, 'd': {'x': 1, 'y': 2}} AS p",
            {.table = "name:string, x:int, rest:dynamic",
             .mapping =
                 R"([{"Column":"name","Path":"$.p.name"},{"Column":"x","Path":"$.p.d.x"},{"Column":"rest","Path":"$.p","Transform":"DropMappedFields"}])"},
            R"((n1,1,{"price":2.5,"d":{"y":2}}))"},
        Reading{
            "FM61_DropMappedFieldsOfTheRecord",
            "SELECT 1 AS a, [5, 6] AS l, 0 AS z",
            {.table = "all:dynamic, a:int, i:int",
             .mapping =
                 R"([{"Column":"all","Path":"$","Transform":"DropMappedFields"},{"Column":"a","Path":"$.a"},{"Column":"i","Path":"$.l[0]"}])"},
            R"(({"l":[5,6],"z":0},1,5))"},
        Reading{"FM62_PropertyBagArrayToDictionary",
                "SELECT [MAP {'k1': 'v1'}, MAP {'k2': '2'}, MAP {'k1': 'v3'}] AS e UNION ALL SELECT NULL",
                {.table = "e:dynamic",
                 .mapping = R"([{"Column":"e","Path":"$.e","Transform":"PropertyBagArrayToDictionary"}])"},
                R"(({"k1":"v3","k2":"2"}) (null))"},
        Reading{"PropertyBagArrayToDictionaryOfANumber",
                "SELECT 7 AS e",
                {.table = "e:dynamic",
                 .mapping = R"([{"Column":"e","Path":"$.e","Transform":"PropertyBagArrayToDictionary"}])"},
                "(null) nulled 1"},
        Reading{"Strict",
                "SELECT unnest(['x', 'y', 'z']) AS a, unnest([1, 1099511627776, 3]) AS b",
                {.strict = true},
                R"((x,1) (z,3) refused 1 [2:{"a":"y","b":1099511627776}])"},
        Reading{"StrictWithATextThatIsCut",
                "SELECT unnest(['abc', 'abcd']) AS a, 1 AS b",
                {.strict = true, .max_values = {3, 3}},
                R"((abc,1) refused 1 [2:{"a":"abcd","b":1}])"},
        Reading{"StrictAndNothingIsLeft",
                "SELECT 'x' AS a, 1099511627776 AS b",
                {.strict = true},
                "BadRequest_InvalidBlob"},
        Reading{
            "StrictKeepsEveryType",
            "SELECT true AS b, 1.5::DOUBLE AS r, 1.5::DECIMAL(4,1) AS d, TIMESTAMP '2026-01-02' AS t, "
            "uuid '0d3c1a2b-0000-4000-8000-000000000001' AS g, [1] AS o, 'x' AS s UNION ALL SELECT NULL, NULL, NULL, "
            "NULL, NULL, NULL, NULL",
            {.table = "b:bool, r:real, d:decimal, t:datetime, g:guid, o:dynamic, s:string", .strict = true},
            "(true,1.5,1.5,2026-01-02T00:00:00Z,0d3c1a2b-0000-4000-8000-000000000001,[1],x) "
            "(null,null,null,null,null,null,)"},
        Reading{"ValuesAsLargeAsTheEncodingPolicySays",
                "SELECT 'abcdef' AS a, [1, 2, 3] AS b",
                {.table = "a:string, b:dynamic", .max_values = {4, 6}},
                "(abcd,null) nulled 1 truncated 1"},
        Reading{"IdentityIsCaseSensitive", "SELECT 'x' AS a, 1 AS B", {}, "(x,null)"},
        Reading{
            "NestedPaths",
            "SELECT {'b': {'c': 5}} AS s, MAP {'k': 'v'} AS m, [1, 2] AS l",
            {.table = "c:int, k:string, e:int, n:int",
             .mapping =
                 R"([{"Column":"c","Path":"$.s.b.c"},{"Column":"k","Path":"$.m['k']"},{"Column":"e","Path":"$.l[1]"},{"Column":"n","Path":"$.s.x"}])"},
            "(5,v,2,null)"},
        Reading{"WholeRecord",
                "SELECT 1 AS z, 'x' AS a",
                {.table = "o:dynamic", .mapping = R"([{"Column":"o","Path":"$"}])"},
                "({\"z\":1,\"a\":\"x\"})"},
        Reading{
            "ConstantsAndNumbers",
            "SELECT unnest(['x', 'y']) AS a",
            {.table = "a:string, c:int, n:long, p:string",
             .mapping =
                 R"([{"Column":"a","Path":"$.a"},{"Column":"c","ConstValue":"7"},{"Column":"n","Transform":"SourceLineNumber"},{"Column":"p","Transform":"SourceLocation"}])",
             .location = "file://f"},
            "(x,7,1,file://f) (y,7,2,file://f)"},
        Reading{"UnixTime",
                "SELECT 1700000000123 AS a",
                {.table = "t:datetime",
                 .mapping = R"([{"Column":"t","Path":"$.a","Transform":"DateTimeFromUnixMilliseconds"}])"},
                "(2023-11-14T22:13:20.1230000Z)"},
        Reading{"NoRow", "SELECT 'x' AS a WHERE false", {}, "BadRequest_NoRecordsOrWrongFormat"}),
    [](const testing::TestParamInfo<Reading>& reading) { return std::string(reading.param.name); });

TEST(Parquet, EveryCodecIsRead) {
    Writer writer;
    for (const char* codec : {"uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4_raw"})
        EXPECT_EQ(parsed({.format = Format::Parquet},
                         writer.write("SELECT 'x' AS a, 1 AS b", std::string(", COMPRESSION ") + codec)),
                  "(x,1)")
            << codec;
}

TEST(Parquet, DamagedFilesAreRefused) {
    Writer writer;
    const std::string file = writer.write("SELECT range::VARCHAR AS a, range::INTEGER AS b FROM range(1000)");
    EXPECT_EQ(parsed({.format = Format::Parquet}, "a,1\n"), "BadRequest_InvalidBlob");
    EXPECT_EQ(parsed({.format = Format::Parquet}, "PAR1"), "BadRequest_InvalidBlob");
    EXPECT_EQ(parsed({.format = Format::Parquet}, file.substr(0, file.size() - 20)), "BadRequest_InvalidBlob");
    std::string broken = file;
    broken.replace(4, 200, std::string(200, '\xAA'));
    EXPECT_EQ(parsed({.format = Format::Parquet}, broken), "BadRequest_InvalidBlob");
}

TEST(Parquet, RowsComeInPiecesAndInOrderAndTheParserIsUsedAgain) {
    Writer writer;
    const std::string file = writer.write("SELECT range::VARCHAR AS a, range::INTEGER AS b FROM range(10000)");
    const auto parser = data::test::parser({.format = Format::Parquet});
    for (int source = 0; source < 2; ++source) {
        std::int64_t next = 0;
        std::size_t pieces = 0;
        parser->begin();
        data::Rows fed(std::make_shared<const data::Schema>(data::test::schema("a:string, b:int")));
        ASSERT_TRUE(parser->feed(file, false, fed));
        for (bool more = true; more;) {
            data::Rows rows(fed.shared_schema());
            const auto any = parser->more(rows);
            ASSERT_TRUE(any) << any.error().message;
            more = *any;
            pieces += more;
            for (const data::Chunk& chunk : rows.chunks())
                for (std::size_t row = 0; row < chunk.rows(); ++row)
                    ASSERT_EQ(chunk.column(1).get<std::int32_t>(row), next++);
        }
        const auto outcome = parser->finish(fed);
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->rows, 10000u);
        EXPECT_EQ(next, 10000);
        EXPECT_GE(pieces, 5u);
    }
}

TEST(Parquet, RowsOfAnEventAreLimited) {
    Writer writer;
    const std::string file =
        writer.write("SELECT 7::BIGINT AS v FROM range(1000000)"); // run-length coded: a few hundred bytes
    EXPECT_LT(file.size(), 64U << 10);
    EXPECT_EQ(parsed({.format = Format::Parquet, .table = "v:long", .max_content = 1_MiB}, file),
              "Stream_InputStreamTooLarge");
}

} // namespace
} // namespace sluice::store
