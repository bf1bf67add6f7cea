#include "core/engine/catalogue_changes.hpp"
#include "core/engine/history.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

TEST(History, ForgetsTheOldestRequestsFirst) {
    History history;
    for (int i = 0; i < 5000; ++i)
        history.begin({.text = std::to_string(i)}, nullptr);
    const auto runs = history.runs();
    ASSERT_EQ(runs.size(), 4000U);
    EXPECT_EQ(runs.front().text, "1000");
    EXPECT_EQ(runs.back().text, "4999");
}

TEST(History, CutsLongTextsBetweenCharacters) {
    History history;
    history.begin({.text = std::string(4095, 'a') + "ä and more"}, nullptr);
    EXPECT_EQ(history.runs().front().text, std::string(4095, 'a') + "…");
}

TEST(History, CancelsOnlyRunningRequestsOfTheirOwner) {
    History history;
    const auto cancel = std::make_shared<store::QueryCancel>();
    const auto number = history.begin({.client_request_id = "c;1", .principal = "aadapp=a"}, cancel);
    EXPECT_FALSE(history.cancel("c;1", "aadapp=b"));
    EXPECT_TRUE(history.cancel("c;1", "aadapp=a"));
    history.end(number, 1, "Completed", "", 3);
    EXPECT_FALSE(history.cancel("c;1", ""));
    EXPECT_EQ(history.runs().front().rows, 3U);
}

TEST(Journal, NamesWhatAChangeDidToEachEntity) {
    catalog::Database empty;
    empty.name = "Harbor";
    const auto one = change::create_table(empty, {.name = "T", .columns = {{"a", data::ScalarType::Int}}}, {});
    const auto created = journal_of(empty, *one);
    ASSERT_EQ(created.size(), 1U);
    EXPECT_EQ(created[0].event, "CREATE-TABLE");
    EXPECT_EQ(created[0].version, "v2.0");
    EXPECT_EQ(created[0].original_version, "v1.0");
    const auto renamed = change::rename_tables(*one, {{"T", "U"}});
    EXPECT_EQ(journal_of(*one, *renamed)[0].event, "RENAME-TABLE");
    EXPECT_EQ(journal_of(*one, *renamed)[0].updated_entity, "U");
    EXPECT_EQ(journal_of(*one, *change::drop_tables(*one, {"T"}, false, 0))[0].event, "DROP-TABLE");
    EXPECT_TRUE(journal_of(*one, *one).empty());
}

} // namespace
} // namespace sluice::engine
