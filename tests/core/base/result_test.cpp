#include "core/base/result.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Result<int> parse(bool good) {
    if (!good)
        return Error{ErrorCode::Invalid, "no number"};
    return 4;
}

Result<int> twice(bool good) {
    SLUICE_TRY(const int value, parse(good));
    return value * 2;
}

TEST(Result, TryDeclaresTheValue) { EXPECT_EQ(*twice(true), 8); }
TEST(Result, TryReturnsTheError) { EXPECT_EQ(twice(false).error().message, "no number"); }
TEST(Result, PermanenceFollowsTheCode) {
    EXPECT_TRUE((Error{ErrorCode::Invalid, ""}.permanent()));
    EXPECT_TRUE((Error{ErrorCode::TooLarge, ""}.permanent()));
    EXPECT_FALSE((Error{ErrorCode::Throttled, ""}.permanent()));
}

} // namespace
} // namespace sluice
