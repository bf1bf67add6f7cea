#include "plugins/fswatch/folder.hpp"
#include "plugins/fswatch/notification.hpp"
#include "tests/plugins/fswatch/write_file.hpp"
#include "tests/support/temporary_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>

namespace sluice::fswatch {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Counts : public Report {
public:
    void count(Count what) override { ++counts[what]; }
    void warn(const std::string& text) override { warnings.push_back(text); }
    std::map<Count, int> counts;
    std::vector<std::string> warnings;
};

/// Real files, and steps at times that the test makes up.
class FolderTest : public ::testing::Test {
protected:
    FolderTest() {
        fs::create_directory(root);
        rules.root = root.string();
        rules.names.container = "data";
        rules.start_ns = wall_clock_ns() - 3'600'000'000'000; // everything a test makes is new
    }
    Folder& open(std::uint64_t after = 0) {
        folder.reset();
        folder.emplace(rules, (temp / "ledger").string(), after, report);
        settle(0s);
        return *folder;
    }
    /// Lets that much time pass in small steps, until nothing more is to be done right away.
    void settle(std::chrono::milliseconds time) {
        const SteadyTime end = now + time;
        for (int steps = 0; steps < 10'000; ++steps) {
            const SteadyTime wake = folder->step(now);
            if (wake > end)
                break;
            now = std::max(now, wake);
        }
        now = end;
    }
    std::vector<LedgerEntry> announced() {
        std::vector<LedgerEntry> entries;
        while (auto one = folder->next_announcement(now))
            entries.push_back(std::move(one->entry));
        return entries;
    }
    std::set<std::string> announced_paths() {
        std::set<std::string> paths;
        for (const auto& entry : announced())
            paths.insert(entry.path);
        return paths;
    }
    using Paths = std::set<std::string>;

    test::TemporaryFolder temp;
    fs::path root = temp / "in";
    FolderRules rules;
    Counts report;
    SteadyTime now{1'000'000s};
    std::optional<Folder> folder;
};

TEST_F(FolderTest, AWrittenFileIsAnnouncedAfterTheSettleTime) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(900ms);
    EXPECT_TRUE(announced().empty());
    settle(200ms);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].path, "a.csv");
    EXPECT_EQ(entries[0].arrival, Arrival::Written);
    EXPECT_EQ(entries[0].facts.size, 2u);
}

TEST_F(FolderTest, AFileMovedInIsAnnouncedAtOnce) {
    write_file(temp / "a.csv", "1\n");
    open();
    fs::rename(temp / "a.csv", root / "a.csv");
    settle(0ms);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].arrival, Arrival::MovedIn);
}

TEST_F(FolderTest, AThousandMovedFilesNeedNoTimeEach) {
    for (int i = 0; i < 1'000; ++i)
        write_file(temp / ("f" + std::to_string(i)), std::to_string(i));
    open();
    for (int i = 0; i < 1'000; ++i)
        fs::rename(temp / ("f" + std::to_string(i)), root / ("f" + std::to_string(i)));
    settle(0ms);
    EXPECT_EQ(announced().size(), 1'000u);
}

TEST_F(FolderTest, ATemporaryNameIsTheUploadProtocol) {
    open();
    write_file(root / "a.csv.tmp", "1\n");
    settle(3s);
    EXPECT_TRUE(announced().empty());
    fs::rename(root / "a.csv.tmp", root / "a.csv");
    settle(0ms);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].path, "a.csv");
    EXPECT_EQ(entries[0].arrival, Arrival::Uploaded);
}

TEST_F(FolderTest, AnOpenWriterHoldsItsFileBack) {
    write_file(temp / "a.csv", "1\n");
    Descriptor writer(::open((temp / "a.csv").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    open();
    fs::rename(temp / "a.csv", root / "a.csv");
    settle(10s);
    EXPECT_TRUE(announced().empty());
    ASSERT_EQ(::write(writer.get(), "2\n", 2), 2);
    {
        const Descriptor closing(std::move(writer));
    }
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].facts.size, 4u);
    EXPECT_EQ(entries[0].arrival, Arrival::MovedIn);
}

TEST_F(FolderTest, ARenameAfterTheAnnouncementIsARename) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(2s);
    ASSERT_EQ(announced_paths(), Paths{"a.csv"});
    fs::rename(root / "a.csv", root / "b.csv");
    settle(1s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].path, "b.csv");
    EXPECT_EQ(entries[0].source_path, "a.csv");
    EXPECT_EQ(entries[0].arrival, Arrival::Renamed);
}

TEST_F(FolderTest, ARenameBeforeTheAnnouncementIsACreation) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(500ms);
    fs::rename(root / "a.csv", root / "b.csv");
    settle(0ms);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].path, "b.csv");
    EXPECT_EQ(entries[0].arrival, Arrival::Uploaded);
}

