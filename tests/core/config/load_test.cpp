#include "core/config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

using namespace sluice;
using namespace sluice::config;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

namespace {

Surroundings machine() {
    Surroundings surroundings;
    surroundings.cpus = 2;
    surroundings.volume_size = [](const std::string&) { return 100_GiB; };
    surroundings.variables = [](const std::string& name) -> std::optional<std::string> {
        static const std::map<std::string, std::string> known{
            {"SECRET", "s3cr3t"},
            // what script/quickstart sets for its example
            {"SLUICE_LISTEN", "127.0.0.1:8080"},
            {"SLUICE_PLUGINS", "plugins"},
            {"QUICKSTART_HOME", "/tmp/quickstart"},
            {"KAFKA_BOOTSTRAP", "localhost:9092"},
            {"MQTT_BROKER", "tcp://localhost:1883"},
        };
        const auto found = known.find(name);
        return found == known.end() ? std::nullopt : std::optional(found->second);
    };
    return surroundings;
}

Result<Settings> read(const std::string& text) {
    return load_text(text, "sluice.toml", machine());
}

std::string problems_of(const std::string& text) {
    const auto settings = read(text);
    return settings ? "no problems" : settings.error().message;
}

std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

const std::string kDatabase = "[[database]]\nname = \"T\"\n";

TEST(Load, FillsInEveryDefaultForAnEmptyFile) {
    const auto settings = read("").value();
    EXPECT_EQ(settings.server, (Server{.data_dir = "data"}));
    EXPECT_EQ(settings.memory, Memory{});
    EXPECT_EQ(settings.streaming.cores, 2);
    EXPECT_EQ(settings.streaming.rowstore.max_bytes, 10_GiB);
    EXPECT_EQ(settings.query.max_concurrent, 20);
    EXPECT_EQ(settings.query.memory_bytes, 128_MiB);
    EXPECT_EQ(settings.plugins.path, std::vector<std::string>{"plugins"});
}

TEST(Load, AnnotatedFileStatesTheDefaults) {
    const auto defaults = load_text("", "config/sluice.toml", machine()).value();
    const auto annotated = load("config/sluice.toml", machine());
    ASSERT_TRUE(annotated) << annotated.error().message;
    EXPECT_EQ(annotated->server, defaults.server);
    EXPECT_EQ(annotated->auth, defaults.auth);
    EXPECT_EQ(annotated->log, defaults.log);
    EXPECT_EQ(annotated->metrics, defaults.metrics);
    EXPECT_EQ(annotated->store, defaults.store);
    EXPECT_EQ(annotated->memory, defaults.memory);
    EXPECT_EQ(annotated->streaming, defaults.streaming);
    EXPECT_EQ(annotated->queued, defaults.queued);
    EXPECT_EQ(annotated->dead_letters, defaults.dead_letters);
    EXPECT_EQ(annotated->query, defaults.query);
    EXPECT_EQ(annotated->update_policy, defaults.update_policy);
    EXPECT_EQ(annotated->extents, defaults.extents);
    EXPECT_EQ(annotated->target, defaults.target);
    EXPECT_EQ(annotated->plugins, defaults.plugins);
}

TEST(Load, SamplesInTheAnnotatedFileAreValid) {
    const auto folder = std::filesystem::path(testing::TempDir()) / "annotated";
    std::filesystem::create_directories(folder);
    for (const auto* secret : {"client.secret", "mqtt.secret", "storage.sas"})
        std::ofstream(folder / secret) << "hidden\n";
    const auto text = std::regex_replace(content("config/sluice.toml"), std::regex("(^|\n)#(?=[a-z_\\[])"), "$1");
    const auto settings = load_text(text, (folder / "sluice.toml").string(), machine());
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->connections.size(), 3);
    EXPECT_EQ(settings->target.client_secret, "hidden");
}

