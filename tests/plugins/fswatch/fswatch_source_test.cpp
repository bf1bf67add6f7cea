#include "tests/plugins/fswatch/write_file.hpp"
#include "tests/support/plugin_host.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>
#include <thread>

namespace sluice::fswatch {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Checkpoints;
using testing::Event;
using testing::OptionValues;
using testing::PluginHost;

const testing::PluginLibrary& library() {
    static const testing::PluginLibrary loaded(FSWATCH_FILE);
    return loaded;
}

/// The loaded plugin over a folder of its own. Steps wait for what the plugin says, never for time to pass.
class FswatchPlugin : public ::testing::Test {
protected:
    FswatchPlugin() {
        fs::create_directory(root);
        fs::create_directory(state);
        values = {{"root", root.string()}, {"settle", "50ms"}, {"create_grace", "200ms"}, {"container_name", "data"}};
    }
    std::unique_ptr<PluginHost> open() {
        auto host = std::make_unique<PluginHost>(library(), store, values, state);
        host->open();
        EXPECT_TRUE(host->run_until([&] { return host->health() == "watching " + root.string(); }));
        return host;
    }
    static std::set<std::string> names(const PluginHost& host) {
        std::set<std::string> found;
        for (const Event& event : host.events)
            found.insert(fs::path(event.property("file.path").value()).filename());
        return found;
    }
    static nlohmann::json body(const Event& event) { return nlohmann::json::parse(event.payload.value())[0]; }
    /// A file that comes after everything else, so that what did not come before it will not come.
    void finish(PluginHost& host, std::size_t before) {
        write_file(temp / "last", "end");
        fs::rename(temp / "last", root / ("last" + std::to_string(++lasts_)));
        EXPECT_TRUE(host.collect(before + 1));
        EXPECT_EQ(host.events.size(), before + 1);
    }
    using Names = std::set<std::string>;

