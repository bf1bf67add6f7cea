// How rows get into a database file, and what a commit costs (docs/decisions/0001-how-rows-get-in.md).
//
//     store_bench [ROWS]     0 rows: only the second table
//
// The first table compares the store, which commits rows with their part and the lane's position, with DuckDB's own
// appender on a bare table in the same run. The second one compares ways to keep a small fact that changes with each
// commit.
#include "bench/rows.hpp"
#include "core/store/store.hpp"

#include <duckdb.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using data::ScalarType;
using Steady = std::chrono::steady_clock;

const std::vector<catalog::Column> kColumns = {
    {"ts", ScalarType::DateTime, 1, {}},      {"deviceId", ScalarType::String, 2, {}},
    {"site", ScalarType::String, 3, {}},      {"seq", ScalarType::Long, 4, {}},
    {"temperature", ScalarType::Real, 5, {}}, {"humidity", ScalarType::Int, 6, {}},
    {"status", ScalarType::String, 7, {}},    {"trace", ScalarType::String, 8, {}},
    {"note", ScalarType::String, 9, {}}};
constexpr const char* kBareTable =
    "CREATE TABLE t (c1 BIGINT, c2 VARCHAR, c3 VARCHAR, c4 BIGINT, c5 DOUBLE, c6 INTEGER, c7 VARCHAR, "
    "c8 VARCHAR, c9 VARCHAR)";

template <class T> T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "store_bench: %s\n", result.error().message.c_str());
        std::exit(1);
    }
    return *std::move(result);
}
void must(Result<> result) {
    if (!result) {
        std::fprintf(stderr, "store_bench: %s\n", result.error().message.c_str());
        std::exit(1);
    }
}
void must(duckdb_state state, const char* doing) {
    if (state != DuckDBSuccess) {
        std::fprintf(stderr, "store_bench: DuckDB failed to %s\n", doing);
        std::exit(1);
    }
}

/// Seconds that `work` takes.
double timed(const std::function<void()>& work) {
    const auto start = Steady::now();
    work();
    return std::chrono::duration<double>(Steady::now() - start).count();
}

data::Rows make_rows(const std::shared_ptr<const data::Schema>& schema, std::size_t count) {
    bench::Rows source(1);
    data::Rows rows(schema);
    for (std::size_t i = 0; i < count; ++i) {
        const auto& row = source.next();
        data::Chunk& chunk = rows.next_row();
        const std::size_t at = chunk.rows();
        const auto text = [&](std::size_t column, const std::string& value) {
            chunk.column(column).set(at, chunk.arena().cell(value));
        };
        chunk.column(0).set(at, kUnixEpochTicks + static_cast<Ticks>(row.seq) * kTicksPerMillisecond);
        text(1, row.device);
        text(2, row.site);
        chunk.column(3).set(at, static_cast<std::int64_t>(row.seq));
        chunk.column(4).set(at, row.temperature);
        chunk.column(5).set(at, std::int32_t{row.humidity});
        text(6, row.status);
        text(7, row.trace);
        text(8, row.note);
        rows.finish_row();
    }
    return rows;
}

/// A bare DuckDB file with the settings that the store uses.
class Bare {
public:
    Bare(const std::filesystem::path& file, unsigned threads) {
        duckdb_config config;
        duckdb_create_config(&config);
        duckdb_set_config(config, "threads", std::to_string(threads).c_str());
        duckdb_set_config(config, "memory_limit", "256MB");
        duckdb_set_config(config, "checkpoint_threshold", "1TB");
        duckdb_set_config(config, "preserve_insertion_order", "false");
        must(duckdb_open_ext(file.c_str(), &database_, config, nullptr), "open");
        duckdb_destroy_config(&config);
        must(duckdb_connect(database_, &connection_), "connect");
    }
    ~Bare() {
        duckdb_disconnect(&connection_);
        duckdb_close(&database_);
    }
    Bare(const Bare&) = delete;
    Bare& operator=(const Bare&) = delete;

