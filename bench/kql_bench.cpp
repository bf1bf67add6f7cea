// What KQL costs: the front end alone, and everyday queries beside SQL that was written by hand for the same rows.
//
//     kql_bench [ROWS [FOLDER [NAME]]]   10,000,000 rows; FOLDER keeps the two databases for the next run; only the
//                                        queries whose name has NAME in it
//     kql_bench --sql                    the SQL that the queries become
//
// The first figure is the time to parse, bind and translate a query of 20 lines (target 1 ms). Then each query runs
// through the store, translation included, and its SQL counterpart in a bare DuckDB table with DuckDB's own types,
// settings and threads being the same, in turns. Printed are the medians and their ratio. The first ten have a target
// (1.2); the further ones show where other common shapes stand.
#include "core/data/text.hpp"
#include "core/kql/functions.hpp"
#include "core/kql/kql.hpp"
#include "core/store/store.hpp"

#include <duckdb.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice;
using data::ScalarType;
using Steady = std::chrono::steady_clock;

constexpr int kRuns = 7;
constexpr int kCompilations = 2000;
constexpr std::int64_t kRowsOfAnExtent = 500'000;
constexpr unsigned kThreads = 2;

struct Pair {
    const char *name, *kql, *sql;
};
/// A row every 10 ms from 2026-01-01 on, from 20,000 devices at 64 sites.
constexpr Pair kEveryday[] = {
    {"rows of the last hour", "Readings | where At > datetime(2026-01-02 02:46:40) | count",
     "SELECT count(*) FROM readings WHERE ts > TIMESTAMP '2026-01-02 02:46:40'"},
    {"one device", "Readings | where Device == 'device-00042' | project At, Temperature, Status",
     "SELECT ts, temperature, status FROM readings WHERE device = 'device-00042'"},
    {"average by group", "Readings | summarize avg(Temperature), count() by Site",
     "SELECT site, avg(temperature), count(*) FROM readings GROUP BY site"},
    {"two conditions",
     "Readings | where Status == 'fault' and Temperature > 40.0 | summarize count(), max(Humidity) by Site",
     "SELECT site, count(*), max(humidity) FROM readings WHERE status = 'fault' AND temperature > 40 GROUP BY site"},
    {"bins of time", "Readings | summarize count(), avg(Temperature) by bin(At, 1h)",
     "SELECT date_trunc('hour', ts), count(*), avg(temperature) FROM readings GROUP BY ALL"},
    {"a word in a text", "Readings | where Note has 'drift' | summarize count() by Site",
     R"(SELECT site, count(*) FROM readings WHERE regexp_matches(note, '\bdrift\b', 'i') GROUP BY site)"},
    {"a part of a text", "Readings | where Note contains 'DOOR' | count",
     "SELECT count(*) FROM readings WHERE note ILIKE '%DOOR%'"},
    {"the largest", "Readings | top 10 by Temperature desc | project At, Device, Temperature",
     "SELECT ts, device, temperature FROM readings ORDER BY temperature DESC LIMIT 10"},
    {"the latest of each", "Readings | summarize arg_max(At, Temperature, Status) by Device",
     "SELECT device, max(ts), arg_max(temperature, ts), arg_max(status, ts) FROM readings GROUP BY device"},
    {"a computed group",
     "Readings | extend Level = case(Temperature > 40.0, 'hot', Temperature > 0.0, 'fair', 'cold') "
     "| summarize n = count(), percentile(Humidity, 95) by Level | order by n desc",
     "SELECT CASE WHEN temperature > 40 THEN 'hot' WHEN temperature > 0 THEN 'fair' ELSE 'cold' END AS level, "
     "count(*) AS n, quantile_disc(humidity, 0.95) FROM readings GROUP BY level ORDER BY n DESC"},
};
constexpr Pair kFurther[] = {
    {"any ten", "Readings | take 10", "SELECT * FROM readings LIMIT 10"},
    {"a number looked up", "Readings | where Seq == 7654321", "SELECT * FROM readings WHERE seq = 7654321"},
    {"a text looked up", "Readings | where Trace == 'never-there' | project At, Device",
     "SELECT ts, device FROM readings WHERE trace = 'never-there'"},
    {"the newest", "Readings | sort by At desc | take 20", "SELECT * FROM readings ORDER BY ts DESC LIMIT 20"},
    {"the largest of some", "Readings | where Status == 'fault' | top 10 by Temperature desc | project At, Temperature",
     "SELECT ts, temperature FROM readings WHERE status = 'fault' ORDER BY temperature DESC LIMIT 10"},
    {"distinct of each", "Readings | where Seq < 2000000 | summarize dcount(Device) by Site",
     "SELECT site, count(DISTINCT device) FROM readings WHERE seq < 2000000 GROUP BY site"},
};

constexpr auto kTwentyLines = R"(let from = datetime(2026-01-01);
let until = from + 1d;
let faults = Readings
    | where At between (from .. until) and Status == "fault"
    | where Temperature > 30.0 or Humidity in (0, 1, 100)
    | extend Zone = tolower(substring(Site, 5)), Warm = Temperature * 1.8 + 32;