TEST(Load, EveryExampleIsValid) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("config/examples")) {
        if (entry.path().extension() != ".toml")
            continue;
        const auto settings = load(entry.path().string(), machine());
        ASSERT_TRUE(settings) << settings.error().message;
        for (const auto& database : settings->databases)
            EXPECT_TRUE(database.setup.empty() || std::filesystem::exists(database.setup)) << database.setup;
        ++count;
    }
    EXPECT_GE(count, 4);
}

TEST(Load, ReadsAConnectionWithItsRawSource) {
    const auto settings = read(kDatabase + R"(
[[connection]]
name = "plant"
kind = "IotHub"
database = "T"
source = { plugin = "mqtt", broker = "tcp://b", spool = { max_bytes = "1GiB" } }
[connection.properties]
tableName = "Plant"
dataFormat = "JSON"
retrievalStartDate = 2026-01-01T00:00:00Z
)");
    ASSERT_TRUE(settings) << settings.error().message;
    const auto& connection = settings->connections.at(0);
    EXPECT_EQ(connection.plugin, "mqtt");
    EXPECT_EQ(connection.max_event_bytes, 256_KiB);
    EXPECT_EQ(connection.properties.data_format, "json");
    EXPECT_EQ(connection.properties.retrieval_start_date, 639'028'224'000'000'000);
    EXPECT_EQ(connection.source.items.size(), 2);
    const auto* spool = connection.source.find("spool");
    ASSERT_TRUE(spool && spool->find("max_bytes"));
    EXPECT_EQ(to_string(spool->find("max_bytes")->at), "sluice.toml:8:71");
}

TEST(Load, PutsInVariablesAndFiles) {
    const auto folder = std::filesystem::path(testing::TempDir()) / "references";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "url.txt") << "http://from.file\n";
    const auto settings = load_text("[server]\npublic_url = \"${file:url.txt}/$${x}/${SECRET}\"",
                                    (folder / "sluice.toml").string(), machine());
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->server.public_url, "http://from.file/${x}/s3cr3t");
}

TEST(Load, ResolvesRelativePathsAgainstTheFilesFolder) {
    const auto settings = load_text("[server]\ndata_dir = \"d\"\n[plugins]\npath = [\"p\", \"/abs\"]",
                                    "/etc/sluice/sluice.toml", machine());
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->server.data_dir, "/etc/sluice/d");
    EXPECT_EQ(settings->plugins.path, (std::vector<std::string>{"/etc/sluice/p", "/abs"}));
}

