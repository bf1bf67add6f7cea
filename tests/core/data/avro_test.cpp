#include "tests/core/data/avro_bytes.hpp"
#include "tests/core/data/parsing.hpp"

#include <avro.h>
#include <bzlib.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <snappy.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

namespace sluice::data {
namespace {

using test::avro_block;
using test::avro_file;
using test::avro_header;
using test::parsed;
using test::real;
using test::sized;
using test::Source;
using test::varint;

/// A record of one field `v` of the type.
std::string field_of(std::string_view type) {
    return R"({"type":"record","name":"R","fields":[{"name":"v","type":)" + std::string(type) + "}]}";
}

std::string one(std::string_view type, std::string_view value) {
    return avro_file(field_of(type), 1, value);
}

Source avro(std::string_view table, std::string_view mapping = {}) {
    return {.format = Format::Avro, .table = table, .mapping = mapping};
}
Source apache(std::string_view table, std::string_view mapping = {}) {
    return {.format = Format::ApacheAvro, .table = table, .mapping = mapping};
}

struct Case {
    std::string name;
    Source source;
    std::string input;
    std::string_view expected;
};

class Avro : public testing::TestWithParam<Case> {};

TEST_P(Avro, GivesTheRows) {
    EXPECT_EQ(parsed(GetParam().source, GetParam().input), GetParam().expected);
}

TEST_P(Avro, GivesTheSameRowsInBlocksOfAnySize) {
    for (const std::size_t block : {1, 7, 64})
        EXPECT_EQ(parsed(GetParam().source, GetParam().input, block), GetParam().expected) << "blocks of " << block;
}

constexpr std::string_view kInvalid = "BadRequest_InvalidBlob";
constexpr std::string_view kMillis = R"({"type":"long","logicalType":"timestamp-millis"})";
constexpr std::string_view kDecimal = R"({"type":"bytes","logicalType":"decimal","precision":10,"scale":2})";
constexpr std::string_view kBase64 = R"([{"Column":"v","Properties":{"Path":"$.v","Transform":"BytesAsBase64"}}])";
constexpr std::string_view kFromMillis =
    R"([{"Column":"v","Properties":{"Path":"$.v","Transform":"DateTimeFromUnixMilliseconds"}}])";

std::string byte_list(std::initializer_list<int> values) {
    std::string out = varint(static_cast<std::int64_t>(values.size()));
    for (const int value : values)
        out += varint(value);
    return out + varint(0);
}

std::vector<Case> documented() {
    return {
        {"FM66_BytesAsBase64", avro("v:string", kBase64),
         one(R"({"type":"array","items":"int"})", byte_list({1, 2, 250, 255, 0, 16})), "(AQL6/wAQ)"},
        {"FM66_NoBytes", avro("v:string", kBase64), one(R"({"type":"array","items":"int"})", byte_list({1, 256})),
         "() nulled 1"},
        {"FM128_MillisPlain", avro("v:datetime"), one(kMillis, varint(1700000000123)), "(null) nulled 1"},
        {"FM128_MillisTransformed", avro("v:datetime", kFromMillis), one(kMillis, varint(1700000000123)),
         "(2023-11-14T22:13:20.1230000Z)"},
        {"FM129_ApacheMillis", apache("v:datetime"), one(kMillis, varint(1700000000123)),
         "(2023-11-14T22:13:20.1230000Z)"},
        {"FM130_Union", avro("v:string"), one(R"(["null","string"])", varint(1) + sized("v")), "(v)"},
    };
}

std::vector<Case> forms() {
    return {
        {"Null", avro("v:string"), one("\"null\"", ""), "()"},
        {"BooleanToBool", avro("v:bool"), one("\"boolean\"", "\x01"), "(true)"},
        {"BooleanToString", avro("v:string"), one("\"boolean\"", std::string(1, '\0')), "(false)"},
        {"IntToInt", avro("v:int"), one("\"int\"", varint(-64)), "(-64)"},
        {"LongTooLargeForInt", avro("v:int"), one("\"long\"", varint(1LL << 40)), "(null) nulled 1"},
        {"SmallestLong", avro("v:long"), one("\"long\"", varint(std::numeric_limits<std::int64_t>::min())),
         "(-9223372036854775808)"},
        {"LongToDecimal", avro("v:decimal"), one("\"long\"", varint(12345)), "(12345)"},
        {"LongToDynamic", avro("v:dynamic"), one("\"long\"", varint(7)), "(7)"},
        {"LongToGuid", avro("v:guid"), one("\"long\"", varint(7)), "(null) nulled 1"},
        {"FloatToReal", avro("v:real"), one("\"float\"", real(1.5F)), "(1.5)"},
        {"FloatToString", avro("v:string"), one("\"float\"", real(0.1F)), "(0.1)"},
        {"DoubleToString", avro("v:string"), one("\"double\"", real(3.0)), "(3.0)"},
        {"WholeDoubleToLong", avro("v:long"), one("\"double\"", real(3.0)), "(3)"},
        {"BrokenDoubleToLong", avro("v:long"), one("\"double\"", real(3.5)), "(null) nulled 1"},
        {"NanToReal", avro("v:real"), one("\"double\"", real(std::numeric_limits<double>::quiet_NaN())), "(NaN)"},
        {"NanToString", avro("v:string"), one("\"double\"", real(std::numeric_limits<double>::quiet_NaN())), "(NaN)"},
        {"StringToLong", avro("v:long"), one("\"string\"", sized("42")), "(42)"},
        {"StringToDatetime", avro("v:datetime"), one("\"string\"", sized("2026-01-02")), "(2026-01-02T00:00:00Z)"},
        {"InvalidUtf8", avro("v:string"), one("\"string\"", sized("\xC3(")), "(\xEF\xBF\xBD()"},
        {"StringToDynamic", avro("v:dynamic"), one("\"string\"", sized("{\"a\":1}")), R"(("{\"a\":1}"))"},
        {"BytesToDynamic", avro("v:dynamic"), one("\"bytes\"", sized("\x01\xFF")), "([1,255])"},
        {"BytesToStringApache", apache("v:string"), one("\"bytes\"", sized("a\xFF")), "(a\xC3\xBF)"},
        {"BytesBase64", apache("v:string", kBase64), one("\"bytes\"", sized("\x01\x02\xFA")), "(AQL6)"},
        {"FixedBase64", apache("v:string", kBase64), one(R"({"type":"fixed","name":"F","size":4})", "abcd"),
         "(YWJjZA==)"},
        {"TextIsNoBytes", apache("v:string", kBase64), one("\"string\"", sized("abc")), "() nulled 1"},
        {"Enum", avro("v:string"), one(R"({"type":"enum","name":"E","symbols":["low","high"]})", varint(1)), "(high)"},
        {"Array", avro("v:dynamic"),
         one(R"({"type":"array","items":"string"})", varint(2) + sized("a") + sized("b\"") + varint(0)),
         R"((["a","b\""]))"},
        {"ArrayWithSizes", avro("v:dynamic"),
         one(R"({"type":"array","items":"int"})", varint(-2) + varint(2) + varint(1) + varint(2) + varint(0)),
         "([1,2])"},
        {"ArrayToString", avro("v:string"), one(R"({"type":"array","items":"int"})", byte_list({1, 2})), "([1,2])"},
        {"Map", avro("v:dynamic"),
         one(R"({"type":"map","values":"double"})", varint(1) + sized("k") + real(1.5) + varint(0)), R"(({"k":1.5}))"},
        {"Record", avro("v:dynamic"),
         one(R"({"type":"record","name":"S","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","string"]}]})",
             varint(1) + varint(0)),
         R"(({"a":1,"b":null}))"},
        {"UnknownColumn", avro("w:string, v:int"), one("\"int\"", varint(3)), "(,3)"},
        {"DecimalPlain", avro("v:dynamic"), one(kDecimal, sized("\x04\xD2")), "([4,210])"},
        {"DecimalApache", apache("v:decimal"), one(kDecimal, sized("\x04\xD2")), "(12.34)"},
        {"NegativeDecimal", apache("v:string"), one(kDecimal, sized("\xFF\xFF")), "(-0.01)"},
        {"UuidOfText", apache("v:guid"),
         one(R"({"type":"string","logicalType":"uuid"})", sized("74be27de-1e4e-49d9-b579-fe0b331d3642")),
         "(74be27de-1e4e-49d9-b579-fe0b331d3642)"},
        {"Date", apache("v:datetime"), one(R"({"type":"int","logicalType":"date"})", varint(-1)),
         "(1969-12-31T00:00:00Z)"},
        {"Micros", apache("v:datetime"),
         one(R"({"type":"long","logicalType":"timestamp-micros"})", varint(1700000000123456)),
         "(2023-11-14T22:13:20.1234560Z)"},
        {"NanosBeforeTheEpoch", apache("v:datetime"),
         one(R"({"type":"long","logicalType":"timestamp-nanos"})", varint(-1)), "(1969-12-31T23:59:59.9999999Z)"},
        {"LocalMillis", apache("v:string"), one(R"({"type":"long","logicalType":"local-timestamp-millis"})", varint(0)),
         "(1970-01-01T00:00:00Z)"},
        {"FarTimestamp", apache("v:datetime"), one(kMillis, varint(std::numeric_limits<std::int64_t>::max())),
         "(null) nulled 1"},
        {"TimeMillis", apache("v:timespan"), one(R"({"type":"int","logicalType":"time-millis"})", varint(1500)),
         "(00:00:01.5000000)"},
        {"TimeMicrosToString", apache("v:string"), one(R"({"type":"long","logicalType":"time-micros"})", varint(1)),
         "(00:00:00.0000010)"},
        {"Duration", apache("v:dynamic"),
         one(R"({"type":"fixed","name":"D","size":12,"logicalType":"duration"})",
             std::string("\x01\0\0\0\x02\0\0\0\x03\0\0\0", 12)),
         R"(({"months":1,"days":2,"milliseconds":3}))"},
        {"TransformOfUnderlyingInteger", apache("v:datetime", kFromMillis), one(kMillis, varint(1000)),
         "(1970-01-01T00:00:01Z)"},
        {"LogicalTypeThatDoesNotFit", apache("v:string"), one(R"({"type":"string","logicalType":"date"})", sized("x")),
         "(x)"},
    };
}