    test::TemporaryFolder temp;
    fs::path root = temp / "in";
    fs::path state = temp / "state";
    Checkpoints store;
    OptionValues values;

private:
    int lasts_ = 0;
};

TEST_F(FswatchPlugin, AFileMovedInIsOneNotificationWithItsCoordinates) {
    const auto host = open();
    write_file(temp / "a.csv", "1,2\n");
    fs::rename(temp / "a.csv", root / "a.csv");
    ASSERT_TRUE(host->collect(1));
    const Event& event = host->events[0];
    EXPECT_EQ(event.lane, "ledger");
    EXPECT_EQ(event.sequence, 1u);
    EXPECT_EQ(event.property("file.path"), (root / "a.csv").string());
    EXPECT_EQ(event.property("file.root"), root.string());
    EXPECT_EQ(event.property("file.size"), "4");
    EXPECT_TRUE(event.headers.empty());
    const auto json = body(event);
    EXPECT_EQ(json["eventType"], "Microsoft.Storage.BlobCreated");
    EXPECT_EQ(json["data"]["url"], "file://data/a.csv");
    EXPECT_EQ(json["data"]["api"], "PutBlob");
    EXPECT_EQ(json["data"]["contentLength"], 4);
    EXPECT_EQ(json["data"]["eTag"], event.property("file.etag").value());
    EXPECT_EQ(json["data"]["sequencer"], "0000000000000001");
}

TEST_F(FswatchPlugin, AFileWrittenInPlaceComesOnceItIsClosedAndQuiet) {
    const auto host = open();
    std::ofstream writer(root / "a.csv");
    writer << "1\n" << std::flush;
    finish(*host, 0);
    writer << "2\n";
    writer.close();
    ASSERT_TRUE(host->collect(2));
    EXPECT_EQ(body(host->events[1])["data"]["api"], "FlushWithClose");
    EXPECT_EQ(host->events[1].property("file.size"), "4");
}

TEST_F(FswatchPlugin, ATemporaryNameIsIgnoredUntilItIsRenamed) {
    const auto host = open();
    write_file(root / "a.csv.tmp", "1\n");
    finish(*host, 0);
    fs::rename(root / "a.csv.tmp", root / "a.csv");
    ASSERT_TRUE(host->collect(2));
    EXPECT_EQ(body(host->events[1])["eventType"], "Microsoft.Storage.BlobCreated");
    EXPECT_EQ(body(host->events[1])["data"]["api"], "RenameFile");
}

TEST_F(FswatchPlugin, ASubfolderMovedInBringsItsFiles) {
    const auto host = open();
    fs::create_directories(temp / "lot/deep");
    write_file(temp / "lot/a.csv", "1\n");
    write_file(temp / "lot/deep/b.csv", "1\n");
    fs::rename(temp / "lot", root / "lot");
    ASSERT_TRUE(host->collect(2));
    EXPECT_EQ(names(*host), (Names{"a.csv", "b.csv"}));
}

TEST_F(FswatchPlugin, ARewriteIsANewNotification) {
    const auto host = open();
    write_file(root / "a.csv", "1\n");
    ASSERT_TRUE(host->collect(1));
    write_file(root / "a.csv", "1\n2\n");
    ASSERT_TRUE(host->collect(2));
    EXPECT_NE(host->events[0].property("file.etag"), host->events[1].property("file.etag"));
    EXPECT_EQ(host->events[1].property("file.size"), "4");
}

TEST_F(FswatchPlugin, ARestartAnnouncesWhatWasNotCommittedAndNothingElse) {
    {
        const auto host = open();
        write_file(root / "committed.csv", "1\n");
        ASSERT_TRUE(host->collect(1));
        write_file(root / "delivered.csv", "1\n");
        while (host->events.size() < 2)
            host->poll();
    } // without stop and without commit: a crash
    write_file(root / "meanwhile.csv", "1\n");
    const auto host = open();
    ASSERT_TRUE(host->collect(2));
    EXPECT_EQ(names(*host), (Names{"delivered.csv", "meanwhile.csv"}));
    EXPECT_EQ(host->events[0].sequence, 2u);
    finish(*host, 2);
}

TEST_F(FswatchPlugin, ALostLedgerCostsNoFile) {
    {
        const auto host = open();
        write_file(root / "a.csv", "1\n");
        ASSERT_TRUE(host->collect(1));
    }
    fs::remove(state / "ledger");
    const auto host = open();
    ASSERT_TRUE(host->collect(1));
    EXPECT_EQ(host->events[0].sequence, 2u) << "announced again, above the stored position";
    EXPECT_EQ(host->late_rows, 0u);
}

TEST_F(FswatchPlugin, WhatWasThereBeforeTheConnectionIsSkipped) {
    write_file(root / "old.csv", "1\n");
    values["start_at"] = "2200-01-01T00:00:00Z";
    const auto host = open();
    finish(*host, 0);
}

TEST_F(FswatchPlugin, WhatWasThereBeforeTheConnectionIsTakenOnRequest) {
    write_file(root / "old.csv", "1\n");
    values["start_at"] = "2200-01-01T00:00:00Z";
    values["ingest_existing"] = "true";
    const auto host = open();
    ASSERT_TRUE(host->collect(1));
    EXPECT_EQ(names(*host), Names{"old.csv"});
}

TEST_F(FswatchPlugin, MetadataTravelsAsHeaders) {
    values["path_template"] = "{database}/{table}/{*}";
    fs::create_directories(root / "db/t");
    write_file(root / "db/t/a.csv.meta.json", R"({"rawSizeBytes": 12, "kustoTable": "Sidecar"})");
    write_file(root / "db/t/b.csv.meta.json", "{");
    const auto host = open();
    write_file(root / "db/t/a.csv", "1\n");
    ASSERT_TRUE(host->collect(1));
    EXPECT_EQ(host->events[0].header("kustoDatabase"), "db");
    EXPECT_EQ(host->events[0].header("kustoTable"), "Sidecar");
    EXPECT_EQ(host->events[0].header("rawSizeBytes"), "12");
    EXPECT_FALSE(host->events[0].property("file.metadata_error"));
    write_file(root / "db/t/b.csv", "1\n");
    ASSERT_TRUE(host->collect(2));
    EXPECT_TRUE(host->events[1].property("file.metadata_error"));
}

TEST_F(FswatchPlugin, AThousandFilesAtOnceComeWithoutWaitingForEachOther) {
    const auto host = open();
    for (int i = 0; i < 1'000; ++i)
        write_file(root / ("f" + std::to_string(i)), std::to_string(i));
    ASSERT_TRUE(host->collect(1'000));
    EXPECT_EQ(names(*host).size(), 1'000u);
    finish(*host, 1'000);
}

TEST_F(FswatchPlugin, MoreFilesThanTheQueueHoldsWaitInTheLedger) {
    const auto host = open();
    for (int i = 0; i < 3'000; ++i)
        write_file(root / ("f" + std::to_string(i)), std::to_string(i));
    // Nobody polls until all of them are in the ledger.
    for (const auto end = std::chrono::steady_clock::now() + 60s;
         fs::file_size(state / "ledger") < 3'000 * 64 && std::chrono::steady_clock::now() < end;)
        std::this_thread::yield();
    ASSERT_TRUE(host->collect(3'000));
    EXPECT_EQ(names(*host).size(), 3'000u);
}

TEST_F(FswatchPlugin, KeepsToItsCredit) {
    const auto host = open();
    for (int i = 0; i < 10; ++i)
        write_file(root / ("f" + std::to_string(i)), std::to_string(i));
    while (host->events.empty())
        host->poll(1);
    EXPECT_EQ(host->events.size(), 1u);
    EXPECT_EQ(host->poll(0).count, 0u);
    EXPECT_LE(host->poll(3).count, 3u);
}

TEST_F(FswatchPlugin, AMissingRootIsWaitedFor) {
    fs::remove(root);
    PluginHost host(library(), store, values, state);
    ASSERT_EQ(host.create(), SLUICE_OK);
    EXPECT_EQ(host.check(), SLUICE_E_UNAVAILABLE);
    ASSERT_EQ(host.start(), SLUICE_OK);
    EXPECT_TRUE(host.run_until([&] { return host.health().find(root.string()) != std::string::npos; }));
    EXPECT_EQ(host.stop(), SLUICE_OK);
    EXPECT_EQ(host.health_state, SLUICE_CONNECTING);
}

TEST_F(FswatchPlugin, NotificationsAreCopiedToAFile) {
    values["emit_notifications"] = (temp / "copy.jsonl").string();
    const auto host = open();
    write_file(root / "a.csv", "1\n");
    ASSERT_TRUE(host->collect(1));
    std::ifstream copy(temp / "copy.jsonl");
    std::string line;
    std::getline(copy, line);
    EXPECT_EQ(line, host->events[0].payload);
}

TEST_F(FswatchPlugin, BadOptionsSayWhatIsWrong) {
    const std::map<std::string, std::string> bad = {
        {"path_template", "{tabel}"}, {"start_at", "soon"}, {"container_name", "a/b"}, {"root", ""}};
    for (const auto& [option, value] : bad) {
        OptionValues wrong = values;
        wrong[option] = value;
        PluginHost host(library(), store, wrong, state);
        EXPECT_EQ(host.create(), SLUICE_E_CONFIG) << option;
        ASSERT_EQ(host.failures.size(), 1u) << option;
        EXPECT_NE(host.failures[0].find(option), std::string::npos) << host.failures[0];
    }
}

TEST(FswatchOptions, AreDocumented) {
    for (std::size_t i = 0; i < library().plugin().option_count; ++i) {
        const sluice_option& option = library().option(i);
        EXPECT_TRUE(option.summary && *option.summary && option.example && *option.example) << option.name;
    }
}

} // namespace
} // namespace sluice::fswatch
