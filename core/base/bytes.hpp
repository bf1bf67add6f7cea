#pragma once

#include <cstdint>

namespace sluice {

/// A size in bytes. Sizes in this project are powers of two: 1 MB = 1 MiB = 2^20 (spec engine 0).
using Bytes = std::uint64_t;

inline namespace literals {
constexpr Bytes operator""_KiB(unsigned long long n) { return n << 10; }
constexpr Bytes operator""_MiB(unsigned long long n) { return n << 20; }
constexpr Bytes operator""_GiB(unsigned long long n) { return n << 30; }
} // namespace literals

} // namespace sluice