    duckdb_connection connection() const { return connection_; }
    void run(const char* sql) { must(duckdb_query(connection_, sql, nullptr), sql); }

private:
    duckdb_database database_ = nullptr;
    duckdb_connection connection_ = nullptr;
};

double bare_appender(const std::filesystem::path& folder, unsigned threads, const data::Rows& rows,
                     std::size_t commits) {
    Bare bare(folder / "bare.duckdb", threads);
    bare.run(kBareTable);
    const duckdb_type types[] = {DUCKDB_TYPE_BIGINT,  DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR,
                                 DUCKDB_TYPE_BIGINT,  DUCKDB_TYPE_DOUBLE,  DUCKDB_TYPE_INTEGER,
                                 DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR};
    std::vector<duckdb_logical_type> logical;
    for (const duckdb_type type : types)
        logical.push_back(duckdb_create_logical_type(type));
    duckdb_data_chunk chunk = duckdb_create_data_chunk(logical.data(), logical.size());
    duckdb_appender appender = nullptr;
    must(duckdb_appender_create(bare.connection(), nullptr, "t", &appender), "make an appender");
    const double seconds = timed([&] {
        for (std::size_t i = 0; i < commits; ++i) {
            bare.run("BEGIN");
            for (const data::Chunk& source : rows.chunks()) {
                duckdb_data_chunk_reset(chunk);
                for (std::size_t column = 0; column < kColumns.size(); ++column) {
                    const data::Column& cells = source.column(column);
                    const std::size_t size = data::cell_size(cells.type());
                    const void* from = size == 4   ? static_cast<const void*>(cells.cells<std::int32_t>())
                                       : size == 8 ? static_cast<const void*>(cells.cells<std::int64_t>())
                                                   : static_cast<const void*>(cells.cells<data::StringCell>());
                    std::memcpy(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, column)), from,
                                size * source.rows());
                }
                duckdb_data_chunk_set_size(chunk, source.rows());
                must(duckdb_append_data_chunk(appender, chunk), "append");
            }
            must(duckdb_appender_flush(appender), "flush");
            bare.run("COMMIT");
        }
    });
    duckdb_appender_destroy(&appender);
    duckdb_destroy_data_chunk(&chunk);
    for (duckdb_logical_type& type : logical)
        duckdb_destroy_logical_type(&type);
    return seconds;
}

double through_the_store(const std::filesystem::path& folder, unsigned threads,
                         const std::shared_ptr<catalog::Table>& table, const data::Rows& rows, std::size_t commits) {
    auto store = must(store::Store::open({.file = folder / "store.duckdb", .database = "bench", .threads = threads}));
    const auto loaded = must(store->load());
    catalog::Database database = loaded.catalogue;
    database.tables.emplace(table->name, table);
    store::Transaction creation = must(store->begin());
    must(creation.save_catalogue(loaded.catalogue, database));
    must(creation.commit());
    store::Part part{.id = 1, .table = table->id, .state = store::PartState::RowStore, .extent = {}};
    return timed([&] {
        for (std::size_t i = 0; i < commits; ++i) {
            store::Transaction transaction = must(store->begin());
            must(transaction.append(*table, part.id, 1, rows));
            part.rows += rows.size();
            must(transaction.save_part(part));
            must(transaction.save_lane({.connection = "orders", .lane = "topic/0", .epoch = 1, .sequence = part.rows}));
            must(transaction.commit());
        }
    });
}