TEST_F(FolderTest, AFileWrittenToAfterItsRenameIsNewContent) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    fs::rename(root / "a.csv", root / "b.csv");
    write_file(root / "b.csv", "1\n2\n");
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].path, "b.csv");
    EXPECT_EQ(entries[0].arrival, Arrival::Uploaded);
}

TEST_F(FolderTest, AFolderMovedInBringsItsFiles) {
    fs::create_directories(temp / "lot/deep");
    write_file(temp / "lot/a.csv", "1\n");
    write_file(temp / "lot/deep/b.csv", "1\n");
    open();
    fs::rename(temp / "lot", root / "lot");
    settle(0ms);
    EXPECT_EQ(announced_paths(), (Paths{"lot/a.csv", "lot/deep/b.csv"}));
    write_file(root / "lot/deep/c.csv", "1\n");
    settle(2s);
    EXPECT_EQ(announced_paths(), Paths{"lot/deep/c.csv"}) << "the new folders are watched";
}

TEST_F(FolderTest, AFolderRenamedInsideBringsNothing) {
    fs::create_directory(root / "old");
    open();
    write_file(root / "old/a.csv", "1\n");
    settle(2s);
    ASSERT_EQ(announced_paths(), Paths{"old/a.csv"});
    fs::rename(root / "old", root / "new");
    settle(2s);
    EXPECT_TRUE(announced().empty());
    write_file(root / "new/b.csv", "1\n");
    settle(2s);
    EXPECT_EQ(announced_paths(), Paths{"new/b.csv"}) << "its watch has the new path";
    open(2);
    settle(2s);
    EXPECT_TRUE(announced().empty()) << "the ledger has the new paths";
}

TEST_F(FolderTest, AFolderThatGetsItsNameWhenCompleteIsAnUpload) {
    fs::create_directory(root / ".lot");
    write_file(root / ".lot/a.csv", "1\n");
    open();
    settle(2s);
    EXPECT_TRUE(announced().empty());
    fs::rename(root / ".lot", root / "lot");
    settle(0ms);
    EXPECT_EQ(announced_paths(), Paths{"lot/a.csv"});
}

TEST_F(FolderTest, AFolderThatLeavesIsForgotten) {
    fs::create_directory(root / "lot");
    open();
    write_file(root / "lot/a.csv", "1\n");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    fs::rename(root / "lot", temp / "lot");
    settle(1s);
    EXPECT_EQ(folder->known_files(), 0u);
    write_file(temp / "lot/b.csv", "1\n");
    settle(2s);
    EXPECT_TRUE(announced().empty());
}

TEST_F(FolderTest, ARewrittenFileIsANewVersion) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    write_file(root / "a.csv", "1\n2\n");
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].facts.size, 4u);
    EXPECT_EQ(entries[0].sequence, 2u);
}

