#pragma once

#include "core/base/result.hpp"
#include "core/data/format.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// From a source's message to an ingestion request: what the kinds of data connections have in common (data-connections 1).
namespace sluice::router {

enum class ConnectionKind : std::uint8_t { EventHub, IotHub, EventGrid };
std::string_view to_string(ConnectionKind kind);

enum class Compression : std::uint8_t { None, GZip };

/// `[[connection]]` and its `properties` (data-connections 1.2, configuration 3.1 and 3.2).
struct ConnectionSettings {
    std::string name;
    ConnectionKind kind = ConnectionKind::EventHub;
    std::string database;
    bool enabled = true;
    Bytes max_in_flight_bytes = 64_MiB;
    std::optional<Bytes> max_event_bytes;
    std::chrono::milliseconds micro_batch_time{10};
    Bytes micro_batch_bytes = 1_MiB;
    std::uint32_t micro_batch_events = 1000;
    bool strict = false;
    std::string topic_template = {}, auth_method = {};
    std::uint32_t max_parallel_files = 4;
    std::string on_success = "keep", on_failure = "keep", done_dir = {}, failed_dir = {};

    std::string consumer_group = "$Default";
    std::string table_name = {}, mapping_rule_name = {};
    std::string data_format = {};
    std::vector<std::string> event_system_properties = {}; ///< known names, see system_properties.hpp
    Compression compression = Compression::None;
    bool multi_database = false;
    std::optional<Ticks> retrieval_start_date = {};
    std::string blob_storage_event_type = "Microsoft.Storage.BlobCreated";
    bool ignore_first_record = false;
};

/// One message of a source, as the plugin handed it over. Borrowed until Intake::deliver() returns.
struct Message {
    std::uint32_t lane = 0; ///< index that the router gave the lane
    std::uint64_t sequence = 0;
    std::optional<Ticks> timestamp;
    std::string_view payload, key, position;
    bool payload_is_null = false; ///< told apart from an empty one by the pointer
    bool padded = false;          ///< 64 readable bytes follow the payload
    struct Property {
        std::string_view name, value;
        bool is_null = false;
    };
    const Property* headers = nullptr;
    std::size_t header_count = 0;
    const Property* system = nullptr;
    std::size_t system_count = 0;

    /// The last one of that name, or nothing.
    std::optional<std::string_view> header(std::string_view name) const;
    std::optional<std::string_view> system_property(std::string_view name) const;
};

/// What an event asks for after static values and its own properties were put together (data-connections 1.3).
struct RoutingProperties {
    std::optional<std::string> database, table, format, mapping, compression, encoding, tags;
    std::optional<std::string> ignore_first_record, creation_time, raw_size;
};

/// A file or blob that a notification names.
struct FileReference {
    std::string url;   ///< as in the notification, `file://<container>/<path>`
    std::string etag;
    std::string name;  ///< decides the format by its extension, and whether it is gzipped
    std::string path;  ///< where to open it
    Bytes size = 0;    ///< as notified
    std::string identity = {}; ///< filled in by open_file: tells the opened file from another under the same name
};

/// An opened file, read block by block. One thread at a time.
class OpenedFile {
public:
    virtual ~OpenedFile() = default;
    /// The next block, at most 4 MiB; empty at the end. Valid until the next call.
    virtual Result<std::string_view> read() = 0;
    /// For what is not read from front to back; open as long as this.
    virtual int descriptor() const = 0;
    /// Conflict when the file is no longer the one that was notified: what was read must be thrown away (data-connections 4.9.4).
    virtual Result<> verify() = 0;
};

struct RequestedProperty;

/// The rules of one kind of data connection: reads routing and bodies out of messages. Stateless; thread-safe.
class DataConnection {
public:
    virtual ~DataConnection() = default;

    /// The message may ask for routing of its own; false lets the router use the connection's static plan at once.
    virtual bool has_routing(const Message& message) const { return message.header_count > 0; }
    /// What the message's own properties say. An error makes the message a dead letter.
    virtual Result<RoutingProperties> routing_of(const Message& message) const = 0;
    /// The values of system properties as texts, one for each requested one; nothing where the message has none (data-connections
    /// 2.9.1 and 3.8.1). `received` stands in when the message brings no time of its own.
    virtual std::vector<std::optional<std::string>> system_values(const Message& message, std::span<const RequestedProperty> requested,
                                                                  Ticks received) const;
    /// Why the message is passed over and counted, such as "tombstone"; nothing when it is an event.
    virtual std::optional<std::string> skip_reason(const Message& message) const = 0;
    /// IngestionSourcePath (data-connections 1.8), such as "kafka://orders/orders/3/42".
    virtual std::string source_path(const Message& message, std::string_view lane) const = 0;
    /// `position` of a dead letter, JSON.
    virtual std::string position_json(const Message& message, std::string_view lane) const = 0;

    /// The body to parse is not the payload but a file that the payload names.
    virtual bool names_files() const { return false; }
    /// The file that a notification names. An error makes the notification a dead letter.
    virtual Result<FileReference> file_of(const Message& message) const;
    /// NotFound: gone, to be skipped. Denied, Io, Unavailable: worth another try later.
    virtual Result<std::unique_ptr<OpenedFile>> open_file(FileReference& file) const;
    /// What to do with the file once its fate is committed, as JSON to be stored with its record; empty: nothing.
    virtual std::string action_after(const FileReference& file, bool succeeded) const;
    /// Does it, unless the name belongs to another file by now. Repeating an action that was done is a success.
    virtual Result<> run_action(const std::string& action) const;
};

} // namespace sluice::router
