#include "core/app/connections.hpp"

#include "core/config/load.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::app {
namespace {

constexpr const char* kFolder = R"(
[[database]]
name = "D"
[[connection]]
name = "drop"
kind = "EventGrid"
database = "D"
source = { plugin = "fswatch", root = "drop" }
)";

TEST(Unsupported, NothingOfTheDefaultsIs) {
    EXPECT_TRUE(unsupported(*config::load_text(kFolder, "sluice.toml")).empty());
}

/// A key that is read and then ignored would let somebody rely on it.
TEST(Unsupported, KeysWithoutEffectAreRefusedWithTheirName) {
    const std::string folder = kFolder;
    const struct {
        std::string text;
        const char* named;
    } cases[] = {
        {"[store]\nreserve_bytes = \"1MiB\"", "store.reserve_bytes"},
        {"[queued]\npiece_bytes = \"1MiB\"", "queued.piece_bytes"},
        {"[query]\nmemory_bytes = \"1MiB\"", "query.memory_bytes"},
        {"[dead_letters]\nretain = \"1d\"", "[dead_letters]"},
        {folder + "max_parallel_files = 9", "max_parallel_files"},
        {folder + "storage_sas = \"x\"", "storage_sas"},
    };
    for (const auto& [text, named] : cases) {
        const auto settings = config::load_text(text, "sluice.toml");
        ASSERT_TRUE(settings) << text << ": " << settings.error().message;
        const auto problems = unsupported(*settings);
        ASSERT_EQ(problems.size(), 1u) << text;
        EXPECT_NE(problems.front().message.find(named), std::string::npos) << problems.front().message;
    }
}

} // namespace
} // namespace sluice::app
