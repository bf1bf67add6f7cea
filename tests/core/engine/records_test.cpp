#include "tests/core/engine/engine_fixture.hpp"

namespace sluice::engine {
namespace {

/// `.delete table T records`: what is counted is what goes.
class DeleteRecords : public EngineFixture {
protected:
    void SetUp() override {
        EngineFixture::SetUp();
        set_up({".create table T (a:int)", ".ingest inline into table T <|\n1\n2\n3\n",
                ".ingest inline into table T <|\n4\n"});
    }
    /// The counted rows and those that are read, which have to be as many.
    std::string left() {
        EXPECT_EQ(run("T | count"), run("T | where a < 1000 | count"));
        EXPECT_EQ(run(".show table T extents | summarize sum(RowCount)"), run("T | count"));
        return run("T | order by a asc | summarize make_list(a)");
    }
};

TEST_F(DeleteRecords, ARowThatIsChosenSeveralTimesGoesOnce) {
    const std::string chosen = " <| T | mv-expand z = dynamic([1,2,3]) | where a == 1";
    EXPECT_EQ(columns(".delete table T records with (whatif=true)" + chosen, "RecordsMatchPredicate"), "1");
    EXPECT_EQ(columns(".delete table T records" + chosen, "RecordsMatchPredicate"), "1");
    EXPECT_EQ(left(), "[2,3,4]");
}

TEST_F(DeleteRecords, AConditionThatIsNotTheSameTwiceIsAskedOnce) {
    for (int round = 0; round < 5; ++round) {
        run(".delete table T records <| T | where rand() < 0.4");
        left();
    }
}

} // namespace
} // namespace sluice::engine