TEST_F(FolderTest, OpeningForAppendWithoutWritingIsADuplicate) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    {
        const Descriptor untouched(::open((root / "a.csv").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    }
    settle(2s);
    EXPECT_TRUE(announced().empty());
    EXPECT_EQ(report.counts[Report::Count::Duplicate], 1);
}

TEST_F(FolderTest, AnEmptyFileWaitsForItsContent) {
    open();
    write_file(root / "a.csv", "");
    settle(2s);
    EXPECT_TRUE(announced().empty());
    EXPECT_EQ(report.counts[Report::Count::Empty], 1);
    write_file(root / "a.csv", "1\n");
    settle(2s);
    EXPECT_EQ(announced_paths(), Paths{"a.csv"});
}

TEST_F(FolderTest, ADeletedFileIsDropped) {
    open();
    write_file(root / "a.csv", "1\n");
    settle(500ms);
    fs::remove(root / "a.csv");
    settle(2s);
    EXPECT_TRUE(announced().empty());
    EXPECT_EQ(report.counts[Report::Count::Vanished], 1);
}

TEST_F(FolderTest, AHardLinkIsFoundAndASymbolicLinkIsNot) {
    write_file(temp / "outside.csv", "1\n");
    open();
    fs::create_hard_link(temp / "outside.csv", root / "hard.csv");
    fs::create_symlink(temp / "outside.csv", root / "soft.csv");
    fs::create_directory_symlink(temp.path(), root / "loop");
    ASSERT_EQ(::mkfifo((root / "pipe.csv").c_str(), 0600), 0);
    settle(4s);
    EXPECT_TRUE(announced().empty());
    settle(3s);
    EXPECT_EQ(announced_paths(), Paths{"hard.csv"});
}

TEST_F(FolderTest, WhatWasThereBeforeTheConnectionIsSkipped) {
    write_file(root / "old.csv", "1\n");
    rules.start_ns = wall_clock_ns() + 3'600'000'000'000;
    open();
    settle(2s);
    EXPECT_TRUE(announced().empty());
    fs::permissions(root / "old.csv", fs::perms::owner_read);
    rules.start_ns = wall_clock_ns() - 1'800'000'000'000; // as if the hour had passed
    open();
    settle(2s);
    EXPECT_EQ(announced_paths(), Paths{"old.csv"}) << "an earlier start wants it";
}

TEST_F(FolderTest, ChangingTheModeOfASkippedFileDoesNotBringIt) {
    write_file(root / "old.csv", "1\n");
    rules.start_ns = wall_clock_ns() + 1;
    while (wall_clock_ns() <= rules.start_ns + 20'000'000) // beyond the grain of file times
        ;
    open();
    settle(2s);
    ASSERT_TRUE(announced().empty());
    fs::permissions(root / "old.csv", fs::perms::owner_read);
    settle(10min);
    EXPECT_TRUE(announced().empty());
}

TEST_F(FolderTest, WhatWasThereBeforeIsTakenWhenAskedFor) {
    write_file(root / "old.csv", "1\n");
    rules.start_ns = wall_clock_ns() + 3'600'000'000'000;
    rules.ingest_existing = true;
    open();
    settle(2s);
    EXPECT_EQ(announced_paths(), Paths{"old.csv"});
}

TEST_F(FolderTest, AfterARestartAnnouncesWhatWasNotCommittedAndNothingElse) {
    open();
    for (const auto* name : {"a", "b", "c"}) {
        write_file(root / name, name);
        settle(2s);
    }
    ASSERT_EQ(announced().size(), 3u);
    write_file(temp / "d", "d");
    folder.reset();
    fs::rename(temp / "d", root / "d"); // while nobody watches
    open(1);
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0].path, "b");
    EXPECT_EQ(entries[0].sequence, 2u);
    EXPECT_EQ(entries[1].path, "c");
    EXPECT_EQ(entries[2].path, "d");
    EXPECT_EQ(entries[2].sequence, 4u);
}

TEST_F(FolderTest, AFileRewrittenWhileNobodyWatchedIsAnnouncedInItsNewVersionOnly) {
    open();
    write_file(root / "a", "1");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    folder.reset();
    write_file(root / "a", "22");
    open(0);
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].facts.size, 2u);
}

TEST_F(FolderTest, ARenameWhileNobodyWatchedIsARename) {
    open();
    write_file(root / "a", "1");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    folder.reset();
    fs::rename(root / "a", root / "b");
    open(1);
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].arrival, Arrival::Renamed);
    EXPECT_EQ(entries[0].source_path, "a");
}

TEST_F(FolderTest, ARenameOfAFileThatWasNotCommittedIsACreation) {
    open();
    write_file(root / "a", "1");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    folder.reset();
    fs::rename(root / "a", root / "b");
    open(0);
    settle(2s);
    const auto entries = announced();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].path, "b");
    EXPECT_NE(entries[0].arrival, Arrival::Renamed);
}

TEST_F(FolderTest, ATouchedFileIsUnchangedOnceItWasDealtWith) {
    open();
    write_file(root / "a", "1");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    folder->acknowledged(1);
    const auto dealt_with = wall_clock_ns();
    while (wall_clock_ns() < dealt_with + 20'000'000) // beyond the grain of file times
        ;
    fs::last_write_time(root / "a", fs::file_time_type::clock::now() + 10s);
    settle(6min);
    EXPECT_TRUE(announced().empty());
    fs::last_write_time(root / "a", fs::file_time_type::clock::now() + 20s);
    open(1);
    settle(2s);
    EXPECT_TRUE(announced().empty());
}

TEST_F(FolderTest, AFileTouchedBeforeItWasDealtWithIsAnnouncedAgain) {
    open();
    write_file(root / "a", "1");
    settle(2s);
    ASSERT_EQ(announced().size(), 1u);
    fs::last_write_time(root / "a", fs::file_time_type::clock::now() + 10s);
    settle(6min);
    EXPECT_EQ(announced().size(), 1u) << "its reader may have refused the old version as changed";
}

TEST_F(FolderTest, PollingSeesTheSameFiles) {
    rules.mode = Mode::Poll;
    open();
    EXPECT_EQ(folder->fd(), -1);
    fs::create_directory(root / "sub");
    write_file(root / "a", "1");
    write_file(root / "sub/b", "1");
    settle(29s);
    EXPECT_TRUE(announced().empty());
    settle(5s);
    EXPECT_EQ(announced_paths(), (Paths{"a", "sub/b"}));
    write_file(root / "a", "22");
    settle(35s);
    EXPECT_EQ(announced_paths(), Paths{"a"});
}

