#include "connectors/event_grid/event_grid_connection.hpp"

#include "connectors/event_grid/local_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace sluice::connectors {

using nlohmann::json;
using router::FileReference;
using router::Message;
using router::RoutingProperties;

namespace {

struct MetadataName {
    std::string_view name;
    std::optional<std::string> RoutingProperties::*target;
};

// Compared without regard to case, as Azure metadata is (data-connections 4.2).
constexpr std::array<MetadataName, 10> kMetadata{{
    {"kustoUncompressedSizeBytes", &RoutingProperties::raw_size}, // alias: the primary name below wins
    {"rawSizeBytes", &RoutingProperties::raw_size},
    {"kustoCreationTimeUtc", &RoutingProperties::creation_time}, // alias: the primary name below wins
    {"kustoDatabase", &RoutingProperties::database},
    {"kustoTable", &RoutingProperties::table},
    {"kustoDataFormat", &RoutingProperties::format},
    {"kustoIngestionMappingReference", &RoutingProperties::mapping},
    {"kustoIgnoreFirstRecord", &RoutingProperties::ignore_first_record},
    {"kustoExtentTags", &RoutingProperties::tags},
    {"kustoCreationTime", &RoutingProperties::creation_time},
}};

bool equal_names(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// The notification: the first element of a delivery array, or the object itself. Discarded: not JSON of that shape.
json parse_notification(std::string_view payload) {
    auto parsed = json::parse(payload, nullptr, false);
    if (parsed.is_array() && !parsed.empty())
        parsed = parsed.front();
    return parsed.is_object() ? parsed : json(json::value_t::discarded);
}

std::string text_at(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string file_name(std::string_view url) { return std::string(url.substr(url.rfind('/') + 1)); }

} // namespace

Result<RoutingProperties> EventGridConnection::routing_of(const Message& message) const {
    if (const auto broken = message.system_property("file.metadata_error"))
        return Error{ErrorCode::Invalid, fmt::format("The metadata beside the file cannot be read: {}", *broken),
                     "BadRequest_MalformedIngestionProperty"};
    RoutingProperties routing;
    for (const MetadataName& known : kMetadata)
        for (std::size_t i = 0; i < message.header_count; ++i)
            if (!message.headers[i].is_null && equal_names(message.headers[i].name, known.name))
                routing.*known.target = std::string(message.headers[i].value);
    if (routing.tags && !routing.tags->empty() && !routing.tags->starts_with('['))
        routing.tags = json::array({*routing.tags}).dump(-1, ' ', false, json::error_handler_t::replace); // one plain tag
    return routing;
}

std::optional<std::string> EventGridConnection::skip_reason(const Message& message) const {
    if (message.payload_is_null)
        return "tombstone";
    const json notification = parse_notification(message.payload);
    if (notification.is_discarded())
        return "malformed_notification"; // the reference discards it (data-connections 4.1)
    const std::string type = text_at(notification, "eventType").empty() ? text_at(notification, "type") : text_at(notification, "eventType");
    // The move from a temporary name is a rename for those who ask for renames (data-connections 4.9.3).
    const auto data = notification.find("data");
    const bool by_rename = data != notification.end() && data->is_object() && text_at(*data, "api") == "RenameFile";
    const bool wants_renames = settings_.blob_storage_event_type == "Microsoft.Storage.BlobRenamed";
    if (type != settings_.blob_storage_event_type && !(wants_renames && by_rename))
        return "other_event_type";
    return std::nullopt;
}

std::string EventGridConnection::source_path(const Message& message, std::string_view lane) const {
    const auto file = file_of(message);
    return file ? file->url : fmt::format("source://{}/{}/{}", settings_.name, lane, message.sequence);
}

std::string EventGridConnection::position_json(const Message& message, std::string_view lane) const {
    nlohmann::ordered_json position;
    position["lane"] = lane;
    position["sequence"] = message.sequence;
    return position.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<FileReference> EventGridConnection::file_of(const Message& message) const {
    const json notification = parse_notification(message.payload);
    const auto data = notification.find("data");
    if (notification.is_discarded() || data == notification.end() || !data->is_object())
        return Error{ErrorCode::Invalid, "The notification has no `data` object.", "BadRequest_InvalidBlobUri"};
    FileReference file;
    file.url = text_at(*data, "url").empty() ? text_at(*data, "destinationUrl") : text_at(*data, "url");
    file.etag = std::string(message.system_property("file.etag").value_or(std::string_view()));
    if (file.etag.empty())
        file.etag = text_at(*data, "eTag");
    const auto path = message.system_property("file.path");
    if (file.url.empty() || !path)
        return Error{ErrorCode::Unsupported,
                     fmt::format("The notification for '{}' names no local file; blobs of a storage account are not fetched by this "
                                 "version, feed the connection with the fswatch plugin.",
                                 file.url),
                     "BadRequest_InvalidBlobUri"};
    file.path = std::string(*path);
    file.name = file_name(file.path);
    // The notification of a rename has no length; the plugin tells it all the same.
    if (const auto size = message.system_property("file.size"))
        std::from_chars(size->data(), size->data() + size->size(), file.size);
    else if (const auto length = data->find("contentLength"); length != data->end() && length->is_number_unsigned())
        file.size = length->get<Bytes>();
    return file;
}

Result<std::unique_ptr<router::OpenedFile>> EventGridConnection::open_file(FileReference& file) const {
    SLUICE_TRY(auto opened, open_local_file(file.path, file.size));
    file.identity = identity_of(file.path);
    return opened;
}

std::string EventGridConnection::action_after(const FileReference& file, bool succeeded) const {
    const std::string& wanted = succeeded ? settings_.on_success : settings_.on_failure;
    if (wanted == "keep")
        return {};
    nlohmann::ordered_json action;
    action["action"] = wanted;
    action["path"] = file.path;
    action["identity"] = file.identity.empty() ? identity_of(file.path) : file.identity;
    if (wanted == "move") {
        // file://container/a/b.csv keeps its relative path a/b.csv below the destination.
        const std::size_t container = file.url.find("://");
        const std::size_t relative = container == std::string::npos ? std::string::npos : file.url.find('/', container + 3);
        const std::string below = relative == std::string::npos ? file.name : file.url.substr(relative + 1);
        action["to"] = (std::filesystem::path(succeeded ? settings_.done_dir : settings_.failed_dir) / below).string();
    }
    return action.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<> EventGridConnection::run_action(const std::string& text) const {
    const json action = json::parse(text, nullptr, false);
    if (!action.is_object())
        return Error{ErrorCode::Internal, fmt::format("'{}' is no file action", text)};
    const std::string path = text_at(action, "path");
    if (identity_of(path) != text_at(action, "identity"))
        return {}; // done before, or the name belongs to a newer file that nobody has ingested yet
    if (text_at(action, "action") == "move")
        return move_file(path, text_at(action, "to"));
    std::error_code failed;
    std::filesystem::remove(path, failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("cannot delete {}: {}", path, failed.message())};
    return {};
}

} // namespace sluice::connectors
