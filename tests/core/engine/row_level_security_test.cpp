#include "tests/core/engine/engine_fixture.hpp"

namespace sluice::engine {
namespace {

class RowLevelSecurity : public EngineFixture {
protected:
    void SetUp() override {
        EngineFixture::SetUp();
        set_up({".create table Berth (Gauge:string, Quay:string)", ".create table Owner (Gauge:string, Name:string)",
                ".ingest inline into table Berth <|\nN1,North quay\nS2,South quay\n",
                ".ingest inline into table Owner <|\nS2,aadapp=anonymous\nN1,aaduser=me\n"});
    }
    static constexpr auto kEnable =
        ".alter table Berth policy row_level_security enable 'Berth | where Gauge startswith \"N\"'";
};

TEST_F(RowLevelSecurity, CommandsShowWhatTheySet) {
    const std::string row =
        R"j(RowLevelSecurityPolicy | [Harbor].[Berth] | {"IsEnabled":true,"Query":"Berth | where Gauge startswith \"N\""} | ∅ | Table)j";
    EXPECT_EQ(run(kEnable), row);
    EXPECT_EQ(run(".show table Berth policy row_level_security"), row);
    EXPECT_EQ(columns(".delete table Berth policy row_level_security", "Policy"), "∅");
    EXPECT_EQ(run("Berth | count"), "2");
}

TEST_F(RowLevelSecurity, EveryWayToNameTheTableSeesTheSameRows) {
    set_up({kEnable, ".create function Quays() { Berth | project Quay }"});
    for (const char* query :
         {"Berth | project Quay", "table('Berth') | project Quay", "database('Harbor').Berth | project Quay", "Quays()",
          "union Ber* | project Quay", "let Berth2 = Berth; Berth2 | project Quay",
          "Owner | join kind=inner Berth on Gauge | project Quay",
          "print x=1 | extend Quay=toscalar(Berth | project Quay) | project Quay"})
        EXPECT_EQ(run(query), "North quay") << query;
    EXPECT_EQ(run("Berth | count"), "1");
    EXPECT_EQ(run("search 'quay' | count"), "1");
    EXPECT_EQ(run(".set Copy <| Berth | project Quay").rfind("error", 0), std::string::npos);
    EXPECT_EQ(run("Copy"), "North quay");
    EXPECT_EQ(run_in("Pier", "database('Harbor').Berth | project Quay"), "North quay");
}

TEST_F(RowLevelSecurity, ADisabledPolicyHidesNothing) {
    set_up({".alter table Berth policy row_level_security disable 'Berth | where false'"});
    EXPECT_EQ(run("Berth | count"), "2");
}

TEST_F(RowLevelSecurity, TheQueryKnowsWhoAsksAndReadsOtherTables) {
    set_up({".alter table Berth policy row_level_security enable "
            "'let mine = Owner | where Name == current_principal(); Berth | where Gauge in ((mine | project Gauge))'"});
    EXPECT_EQ(run("Berth | project Quay"), "South quay");
    Request other = request("Harbor", "Berth | project Quay");
    other.principal = "aaduser=me";
    EXPECT_EQ(answer_text(engine_->query(other)), "North quay");
}

TEST_F(RowLevelSecurity, ColumnsCanBeMasked) {
    set_up({".alter table Berth policy row_level_security enable 'Berth | extend Quay = \"***\"'"});
    EXPECT_EQ(run("Berth | project Quay"), "***\n***");
    EXPECT_EQ(run("Berth | where Quay has 'South' | count"), "0");
}

TEST_F(RowLevelSecurity, NamesOfTheAskerDoNotReachThePolicy) {
    set_up({kEnable});
    EXPECT_EQ(run("let startswith_ = 1; let Berth = print Gauge='N9', Quay='mine'; Berth | project Quay"), "mine");
    EXPECT_EQ(run("let Gauge = 'S2'; table('Berth') | project Quay"), "North quay");
}

TEST_F(RowLevelSecurity, AQueryThatDoesNotGiveTheTablesColumnsIsRefused) {
    for (const char* query : {"Berth | project Quay", "Berth | project Quay, Gauge", "Nope", "Berth |"})
        EXPECT_EQ(run(std::string(".alter table Berth policy row_level_security enable '") + query + "'")
                      .rfind("error: Error during execution of a policy operation: ", 0),
                  0U)
            << query;
    EXPECT_EQ(columns(".show table Berth policy row_level_security", "Policy"), "∅");
}

TEST_F(RowLevelSecurity, ATableThatChangedAfterwardsIsClosedAndNotOpen) {
    set_up({kEnable, ".drop column Berth.Gauge"});
    EXPECT_NE(run("Berth").find("in the row level security policy of table 'Berth'"), std::string::npos);
}

TEST_F(RowLevelSecurity, UpdatePoliciesAndRestrictedViewsExcludeIt) {
    set_up({".create table Quays (Quay:string)",
            R"j(.alter table Quays policy update '[{"Source":"Berth","Query":"Berth | project Quay"}]')j"});
    EXPECT_NE(run(kEnable).find("is read by the update policy of table 'Quays'"), std::string::npos);
    set_up({".delete table Quays policy update", kEnable});
    EXPECT_NE(run(R"j(.alter table Quays policy update '[{"Source":"Berth","Query":"Berth | project Quay"}]')j")
                  .find("is not accessible"),
              std::string::npos);
    EXPECT_NE(run(".alter table Berth policy restricted_view_access true").find("one of the two"), std::string::npos);
    set_up({".delete table Berth policy row_level_security", ".alter table Berth policy restricted_view_access true"});
    EXPECT_NE(run(kEnable).find("one of the two"), std::string::npos);
}

} // namespace
} // namespace sluice::engine
