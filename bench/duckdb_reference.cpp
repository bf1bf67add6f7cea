// The floor for folder loads: DuckDB's own readers into a bare table of a new file.
//
//   bench_duckdb csv|json 'GLOB' DATABASE [default|tuned]
//
// prints seconds until the rows are committed (and so durable) and counted by a query, seconds until a checkpoint folded
// them into the file, rows, and bytes of the file. tuned: as DuckDB's documentation advises for bulk loads.
#include <duckdb.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace {

bool run(duckdb_connection connection, const std::string& sql, std::int64_t* number = nullptr) {
    duckdb_result result;
    if (duckdb_query(connection, sql.c_str(), &result) != DuckDBSuccess) {
        std::fprintf(stderr, "bench_duckdb: %s\n", duckdb_result_error(&result));
        duckdb_destroy_result(&result);
        return false;
    }
    if (number)
        *number = duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    return true;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: bench_duckdb csv|json 'GLOB' DATABASE [default|tuned]\n");
        return 2;
    }
    const bool csv = std::string_view(argv[1]) == "csv";
    const bool tuned = argc > 4 && std::string_view(argv[4]) == "tuned";
    const std::string columns =
        "{'ts':'TIMESTAMP','deviceId':'VARCHAR','site':'VARCHAR','seq':'BIGINT','temperature':'DOUBLE',"
        "'humidity':'INTEGER','status':'VARCHAR','trace':'VARCHAR','note':'VARCHAR'}";
    const std::string reader =
        csv ? "read_csv('" + std::string(argv[2]) + "', header=false, auto_detect=false, columns=" + columns + ")"
            : "read_json('" + std::string(argv[2]) + "', format='newline_delimited', columns=" + columns + ")";
    duckdb_database database;
    duckdb_connection connection;
    if (duckdb_open(argv[3], &database) != DuckDBSuccess || duckdb_connect(database, &connection) != DuckDBSuccess)
        return 1;
    std::int64_t rows = 0;
    const auto begun = std::chrono::steady_clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    };
    if (!run(connection,
             "CREATE TABLE T(ts TIMESTAMP, deviceId VARCHAR, site VARCHAR, seq BIGINT, temperature DOUBLE, "
             "humidity INTEGER, status VARCHAR, trace VARCHAR, note VARCHAR)") ||
        !run(connection, "SET threads=2") || !run(connection, tuned ? "SET preserve_insertion_order=false" : "SELECT 1") ||
        !run(connection, "INSERT INTO T SELECT * FROM " + reader) || !run(connection, "SELECT count(*) FROM T", &rows))
        return 1;
    const double counted = seconds();
    if (!run(connection, "CHECKPOINT"))
        return 1;
    const double checkpointed = seconds();
    std::printf("%.3f %.3f %lld %llu\n", counted, checkpointed, static_cast<long long>(rows),
                static_cast<unsigned long long>(std::filesystem::file_size(argv[3])));
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return 0;
}