constexpr std::string_view kNested = R"({"type":"record","name":"R","namespace":"n","fields":[
    {"name":"p","type":{"type":"record","name":"P","fields":[
        {"name":"name","type":"string"},{"name":"x.y","type":"int"},{"name":"next","type":["null","P"]}]}},
    {"name":"l","type":{"type":"array","items":"int"}},
    {"name":"m","type":{"type":"map","values":"string"}}]})";

std::string nested() {
    return avro_file(kNested, 1,
                     sized("n1") + varint(1) + varint(1) + sized("n2") + varint(2) + varint(0) + byte_list({5, 6}) +
                         varint(2) + sized("a") + sized("A") + sized("b") + sized("B") + varint(0));
}

std::vector<Case> mapped() {
    return {
        {"Paths",
         avro("a:string, b:int, c:string, d:int, e:string", R"([{"Column":"a","Properties":{"Path":"$.p.name"}},
            {"Column":"b","Properties":{"Path":"$.p['x.y']"}},{"Column":"c","Properties":{"Path":"$.p.next.name"}},
            {"Column":"d","Properties":{"Path":"$.l[1]"}},{"Column":"e","Properties":{"Path":"$.m.b"}}])"),
         nested(), "(n1,1,n2,6,B)"},
        {"WholeRecord", avro("j:dynamic", R"([{"Column":"j","Properties":{"Path":"$"}}])"), nested(),
         R"(({"p":{"name":"n1","x.y":1,"next":{"name":"n2","x.y":2,"next":null}},"l":[5,6],"m":{"a":"A","b":"B"}}))"},
        {"DropMappedFields",
         avro(
             "n:string, r:dynamic",
             R"([{"Column":"n","Properties":{"Path":"$.p.name"}},{"Column":"r","Properties":{"Path":"$","Transform":"DropMappedFields"}}])"),
         nested(), R"((n1,{"p":{"x.y":1,"next":{"name":"n2","x.y":2,"next":null}},"l":[5,6],"m":{"a":"A","b":"B"}}))"},
        {"Field", avro("f:dynamic", R"([{"Column":"f","Properties":{"Field":"l"}}])"), nested(), "([5,6])"},
        {"ConstantAndNumber",
         avro(
             "c:string, n:long",
             R"([{"Column":"c","Properties":{"ConstValue":"k"}},{"Column":"n","Properties":{"Transform":"SourceLineNumber"}}])"),
         nested(), "(k,1)"},
    };
}