let quiet = (limit:long) {
    Readings
    | summarize Seen = count(), Latest = max(At) by Device
    | where Seen < limit
};
faults
| join kind=leftouter (quiet(100) | project Device, Latest) on Device
| parse Note with First " " Rest
| extend Age = until - Latest, Kind = case(Warm > 100, "hot", Warm > 50, "warm", "cold")
| where First !in ("door", "none") and Rest has "seen"
| summarize n = count(), dcount(Device), avg(Warm), percentiles(Temperature, 50, 95), arg_max(At, Device)
    by Zone, Kind, bin(At, 15m)
| project-rename Devices = dcount_Device
| order by n desc, Zone asc
)";

[[noreturn]] void fail(const std::string& message) {
    std::fprintf(stderr, "kql_bench: %s\n", message.c_str());
    std::exit(1);
}
template <class T> T must(Result<T> result) {
    if (!result)
        fail(result.error().message);
    return *std::move(result);
}
void must(Result<> result) {
    if (!result)
        fail(result.error().message);
}

double seconds(const std::function<void()>& work) {
    const auto start = Steady::now();
    work();
    return std::chrono::duration<double>(Steady::now() - start).count();
}
double median(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return samples[samples.size() / 2];
}

/// A made-up row for each number i; the same in both databases.
std::string row_of(std::string_view time) {
    return "SELECT " + std::string(time) +
           ", 'device-' || lpad((hash(i) % 20000)::VARCHAR, 5, '0'), 'site-' || lpad((hash(i + 1) % 64)::VARCHAR, 2, "
           "'0'), i, (hash(i + 2) % 6000)::DOUBLE / 100 - 10, (hash(i + 3) % 101)::INTEGER, "
           "CASE WHEN hash(i + 4) % 10 = 0 THEN 'fault' ELSE 'ok' END, format('{:016x}', hash(i + 5)), "
           "['nominal and nothing seen', 'Drift was seen', 'recalibrated by hand', 'door was open']"
           "[(1 + hash(i + 6) % 4)::BIGINT]";
}

/// The rows as the bridge stores them.
class Stored {
public:
    Stored(const std::filesystem::path& file, std::int64_t rows) {
        const bool exists = std::filesystem::exists(file);
        store_ = must(store::Store::open(
            {.file = file, .database = "Bench", .threads = kThreads, .functions = kql::scalar_functions()}));
        auto loaded = must(store_->load());
        if (!exists)
            loaded.catalogue = fill(loaded.catalogue, rows);
        database_ = std::make_shared<const catalog::Database>(loaded.catalogue);
    }

    Result<kql::QueryPlan> compile(std::string_view text) const {
        kql::CompileOptions options;
        options.database = database_;
        options.now = SystemClock().now();
        return kql::compile(text, options);
    }

    /// Rows that the query gives.
    std::size_t run(std::string_view text) {
        auto plan = must(compile(text));
        return drain(plan.results.back().sql, std::move(plan.results.back().schema));
    }

private:
    std::size_t drain(const std::string& sql, data::Schema types) {
        auto result = must(store_->query(sql, {}, std::move(types), {}));
        std::size_t rows = 0;
        while (auto chunk = must(result.next()))
            rows += chunk->rows();
        return rows;
    }

    catalog::Database fill(const catalog::Database& before, std::int64_t rows) {
        catalog::Database after = before;
        auto table = std::make_shared<catalog::Table>();
        table->id = after.next_table++;
        table->name = "Readings";
        for (const auto& [name, type] :
             std::initializer_list<std::pair<const char*, ScalarType>>{{"At", ScalarType::DateTime},
                                                                       {"Device", ScalarType::String},
                                                                       {"Site", ScalarType::String},
                                                                       {"Seq", ScalarType::Long},
                                                                       {"Temperature", ScalarType::Real},
                                                                       {"Humidity", ScalarType::Int},
                                                                       {"Status", ScalarType::String},
                                                                       {"Trace", ScalarType::String},
                                                                       {"Note", ScalarType::String}})
            table->columns.push_back({name, type, after.next_column++});
        after.tables.emplace(table->name, table);
        auto transaction = must(store_->begin());
        must(transaction.save_catalogue(before, after));
        for (std::int64_t part = 0; part * kRowsOfAnExtent < rows; ++part)
            must(transaction.save_part(
                {.id = part + 1,
                 .table = table->id,
                 .state = store::PartState::Extent,
                 .extent = data::random_guid(),
                 .rows = static_cast<std::uint64_t>(std::min(kRowsOfAnExtent, rows - part * kRowsOfAnExtent))}));
        must(transaction.commit());
        drain("INSERT INTO db.sluice.t" + std::to_string(table->id) + " " +
                  row_of(std::to_string(from_civil_2026()) + " + i * 100000") + ", i // " +
                  std::to_string(kRowsOfAnExtent) + " + 1, " + std::to_string(from_civil_2026()) + " FROM range(" +
                  std::to_string(rows) + ") AS r(i)",
              {{{"Count", ScalarType::Long}}});
        must(store_->checkpoint());
        return after;
    }