TEST(Load, RefusesWithPlaceAndWayOut) {
    struct Case {
        const char* name;
        std::string text;
        const char* message;
    };
    const std::string connection = kDatabase +
                                   "[[connection]]\nname = \"orders\"\nkind = \"EventHub\"\ndatabase = \"T\"\n"
                                   "source = { plugin = \"kafka\" }\n";
    const std::string files = kDatabase + "[[connection]]\nname = \"drop\"\nkind = \"EventGrid\"\ndatabase = \"T\"\n"
                                          "source = { plugin = \"fswatch\", root = \"drop\" }\n";
    const Case cases[] = {
        {"syntax", "[server\n", "sluice.toml:1:8: "},
        {"unknown key", "[server]\nlisten_on = \"x\"",
         "sluice.toml:2:1: unknown key server.listen_on; did you mean server.listen?"},
        {"unknown table", "[severs]", "sluice.toml:1:2: unknown key severs; did you mean server?"},
        {"nothing near", "[xyzzy]",
         "sluice.toml:1:2: unknown key xyzzy; remove it, or see config/sluice.toml for the keys there are"},
        {"table expected", "server = 1", "sluice.toml:1:10: server is 1; it must be a table, such as [server]"},
        {"duration without unit", "[server]\nidle_timeout = 120",
         "sluice.toml:2:16: server.idle_timeout is 120; durations need a unit, such as \"120s\""},
        {"duration in text without unit", "[server]\nidle_timeout = \"120\"",
         "server.idle_timeout is \"120\"; durations need a unit, such as \"120s\""},
        {"duration too short", "[server]\nidle_timeout = \"0s\"",
         "server.idle_timeout is \"0s\"; it must be at least \"1ms\""},
        {"duration too long", "[query]\ntimeout = \"2h\"", "query.timeout is \"2h\"; it must be at most \"1h\""},
        {"duration too fine", "[log]\n[store]\nsync_interval = \"1us\"",
         "store.sync_interval is \"1us\"; the finest step here is \"1ms\""},
        {"flag in quotes", "[streaming]\nenabled = \"true\"",
         "streaming.enabled is \"true\"; it must be true or false, without quotes"},
        {"number in quotes", "[query]\nmax_rows = \"5\"",
         "query.max_rows is \"5\"; it must be a whole number, without quotes"},
        {"number too small", "[query]\nmax_rows = 0",
         "query.max_rows is 0; it must lie between 1 and 9223372036854775807"},
        {"size of no unit", "[memory]\nbudget = \"lots\"",
         "memory.budget is \"lots\"; a size is a number with a unit, such as \"64MiB\", or a number of bytes"},
        {"size too small", "[memory]\nbudget = 1024", "memory.budget is 1024; it must be at least \"64MiB\""},
        {"parts exceed the budget", "[memory]\nbudget = \"64MiB\"\nstore_bytes = \"64MiB\"", "together exceed it"},
        {"choice", "[log]\nlevel = \"loud\"",
         "log.level is \"loud\"; it must be \"error\", \"warn\", \"info\" or \"debug\""},
        {"list item", "[server]\ncors_origins = [\"a\", 2]",
         "sluice.toml:2:22: server.cors_origins holds 2; every item must be a text in quotes"},
        {"half a certificate", "[tls]\ncert_file = \"c.pem\"",
         "tls.key_file is missing; certificate and key go together"},
        {"open address", "[server]\nlisten = \"0.0.0.0:8080\"",
         "configure [[auth.token]], listen on 127.0.0.1, or write insecure = true"},
        {"address without port", "[server]\nlisten = \"localhost\"", "an address is host:port"},
        {"token hash", "[[auth.token]]\nname = \"a\"\nhash = \"secret\"",
         "auth.token.hash is (hidden); it must be \"sha256:\""},
        {"token role",
         "[[auth.token]]\nname = \"a\"\nhash = "
         "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\nroles = [\"admin\"]",
         "did you mean \"admins\"?"},
        {"missing variable", "[server]\npublic_url = \"${NOPE}\"",
         "sluice.toml:2:14: the environment has no variable NOPE; set it before the start"},
        {"missing file", "[server]\npublic_url = \"${file:nope}\"",
         "nope cannot be read: No such file or directory; create it or correct the path"},
        {"open reference", "[server]\npublic_url = \"${NOPE\"", "is not closed; add }"},
        {"odd reference", "[server]\npublic_url = \"${a b}\"", "is no reference; write ${NAME}"},
        {"adx without address", "[target]\nkind = \"adx\"", "target.cluster_url is missing"},
        {"database twice", kDatabase + "[[database]]\nname = \"t\"",
         "database \"t\": name is \"t\"; another database has that name"},
        {"database name", "[[database]]\nname = \"a/b\"", "names have letters, digits"},
        {"follower with setup", "[[database]]\nname = \"F\"\nsetup = \"s.kql\"\nfollow = { folder = \"x\" }",
         "sluice.toml:3:1: database \"F\": setup does not go with follow"},
        {"single brackets", "[database]\nname = \"T\"",
         "database is a table; it must be written as [[database]], once for each"},
        {"connection twice", connection + connection.substr(kDatabase.size()),
         "connection \"orders\": name is \"orders\"; another connection has that name"},
        {"connection name",
         kDatabase + "[[connection]]\nname = \"a b\"\nkind=\"EventHub\"\ndatabase=\"T\"\nsource={plugin=\"k\"}",
         "names have 1 to 40 letters"},
        {"parts missing", "[[connection]]\n", "connection: source is missing; it is required"},
        {"no such database",
         "[[connection]]\nname = \"o\"\nkind = \"EventHub\"\ndatabase = \"X\"\nsource = { plugin = \"k\" }",
         "sluice.toml:4:12: connection \"o\": database is \"X\"; no such database is configured; add [[database]] with "
         "name = \"X\""},
        {"key of another kind", connection + "on_success = \"delete\"",
         "connection \"orders\": on_success is for connections of kind EventGrid; this one is EventHub"},
        {"property of another kind", connection + "[connection.properties]\nignoreFirstRecord = true",
         "properties.ignoreFirstRecord is for connections of kind EventGrid"},
        {"property in our spelling", connection + "[connection.properties]\ntable_name = \"X\"",
         "unknown key properties.table_name; did you mean properties.tableName?"},
        {"format", connection + "[connection.properties]\ndataFormat = \"xml\"",
         "properties.dataFormat is \"xml\"; it must be \"csv\""},
        {"format of another kind", connection + "[connection.properties]\ndataFormat = \"raw\"",
         "that format is for connections of kind EventGrid only"},
        {"event too large", connection + "max_event_bytes = \"21MiB\"",
         "max_event_bytes is \"21MiB\"; it must be at most \"20MiB\""},
        {"start date", connection + "[connection.properties]\nretrievalStartDate = \"soon\"", "times are ISO 8601"},
        {"plugin id",
         kDatabase +
             "[[connection]]\nname = \"o\"\nkind = \"EventHub\"\ndatabase = \"T\"\nsource = { plugin = \"../evil\" }",
         "ids of plugins have lower-case letters"},
        {"move to nowhere", files + "on_success = \"move\"",
         "on_success is \"move\"; name the folder to move to with done_dir"},
        {"done_dir without move", files + "done_dir = \"done\"", "done_dir has no effect while on_success is \"keep\""},
        {"done_dir that is watched", files + "on_success = \"move\"\ndone_dir = \"drop/done\"",
         "below source.root its first folder must begin with a dot, such as \"drop/.done\""},
        {"done_dir is the root", files + "on_failure = \"move\"\nfailed_dir = \"drop\"", "it is source.root itself"},
    };
    for (const auto& c : cases)
        EXPECT_THAT(problems_of(c.text), HasSubstr(c.message)) << c.name;
}

