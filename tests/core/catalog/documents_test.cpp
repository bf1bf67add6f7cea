#include "core/catalog/catalog.hpp"

#include <gtest/gtest.h>

namespace sluice::catalog {
namespace {

data::Mapping json_mapping() {
    data::Mapping mapping{.name = "m \"1\"", .kind = data::MappingKind::Json, .elements = {}};
    data::MappingElement& element = mapping.elements.emplace_back();
    element.column = "At";
    element.path = "$['t s']";
    return mapping;
}

Database harbor() {
    Database database;
    database.name = "Harbor";
    database.guid = {0x0123456789abcdefu, 0xfedcba9876543210u};
    database.next_table = 9;
    database.next_column = 40;
    database.version = 7;
    database.policies.streaming = StreamingPolicy{true, 1.5};
    database.policies.other["retention"] = R"({"SoftDeletePeriod":"10.00:00:00"})";

    auto table = std::make_shared<Table>();
    table->id = 3;
    table->name = "Gauge 'Reading'";
    table->guid = {1, 2};
    table->version = 4;
    table->folder = "sea\\level";
    table->docstring = "line 1\nline 2";
    table->columns = {{"At", data::ScalarType::DateTime, 1, "when"}, {"x\"y", data::ScalarType::Dynamic, 2, ""}};
    table->policies.batching = BatchingPolicy{kTicksPerMinute, 7, 128};
    table->mappings.insert({{data::MappingKind::Json, "m \"1\""}, StoredMapping{json_mapping(), 638'000}});
    database.tables.emplace(table->name, table);
    database.functions["f"] = {
        .name = "f", .parameters = "(n:long)", .body = "{ T | take n }", .folder = "x", .docstring = "d"};
    return database;
}

TEST(Documents, BringBackTheWholeDatabase) {
    const Database before = harbor();
    const auto after = from_documents("Harbor", to_documents(before));
    ASSERT_TRUE(after) << after.error().message;

    EXPECT_EQ(after->guid, before.guid);
    EXPECT_EQ(after->version, 7u);
    EXPECT_EQ(after->next_table, 9u);
    EXPECT_EQ(after->next_column, 40u);
    EXPECT_EQ(after->policies.streaming, before.policies.streaming);
    EXPECT_EQ(after->policies.other, before.policies.other);
    EXPECT_EQ(after->functions.at("f").body, "{ T | take n }");

    const auto table = after->find_table("Gauge 'Reading'");
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->id, 3u);
    EXPECT_EQ(table->version, 4u);
    EXPECT_EQ(table->folder, "sea\\level");
    EXPECT_EQ(table->docstring, "line 1\nline 2");
    ASSERT_EQ(table->columns.size(), 2u);
    EXPECT_EQ(table->columns[1].name, "x\"y");
    EXPECT_EQ(table->columns[1].type, data::ScalarType::Dynamic);
    EXPECT_EQ(table->columns[0].docstring, "when");
    EXPECT_EQ(table->policies.batching->maximum_number_of_items, 7);
    const StoredMapping& stored = table->mappings.at({data::MappingKind::Json, "m \"1\""});
    EXPECT_EQ(stored.last_updated, 638'000);
    EXPECT_EQ(stored.mapping.elements.at(0).path, "$['t s']");
}

TEST(Documents, AreTheSameForTheSameDatabase) {
    const auto once = to_documents(harbor());
    const auto again = to_documents(*from_documents("Harbor", once));
    ASSERT_EQ(once.size(), again.size());
    for (std::size_t i = 0; i < once.size(); ++i)
        EXPECT_EQ(once[i].text, again[i].text);
}

TEST(Documents, NameTheOneThatCannotBeRead) {
    auto documents = to_documents(harbor());
    documents[1].text = R"({"id":3})";
    const auto database = from_documents("Harbor", documents);
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, ErrorCode::Internal);
    EXPECT_NE(database.error().message.find("table 'Gauge 'Reading''"), std::string::npos) << database.error().message;
}

TEST(Documents, OfANewerBuildAreRefused) {
    const auto database = from_documents("Harbor", {{"graph", "g", "{}"}});
    ASSERT_FALSE(database);
    EXPECT_NE(database.error().message.find("newer"), std::string::npos);
}

} // namespace
} // namespace sluice::catalog
