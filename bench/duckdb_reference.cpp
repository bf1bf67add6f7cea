// The floor for folder loads: DuckDB's own readers into a bare table.  bench_duckdb csv|json 'GLOB' DATABASE  prints seconds and rows.
#include <duckdb.h>

#include <chrono>
#include <cstdio>
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
        std::fprintf(stderr, "usage: bench_duckdb csv|json 'GLOB' DATABASE\n");
        return 2;
    }
    const bool csv = std::string_view(argv[1]) == "csv";
    const std::string columns = "{'ts':'TIMESTAMP','deviceId':'VARCHAR','site':'VARCHAR','seq':'BIGINT','temperature':'DOUBLE',"
                                "'humidity':'INTEGER','status':'VARCHAR','trace':'VARCHAR','note':'VARCHAR'}";
    const std::string reader = csv ? "read_csv('" + std::string(argv[2]) + "', header=false, auto_detect=false, columns=" + columns + ")"
                                   : "read_json('" + std::string(argv[2]) + "', format='newline_delimited', columns=" + columns + ")";
    duckdb_database database;
    duckdb_connection connection;
    if (duckdb_open(argv[3], &database) != DuckDBSuccess || duckdb_connect(database, &connection) != DuckDBSuccess)
        return 1;
    std::int64_t rows = 0;
    const auto begun = std::chrono::steady_clock::now();
    const bool done = run(connection, "CREATE TABLE T(ts TIMESTAMP, deviceId VARCHAR, site VARCHAR, seq BIGINT, temperature DOUBLE, "
                                      "humidity INTEGER, status VARCHAR, trace VARCHAR, note VARCHAR)") &&
                      run(connection, "SET threads=2") && run(connection, "INSERT INTO T SELECT * FROM " + reader) &&
                      run(connection, "CHECKPOINT") && run(connection, "SELECT count(*) FROM T", &rows);
    std::printf("%.3f %lld\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(), static_cast<long long>(rows));
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return done ? 0 : 1;
}