void measure_rows(const std::filesystem::path& folder, std::size_t total) {
    auto table = std::make_shared<catalog::Table>();
    table->id = 1;
    table->name = "T";
    table->columns = kColumns;
    std::printf("%-8s %10s %16s %16s %8s %12s %12s\n", "threads", "rows/txn", "appender rows/s", "store rows/s",
                "ratio", "appender ms", "store ms");
    for (const unsigned threads : {1u, 2u}) {
        for (const std::size_t size : {std::size_t{1}, std::size_t{1'000}, std::size_t{20'000}, std::size_t{250'000}}) {
            const std::size_t commits = std::clamp<std::size_t>(total / size, 3, 300);
            const data::Rows rows = make_rows(table->schema(), size);
            double bare = 1e9, ours = 1e9;
            for (int round = 0; round < 3; ++round) { // the best of three each, in turn
                for (const char* name :
                     {"bare.duckdb", "bare.duckdb.wal", "store.duckdb", "store.duckdb.wal", "store.duckdb.mark"})
                    std::filesystem::remove(folder / name);
                bare = std::min(bare, bare_appender(folder, threads, rows, commits));
                ours = std::min(ours, through_the_store(folder, threads, table, rows, commits));
            }
            const double count = static_cast<double>(size * commits), number = static_cast<double>(commits);
            std::printf("%-8u %10zu %16.0f %16.0f %8.2f %12.2f %12.2f\n", threads, size, count / bare, count / ours,
                        bare / ours, bare * 1e3 / number, ours * 1e3 / number);
        }
    }
}

void measure_facts(const std::filesystem::path& folder) {
    constexpr int kCommits = 400;
    Bare bare(folder / "facts.duckdb", 2);
    bare.run("CREATE TABLE lanes (connection VARCHAR, lane VARCHAR, epoch UBIGINT, sequence UBIGINT, "
             "position BLOB, committed_at BIGINT)");
    bare.run("INSERT INTO lanes SELECT 'orders', 'topic/' || i, 1, 0, 'p'::BLOB, 0 FROM range(8) t(i)");
    bare.run("CREATE TABLE journal (n BIGINT, kind VARCHAR, key VARCHAR, body VARCHAR)");
    const auto prepare = [&](const char* sql) {
        duckdb_prepared_statement statement = nullptr;
        must(duckdb_prepare(bare.connection(), sql, &statement), sql);
        return statement;
    };
    duckdb_prepared_statement update =
        prepare("UPDATE lanes SET sequence = $1, committed_at = $1 WHERE connection = 'orders' AND lane = 'topic/3'");
    duckdb_prepared_statement remove = prepare("DELETE FROM lanes WHERE connection = 'orders' AND lane = 'topic/3'");
    duckdb_prepared_statement insert = prepare("INSERT INTO lanes VALUES ('orders', 'topic/3', 1, $1, 'p'::BLOB, $1)");
    duckdb_prepared_statement log =
        prepare("INSERT INTO journal VALUES ($1, 'lane', 'orders:topic/3', '{\"epoch\":1,\"sequence\":1}')");
    const auto execute = [&](duckdb_prepared_statement statement, int value) {
        if (duckdb_nparams(statement) > 0)
            duckdb_bind_int64(statement, 1, value);
        must(duckdb_execute_prepared(statement, nullptr), "execute");
    };
    const auto measure = [&](const char* name, const std::function<void(int)>& work) {
        const double seconds = timed([&] {
            for (int i = 0; i < kCommits; ++i) {
                bare.run("BEGIN");
                work(i);
                bare.run("COMMIT");
            }
        });
        std::printf("%-32s %8.2f ms a commit\n", name, seconds * 1e3 / kCommits);
    };
    std::printf("\na lane's position in a transaction of its own\n");
    measure("UPDATE", [&](int i) { execute(update, i); });
    measure("DELETE and INSERT", [&](int i) {
        execute(remove, i);
        execute(insert, i);
    });
    measure("INSERT into a journal", [&](int i) { execute(log, i); });
    measure("8 lanes: UPDATE each", [&](int i) {
        for (int lane = 0; lane < 8; ++lane)
            execute(update, i);
    });
    for (duckdb_prepared_statement statement : {update, remove, insert, log})
        duckdb_destroy_prepare(&statement);
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t total = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    std::string pattern = (std::filesystem::temp_directory_path() / "store-bench.XXXXXX").string();
    const std::filesystem::path folder = mkdtemp(pattern.data());
    if (total > 0)
        measure_rows(folder, total);
    measure_facts(folder);
    std::filesystem::remove_all(folder);
    return 0;
}
