// What an update policy with `parse` and `project` costs beside the same SQL in DuckDB
// (docs/decisions/0007-update-policies.md).
//
//     policy_bench [COMMITS]
//
// Streams batches of 16,384 rows with and without the policy; the difference is the policy. The reference is the SQL
// that the policy's query compiles to, as INSERT ... SELECT in the same DuckDB: for each batch by itself, as the policy
// runs, without what its commit costs; and once over all rows, which DuckDB spreads over the cores. Prints both ratios,
// and that of the CPU time to the latter.
#include "core/ingest/policy_graph.hpp"
#include "core/ingest/writer.hpp"
#include "core/kql/functions.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>

namespace {

using namespace sluice;
using data::ScalarType;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kRows = 16'384;
constexpr const char* kQuery =
    "Raw | parse Line with 'device=' Device:string ' level=' Level:long ' site=' Site | project Device, Level, Site";

template <class T> T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "policy_bench: %s\n", result.error().message.c_str());
        std::exit(1);
    }
    return *std::move(result);
}

struct Cost {
    double seconds = 0, cpu = 0;
    friend Cost operator-(Cost a, Cost b) { return {a.seconds - b.seconds, a.cpu - b.cpu}; }
};

/// CPU time of the whole process.
double cpu_seconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

Cost timed(const std::function<void()>& work) {
    const auto start = Steady::now();
    const double cpu = cpu_seconds();
    work();
    return {std::chrono::duration<double>(Steady::now() - start).count(), cpu_seconds() - cpu};
}

std::shared_ptr<catalog::Table> make_table(catalog::Database& database, const std::string& name,
                                           const std::vector<data::ColumnSchema>& columns) {
    auto table = std::make_shared<catalog::Table>();
    table->id = database.next_table++;
    table->name = name;
    for (const auto& column : columns)
        table->columns.push_back({column.name, column.type, database.next_column++});
    database.tables[name] = table;
    return table;
}

data::Rows make_rows(const catalog::Table& table) {
    data::Rows rows(table.schema());
    for (std::size_t i = 0; i < kRows; ++i) {
        data::Chunk& chunk = rows.next_row();
        const std::string line = "device=device-" + std::to_string(i % 20'000) +
                                 " level=" + std::to_string(i * 7919 % 100'000) + " site=site-" +
                                 std::to_string(i % 64) + " as it was seen";
        chunk.column(0).set(chunk.rows(), chunk.arena().cell(line));
        rows.finish_row();
    }
    return rows;
}

/// Runs SQL that is not a query; whatever DuckDB answers does not matter here.
void run(store::Store& store, const std::string& sql) {
    auto started = store.query(sql, {}, {{{"Count", ScalarType::Long}}}, {});
    while (started) {
        auto chunk = started->next();
        if (!chunk || !*chunk)
            return;
    }
}

struct Bench {
    explicit Bench(const std::filesystem::path& folder, bool with_policy) {
        store::StoreOptions options;
        options.file = folder / (with_policy ? "with.duckdb" : "without.duckdb");
        options.database = "Bench";
        options.functions = kql::scalar_functions();
        store = must(store::Store::open(options));
        ingest::WriterOptions writing;
        writing.max_streaming_request = 64_MiB;
        writer = must(ingest::DatabaseWriter::start(*store, catalog, clock, "Bench", writing));
        snapshot = must(writer->change_catalogue([&](const catalog::Database& before) -> Result<catalog::Database> {
            catalog::Database after = before;
            auto raw = make_table(after, "Raw", {{"Line", ScalarType::String}});
            raw->policies.streaming = catalog::StreamingPolicy{.is_enabled = true};
            auto target =
                make_table(after, "Parsed",
                           {{"Device", ScalarType::String}, {"Level", ScalarType::Long}, {"Site", ScalarType::String}});
            if (with_policy)
                target->policies.update.push_back({.source = "Raw", .query = kQuery, .is_transactional = true});
            return after;
        }));
    }
    Cost stream(int commits) {
        const auto raw = snapshot->find_table("Raw");
        std::vector<data::Rows> batches;
        for (int i = 0; i < commits; ++i)
            batches.push_back(make_rows(*raw));
        return timed([&] {
            for (data::Rows& rows : batches)
                must(writer->commit_rows({.table = raw, .path = ingest::Path::Streaming, .rows = std::move(rows)}));
        });
    }

    SystemClock clock;
    catalog::Catalog catalog;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<ingest::DatabaseWriter> writer;
    catalog::Snapshot snapshot;
};

} // namespace

int main(int argc, char** argv) {
    const int commits = argc > 1 ? std::atoi(argv[1]) : 25;
    const auto folder =
        std::filesystem::temp_directory_path() / ("policy_bench." + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder);
    {
        Bench with(folder, true), without(folder, false);
        with.stream(2);
        without.stream(2);
        const Cost both = with.stream(commits), alone = without.stream(commits), policy = both - alone;

        const auto raw = with.snapshot->find_table("Raw");
        const ingest::PolicyGraph graph(with.snapshot);
        const std::string stored = "SELECT * EXCLUDE (\"$part\", \"$time\"), \"$time\", \"$part\" FROM (" +
                                   store::Store::visible_rows(*raw) + ")";
        const auto insert = [&](const std::string& source) {
            const auto plan = must(ingest::plan_policy(graph.from(raw->id).front(), with.snapshot, source, 0));
            return "INSERT INTO db.main.reference SELECT *, 1, 1 FROM (" + plan.sql + ")";
        };
        run(*with.store,
            "CREATE TABLE db.main.reference (Device VARCHAR, Level BIGINT, Site VARCHAR, part BIGINT, time BIGINT)");
        run(*with.store, "CREATE TABLE db.main.batch AS " + stored + " LIMIT " + std::to_string(kRows));
        const auto repeated = [&](const std::string& sql) {
            return timed([&] {
                for (int i = 0; i < commits; ++i)
                    run(*with.store, sql);
            });
        };
        const Cost commit = repeated("INSERT INTO db.main.reference VALUES ('', 1, '', 1, 1)");
        const Cost by_batch = repeated(insert("SELECT * FROM db.main.batch")) - commit;
        Cost at_once = timed([&] { run(*with.store, insert(stored)); });
        at_once.seconds *= static_cast<double>(commits) / (commits + 2); // it also reads the rows of the warm-up
        at_once.cpu *= static_cast<double>(commits) / (commits + 2);
        std::printf("rows %zu  with policy %.3f s  without %.3f s  policy %.3f s (cpu %.3f s)\n",
                    kRows * static_cast<std::size_t>(commits), both.seconds, alone.seconds, policy.seconds, policy.cpu);
        std::printf(
            "same SQL in DuckDB: batch by batch %.3f s, ratio %.2f; all at once %.3f s (cpu %.3f s), ratio %.2f, "
            "of CPU time %.2f\n",
            by_batch.seconds, policy.seconds / by_batch.seconds, at_once.seconds, at_once.cpu,
            policy.seconds / at_once.seconds, policy.cpu / at_once.cpu);
    }
    std::filesystem::remove_all(folder);
}
