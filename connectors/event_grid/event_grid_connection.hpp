#pragma once

#include "core/router/connection.hpp"

#include <filesystem>

namespace sluice::connectors {

/// Rules of Event Grid data connections on a watched folder (data-connections 4): a message is a notification, the data is the
/// file it names. Reads the file beneath its root and runs the file action.
class EventGridConnection final : public router::DataConnection {
public:
    explicit EventGridConnection(router::ConnectionSettings settings) : settings_(std::move(settings)) {}

    bool has_routing(const router::Message&) const override { return true; }
    Result<router::RoutingProperties> routing_of(const router::Message& message) const override;
    std::optional<std::string> skip_reason(const router::Message& message) const override;
    std::string source_path(const router::Message& message, std::string_view lane) const override;
    std::string position_json(const router::Message& message, std::string_view lane) const override;

    bool names_files() const override { return true; }
    Result<router::FileReference> file_of(const router::Message& message) const override;
    Result<std::unique_ptr<router::OpenedFile>> open_file(router::FileReference& file) const override;
    std::string action_after(const router::FileReference& file, bool succeeded) const override;
    Result<> run_action(const std::string& action) const override;

private:
    const router::ConnectionSettings settings_;
};

} // namespace sluice::connectors
