#include "core/engine/catalogue_changes.hpp"
#include "core/engine/policy_text.hpp"
#include "core/engine/schema_text.hpp"

#include <gtest/gtest.h>

namespace sluice::engine::change {
namespace {

using data::ScalarType;

/// Harbor with GaugeReading(At:datetime, Gauge:string, LevelCm:int) and Berth(Gauge:string, Quay:string).
Database harbor() {
    Database database;
    database.name = "Harbor";
    database =
        *create_table(database,
                      {"GaugeReading",
                       {{"At", ScalarType::DateTime}, {"Gauge", ScalarType::String}, {"LevelCm", ScalarType::Int}},
                       "Harbor/Raw",
                       "levels"},
                      {1, 1});
    return *create_table(database, {"Berth", {{"Gauge", ScalarType::String}, {"Quay", ScalarType::String}}}, {2, 2});
}

std::string schema(const Database& database, std::string_view table) {
    return csl_schema(*database.find_table(table));
}
std::string message(const Result<Database>& result) {
    return result ? "no error" : result.error().message;
}

TEST(CatalogueChanges, CreateLeavesAnExistingTableAsItIs) {
    const Database before = harbor();
    const auto after = create_table(before, {"Berth", {{"Other", ScalarType::Long}}, "folder"}, {3, 3});
    ASSERT_TRUE(after);
    EXPECT_EQ(schema(*after, "Berth"), "Gauge:string,Quay:string");
    EXPECT_EQ(after->find_table("Berth")->folder, "");
    EXPECT_EQ(after->version, before.version);
}

TEST(CatalogueChanges, CreateMergeAddsMissingColumnsAtTheEnd) {
    const auto after = create_or_extend_table(
        harbor(), {"GaugeReading", {{"Quality", ScalarType::Real}, {"At", ScalarType::DateTime}}}, {3, 3});
    ASSERT_TRUE(after);
    EXPECT_EQ(schema(*after, "GaugeReading"), "At:datetime,Gauge:string,LevelCm:int,Quality:real");
    EXPECT_EQ(after->find_table("GaugeReading")->docstring, "levels");
}

TEST(CatalogueChanges, CreateMergeOfWhatIsThereMakesNoNewVersion) {
    const Database before = harbor();
    const auto after = create_or_extend_table(before, {"Berth", {{"Quay", ScalarType::String}}}, {3, 3});
    ASSERT_TRUE(after);
    EXPECT_EQ(after->version, before.version);
    EXPECT_EQ(after->find_table("Berth"), before.find_table("Berth"));
}

TEST(CatalogueChanges, NoMergeChangesTheTypeOfAColumn) {
    EXPECT_EQ(
        message(extend_table(harbor(), {"GaugeReading", {{"New", ScalarType::Int}, {"LevelCm", ScalarType::Long}}})),
        "Table 'GaugeReading': the type of column 'LevelCm' cannot be changed from 'int' to 'long' here; '.alter "
        "column "
        "['GaugeReading'].['LevelCm'] type=long' does it and empties the column.");
}

TEST(CatalogueChanges, AlterKeepsExactlyTheListedColumns) {
    const Database before = harbor();
    const auto after = alter_table(before, {"GaugeReading", {{"LevelCm", ScalarType::Int}, {"New", ScalarType::Guid}}});
    ASSERT_TRUE(after);
    EXPECT_EQ(schema(*after, "GaugeReading"), "LevelCm:int,New:guid");
    EXPECT_EQ(after->find_table("GaugeReading")->docstring, "");
    EXPECT_EQ(after->find_table("GaugeReading")->columns[0].id, before.find_table("GaugeReading")->columns[2].id);
}

TEST(CatalogueChanges, AColumnThatComesBackIsANewOne) {
    const auto without = drop_columns(harbor(), "GaugeReading", {"LevelCm"}, false);
    ASSERT_TRUE(without);
    const auto again = extend_table(*without, {"GaugeReading", {{"LevelCm", ScalarType::Int}}});
    ASSERT_TRUE(again);
    EXPECT_NE(again->find_table("GaugeReading")->find_column("LevelCm")->id,
              harbor().find_table("GaugeReading")->find_column("LevelCm")->id);
}

TEST(CatalogueChanges, AChangedTypeGetsANewColumn) {
    const Database before = harbor();
    const auto after = change_column_type(before, "GaugeReading", "LevelCm", ScalarType::String);
    ASSERT_TRUE(after);
    EXPECT_NE(after->find_table("GaugeReading")->find_column("LevelCm")->id,
              before.find_table("GaugeReading")->find_column("LevelCm")->id);
    EXPECT_GT(after->find_table("GaugeReading")->version, before.find_table("GaugeReading")->version);
}

TEST(CatalogueChanges, ARenamedColumnKeepsItsData) {
    const Database before = harbor();
    const auto after = rename_column(before, "Berth", "Quay", "QuayName");
    ASSERT_TRUE(after);
    EXPECT_EQ(after->find_table("Berth")->find_column("QuayName")->id,
              before.find_table("Berth")->find_column("Quay")->id);
    EXPECT_EQ(message(rename_column(before, "Berth", "Quay", "Gauge")),
              "Entity 'Gauge' of kind 'Column' already exists.");
}

TEST(CatalogueChanges, TheLastColumnStays) {
    EXPECT_EQ(message(drop_columns(harbor(), "Berth", {"Gauge", "Quay"}, false)),
              "Table 'Berth' would have no column left; '.drop table' removes it.");
}

TEST(CatalogueChanges, TablesSwapNames) {
    const auto after = rename_tables(harbor(), {{"GaugeReading", "Berth"}, {"Berth", "GaugeReading"}});
    ASSERT_TRUE(after) << message(after);
    EXPECT_EQ(schema(*after, "GaugeReading"), "Gauge:string,Quay:string");
    EXPECT_EQ(after->tables.size(), 2U);
}

TEST(CatalogueChanges, ARenameCannotHideATable) {
    EXPECT_EQ(message(rename_tables(harbor(), {{"GaugeReading", "Berth"}})),
              "Entity 'Berth' of kind 'Table' already exists.");
}

TEST(CatalogueChanges, DropAsksForWhatIsMissing) {
    EXPECT_EQ(message(drop_tables(harbor(), {"Nope"}, false, 0)), "Entity ID 'Nope' of kind 'Table' was not found.");
    const auto after = drop_tables(harbor(), {"Nope", "Berth"}, true, 0);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->tables.size(), 1U);
}

struct BadTable {
    const char* name;
    TableDefinition table;
    const char* message;
};
class BadTables : public testing::TestWithParam<BadTable> {};
TEST_P(BadTables, AreRefused) {
    EXPECT_EQ(message(create_table(harbor(), GetParam().table, {3, 3})), GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    Definitions, BadTables,
    testing::Values(
        BadTable{"no columns", {"T", {}}, "Table 'T' needs at least one column, as in (a:string)."},
        BadTable{"column twice",
                 {"T", {{"a", ScalarType::Int}, {"a", ScalarType::Int}}},
                 "Table 'T': column 'a' is named twice."},
        BadTable{
            "quote in name",
            {"T'; drop", {{"a", ScalarType::Int}}},
            "The entity name 'T'; drop' is not valid: a name consists of letters, digits, '_', blanks, '.' and '-'"},
        BadTable{"double quote in column",
                 {"T", {{"a\"b", ScalarType::Int}}},
                 "The entity name 'a\"b' is not valid: a name consists of letters, digits, '_', blanks, '.' and '-'"},
        BadTable{"underscores",
                 {"__T", {{"a", ScalarType::Int}}},
                 "The entity name '__T' is not valid: a name may neither start nor end with '__'"}));

data::Mapping mapping_of(std::string column) {
    data::Mapping mapping{"m", data::MappingKind::Json, {}};
    mapping.elements.push_back({.column = std::move(column), .path = "$.x"});
    return mapping;
}

TEST(CatalogueChanges, MappingVerbsMeanWhatTheySay) {
    const Scope table = "Berth";
    const Database before = harbor();
    EXPECT_EQ(message(put_mapping(before, table, mapping_of("Gauge"), MappingVerb::Alter, 7)),
              "Entity ID 'm' of kind 'MappingPersistent' was not found.");
    const auto created = put_mapping(before, table, mapping_of("Gauge"), MappingVerb::Create, 7);
    ASSERT_TRUE(created);
    EXPECT_GT(created->find_table("Berth")->version, before.find_table("Berth")->version);
    EXPECT_EQ(message(put_mapping(*created, table, mapping_of("Gauge"), MappingVerb::Create, 7)),
              "Entity 'm' of kind 'MappingPersistent' already exists.");
    EXPECT_EQ(put_mapping(*created, table, mapping_of("Gauge"), MappingVerb::CreateOrAlter, 8)->version,
              created->version);
    const auto merged = put_mapping(*created, table, mapping_of("Quay"), MappingVerb::AlterMerge, 8);
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->find_table("Berth")->mappings.begin()->second.mapping.elements.size(), 2U);
    EXPECT_EQ(message(drop_mapping(*merged, table, data::MappingKind::Csv, "m")),
              "Entity ID 'm' of kind 'MappingPersistent' was not found.");
}

TEST(CatalogueChanges, FunctionVerbsMeanWhatTheySay) {
    const FunctionDefinition function{"F", "()", "{ Berth }", "etl", "doc"};
    const auto created = put_function(harbor(), function, FunctionVerb::Create);
    ASSERT_TRUE(created);
    EXPECT_EQ(message(put_function(*created, function, FunctionVerb::Create)),
              "Entity 'F' of kind 'Function' already exists.");
    EXPECT_EQ(put_function(*created, {"F", "()", "{ x }"}, FunctionVerb::CreateIfNotExists)->functions.at("F").body,
              "{ Berth }");
    const auto altered = put_function(*created, {"F", "()", "{ x }"}, FunctionVerb::CreateOrAlter);
    ASSERT_TRUE(altered);
    EXPECT_EQ(altered->functions.at("F").folder, "etl");
    EXPECT_EQ(message(put_function(harbor(), function, FunctionVerb::Alter)),
              "Entity ID 'F' of kind 'Function' was not found.");
}

/// Spec engine 1.3.
TEST(CatalogueChanges, TableBeatsDatabaseInStreamingPolicies) {
    const auto set = [](const Database& before, const Scope& scope, const char* value) {
        const auto kind = find_policy("streamingingestion");
        return *edit_policies(before, scope, [&](catalog::Policies& p) {
            return set_policy(p, **kind, {value, false}, false, scope.has_value());
        });
    };
    const auto enabled = [](const Database& database) {
        const auto policy = database.effective_streaming(*database.find_table("Berth"));
        return policy && policy->is_enabled;
    };
    Database database = harbor();
    EXPECT_FALSE(enabled(database));
    database = set(database, std::nullopt, "enable");
    EXPECT_TRUE(enabled(database));
    database = set(database, "Berth", "disable");
    EXPECT_FALSE(enabled(database));
    database = set(set(database, std::nullopt, "disable"), "Berth", "enable");
    EXPECT_TRUE(enabled(database));
}

} // namespace
} // namespace sluice::engine::change