TEST(Load, ReportsEverythingAtOnceInTheOrderOfTheFile) {
    EXPECT_EQ(problems_of("[query]\nmax_rows = 0\n[log]\nlevel = 1\n[nope]\n"),
              "sluice.toml:2:12: query.max_rows is 0; it must lie between 1 and 9223372036854775807\n"
              "sluice.toml:4:9: log.level is 1; it must be \"error\", \"warn\", \"info\" or \"debug\"\n"
              "sluice.toml:5:2: unknown key nope; remove it, or see config/sluice.toml for the keys there are");
}

TEST(Load, NeverShowsWhatCameFromTheEnvironment) {
    EXPECT_THAT(problems_of("[log]\nlevel = \"${SECRET}\""), HasSubstr("log.level is (hidden)"));
    EXPECT_THAT(problems_of("[log]\nlevel = \"${SECRET}\""), Not(HasSubstr("s3cr3t")));
}

TEST(Load, AcceptsOpenAddressesWithATokenOrOnRequest) {
    EXPECT_TRUE(read("[server]\nlisten = \"0.0.0.0:0\"\ninsecure = true"));
    const auto settings =
        read("[server]\nlisten = [\"[::]:8080\", \"127.0.0.1:81\"]\n[[auth.token]]\nname = \"a\"\nhash = "
             "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"");
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->server.listen, (std::vector<Listen>{{"::", 8080}, {"127.0.0.1", 81}}));
}

TEST(Load, NotesWhatHasNoEffect) {
    const auto settings = read("[store]\nsync_interval = \"1s\"").value();
    ASSERT_EQ(settings.notes.size(), 1);
    EXPECT_EQ(to_string(settings.notes[0].at), "sluice.toml:2:17");
}

TEST(Load, SaysWhichFileItCannotRead) {
    EXPECT_THAT(load("/nowhere/sluice.toml").error().message, HasSubstr("/nowhere/sluice.toml cannot be read"));
}

} // namespace
