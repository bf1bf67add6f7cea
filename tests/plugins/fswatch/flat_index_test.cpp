#include "plugins/fswatch/flat_index.hpp"
#include "plugins/fswatch/hash.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sluice::fswatch {
namespace {

TEST(FlatIndex, AgreesWithAMapUnderRandomPutsAndErases) {
    const std::uint64_t seed = 20260712;
    std::mt19937_64 random(seed);
    FlatIndex<int> index;
    std::map<std::uint64_t, int> reference;
    for (int i = 0; i < 60'000; ++i) {
        // Few homes, so that runs of neighbours form and gaps have to be closed.
        const std::uint64_t key = 1 + random() % 997 + (random() % 4 << 40);
        if (random() % 3 == 0) {
            ASSERT_EQ(index.erase(key), reference.erase(key) == 1) << "seed " << seed << ", step " << i;
        } else {
            index.put(key) = i;
            reference[key] = i;
        }
        ASSERT_EQ(index.size(), reference.size());
    }
    for (const auto& [key, value] : reference) {
        const int* found = index.find(key);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(*found, value);
    }
    EXPECT_EQ(index.find(5'000), nullptr);
}

TEST(Hash64, SpreadsNeighboursOverAllBits) {
    int differing[64] = {};
    for (std::uint64_t i = 0; i < 4'096; ++i) {
        const std::uint64_t difference = Hash64{}.add(i).value() ^ Hash64 {}.add(i + 1).value();
        for (int bit = 0; bit < 64; ++bit)
            differing[bit] += difference >> bit & 1;
    }
    for (const int count : differing) {
        EXPECT_GT(count, 4'096 * 2 / 5);
        EXPECT_LT(count, 4'096 * 3 / 5);
    }
}

TEST(Hash64, SeesLengthAndTailOfText) {
    EXPECT_NE(hash_of("a"), hash_of(std::string_view("a\0", 2)));
    EXPECT_NE(hash_of("12345678"), hash_of("123456789"));
    EXPECT_NE(hash_of(""), hash_of(std::string_view("\0", 1)));
}

} // namespace
} // namespace sluice::fswatch
