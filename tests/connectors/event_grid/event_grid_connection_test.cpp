#include "connectors/event_grid/event_grid_connection.hpp"
#include "connectors/event_grid/local_file.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>

namespace sluice::connectors {
namespace {

namespace fs = std::filesystem;
using router::Message;

std::string notification(const std::string& path, std::size_t size) {
    std::ostringstream text;
    text << R"([{"subject":"/blobServices/default/containers/in/blobs/)" << path
         << R"(","eventType":"Microsoft.Storage.BlobCreated","data":{"api":"PutBlob","url":"file://in/)" << path
         << R"(","eTag":"e1","contentLength":)" << size << "}}]";
    return text.str();
}

void write(const fs::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

class EventGrid : public testing::Test {
protected:
    Message message_for(const std::string& relative, std::size_t size) {
        payload_ = notification(relative, size);
        path_ = (folder_.path() / relative).string();
        system_ = {{{"file.path", path_}, {"file.etag", "e1"}}};
        Message message;
        message.payload = payload_;
        message.system = system_.data();
        message.system_count = system_.size();
        return message;
    }

    test::TemporaryFolder folder_;
    std::string payload_, path_;
    std::array<Message::Property, 2> system_;
};

TEST_F(EventGrid, FindsTheFileOfANotification) {
    const auto file = EventGridConnection({.name = "drop"}).file_of(message_for("a.csv.gz", 12));
    ASSERT_TRUE(file);
    EXPECT_EQ(file->url, "file://in/a.csv.gz");
    EXPECT_EQ(file->name, "a.csv.gz");
    EXPECT_EQ(file->size, 12u);
    EXPECT_EQ(file->etag, "e1");
}

/// The notification of a rename has neither url nor length.
TEST_F(EventGrid, FindsARenamedFileUnderItsNewName) {
    Message message = message_for("b.csv", 0);
    payload_ = R"([{"eventType":"Microsoft.Storage.BlobRenamed","data":{"api":"RenameFile",)"
               R"("sourceUrl":"file://in/a.csv","destinationUrl":"file://in/b.csv"}}])";
    const std::array<Message::Property, 3> system{{{"file.path", path_}, {"file.etag", "e1"}, {"file.size", "34"}}};
    message.payload = payload_;
    message.system = system.data();
    message.system_count = system.size();
    const auto file = EventGridConnection({.name = "drop"}).file_of(message);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->url, "file://in/b.csv");
    EXPECT_EQ(file->size, 34u);
}

TEST_F(EventGrid, SkipsWhatIsNoNotificationAndOtherEventTypes) {
    const EventGridConnection connection({.name = "drop"});
    Message message;
    message.payload = "not json";
    EXPECT_EQ(connection.skip_reason(message), "malformed_notification");
    message.payload = R"([{"eventType":"Microsoft.Storage.BlobRenamed","data":{}}])";
    EXPECT_EQ(connection.skip_reason(message), "other_event_type");
    EXPECT_EQ(connection.skip_reason(message_for("a.csv", 1)), std::nullopt);
}

TEST_F(EventGrid, ReadsMetadataWithoutRegardToCase) {
    const std::array<Message::Property, 2> headers{{{"KUSTOTABLE", "Orders"}, {"kustoExtentTags", "day1"}}};
    Message message;
    message.headers = headers.data();
    message.header_count = headers.size();
    const auto routing = EventGridConnection({.name = "drop"}).routing_of(message);
    EXPECT_EQ(routing->table, "Orders");
    EXPECT_EQ(routing->tags, R"(["day1"])");
}

TEST_F(EventGrid, NoticesAFileThatChangedWhileItWasRead) {
    write(folder_.path() / "a.csv", "1,2\n");
    auto file = open_local_file((folder_.path() / "a.csv").string(), 4);
    ASSERT_TRUE(file);
    EXPECT_EQ(*(*file)->read(), "1,2\n");
    write(folder_.path() / "a.csv", "1,2\n3,4\n");
    EXPECT_EQ((*file)->verify().error().reason, "Superseded");
}

TEST_F(EventGrid, RefusesSymbolicLinksAndMissingFiles) {
    write(folder_.path() / "a.csv", "1\n");
    fs::create_symlink(folder_.path() / "a.csv", folder_.path() / "link.csv");
    EXPECT_EQ(open_local_file((folder_.path() / "link.csv").string(), 2).error().reason, "Download_Forbidden");
    EXPECT_EQ(open_local_file((folder_.path() / "no.csv").string(), 2).error().reason, "Download_SourceNotFound");
}

TEST_F(EventGrid, MovesADoneFileToItsPlaceAndTwiceIsFine) {
    const fs::path done = folder_.path() / ".done";
    router::ConnectionSettings settings{.name = "drop"};
    settings.on_success = "move";
    settings.done_dir = done.string();
    fs::create_directories(folder_.path() / "sub");
    write(folder_.path() / "sub/a.csv", "1\n");
    const EventGridConnection connection(settings);
    const auto file = connection.file_of(message_for("sub/a.csv", 2));
    const std::string action = connection.action_after(*file, true);
    ASSERT_TRUE(connection.run_action(action));
    EXPECT_TRUE(fs::exists(done / "sub/a.csv"));
    EXPECT_FALSE(fs::exists(folder_.path() / "sub/a.csv"));
    EXPECT_TRUE(connection.run_action(action));
}

TEST_F(EventGrid, KeepsBothFilesOnANameClash) {
    write(folder_.path() / "a.csv", "1\n");
    write(folder_.path() / "b.csv", "2\n");
    ASSERT_TRUE(move_file(folder_.path() / "a.csv", folder_.path() / "done/x.csv"));
    ASSERT_TRUE(move_file(folder_.path() / "b.csv", folder_.path() / "done/x.csv"));
    EXPECT_TRUE(fs::exists(folder_.path() / "done/x.csv.1"));
}

} // namespace
} // namespace sluice::connectors
