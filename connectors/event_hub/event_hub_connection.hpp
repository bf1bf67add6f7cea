#pragma once

#include "core/router/connection.hpp"

namespace sluice::connectors {

/// Rules of Event Hub data connections (data-connections 2): routing from application properties, tombstones, Kafka coordinates.
/// Any plugin may feed it; what is not Kafka is named by lane and sequence.
class EventHubConnection final : public router::DataConnection {
public:
    explicit EventHubConnection(router::ConnectionSettings settings) : settings_(std::move(settings)) {}

    Result<router::RoutingProperties> routing_of(const router::Message& message) const override;
    std::vector<std::optional<std::string>> system_values(const router::Message& message, std::span<const router::RequestedProperty> requested,
                                                          Ticks received) const override;
    std::optional<std::string> skip_reason(const router::Message& message) const override;
    std::string source_path(const router::Message& message, std::string_view lane) const override;
    std::string position_json(const router::Message& message, std::string_view lane) const override;

private:
    const router::ConnectionSettings settings_;
};

/// The text of a header value: AMQP-encoded strings are unwrapped, everything else is UTF-8 text (data-connections 2.9.2).
std::string_view decode_header(std::string_view value);

} // namespace sluice::connectors
