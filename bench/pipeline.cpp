// From messages to durable, queryable rows without a broker: how fast router, parser and writer are together, and where the rest goes.
//
//   bench_pipeline [ROWS]     prints rows/s of the whole way, and of parsing alone as the reference of the same run
#include "bench/rows.hpp"
#include "connectors/event_hub/event_hub_connection.hpp"
#include "core/router/router.hpp"
#include "tests/support/temporary_folder.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace sluice;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kBatch = 1000;

const char* const kMapping = R"([{"Column":"ts","Properties":{"Path":"$.ts"}},{"Column":"deviceId","Properties":{"Path":"$.deviceId"}},
{"Column":"site","Properties":{"Path":"$.site"}},{"Column":"seq","Properties":{"Path":"$.seq"}},
{"Column":"temperature","Properties":{"Path":"$.temperature"}},{"Column":"humidity","Properties":{"Path":"$.humidity"}},
{"Column":"status","Properties":{"Path":"$.status"}},{"Column":"trace","Properties":{"Path":"$.trace"}},{"Column":"note","Properties":{"Path":"$.note"}}])";

template <class T>
T must(Result<T> result) {
    if (!result)
        throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

std::shared_ptr<catalog::Table> make_table(catalog::Database& database) {
    using data::ScalarType;
    auto table = std::make_shared<catalog::Table>();
    table->id = database.next_table++;
    table->name = "T";
    const std::pair<const char*, ScalarType> columns[] = {{"ts", ScalarType::DateTime},     {"deviceId", ScalarType::String},
                                                          {"site", ScalarType::String},     {"seq", ScalarType::Long},
                                                          {"temperature", ScalarType::Real}, {"humidity", ScalarType::Int},
                                                          {"status", ScalarType::String},   {"trace", ScalarType::String},
                                                          {"note", ScalarType::String}};
    for (const auto& [name, type] : columns)
        table->columns.push_back({name, type, database.next_column++});
    table->policies.streaming = catalog::StreamingPolicy{.is_enabled = true};
    table->mappings[{data::MappingKind::Json, "Row"}] = {must(data::parse_mapping("Row", data::MappingKind::Json, kMapping))};
    return table;
}

double parse_alone(const std::vector<std::string>& bodies, const catalog::Table& table) {
    data::ParserOptions options;
    options.format = data::Format::Json;
    options.schema = table.schema();
    options.mapping = must(data::bind_mapping(table.mappings.begin()->second.mapping, *options.schema));
    auto parser = must(data::make_parser(options));
    const auto begun = Steady::now();
    data::Rows rows(options.schema);
    for (const std::string& body : bodies) {
        parser->begin();
        must(parser->feed(body, false, rows));
        must(parser->finish(rows));
        if (rows.size() >= kBatch)
            rows = data::Rows(options.schema);
    }
    return std::chrono::duration<double>(Steady::now() - begun).count();
}

double whole_way(const std::vector<std::string>& bodies, ingest::Databases& databases) {
    router::ConnectionSettings settings;
    settings.name = "bench";
    settings.database = "Bench";
    settings.table_name = "T";
    settings.data_format = "json";
    settings.mapping_rule_name = "Row";
    auto budget = std::make_shared<router::InFlightBudget>();
    router::Router router(settings, std::make_unique<connectors::EventHubConnection>(settings), databases, budget);
    const auto lane = must(router.open_lane("bench/0")).lane;
    std::vector<router::Message> messages(kBatch);
    std::vector<router::Ack> acks;
    const auto begun = Steady::now();
    for (std::size_t next = 0; next < bodies.size();) {
        if (router.credit().messages == 0) {
            std::this_thread::yield();
            continue;
        }
        std::size_t count = 0;
        for (; count < kBatch && next < bodies.size(); ++count, ++next) {
            messages[count].lane = lane;
            messages[count].sequence = next + 1;
            messages[count].payload = bodies[next];
        }
        must(router.deliver({messages.data(), count}));
        must(router.flush(false));
        acks.clear();
        router.take_acks(acks);
    }
    if (!router.drain(std::chrono::minutes(2)))
        throw std::runtime_error("not everything became durable");
    return std::chrono::duration<double>(Steady::now() - begun).count();
}

} // namespace

int main(int argc, char** argv) try {
    const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    std::vector<std::string> bodies(count);
    bench::Rows rows(7);
    for (std::string& body : bodies)
        bench::Rows::append_json(body, rows.next());
    test::TemporaryFolder folder;
    SystemClock clock;
    ingest::Databases::Options options;
    options.data_dir = folder.path();
    options.streaming_enabled = true;
    ingest::Databases databases(options, clock);
    must(databases.open("Bench"));
    const auto snapshot = must(databases.writer("Bench")->change_catalogue([](const catalog::Database& before) -> Result<catalog::Database> {
        catalog::Database next = before;
        auto table = make_table(next);
        next.tables["T"] = table;
        return next;
    }));
    const double parse = parse_alone(bodies, *snapshot->find_table("T"));
    const double whole = whole_way(bodies, databases);
    std::printf("parse alone %10.0f rows/s\nwhole way   %10.0f rows/s   ratio %.2f\n", count / parse, count / whole, parse / whole);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_pipeline: %s\n", error.what());
    return 1;
}
