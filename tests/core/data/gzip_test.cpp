#include "core/data/gzip.hpp"
#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

namespace sluice::data {
namespace {

std::string reason(std::string_view bytes, Bytes limit = 1_MiB) {
    const auto text = gunzip(bytes, limit);
    return text ? "good" : text.error().reason;
}

TEST(Gzip, ComesBackAsItWas) {
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += std::to_string(i * 7919);
    const std::string packed = gzip(text);
    EXPECT_TRUE(looks_like_gzip(packed));
    EXPECT_LT(packed.size(), text.size());
    EXPECT_EQ(*gunzip(packed, 1_MiB), text);
    EXPECT_EQ(*gunzip(gzip(""), 1_MiB), "");
}

TEST(Gzip, FM120_JoinsMembers) {
    const auto text = gunzip(gzip("x,1\n") + gzip("y,2\n"), 1_MiB);
    ASSERT_TRUE(text);
    EXPECT_EQ(test::parsed({}, *text), "(x,1) (y,2)");
}

TEST(Gzip, TakesBytesOneByOne) {
    const std::string packed = gzip("x,1\n") + gzip("y,2\n") + std::string(3, '\0');
    GzipReader reader(1_MiB);
    std::string text;
    for (const char byte : packed)
        ASSERT_TRUE(reader.feed({&byte, 1}, [&](std::string_view block) -> Result<> {
            text += block;
            return {};
        }));
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(text, "x,1\ny,2\n");
    EXPECT_EQ(reader.produced(), 8u);
}

TEST(Gzip, RefusesWhatIsBroken) {
    const std::string packed = gzip("some text that is long enough to be packed");
    std::string wrong_sum = packed;
    wrong_sum[packed.size() - 6] ^= 1;
    EXPECT_EQ(reason(wrong_sum), "BadRequest_InvalidBlob");
    EXPECT_EQ(reason(packed.substr(0, packed.size() - 1)), "BadRequest_InvalidBlob");
    EXPECT_EQ(reason(packed.substr(0, 5)), "BadRequest_InvalidBlob");
    EXPECT_EQ(reason(packed + "x"), "BadRequest_InvalidBlob");
    EXPECT_EQ(reason(packed + std::string(2, '\0') + packed), "BadRequest_InvalidBlob");
    EXPECT_EQ(reason("x,1\n"), "BadRequest_InvalidBlob"); // FM-121
    EXPECT_EQ(reason(""), "BadRequest_InvalidBlob");
    EXPECT_EQ(reason(packed + std::string(100, '\0')), "good");
}

TEST(Gzip, ChecksTheLimitWhileInflating) {
    const std::string packed = gzip(std::string(10 << 20, 'z'));
    GzipReader reader(1_MiB);
    Bytes seen = 0;
    const auto fed = reader.feed(packed, [&](std::string_view block) -> Result<> {
        seen += block.size();
        return {};
    });
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().reason, "Stream_InputStreamTooLarge");
    EXPECT_EQ(fed.error().code, ErrorCode::TooLarge);
    EXPECT_LE(seen, 1_MiB);
    EXPECT_EQ(reason(gzip(std::string(1000, 'z')), 1000), "good");
    EXPECT_EQ(reason(gzip(std::string(1001, 'z')), 1000), "Stream_InputStreamTooLarge");
}

TEST(Gzip, HandsOnTheErrorOfTheSink) {
    GzipReader reader(1_MiB);
    const auto fed =
        reader.feed(gzip("text"), [](std::string_view) -> Result<> { return Error{ErrorCode::Io, "full"}; });
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().message, "full");
}

} // namespace
} // namespace sluice::data
