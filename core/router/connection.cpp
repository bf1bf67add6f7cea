#include "core/router/connection.hpp"

#include "core/router/system_properties.hpp"

namespace sluice::router {
namespace {

std::optional<std::string_view> last_of(const Message::Property* properties, std::size_t count, std::string_view name) {
    for (std::size_t i = count; i-- > 0;)
        if (properties[i].name == name)
            return properties[i].is_null ? std::nullopt : std::optional(properties[i].value);
    return std::nullopt;
}

Error no_files() { return Error{ErrorCode::Internal, "this kind of connection names no files"}; }

} // namespace

std::string_view to_string(ConnectionKind kind) {
    switch (kind) {
    case ConnectionKind::EventHub:
        return "EventHub";
    case ConnectionKind::IotHub:
        return "IotHub";
    case ConnectionKind::EventGrid:
        break;
    }
    return "EventGrid";
}

std::optional<std::string_view> Message::header(std::string_view name) const { return last_of(headers, header_count, name); }
std::optional<std::string_view> Message::system_property(std::string_view name) const { return last_of(system, system_count, name); }

std::vector<std::optional<std::string>> DataConnection::system_values(const Message&, std::span<const RequestedProperty> requested, Ticks) const {
    return std::vector<std::optional<std::string>>(requested.size());
}
Result<FileReference> DataConnection::file_of(const Message&) const { return no_files(); }
Result<std::unique_ptr<OpenedFile>> DataConnection::open_file(FileReference&) const { return no_files(); }
std::string DataConnection::action_after(const FileReference&, bool) const { return {}; }
Result<> DataConnection::run_action(const std::string&) const { return no_files(); }

} // namespace sluice::router
