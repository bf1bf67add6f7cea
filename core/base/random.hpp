#pragma once

#include <cstdint>
#include <utility>

namespace sluice {

/// 128 random bits with the version-4 marks of RFC 9562, high half first: ids of operations, activities, extents. Thread-safe.
std::pair<std::uint64_t, std::uint64_t> random_uuid_bits();
/// 64 random bits; for jitter and the like. Thread-safe.
std::uint64_t random_bits();

} // namespace sluice
