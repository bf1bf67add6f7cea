#include "core/data/text.hpp"
#include "tests/core/engine/update_policy_fixture.hpp"

#include <algorithm>

/// Commands that make stored rows arrive in a table, and its update policies (engine 3.3).
namespace sluice::engine {
namespace {

class Arrivals : public UpdatePolicyFixture {
protected:
    void SetUp() override {
        UpdatePolicyFixture::SetUp();
        set_up({".create table Landing (payload:dynamic)", ".create table Levels (Gauge:string, LevelCm:int)"});
        load("Landing", "elbe", 5);
        load("Landing", "weser", 700);
    }
    void load(const std::string& table, const std::string& gauge, int level) {
        const std::string command = fmt::format(
            ".set-or-append {} <| print payload=dynamic({{\"t\":\"2025-03-01T10:00:00Z\",\"id\":\"{}\",\"cm\":{}}})",
            table, gauge, level);
        set_up({command.c_str()});
    }
    std::string levels() { return run("Levels | order by Gauge asc"); }
};

constexpr auto kLevels = "GaugeRaw | project tostring(payload.id), toint(payload.cm)";

TEST_F(Arrivals, S33MovedExtentsSetOffThePoliciesOfTheirNewTable) {
    policy("Levels", "GaugeRaw", kLevels, true);
    EXPECT_EQ(run(".move extents all from table Landing to table GaugeRaw | count"), "2");
    EXPECT_EQ(count("Landing") + count("GaugeRaw"), "02");
    EXPECT_EQ(levels(), "elbe | 5\nweser | 700");
}

TEST_F(Arrivals, S33MovedExtentsDoNotPassTheirTagsOn) {
    policy("Levels", "GaugeRaw", kLevels, true, R"j(,"PropagateIngestionProperties":true)j");
    set_up({".alter table Landing extent tags ('drop-by:x') <| .show table Landing extents"});
    set_up({".move extents all from table Landing to table GaugeRaw"});
    EXPECT_EQ(columns(".show table GaugeRaw extents", "Tags"), "drop-by:x\ndrop-by:x");
    EXPECT_EQ(columns(".show table Levels extents", "Tags"), "");
}

TEST_F(Arrivals, S33ReplacedExtentsSetOffPoliciesForWhatComesOnly) {
    load("GaugeRaw", "old", 1);
    policy("Levels", "GaugeRaw", kLevels, true);
    set_up({".replace extents in table GaugeRaw <| { .show table GaugeRaw extents }, { .show table Landing extents }"});
    EXPECT_EQ(count("Landing") + count("GaugeRaw"), "02");
    EXPECT_EQ(levels(), "elbe | 5\nweser | 700");
}

TEST_F(Arrivals, S33AppendedRowsOfAnUpdateSetOffPoliciesAndDeletedOnesDoNot) {
    load("GaugeRaw", "elbe", 5);
    policy("Levels", "GaugeRaw", kLevels, true);
    const std::string made =
        columns(".update table GaugeRaw delete D append A <| let D = GaugeRaw | where payload.id == 'elbe'; "
                "let A = D | extend payload = bag_merge(bag_pack('cm', 6), payload);",
                "Table Action RowCount");
    EXPECT_EQ(made, "GaugeRaw | Delete | 1\nGaugeRaw | Create | 1\nLevels | Create | 1");
    EXPECT_EQ(levels(), "elbe | 6");
    set_up({".delete table GaugeRaw records <| GaugeRaw | where payload.id == 'elbe'"});
    EXPECT_EQ(count("GaugeRaw") + count("Levels"), "01");
}

TEST_F(Arrivals, S33AnUpdateThatOnlyLooksSetsOffNothing) {
    load("GaugeRaw", "elbe", 5);
    policy("Levels", "GaugeRaw", kLevels, true);
    set_up({".update table GaugeRaw delete D append A with (whatif=true) <| let D = GaugeRaw; let A = GaugeRaw;"});
    EXPECT_EQ(count("GaugeRaw") + count("Levels"), "10");
}

TEST_F(Arrivals, S33MergingAndRetaggingSetOffNothing) {
    policy("Levels", "Landing", "Landing | project tostring(payload.id), toint(payload.cm)", true);
    set_up({".alter table Landing extent tags ('x') <| .show table Landing extents"});
    const auto parts =
        databases_->writer("Harbor")->parts(databases_->catalog().find("Harbor")->find_table("Landing")->id);
    std::string ids;
    for (const auto& part : parts)
        ids += (ids.empty() ? "" : ", ") + data::format_guid(part.extent);
    set_up({(".merge Landing (" + ids + ")").c_str()});
    EXPECT_EQ(columns(".show table Landing extents", "RowCount Tags"), "2 | x");
    EXPECT_EQ(count("Levels"), "0");
}

TEST_F(Arrivals, S34ATransactionalFailureKeepsTheExtentsWhereTheyAre) {
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", true);
    set_up({".alter function ParseGauge() { GaugeRaw | project x = 1 }"});
    EXPECT_NE(run(".move extents all from table Landing to table GaugeRaw")
                  .find("Failed to run a transactional update policy on 'GaugeReading'"),
              std::string::npos);
    EXPECT_EQ(count("Landing") + count("GaugeRaw") + count("GaugeReading"), "200");
    EXPECT_NE(failures().find("GaugeReading | UpdatePolicy_QuerySchemaDoesNotMatchTableSchema"), std::string::npos);
    // Nothing is left of the copies either.
    const auto parts = databases_->writer("Harbor")->parts();
    EXPECT_EQ(std::count_if(parts.begin(), parts.end(),
                            [](const store::Part& part) { return part.state == store::PartState::Piece; }),
              0);
}

TEST_F(Arrivals, S34AnAbsorbedFailureMovesTheExtentsAndIsRecorded) {
    policy("GaugeReading", "GaugeRaw", "ParseGauge()", false);
    policy("Levels", "GaugeRaw", kLevels, true);
    set_up({".alter function ParseGauge() { GaugeRaw | project x = 1 }",
            ".move extents all from table Landing to table GaugeRaw"});
    EXPECT_EQ(count("GaugeRaw") + count("GaugeReading") + count("Levels"), "202");
    EXPECT_NE(failures().find("GaugeReading | UpdatePolicy_QuerySchemaDoesNotMatchTableSchema"), std::string::npos);
}

TEST_F(Arrivals, S38ATableWithoutRetentionPassesMovedRowsOn) {
    set_up({".alter-merge table GaugeRaw policy retention softdelete = 0s"});
    EXPECT_NE(run(".move extents all from table Landing to table GaugeRaw").find("error: "), std::string::npos);
    EXPECT_EQ(count("Landing"), "2");
    policy("Levels", "GaugeRaw", kLevels, true);
    set_up({".move extents all from table Landing to table GaugeRaw"});
    EXPECT_EQ(count("Landing") + count("GaugeRaw") + count("Levels"), "002");
}

TEST_F(Arrivals, RowsKeepTheirIngestionTimeUnlessANewOneIsAskedFor) {
    const std::string before = run("Landing | summarize take_any(ingestion_time())");
    clock_.advance(std::chrono::hours(1));
    set_up({".move extents all from table Landing to table GaugeRaw"});
    EXPECT_EQ(run("GaugeRaw | summarize by ingestion_time()"), before);
    set_up({".move extents all from table GaugeRaw to table Landing with (setNewIngestionTime=true)"});
    EXPECT_NE(run("Landing | summarize by ingestion_time()"), before);
}

TEST_F(Arrivals, ExtentsLargerThanASliceAreMovedAndMergedWhole) {
    set_up({".create table Many (n:long)", ".create table More (n:long, s:string)",
            ".set-or-append Many <| range n from 1 to 300000 step 1",
            ".set-or-append Many <| range n from 300001 to 500000 step 1",
            ".set-or-append Many <| range n from 500001 to 500010 step 1"});
    const auto ids = [&](const std::string& table) {
        std::string out;
        for (const auto& part :
             databases_->writer("Harbor")->parts(databases_->catalog().find("Harbor")->find_table(table)->id))
            out += (out.empty() ? "" : ", ") + data::format_guid(part.extent);
        return out;
    };
    set_up({(".merge Many (" + ids("Many") + ")").c_str()});
    EXPECT_EQ(columns(".show table Many extents", "RowCount"), "500010");
    EXPECT_EQ(run("Many | summarize count(), dcount(n, 4), sum(n)").substr(0, 6), "500010");
    EXPECT_EQ(run("Many | summarize sum(n)"), "125005250055");
    set_up({".move extents all from table Many to table More"});
    EXPECT_EQ(columns(".show table More extents", "RowCount"), "500010");
    EXPECT_EQ(run("More | where s == '' | summarize sum(n)"), "125005250055");
    EXPECT_EQ(count("Many"), "0");
}

} // namespace
} // namespace sluice::engine
