#include "core/base/random.hpp"

#include <random>

namespace sluice {
namespace {

std::mt19937_64& generator() {
    thread_local std::mt19937_64 instance = [] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }();
    return instance;
}

} // namespace

std::uint64_t random_bits() { return generator()(); }

std::pair<std::uint64_t, std::uint64_t> random_uuid_bits() {
    const std::uint64_t high = (random_bits() & 0xffff'ffff'ffff'0fffULL) | 0x4000ULL;
    const std::uint64_t low = (random_bits() & 0x3fff'ffff'ffff'ffffULL) | 0x8000'0000'0000'0000ULL;
    return {high, low};
}

} // namespace sluice
