#include "plugins/mqtt/crc32c.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sluice::mqtt {
namespace {

TEST(Crc32c, HasTheKnownCheckValues) {
    EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
    EXPECT_EQ(crc32c(""), 0u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
    EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(Crc32c, IsTheSameWithAndWithoutTheInstruction) {
    std::mt19937 random(42);
    for (std::size_t size = 0; size < 300; ++size) {
        std::string bytes(size, '\0');
        for (char& c : bytes)
            c = static_cast<char>(random());
        EXPECT_EQ(crc32c(bytes), crc32c_portable(bytes)) << size;
    }
}

} // namespace
} // namespace sluice::mqtt
