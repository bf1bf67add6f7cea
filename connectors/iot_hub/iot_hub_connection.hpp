#pragma once

#include "core/router/connection.hpp"

namespace sluice::connectors {

/// Rules of IoT Hub data connections (data-connections 3): routing from the property bag of the topic and from MQTT 5 user properties.
class IotHubConnection final : public router::DataConnection {
public:
    explicit IotHubConnection(router::ConnectionSettings settings) : settings_(std::move(settings)) {}

    bool has_routing(const router::Message& message) const override;
    Result<router::RoutingProperties> routing_of(const router::Message& message) const override;
    std::vector<std::optional<std::string>> system_values(const router::Message& message, std::span<const router::RequestedProperty> requested,
                                                          Ticks received) const override;
    std::optional<std::string> skip_reason(const router::Message& message) const override;
    std::string source_path(const router::Message& message, std::string_view lane) const override;
    std::string position_json(const router::Message& message, std::string_view lane) const override;

private:
    const router::ConnectionSettings settings_;
};

} // namespace sluice::connectors
