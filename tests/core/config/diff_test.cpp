#include "core/config/diff.hpp"
#include "core/config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using namespace sluice::config;
using testing::ElementsAre;

namespace {

Settings read(const std::string& text) {
    return load_text(text, "sluice.toml").value();
}

std::string connection(const std::string& name, const std::string& more = "",
                       const std::string& source = "topics = [\"t\"]") {
    return "[[connection]]\nname = \"" + name +
           "\"\nkind = \"EventHub\"\ndatabase = \"T\"\nsource = { plugin = \"kafka\", " + source + " }\n" + more + "\n";
}
const std::string kDatabase = "[[database]]\nname = \"T\"\n";

TEST(Diff, FindsNothingInTheSameFileLaidOutAnew) {
    const auto changes =
        diff(read(kDatabase + connection("a")), read("# moved\n\n" + kDatabase + connection("a"))).value();
    EXPECT_TRUE(changes.empty());
}

TEST(Diff, SortsConnectionsByWhatHasToHappen) {
    const auto before = kDatabase + connection("same") + connection("gone") + connection("moved") +
                        connection("tuned") + connection("off");
    const auto after = kDatabase + connection("same") + connection("moved", "", "topics = [\"u\"]") +
                       connection("tuned", "micro_batch_time = \"20ms\"") + connection("off", "enabled = false") +
                       connection("new");
    const auto changes = diff(read(before), read(after)).value();
    EXPECT_THAT(changes.started, ElementsAre("new"));
    EXPECT_THAT(changes.stopped, ElementsAre("gone", "off"));
    EXPECT_THAT(changes.restarted, ElementsAre("moved"));
    EXPECT_THAT(changes.updated, ElementsAre("tuned"));
}

TEST(Diff, NamesSectionsAndDatabases) {
    const auto changes =
        diff(read(kDatabase), read("[log]\nlevel = \"debug\"\n[[database]]\nname = \"T\"\nsetup = \"s.kql\"\n"
                                   "[[database]]\nname = \"U\""))
            .value();
    EXPECT_THAT(changes.sections, ElementsAre("log"));
    EXPECT_THAT(changes.databases, ElementsAre("T", "U"));
}

TEST(Diff, LeavesADatabaseAloneThatLeftTheFile) {
    EXPECT_TRUE(diff(read(kDatabase), read("")).value().empty());
}

TEST(Diff, RefusesWhatNeedsARestartAndNamesAllOfIt) {
    const auto changes =
        diff(read(kDatabase), read("[server]\nlisten = \"127.0.0.1:1\"\n[store]\ndurability = \"interval\"\n" +
                                   kDatabase + "follow = { folder = \"x\" }"));
    ASSERT_FALSE(changes);
    EXPECT_EQ(changes.error().message, "server.listen changed, which needs a restart of the bridge\n"
                                       "store.durability changed, which needs a restart of the bridge\n"
                                       "follow of database \"T\" changed, which needs a restart of the bridge");
}

} // namespace