TEST_F(FolderTest, AnOverflowOfTheKernelsQueueLosesNothing) {
    open();
    std::size_t limit = 16'384;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
    const std::size_t files = limit / 2 + 1'000; // create and close: two events each
    for (std::size_t i = 0; i < files; ++i)
        write_file(root / ("f" + std::to_string(i)), "x");
    settle(10s);
    EXPECT_EQ(announced().size(), files);
    EXPECT_GE(report.counts[Report::Count::Overflow], 1);
}

TEST_F(FolderTest, TheRescanForgetsWhatIsGone) {
    rules.mode = Mode::Poll;
    open();
    write_file(root / "a", "1");
    settle(40s);
    ASSERT_EQ(announced().size(), 1u);
    fs::remove(root / "a");
    settle(40s);
    EXPECT_EQ(folder->known_files(), 0u);
}

TEST_F(FolderTest, ARootThatGoesAwayIsReported) {
    open();
    fs::rename(root, temp / "elsewhere");
    EXPECT_THROW(folder->step(now), RootMissing);
    EXPECT_THROW(Folder(rules, (temp / "ledger").string(), 0, report), RootMissing);
}

TEST_F(FolderTest, UnwantedApisAreFilteredForGood) {
    rules.apis = {"PutBlob"};
    write_file(temp / "moved", "1");
    open();
    fs::rename(temp / "moved", root / "moved");
    write_file(root / "written", "1");
    settle(2s);
    EXPECT_EQ(announced_paths(), Paths{"moved"});
    open(1);
    settle(10min);
    EXPECT_TRUE(announced().empty());
    EXPECT_EQ(report.counts[Report::Count::Filtered], 1);
}

TEST_F(FolderTest, MetadataComesFromSidecarAndPath) {
    rules.path_template.emplace("{database}/{table}/{*}");
    fs::create_directories(root / "db/t");
    write_file(root / "db/t/a.csv.meta.json", R"({"kustoTable":"Other","rawSizeBytes":7})");
    write_file(root / "db/t/b.csv.meta.json", "not json");
    open();
    settle(2s);
    EXPECT_TRUE(announced().empty()) << "a sidecar is no file";
    write_file(root / "db/t/a.csv", "1\n");
    settle(2s);
    const auto with_sidecar = folder->next_announcement(now);
    ASSERT_TRUE(with_sidecar);
    EXPECT_EQ(with_sidecar->metadata,
              (Metadata{{"kustoTable", "Other"}, {"rawSizeBytes", "7"}, {"kustoDatabase", "db"}}));
    EXPECT_TRUE(with_sidecar->metadata_error.empty());
    write_file(root / "db/t/b.csv", "1\n");
    settle(2s);
    const auto broken = folder->next_announcement(now);
    ASSERT_TRUE(broken);
    EXPECT_NE(broken->metadata_error.find("b.csv.meta.json is not valid JSON"), std::string::npos)
        << broken->metadata_error;
}

TEST_F(FolderTest, FilesReadyTogetherComeByTimeAndName) {
    for (const auto* name : {"b", "a", "c"})
        write_file(temp / name, name);
    fs::last_write_time(temp / "c", fs::file_time_type::clock::now() - 1h);
    const auto together = fs::file_time_type::clock::now();
    fs::last_write_time(temp / "a", together);
    fs::last_write_time(temp / "b", together);
    open();
    for (const auto* name : {"b", "a", "c"})
        fs::rename(temp / name, root / name);
    settle(0ms);
    std::vector<std::string> order;
    for (const auto& entry : announced())
        order.push_back(entry.path);
    EXPECT_EQ(order, (std::vector<std::string>{"c", "a", "b"}));
}

TEST_F(FolderTest, AskingForWritersSurvivesAWriterThatComesMeanwhile) {
    open();
    const std::string path = (root / "busy").string();
    write_file(path, "x");
    // A lease that is broken raises a signal whose default action would end the process.
    const pid_t writer = ::fork();
    if (writer == 0) {
        for (int i = 0; i < 20'000; ++i)
            ::close(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        ::_exit(0);
    }
    int status = 0;
    const Root files(root.string());
    std::size_t looks = 0;
    while (::waitpid(writer, &status, WNOHANG) == 0 && looks < 10'000'000)
        looks += files.look("busy", true, true) ? 1 : 0;
    EXPECT_EQ(status, 0);
    EXPECT_GT(looks, 0u);
}

} // namespace
} // namespace sluice::fswatch
