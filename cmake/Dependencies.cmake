# Every third-party package in one place. All but DuckDB are Debian packages; script/bootstrap installs them.
include_guard()
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(simdjson REQUIRED)
find_package(tl-expected REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS filesystem system)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(snappy REQUIRED IMPORTED_TARGET snappy)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)

# DuckDB is not in Debian: a system copy, DUCKDB_ROOT, or what script/bootstrap put under .cache/duckdb.
set(DUCKDB_ROOT "" CACHE PATH "Folder with lib/libduckdb.so and include/duckdb.h")
set(_sluice_cache "${PROJECT_SOURCE_DIR}/.cache")
if(DEFINED ENV{SLUICE_CACHE})
    set(_sluice_cache "$ENV{SLUICE_CACHE}")
endif()
find_library(DUCKDB_LIBRARY duckdb HINTS ${DUCKDB_ROOT} ${_sluice_cache}/duckdb PATH_SUFFIXES lib)
find_path(DUCKDB_INCLUDE_DIR duckdb.h HINTS ${DUCKDB_ROOT} ${_sluice_cache}/duckdb PATH_SUFFIXES include)
if(NOT DUCKDB_LIBRARY OR NOT DUCKDB_INCLUDE_DIR)
    message(FATAL_ERROR
        "DuckDB was not found (library: ${DUCKDB_LIBRARY}, header: ${DUCKDB_INCLUDE_DIR}).\n"
        "Run script/bootstrap, which fetches the LTS library into .cache/duckdb, or pass -DDUCKDB_ROOT=FOLDER "
        "of a folder that holds lib/libduckdb.so and include/duckdb.h.")
endif()
add_library(duckdb SHARED IMPORTED)
add_library(DuckDB::duckdb ALIAS duckdb)
set_target_properties(duckdb PROPERTIES IMPORTED_LOCATION ${DUCKDB_LIBRARY} IMPORTED_NO_SONAME OFF
    INTERFACE_INCLUDE_DIRECTORIES ${DUCKDB_INCLUDE_DIR})

if(SLUICE_TESTS)
    find_package(GTest REQUIRED)
    include(GoogleTest)
endif()
