// How fast bytes become typed columns, on one core, against what the machine can do: simdjson for JSON, a copy
// for CSV. Every rate is in rows/s of the rows of spec/benchmarks.md 2 (193 bytes as JSON, 101 bytes as CSV, nine typed
// columns).
#include "bench/rows.hpp"
#include "core/data/format.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>

namespace {

using namespace sluice;
using namespace sluice::data;

constexpr std::size_t kRows = 20'000;
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
        options.mapping = *bind_mapping(*parse_mapping("M", MappingKind::Json, json + "]"), kSchema);
    }
    return std::move(*make_parser(std::move(options)));
}

void report(benchmark::State& state, const Text& text) {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * text.lines.size()));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.bytes.size()));
}

/// A file: all rows in blocks of 256 KiB.
void as_file(benchmark::State& state, const Text& text, Format format, bool mapped) {
    const auto under_test = parser(format, mapped);
    const auto schema = std::make_shared<const Schema>(kSchema);
    for (auto _ : state) {
        Rows rows(schema);
        under_test->begin();
        const std::string_view bytes = text.bytes;
        for (std::size_t at = 0; at < bytes.size(); at += 256 * 1024)
            if (!under_test->feed(bytes.substr(at, 256 * 1024), true, rows))
                state.SkipWithError("feed failed");
        if (!under_test->finish(rows) || rows.size() != kRows)
            state.SkipWithError("rows are missing");
    }
    report(state, text);
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
    as_file(state, json_text(), Format::Json, false);
}
void json_file_mapped(benchmark::State& state) {
    as_file(state, json_text(), Format::Json, true);
}
void multijson_file(benchmark::State& state) {
    as_file(state, json_text(), Format::MultiJson, false);
}
void json_events(benchmark::State& state) {
    as_events(state, json_text(), Format::Json);
}
void multijson_events(benchmark::State& state) {
    as_events(state, json_text(), Format::MultiJson);
}
void csv_file(benchmark::State& state) {
    as_file(state, csv_text(), Format::Csv, false);
}
void csv_events(benchmark::State& state) {
    as_events(state, csv_text(), Format::Csv);
}

BENCHMARK(json_reference_dom);
BENCHMARK(json_reference_on_demand);
BENCHMARK(json_file);
BENCHMARK(json_file_mapped);
BENCHMARK(multijson_file);
BENCHMARK(json_events);
BENCHMARK(multijson_events);
BENCHMARK(csv_reference_copy);
BENCHMARK(csv_file);
BENCHMARK(csv_events);

} // namespace

BENCHMARK_MAIN();
