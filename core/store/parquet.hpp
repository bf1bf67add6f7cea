#pragma once

#include <filesystem>

/// Parquet files as a format of core/data: read by DuckDB, converted by the matrix of formats-and-mappings 6.
namespace sluice::store {

/// Makes data::make_parser know parquet. At start-up.
void register_parquet();
/// Where files lie while they are read; see Spool::use_folder.
void keep_parquet_in(std::filesystem::path folder);

} // namespace sluice::store
