// How fast bytes become typed columns, on one core, beside the same work by DuckDB's readers on one thread, and against
// what the machine can do: simdjson for JSON, a copy for CSV, zlib's own inflate for gzip. Avro stands beside avro-c's
// generic reader, because DuckDB reads Avro only with an extension that has to be downloaded. The rows are those of the
// benchmarks (193 bytes as JSON, 101 bytes as CSV, nine typed columns); bytes are those of the text, also where it
// comes compressed.
#include "bench/rows.hpp"
#include "core/data/format.hpp"
#include "core/data/gzip.hpp"
#include "core/data/text.hpp"
#include "tests/core/data/avro_bytes.hpp"

#include <avro.h>
#include <benchmark/benchmark.h>
#include <duckdb.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace {

using namespace sluice;
using namespace sluice::data;

constexpr std::size_t kRows = 100'000; // 19 MB of JSON: more than the caches hold
constexpr std::size_t kPadding = 64;

const Schema kSchema{{{"ts", ScalarType::DateTime},
                      {"deviceId", ScalarType::String},
                      {"site", ScalarType::String},
                      {"seq", ScalarType::Long},
                      {"temperature", ScalarType::Real},
                      {"humidity", ScalarType::Int},
                      {"status", ScalarType::String},
                      {"trace", ScalarType::String},
                      {"note", ScalarType::String}}};

/// A text of whole rows with readable bytes behind it.
struct Text {
    std::string bytes;
    std::vector<std::string_view> lines;

    void finish() {
        const std::size_t size = bytes.size();
        bytes.append(kPadding, '\0');
        bytes.resize(size);
        for (std::size_t at = 0; at < size;) {
            const std::size_t end = bytes.find('\n', at);
            lines.emplace_back(bytes.data() + at, end - at);
            at = end + 1;
        }
    }
};

Text generate(void (*append)(std::string&, const bench::Rows::Row&)) {
    bench::Rows rows(1);
    Text text;
    for (std::size_t i = 0; i < kRows; ++i) {
        append(text.bytes, rows.next());
        text.bytes += '\n';
    }
    text.finish();
    return text;
}

const Text& json_text() {
    static const Text text = generate(bench::Rows::append_json);
    return text;
}

const Text& csv_text() {
    static const Text text = generate([](std::string& out, const bench::Rows::Row& row) {
        bench::Rows::Row quoted = row;
        quoted.note = '"' + row.note + '"'; // some notes hold a comma
        bench::Rows::append_csv(out, quoted);
    });
    return text;
}

std::unique_ptr<Parser> parser(Format format, bool mapped = false) {
    ParserOptions options{.format = format, .schema = std::make_shared<const Schema>(kSchema)};
    if (mapped) {
        std::string json = "[";
        for (const ColumnSchema& column : kSchema.columns)
            json += fmt::format(R"({{"Column":"{0}","Properties":{{"Path":"$.{0}"}}}},)", column.name);
        options.mapping = *bind_mapping(*parse_mapping("M", mapping_kind(format), json + "]"), kSchema);
    }
    return std::move(*make_parser(std::move(options)));
}

/// The rows as an Avro container in blocks of some 45 KB, not compressed. The time is an ISO text as in JSON, or with
/// `logical` a number of microseconds, which only apacheavro reads as a time.
std::string avro_container(bool logical) {
    using namespace data::test;
    const std::string schema = fmt::format(
        R"({{"type":"record","name":"R","fields":[{{"name":"ts","type":{}}},)"
        R"({{"name":"deviceId","type":"string"}},{{"name":"site","type":"string"}},{{"name":"seq","type":"long"}},)"
        R"({{"name":"temperature","type":"double"}},{{"name":"humidity","type":"int"}},)"
        R"({{"name":"status","type":"string"}},{{"name":"trace","type":"string"}},)"
        R"({{"name":"note","type":["null","string"]}}]}})",
        logical ? R"({"type":"long","logicalType":"timestamp-micros"})" : R"("string")");
    constexpr std::size_t kBlock = 500;
    std::string out = avro_header(schema, "null");
    bench::Rows rows(1);
    for (std::size_t i = 0; i < kRows; i += kBlock) {
        std::string block;
        for (std::size_t k = 0; k < kBlock; ++k) {
            const bench::Rows::Row& row = rows.next();
            block += logical ? varint((*parse_datetime(row.ts) - kUnixEpochTicks) / 10) : sized(row.ts);
            block += sized(row.device) + sized(row.site) + varint(static_cast<std::int64_t>(row.seq));
            block += real(row.temperature) + varint(row.humidity) + sized(row.status) + sized(row.trace);
            block += varint(1) + sized(row.note);
        }
        out += avro_block(kBlock, block);
    }
    return out;
}

