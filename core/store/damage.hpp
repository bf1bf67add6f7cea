#pragma once

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Database files that cannot be used any more (spec engine 8.7).
namespace sluice::store {

/// Reason of errors of Store::open and Store::load: the file or its write-ahead log is damaged, waiting does not help.
inline constexpr std::string_view kStoreDamaged = "StoreDamaged";

/// `error` as DuckDB words it while it opens a file: whether the file is damaged, rather than locked, out of reach, or
/// too large for the memory or the disk.
bool is_damage(const Error& error);

/// The error as it is, or as one of a damaged file if it is that.
Error explained(const std::filesystem::path& file, Error error);

/// Between the two calls a process opens the file. How often it was begun and never ended is remembered, so that a file
/// which makes the library crash does not take every process along.
void opening_begins(const std::filesystem::path& file);
void opening_ended(const std::filesystem::path& file);

/// When opening the file was begun twice and never ended: opens it in a child process first. StoreDamaged: the child
/// crashed or found damage. Only while the process has one thread.
Result<> try_in_child(const std::filesystem::path& file, Bytes memory);

/// Renames the file and what belongs to it to `<file>.damaged-<time>`; answers the new name of the file.
Result<std::filesystem::path> set_aside(const std::filesystem::path& file, Ticks now);
/// File names of those set aside earlier, oldest first.
std::vector<std::string> damaged_files(const std::filesystem::path& file);

} // namespace sluice::store
