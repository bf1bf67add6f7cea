#include "core/kql/row_function.hpp"

#include <bit>
#include <cstring>

namespace sluice::kql {
namespace {

constexpr std::uint64_t kPrime1 = 11400714785074694791ULL, kPrime2 = 14029467366897019727ULL,
                        kPrime3 = 1609587929392839161ULL, kPrime4 = 9650029242287828579ULL,
                        kPrime5 = 2870177450012600261ULL;

template <class T> T read(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

std::uint64_t round_of(std::uint64_t sum, std::uint64_t word) {
    return std::rotl(sum + word * kPrime2, 31) * kPrime1;
}

/// The 64-bit hash of the xxHash family, which hash() of the language is documented to use.
std::uint64_t xx_hash(std::string_view text, std::uint64_t seed) {
    const char* at = text.data();
    const char* const end = at + text.size();
    std::uint64_t hash = seed + kPrime5;
    if (text.size() >= 32) {
        std::uint64_t sums[4] = {seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1};
        for (; end - at >= 32; at += 32)
            for (int i = 0; i < 4; ++i)
                sums[i] = round_of(sums[i], read<std::uint64_t>(at + 8 * i));
        hash = std::rotl(sums[0], 1) + std::rotl(sums[1], 7) + std::rotl(sums[2], 12) + std::rotl(sums[3], 18);
        for (const std::uint64_t sum : sums)
            hash = (hash ^ round_of(0, sum)) * kPrime1 + kPrime4;
    }
    hash += text.size();
    for (; end - at >= 8; at += 8)
        hash = std::rotl(hash ^ round_of(0, read<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
    if (end - at >= 4) {
        hash = std::rotl(hash ^ read<std::uint32_t>(at) * kPrime1, 23) * kPrime2 + kPrime3;
        at += 4;
    }
    for (; at != end; ++at)
        hash = std::rotl(hash ^ static_cast<unsigned char>(*at) * kPrime5, 11) * kPrime1;
    hash = (hash ^ hash >> 33) * kPrime2;
    hash = (hash ^ hash >> 29) * kPrime3;
    return hash ^ hash >> 32;
}

std::int64_t within(std::uint64_t hash, std::int64_t modulus) {
    const auto value = static_cast<std::int64_t>(hash);
    if (modulus <= 0)
        return value;
    const std::int64_t rest = value % modulus;
    return rest < 0 ? rest + modulus : rest;
}

template <class T> std::int64_t hash_of(const T& value, std::int64_t modulus) {
    return within(xx_hash({reinterpret_cast<const char*>(&value), sizeof value}, 0), modulus);
}

} // namespace

void add_hash_functions(FunctionList& list) {
    list.push_back(row_function("kql_hash_text", "string long", "long", [](const In& in, Out& out) {
        out.integer(within(xx_hash(in.text(0), 0), in.integer(1)));
    }));
    list.push_back(row_function("kql_hash_combine", "long*", "long", [](const In& in, Out& out) {
        auto sum = static_cast<std::uint64_t>(in.integer(0));
        for (std::size_t i = 1; i < in.size(); ++i)
            sum ^= static_cast<std::uint64_t>(in.integer(i)) + 0x9E3779B97F4A7C15ULL + (sum << 6) + (sum >> 2);
        out.integer(static_cast<std::int64_t>(sum));
    }));
    list.push_back(row_function("kql_hash_long", "long long", "long",
                                [](const In& in, Out& out) { out.integer(hash_of(in.integer(0), in.integer(1))); }));
    list.push_back(row_function("kql_hash_int", "int long", "long",
                                [](const In& in, Out& out) { out.integer(hash_of(in.int32(0), in.integer(1))); }));
    list.push_back(row_function("kql_hash_real", "real long", "long", [](const In& in, Out& out) {
        // Both zeros are equal, so they have one hash.
        out.integer(hash_of(in.real(0) == 0 ? 0.0 : in.real(0), in.integer(1)));
    }));
    list.push_back(row_function("kql_hash_bool", "bool long", "long", [](const In& in, Out& out) {
        out.integer(hash_of(static_cast<std::uint8_t>(in.boolean(0)), in.integer(1)));
    }));
    list.push_back(row_function("kql_hash_guid", "guid long", "long",
                                [](const In& in, Out& out) { out.integer(hash_of(in.guid(0), in.integer(1))); }));
    list.push_back(row_function("kql_hash_decimal", "decimal long", "long", [](const In& in, Out& out) {
        out.integer(hash_of(in.decimal(0).units, in.integer(1)));
    }));
}

} // namespace sluice::kql
