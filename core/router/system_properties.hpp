#pragma once

#include "core/base/clock.hpp"
#include "core/data/format.hpp"
#include "core/router/connection.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// System properties that a connection wants in its records: `eventSystemProperties` (data-connections 1.4).
namespace sluice::router {

/// Those of an Event Hub (2.3), then those of an IoT Hub in the order of their fields (3.3).
enum class SystemProperty : std::uint8_t {
    KafkaTopic,
    KafkaPartition,
    KafkaKey,
    Publisher,
    PartitionKey,
    MessageId,
    IotEnqueuedTime,
    UserId,
    DeviceId,
    ModuleId,
    AuthGenerationId,
    AuthMethod,
    AppCreationTime,
    CreationTime,
    DataSchema,
    Subject,
    CorrelationId,
    ContentType,
    ContentEncoding,
    IotSequenceNumber,
    SequenceNumber,
    Offset,
    EnqueuedTime,
};

/// A name in any case; nothing when this kind of connection has no such property.
std::optional<SystemProperty> find_system_property(ConnectionKind kind, std::string_view name);
/// All names that this kind of connection knows, for messages: "a, b, c".
std::string system_property_names(ConnectionKind kind);

struct RequestedProperty {
    std::string name; ///< as the connection spells it: so the JSON member is called
    SystemProperty id;
};
/// What the connection wants, in the order of the fields: as listed for an Event Hub, as in 3.3 for an IoT Hub.
std::vector<RequestedProperty> requested_properties(const ConnectionSettings& settings);

/// The format has a place for embedded properties; others are ingested without (data-connections 1.4).
bool takes_embedded(data::Format format);
/// Appends one property as SourceFacts::embedded wants it. `value` is nothing when the message has none.
void append_embedded(std::string& out, data::Format format, const RequestedProperty& property,
                     const std::optional<std::string>& value);

/// ISO 8601 with 7 fractional digits.
std::string embedded_time(Ticks time);
/// Bytes of a sender as text: UTF-8 as it is, else base64.
std::string embedded_bytes(std::string_view bytes);

} // namespace sluice::router