const std::string& avro_bytes(bool logical) {
    static const std::string plain = avro_container(false), with_types = avro_container(true);
    return logical ? with_types : plain;
}

void report(benchmark::State& state, std::size_t rows, std::size_t bytes) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * rows));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}
void report(benchmark::State& state, const Text& text) {
    report(state, text.lines.size(), text.bytes.size());
}

/// A file: all rows in blocks of 256 KiB.
void as_file(benchmark::State& state, std::string_view bytes, Format format, bool mapped) {
    const auto under_test = parser(format, mapped);
    const auto schema = std::make_shared<const Schema>(kSchema);
    for (auto _ : state) {
        Rows rows(schema);
        under_test->begin();
        for (std::size_t at = 0; at < bytes.size(); at += 256 * 1024)
            if (!under_test->feed(bytes.substr(at, 256 * 1024), true, rows))
                state.SkipWithError("feed failed");
        if (!under_test->finish(rows) || rows.size() != kRows)
            state.SkipWithError("rows are missing");
    }
    report(state, kRows, bytes.size());
}

/// Events: every row is a source of its own; rows are taken away in batches of a thousand.
void as_events(benchmark::State& state, const Text& text, Format format) {
    const auto under_test = parser(format);
    const auto schema = std::make_shared<const Schema>(kSchema);
    for (auto _ : state) {
        for (std::size_t from = 0; from < kRows; from += 1000) {
            Rows rows(schema);
            for (std::size_t i = from; i < from + 1000; ++i) {
                under_test->begin();
                if (!under_test->feed(text.lines[i], true, rows) || !under_test->finish(rows))
                    state.SkipWithError("an event failed");
            }
        }
    }
    report(state, text);
}

/// A file of gzip: read in blocks, inflated and parsed in one go.
void as_gzip_file(benchmark::State& state, const Text& text, Format format) {
    const std::string compressed = gzip(text.bytes);
    const auto under_test = parser(format);
    const auto schema = std::make_shared<const Schema>(kSchema);
    for (auto _ : state) {
        Rows rows(schema);
        GzipReader reader(1_GiB);
        under_test->begin();
        const auto sink = [&](std::string_view block) { return under_test->feed(block, true, rows); };
        for (std::size_t at = 0; at < compressed.size(); at += 256 * 1024)
            if (!reader.feed(std::string_view(compressed).substr(at, 256 * 1024), sink))
                state.SkipWithError("feed failed");
        if (!reader.finish() || !under_test->finish(rows) || rows.size() != kRows)
            state.SkipWithError("rows are missing");
    }
    report(state, text);
}

