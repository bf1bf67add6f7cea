#include "core/app/commands/error_place.hpp"

#include <gtest/gtest.h>

namespace sluice::app::test {
namespace {

TEST(ErrorPlace, ShowsTheLineAndACaretBelowThePlace) {
    EXPECT_EQ(with_places("Semantic error: no 'b' [line:position=2:9]", "print a = 1\n| where b == 2"),
              "Semantic error: no 'b' [line:position=2:9]\n  | where b == 2\n          ^");
}
TEST(ErrorPlace, LeavesAMessageWithoutPlaceAlone) {
    EXPECT_EQ(with_places("The table does not exist", "T"), "The table does not exist");
    EXPECT_EQ(with_places("[line:position=x:1]", "T"), "[line:position=x:1]");
    EXPECT_EQ(with_places("[line:position=0:1]", "T"), "[line:position=0:1]");
    EXPECT_EQ(with_places("beyond the text [line:position=9:1]", "T"), "beyond the text [line:position=9:1]");
}
TEST(ErrorPlace, ShowsEachOfSeveralErrors) {
    EXPECT_EQ(with_places("a [line:position=1:1]\nb [line:position=1:3]", "x y"),
              "a [line:position=1:1]\n  x y\n  ^\nb [line:position=1:3]\n  x y\n    ^");
}
TEST(ErrorPlace, CountsCharactersAndNotBytes) {
    EXPECT_EQ(with_places("e [line:position=1:4]", "äöü!"), "e [line:position=1:4]\n  äöü!\n     ^");
}
TEST(ErrorPlace, PointsBehindTheEndOfALine) {
    EXPECT_EQ(with_places("e [line:position=1:4]", "T |\r\n"), "e [line:position=1:4]\n  T |\n     ^");
}
TEST(ErrorPlace, ReplacesTabsByOneBlank) {
    EXPECT_EQ(with_places("e [line:position=1:2]", "\tx"), "e [line:position=1:2]\n   x\n   ^");
}
TEST(ErrorPlace, CutsALongLineAroundThePlace) {
    const std::string text = std::string(100, 'a') + "!" + std::string(100, 'b');
    EXPECT_EQ(with_places("e [line:position=1:101]", text), "e [line:position=1:101]\n  …" + std::string(60, 'a') +
                                                                "!" + std::string(60, 'b') + "…\n  " +
                                                                std::string(61, ' ') + "^");
}

} // namespace
} // namespace sluice::app::test