/// A type that refers to itself without end takes no bytes and would never stop.
constexpr std::string_view kEndless = R"({"type":"record","name":"R","fields":[{"name":"v","type":"R"}]})";

std::vector<Case> broken() {
    const std::string good = one("\"int\"", varint(3));
    return {
        {"Empty", avro("v:int"), "", "BadRequest_NoRecordsOrWrongFormat"},
        {"NoRecords", avro("v:int"), avro_header(field_of("\"int\"")), "BadRequest_NoRecordsOrWrongFormat"},
        {"OtherMagic", avro("v:int"), "PAR1abcd", kInvalid},
        {"CutInHeader", avro("v:int"), good.substr(0, 20), kInvalid},
        {"CutInBlock", avro("v:int"), good.substr(0, good.size() - 3), kInvalid},
        {"OtherMarker", avro("v:int"), good.substr(0, good.size() - 1) + "x", kInvalid},
        {"UnknownCodec", avro("v:int"), avro_header(field_of("\"int\""), "lzo") + avro_block(1, varint(3)), kInvalid},
        {"NoSchema", avro("v:int"), avro_header("{") + avro_block(1, varint(3)), kInvalid},
        {"TwoFieldsOfOneName", avro("v:int"),
         avro_file(R"({"type":"record","name":"R","fields":[{"name":"v","type":"int"},{"name":"v","type":"int"}]})", 1,
                   varint(3) + varint(4)),
         kInvalid},
        {"AMapWithTwoMembersOfOneNameAsDynamic", avro("v:dynamic"),
         one(R"({"type":"array","items":{"type":"map","values":"long"}})",
             varint(1) + varint(3) + sized("k") + varint(5) + sized("l") + varint(6) + sized("k") + varint(7) +
                 varint(0) + varint(0)),
         R"(([{"k":7,"l":6}]))"},
        {"TheLastOfTwoMembersOfOneNameCounts", avro("v:int", R"([{"Column":"v","Path":"$.v.k"}])"),
         one(R"({"type":"map","values":"long"})",
             varint(2) + sized("k") + varint(5) + sized("k") + varint(1LL << 40) + varint(0)),
         "(null) nulled 1"},
        {"RecordEndsEarly", avro("v:string"), one("\"string\"", varint(10) + "abc"), kInvalid},
        {"NegativeLength", avro("v:string"), one("\"string\"", varint(-1)), kInvalid},
        {"ChoiceOutOfRange", avro("v:string"), one(R"(["null","string"])", varint(2)), kInvalid},
        {"MoreThanItsRecords", avro("v:int"), one("\"int\"", varint(3) + varint(4)), kInvalid},
        {"EndlessRecord", avro("w:int"), avro_file(kEndless, 1, ""), kInvalid},
        {"EndlessList", avro("v:dynamic"), one(R"({"type":"array","items":"null"})", varint(1LL << 60)), kInvalid},
        {"NoRecordsInside", avro("v:int"), avro_file("\"int\"", 1, varint(3)), kInvalid},
        {"BlockBeyondTheLimit",
         {.format = Format::Avro, .table = "v:string", .max_record = 100},
         one("\"string\"", sized(std::string(200, 'x'))),
         "Stream_InputStreamTooLarge"},
    };
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Documented, Avro, testing::ValuesIn(documented()), name_of);
INSTANTIATE_TEST_SUITE_P(Forms, Avro, testing::ValuesIn(forms()), name_of);
INSTANTIATE_TEST_SUITE_P(Mapped, Avro, testing::ValuesIn(mapped()), name_of);
INSTANTIATE_TEST_SUITE_P(Broken, Avro, testing::ValuesIn(broken()), name_of);

