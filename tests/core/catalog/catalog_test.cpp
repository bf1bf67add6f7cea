#include "core/catalog/catalog.hpp"

#include <gtest/gtest.h>

namespace sluice::catalog {
namespace {

Snapshot database(std::string name) {
    auto made = std::make_shared<Database>();
    made->name = std::move(name);
    return made;
}

TEST(EntityName, TakesWhatTheReferenceTakes) {
    for (const std::string& name : {std::string("T"), std::string("my table-1.x_y"), std::string("7up"),
                                    std::string("_a_"), std::string("Größe"), std::string(1024, 'a')})
        EXPECT_TRUE(check_entity_name(name)) << name;
}

TEST(EntityName, CountsCharactersNotBytes) {
    std::string name;
    for (int i = 0; i < 1024; ++i)
        name += "ü";
    EXPECT_TRUE(check_entity_name(name));
    EXPECT_FALSE(check_entity_name(name + "ü"));
}

class EntityNameRefusal : public testing::TestWithParam<std::string> {};

TEST_P(EntityNameRefusal, HasItsReason) {
    const auto checked = check_entity_name(GetParam());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::Invalid);
    EXPECT_EQ(checked.error().reason, "BadRequest_EntityNameIsNotValid");
}

INSTANTIATE_TEST_SUITE_P(Names, EntityNameRefusal,
                         testing::Values("", "__a", "a__", "$table", "a'b", "a\"b", "a;b", "a\nb",
                                         std::string("a\0b", 3), std::string(1025, 'a'), "a\xff", "\xc0\x80",
                                         "a\xe2\x80\xae"
                                         "b",
                                         "a/b"));

TEST(Catalog, FindsExactNamesFirstThenAnyCase) {
    Catalog catalog;
    catalog.publish(database("Harbor"));
    catalog.publish(database("harbor"));
    EXPECT_EQ(catalog.find("harbor")->name, "harbor");
    EXPECT_EQ(catalog.find("Harbor")->name, "Harbor");
    EXPECT_NE(catalog.find("HARBOR"), nullptr);
    EXPECT_EQ(catalog.find_exact("HARBOR"), nullptr);
    EXPECT_EQ(catalog.find("Haven"), nullptr);
}

TEST(Catalog, KeepsOldSnapshotsForTheirReaders) {
    Catalog catalog;
    catalog.publish(database("Harbor"));
    const Snapshot before = catalog.find("Harbor");
    auto next = std::make_shared<Database>(*before);
    next->version = 2;
    catalog.publish(next);
    EXPECT_EQ(before->version, 1u);
    EXPECT_EQ(catalog.find("Harbor")->version, 2u);
}

TEST(Catalog, ListsInAlphabeticalOrderAndForgetsRemoved) {
    Catalog catalog;
    for (const char* name : {"c", "a", "b"})
        catalog.publish(database(name));
    catalog.remove("b");
    const auto all = catalog.all();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0]->name, "a");
    EXPECT_EQ(all[1]->name, "c");
}

TEST(Database, TablePolicyBeatsDatabasePolicyInBothDirections) {
    Database harbor;
    Table table;
    EXPECT_EQ(harbor.effective_streaming(table), std::nullopt);
    harbor.policies.streaming = StreamingPolicy{true, 3.0};
    EXPECT_EQ(harbor.effective_streaming(table), (StreamingPolicy{true, 3.0}));
    table.policies.streaming = StreamingPolicy{false, std::nullopt};
    EXPECT_EQ(harbor.effective_streaming(table), (StreamingPolicy{false, std::nullopt}));
    harbor.policies.streaming->is_enabled = false;
    table.policies.streaming->is_enabled = true;
    EXPECT_TRUE(harbor.effective_streaming(table)->is_enabled);
}