/// The text as a file that is removed at the end, for DuckDB.
class File {
public:
    File(std::string_view bytes, std::string_view extension)
        : path_(std::filesystem::temp_directory_path() / fmt::format("format_bench.{}.{}", ::getpid(), extension)) {
        std::ofstream out(path_, std::ios::binary);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    ~File() { std::filesystem::remove(path_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    std::string path() const { return path_.string(); }

private:
    const std::filesystem::path path_;
};

/// Every chunk of typed vectors that DuckDB's reader makes on one thread, looked at and thrown away.
class DuckDb {
public:
    DuckDb() {
        opened_ = duckdb_open(nullptr, &database_) == DuckDBSuccess &&
                  duckdb_connect(database_, &connection_) == DuckDBSuccess &&
                  duckdb_query(connection_, "SET threads=1", nullptr) == DuckDBSuccess;
    }
    ~DuckDb() {
        duckdb_disconnect(&connection_);
        duckdb_close(&database_);
    }
    DuckDb(const DuckDb&) = delete;
    DuckDb& operator=(const DuckDb&) = delete;

    /// The number of rows; 0 when something went wrong.
    std::size_t run(const std::string& sql) {
        std::size_t rows = 0;
        duckdb_prepared_statement statement = nullptr;
        duckdb_pending_result pending = nullptr;
        duckdb_result result{};
        if (opened_ && duckdb_prepare(connection_, sql.c_str(), &statement) == DuckDBSuccess &&
            duckdb_pending_prepared_streaming(statement, &pending) == DuckDBSuccess &&
            duckdb_execute_pending(pending, &result) == DuckDBSuccess) {
            while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
                rows += duckdb_data_chunk_get_size(chunk);
                duckdb_destroy_data_chunk(&chunk);
            }
            duckdb_destroy_result(&result);
        }
        duckdb_destroy_pending(&pending);
        duckdb_destroy_prepare(&statement);
        return rows;
    }

private:
    duckdb_database database_ = nullptr;
    duckdb_connection connection_ = nullptr;
    bool opened_ = false;
};

void by_duckdb(benchmark::State& state, const Text& text, std::string_view bytes, std::string_view extension) {
    constexpr std::string_view kColumns =
        "columns={'ts':'TIMESTAMP','deviceId':'VARCHAR','site':'VARCHAR','seq':'BIGINT','temperature':'DOUBLE',"
        "'humidity':'INTEGER','status':'VARCHAR','trace':'VARCHAR','note':'VARCHAR'}";
    const File file(bytes, extension);
    const std::string reader =
        extension.starts_with("csv")
            ? fmt::format("SELECT * FROM read_csv('{}', header=false, auto_detect=false, quote='\"', escape='\"', {})",
                          file.path(), kColumns)
            : fmt::format("SELECT * FROM read_json('{}', format='newline_delimited', {})", file.path(), kColumns);
    DuckDb duckdb;
    for (auto _ : state)
        if (duckdb.run(reader) != kRows)
            state.SkipWithError("DuckDB failed");
    report(state, text);
}

/// The floor of gzip: zlib's own inflate into one buffer again and again.
void gzip_reference_zlib(benchmark::State& state) {
    const Text& text = json_text();
    const std::string compressed = gzip(text.bytes);
    std::vector<Bytef> out(64 * 1024);
    for (auto _ : state) {
        z_stream stream{};
        inflateInit2(&stream, 15 + 16);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
        stream.avail_in = static_cast<uInt>(compressed.size());
        int status = Z_OK;
        while (status == Z_OK) {
            stream.next_out = out.data();
            stream.avail_out = static_cast<uInt>(out.size());
            status = inflate(&stream, Z_NO_FLUSH);
            benchmark::DoNotOptimize(out.data());
        }
        if (status != Z_STREAM_END || stream.total_out != text.bytes.size())
            state.SkipWithError("inflate failed");
        inflateEnd(&stream);
    }
    report(state, text);
}

void gzip_reader(benchmark::State& state) {
    const Text& text = json_text();
    const std::string compressed = gzip(text.bytes);
    for (auto _ : state) {
        GzipReader reader(1_GiB);
        const auto sink = [](std::string_view block) -> Result<> {
            benchmark::DoNotOptimize(block.data());
            return {};
        };
        for (std::size_t at = 0; at < compressed.size(); at += 256 * 1024)
            if (!reader.feed(std::string_view(compressed).substr(at, 256 * 1024), sink))
                state.SkipWithError("feed failed");
        if (!reader.finish() || reader.produced() != text.bytes.size())
            state.SkipWithError("bytes are missing");
    }
    report(state, text);
}

void json_reference_dom(benchmark::State& state) {
    const Text& text = json_text();
    simdjson::dom::parser reference;
    for (auto _ : state)
        for (const std::string_view line : text.lines) {
            simdjson::dom::element element;
            if (reference.parse(line.data(), line.size(), false).get(element) != simdjson::SUCCESS)
                state.SkipWithError("simdjson failed");
            benchmark::DoNotOptimize(element);
        }
    report(state, text);
}

/// simdjson's fastest interface: every value is read and validated, nothing is kept.
void json_reference_on_demand(benchmark::State& state) {
    const Text& text = json_text();
    simdjson::ondemand::parser reference;
    for (auto _ : state) {
        std::size_t sum = 0;
        for (const std::string_view line : text.lines) {
            auto document = reference.iterate(line.data(), line.size(), line.size() + kPadding);
            for (auto field : document.get_object()) {
                sum += std::string_view(field.unescaped_key()).size();
                simdjson::ondemand::value value = field.value();
                if (value.type() == simdjson::ondemand::json_type::string)
                    sum += std::string_view(value.get_string()).size();
                else
                    sum += static_cast<std::size_t>(double(value.get_double()));
            }
        }
        benchmark::DoNotOptimize(sum);
    }
    report(state, text);
}

void csv_reference_copy(benchmark::State& state) {
    const Text& text = csv_text();
    std::vector<char> copy(text.bytes.size());
    for (auto _ : state) {
        std::memcpy(copy.data(), text.bytes.data(), text.bytes.size());
        benchmark::DoNotOptimize(copy.data());
    }
    report(state, text);
}

void json_file(benchmark::State& state) {
    as_file(state, json_text().bytes, Format::Json, false);
}
void json_file_mapped(benchmark::State& state) {
    as_file(state, json_text().bytes, Format::Json, true);
}
void multijson_file(benchmark::State& state) {
    as_file(state, json_text().bytes, Format::MultiJson, false);
}
void json_events(benchmark::State& state) {
    as_events(state, json_text(), Format::Json);
}
void multijson_events(benchmark::State& state) {
    as_events(state, json_text(), Format::MultiJson);
}
void csv_file(benchmark::State& state) {
    as_file(state, csv_text().bytes, Format::Csv, false);
}
void csv_events(benchmark::State& state) {
    as_events(state, csv_text(), Format::Csv);
}

void json_gzip_file(benchmark::State& state) {
    as_gzip_file(state, json_text(), Format::Json);
}
void avro_file(benchmark::State& state) {
    as_file(state, avro_bytes(false), Format::Avro, false);
}
void avro_file_mapped(benchmark::State& state) {
    as_file(state, avro_bytes(false), Format::Avro, true);
}
void apacheavro_file(benchmark::State& state) {
    as_file(state, avro_bytes(true), Format::ApacheAvro, false);
}

/// avro-c reads every record into one generic value and looks at each field; texts are not copied out of it.
void avro_reference_avro_c(benchmark::State& state) {
    const std::string& bytes = avro_bytes(false);
    const File file(bytes, "avro");
    for (auto _ : state) {
        avro_file_reader_t reader = nullptr;
        if (avro_file_reader(file.path().c_str(), &reader) != 0) {
            state.SkipWithError(avro_strerror());
            break;
        }
        avro_schema_t schema = avro_file_reader_get_writer_schema(reader);
        avro_value_iface_t* record_class = avro_generic_class_from_schema(schema);
        avro_value_t record;
        avro_generic_value_new(record_class, &record);
        std::size_t rows = 0, sum = 0;
        while (avro_file_reader_read_value(reader, &record) == 0) {
            for (std::size_t i = 0; i < kSchema.size(); ++i) {
                avro_value_t field;
                avro_value_get_by_index(&record, i, &field, nullptr);
                if (avro_value_get_type(&field) == AVRO_UNION)
                    avro_value_get_current_branch(&field, &field);
                const char* text = nullptr;
                std::size_t size = 0;
                if (avro_value_get_type(&field) == AVRO_STRING && avro_value_get_string(&field, &text, &size) == 0)
                    sum += size;
            }
            ++rows;
            avro_value_reset(&record);
        }
        benchmark::DoNotOptimize(sum);
        if (rows != kRows)
            state.SkipWithError("rows are missing");
        avro_value_decref(&record);
        avro_value_iface_decref(record_class);
        avro_schema_decref(schema);
        avro_file_reader_close(reader);
    }
    report(state, kRows, bytes.size());
}

void json_duckdb(benchmark::State& state) {
    by_duckdb(state, json_text(), json_text().bytes, "json");
}
void json_gzip_duckdb(benchmark::State& state) {
    by_duckdb(state, json_text(), gzip(json_text().bytes), "json.gz");
}
void csv_duckdb(benchmark::State& state) {
    by_duckdb(state, csv_text(), csv_text().bytes, "csv");
}

BENCHMARK(json_reference_dom);
BENCHMARK(json_reference_on_demand);
BENCHMARK(json_duckdb);
BENCHMARK(json_file);
BENCHMARK(json_file_mapped);
BENCHMARK(multijson_file);
BENCHMARK(json_events);
BENCHMARK(multijson_events);
BENCHMARK(csv_reference_copy);
BENCHMARK(csv_duckdb);
BENCHMARK(csv_file);
BENCHMARK(csv_events);
BENCHMARK(gzip_reference_zlib);
BENCHMARK(gzip_reader);
BENCHMARK(json_gzip_duckdb);
BENCHMARK(json_gzip_file);
BENCHMARK(avro_reference_avro_c);
BENCHMARK(avro_file);
BENCHMARK(avro_file_mapped);
BENCHMARK(apacheavro_file);

} // namespace

BENCHMARK_MAIN();