    static Ticks from_civil_2026() { return *data::from_civil({2026, 1, 1, 0, 0, 0, 0}); }

    std::unique_ptr<store::Store> store_;
    catalog::Snapshot database_;
};

/// The same rows in a table as one would make it by hand.
class Bare {
public:
    Bare(const std::filesystem::path& file, std::int64_t rows) {
        const bool exists = std::filesystem::exists(file);
        duckdb_config config;
        duckdb_create_config(&config);
        duckdb_set_config(config, "threads", std::to_string(kThreads).c_str());
        duckdb_set_config(config, "memory_limit", "256MB");
        duckdb_set_config(config, "preserve_insertion_order", "false");
        if (duckdb_open_ext(file.c_str(), &database_, config, nullptr) != DuckDBSuccess ||
            duckdb_connect(database_, &connection_) != DuckDBSuccess)
            fail("DuckDB cannot open " + file.string());
        duckdb_destroy_config(&config);
        if (exists)
            return;
        run("CREATE TABLE readings (ts TIMESTAMP, device VARCHAR, site VARCHAR, seq BIGINT, temperature DOUBLE, "
            "humidity INTEGER, status VARCHAR, trace VARCHAR, note VARCHAR)");
        run("INSERT INTO readings " + row_of("TIMESTAMP '2026-01-01' + to_milliseconds(i * 10)") + " FROM range(" +
            std::to_string(rows) + ") AS r(i)");
        run("CHECKPOINT");
    }
    ~Bare() {
        duckdb_disconnect(&connection_);
        duckdb_close(&database_);
    }
    Bare(const Bare&) = delete;
    Bare& operator=(const Bare&) = delete;

    std::size_t run(const std::string& sql) {
        duckdb_result result;
        if (duckdb_query(connection_, sql.c_str(), &result) != DuckDBSuccess)
            fail(std::string(duckdb_result_error(&result)) + " in " + sql);
        const std::size_t rows = duckdb_row_count(&result);
        duckdb_destroy_result(&result);
        return rows;
    }

private:
    duckdb_database database_ = nullptr;
    duckdb_connection connection_ = nullptr;
};

void measure_front_end(const Stored& stored) {
    std::vector<double> samples;
    for (int i = 0; i < kCompilations; ++i)
        samples.push_back(seconds([&] { must(stored.compile(kTwentyLines)); }) * 1e3);
    const double middle = median(samples);
    std::printf("parse, bind and translate 20 lines: median %.3f ms, ratio to its target of 1 ms %.2f\n", middle,
                middle);
}

void measure_queries(std::span<const Pair> queries, std::string_view name, Stored& stored, Bare& bare) {
    for (const Pair& pair : queries) {
        if (std::string_view(pair.name).find(name) == std::string_view::npos)
            continue;
        std::vector<double> ours, theirs;
        std::size_t our_rows = stored.run(pair.kql), their_rows = bare.run(pair.sql); // also warms the caches
        if (our_rows != their_rows)
            fail(std::string(pair.name) + ": " + std::to_string(our_rows) + " rows, by hand " +
                 std::to_string(their_rows));
        for (int i = 0; i < kRuns; ++i) {
            ours.push_back(seconds([&] { stored.run(pair.kql); }) * 1e3);
            theirs.push_back(seconds([&] { bare.run(pair.sql); }) * 1e3);
        }
        std::printf("%-24s %10.1f %10.1f %7.2f\n", pair.name, median(ours), median(theirs),
                    median(ours) / median(theirs));
        std::fflush(stdout);
    }
}

} // namespace

int main(int argc, char** argv) {
    const bool shows_sql = argc > 1 && std::string_view(argv[1]) == "--sql";
    const std::int64_t rows = shows_sql ? 1 : argc > 1 ? std::atoll(argv[1]) : 10'000'000;
    if (rows <= 0) {
        std::fprintf(stderr, "usage: kql_bench [ROWS [FOLDER [NAME]]] | --sql\n");
        return 2;
    }
    const bool keeps = argc > 2;
    const std::filesystem::path folder =
        keeps ? std::filesystem::path(argv[2])
              : std::filesystem::temp_directory_path() / ("kql_bench." + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder);
    {
        Stored stored(folder / "stored.duckdb", rows);
        if (shows_sql) {
            for (const std::span<const Pair> queries :
                 {std::span<const Pair>(kEveryday), std::span<const Pair>(kFurther)})
                for (const Pair& pair : queries)
                    std::printf("%s\n%s\n\n", pair.kql, must(stored.compile(pair.kql)).results.back().sql.c_str());
        } else {
            Bare bare(folder / "bare.duckdb", rows);
            measure_front_end(stored);
            const std::string_view name = argc > 3 ? argv[3] : "";
            std::printf("%-24s %10s %10s %7s\n", "query", "KQL ms", "SQL ms", "ratio");
            measure_queries(kEveryday, name, stored, bare);
            std::printf("further, without a target\n");
            measure_queries(kFurther, name, stored, bare);
        }
    }
    if (!keeps)
        std::filesystem::remove_all(folder);
}