struct Codec {
    std::string name;
    std::function<std::string(const std::string&)> pack;
};

std::string deflated(const std::string& content) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, content.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string snapped(const std::string& content) {
    std::string out;
    snappy::Compress(content.data(), content.size(), &out);
    const auto sum = crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(sum >> shift);
    return out;
}

std::string bzipped(const std::string& content) {
    std::string out(content.size() + content.size() / 50 + 700, '\0');
    auto size = static_cast<unsigned>(out.size());
    EXPECT_EQ(BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(content.data()),
                                       static_cast<unsigned>(content.size()), 9, 0, 0),
              BZ_OK);
    out.resize(size);
    return out;
}

std::string xzed(const std::string& content) {
    std::string out(lzma_stream_buffer_bound(content.size()), '\0');
    std::size_t size = 0;
    EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr,
                                      reinterpret_cast<const std::uint8_t*>(content.data()), content.size(),
                                      reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
              LZMA_OK);
    out.resize(size);
    return out;
}

std::string zstded(const std::string& content) {
    std::string out(ZSTD_compressBound(content.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
    return out;
}

std::string codec_name(const testing::TestParamInfo<Codec>& info) {
    return info.param.name;
}

class AvroCodecs : public testing::TestWithParam<Codec> {};

TEST_P(AvroCodecs, UnpackManyBlocks) {
    std::string file = avro_header(field_of("\"string\""), GetParam().name);
    std::string expected;
    for (int block = 0; block < 3; ++block) {
        const std::string text(static_cast<std::size_t>(block) * 1000 + 1, static_cast<char>('a' + block));
        file += avro_block(2, GetParam().pack(sized(text) + sized("end")));
        expected += (block == 0 ? "(" : " (") + text + ") (end)";
    }
    EXPECT_EQ(parsed(avro("v:string"), file), expected);
    EXPECT_EQ(parsed(avro("v:string"), file, 13), expected);
}

TEST_P(AvroCodecs, RefuseDamagedBlocks) {
    std::string packed = GetParam().pack(sized(std::string(2000, 'x')));
    packed.resize(packed.size() / 2);
    EXPECT_EQ(parsed(avro("v:string"), avro_header(field_of("\"string\""), GetParam().name) + avro_block(1, packed)),
              kInvalid);
}

TEST_P(AvroCodecs, StopAtTheLimit) {
    if (GetParam().name == "null")
        return;
    const std::string bomb = GetParam().pack(sized(std::string(1 << 20, 'x')));
    EXPECT_EQ(parsed({.format = Format::Avro, .table = "v:string", .max_record = 100'000},
                     avro_header(field_of("\"string\""), GetParam().name) + avro_block(1, bomb)),
              "Stream_InputStreamTooLarge");
}

TEST_P(AvroCodecs, StopAtTheLimitOfAllBlocks) {
    const std::string block = avro_block(1, GetParam().pack(sized(std::string(1000, 'x'))));
    const std::string header = avro_header(field_of("\"string\""), GetParam().name);
    const Source limited{.format = Format::Avro, .table = "v:string", .max_content = 2500};
    EXPECT_NE(parsed(limited, header + block + block), "Stream_InputStreamTooLarge");
    EXPECT_EQ(parsed(limited, header + block + block + block), "Stream_InputStreamTooLarge");
}

INSTANTIATE_TEST_SUITE_P(All, AvroCodecs,
                         testing::Values(Codec{"null", [](const std::string& c) { return c; }},
                                         Codec{"deflate", deflated}, Codec{"snappy", snapped}, Codec{"bzip2", bzipped},
                                         Codec{"xz", xzed}, Codec{"zstandard", zstded}),
                         codec_name);

/// The reference library of Apache writes, we read.
std::string written_by_avro_c(const char* codec) {
    constexpr char kSchema[] =
        R"({"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"name","type":["null","string"]},
        {"name":"score","type":"double"},{"name":"tags","type":{"type":"array","items":"string"}}]})";
    avro_schema_t schema{};
    EXPECT_EQ(avro_schema_from_json_length(kSchema, sizeof kSchema - 1, &schema), 0) << avro_strerror();
    const std::string path =
        (std::filesystem::temp_directory_path() / ("sluice-avro-" + std::to_string(::getpid()))).string();
    std::remove(path.c_str());
    avro_file_writer_t writer{};
    EXPECT_EQ(avro_file_writer_create_with_codec(path.c_str(), schema, &writer, codec, 1024), 0) << avro_strerror();
    avro_value_iface_t* const generic = avro_generic_class_from_schema(schema);
    avro_value_t record, field, branch, item;
    avro_generic_value_new(generic, &record);
    for (int i = 0; i < 500; ++i) {
        avro_value_reset(&record);
        avro_value_get_by_index(&record, 0, &field, nullptr);
        avro_value_set_long(&field, i);
        avro_value_get_by_index(&record, 1, &field, nullptr);
        avro_value_set_branch(&field, i % 2, &branch);
        if (i % 2 == 0)
            avro_value_set_null(&branch);
        else
            avro_value_set_string(&branch, ("name " + std::to_string(i)).c_str());
        avro_value_get_by_index(&record, 2, &field, nullptr);
        avro_value_set_double(&field, i / 2.0);
        avro_value_get_by_index(&record, 3, &field, nullptr);
        for (int tag = 0; tag < i % 3; ++tag) {
            avro_value_append(&field, &item, nullptr);
            avro_value_set_string(&item, "t");
        }
        EXPECT_EQ(avro_file_writer_append_value(writer, &record), 0) << avro_strerror();
    }
    avro_value_decref(&record);
    avro_value_iface_decref(generic);
    avro_file_writer_close(writer);
    avro_schema_decref(schema);
    std::ifstream in(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    std::remove(path.c_str());
    return bytes;
}

TEST(AvroOfApache, IsReadAsItWasWritten) {
    std::string expected;
    for (int i = 0; i < 500; ++i)
        expected += (i == 0 ? "(" : " (") + std::to_string(i) + "," + (i % 2 ? "name " + std::to_string(i) : "") + "," +
                    std::to_string(i / 2) + (i % 2 ? ".5" : ".0") + "," +
                    (i % 3 == 0   ? "[]"
                     : i % 3 == 1 ? "[\"t\"]"
                                  : "[\"t\",\"t\"]") +
                    ")";
    for (const char* codec : {"null", "deflate", "snappy"})
        EXPECT_EQ(parsed(avro("id:long, name:string, score:real, tags:dynamic"), written_by_avro_c(codec), 1000),
                  expected)
            << codec;
}

} // namespace
} // namespace sluice::data