TEST(Database, BatchingFallsBackToTheDatabaseThenToDefaults) {
    Database harbor;
    Table table;
    EXPECT_EQ(harbor.effective_batching(table), BatchingPolicy{});
    harbor.policies.batching = BatchingPolicy{kTicksPerMinute, 1, 100};
    EXPECT_EQ(harbor.effective_batching(table).maximum_number_of_items, 1);
    table.policies.batching = BatchingPolicy{kTicksPerMinute, 2, 100};
    EXPECT_EQ(harbor.effective_batching(table).maximum_number_of_items, 2);
}

data::Mapping mapping(std::string name, data::MappingKind kind, std::string column) {
    data::Mapping made{.name = std::move(name), .kind = kind, .elements = {}};
    data::MappingElement& element = made.elements.emplace_back();
    element.column = std::move(column);
    element.path = "$.a";
    return made;
}

void add(Mappings& mappings, data::Mapping made) {
    const auto key = std::make_pair(made.kind, made.name);
    mappings.insert_or_assign(key, StoredMapping{std::move(made), 5});
}

TEST(Database, FindsMappingsOfTheTableFirst) {
    Database harbor;
    Table table;
    add(harbor.mappings, mapping("m", data::MappingKind::Json, "of_database"));
    EXPECT_EQ(harbor.find_mapping(table, data::MappingKind::Json, "m")->elements[0].column, "of_database");
    add(table.mappings, mapping("m", data::MappingKind::Json, "of_table"));
    EXPECT_EQ(harbor.find_mapping(table, data::MappingKind::Json, "m")->elements[0].column, "of_table");
    EXPECT_EQ(harbor.find_mapping(table, data::MappingKind::Csv, "m"), nullptr);
    EXPECT_EQ(harbor.find_mapping(table, data::MappingKind::Json, "M"), nullptr);
}

TEST(Database, TakesAMappingOfACompatibleKindWhenThereIsNoneOfTheSame) {
    Database harbor;
    Table table;
    add(table.mappings, mapping("m", data::MappingKind::Avro, "avro"));
    EXPECT_EQ(harbor.find_mapping(table, data::MappingKind::ApacheAvro, "m")->elements[0].column, "avro");
    add(table.mappings, mapping("m", data::MappingKind::ApacheAvro, "apache"));
    EXPECT_EQ(harbor.find_mapping(table, data::MappingKind::ApacheAvro, "m")->elements[0].column, "apache");
}

TEST(EncodingPolicy, SaysHowLargeAValueMayBe) {
    EXPECT_EQ(max_value_size(R"({"EncodingPolicyType":"BigObject","MaxValueSize":2097152})"), 2_MiB);
    EXPECT_EQ(max_value_size(R"({"maxvaluesize":100})"), 100u);
    EXPECT_EQ(max_value_size(R"({"MaxValueSize":4294967296})"), 32_MiB);
    for (const char* text : {"{}", "", "[1]", R"({"MaxValueSize":0})", R"({"MaxValueSize":-1})",
                             R"({"MaxValueSize":"7"})", R"({"MaxValueSize":null})"})
        EXPECT_EQ(max_value_size(text), std::nullopt) << text;
}

TEST(EncodingPolicy, OfAColumnGoesBeforeThatOfTheTableAndOfTheDatabase) {
    using data::ScalarType;
    Database database;
    Table table;
    table.columns = {{"a", ScalarType::String, 1}, {"b", ScalarType::Dynamic, 2}};
    EXPECT_TRUE(database.max_value_sizes(table).empty());
    table.columns[1].encoding = R"({"MaxValueSize":2097152})";
    EXPECT_EQ(database.max_value_sizes(table), (std::vector<Bytes>{1_MiB, 2_MiB}));
    database.policies.other["encoding"] = R"({"MaxValueSize":30})";
    EXPECT_EQ(database.max_value_sizes(table), (std::vector<Bytes>{30, 2_MiB}));
    table.policies.other["encoding"] = R"({"MaxValueSize":20})";
    EXPECT_EQ(database.max_value_sizes(table), (std::vector<Bytes>{20, 2_MiB}));
}

} // namespace
} // namespace sluice::catalog
