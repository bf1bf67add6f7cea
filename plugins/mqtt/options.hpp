#pragma once

#include <sluice/source_plugin.h>

namespace sluice::mqtt {

/// The keys of `source` with `plugin = "mqtt"` (configuration.md 3.5), in the order of kOptions.
enum Option : unsigned {
    kBroker,
    kTopics,
    kClientId,
    kProtocol,
    kQos,
    kSessionExpiry,
    kKeepAlive,
    kReceiveMaximum,
    kShareName,
    kUsername,
    kPassword,
    kTlsCaFile,
    kTlsCertFile,
    kTlsKeyFile,
    kSpoolMaxBytes,
    kSpoolSegmentBytes,
    kSpoolSync,
    kSpoolSyncInterval,
    kOptionCount
};

inline constexpr const char* kProtocols[] = {"5", "3.1.1", nullptr};
inline constexpr const char* kSyncs[] = {"always", "interval", "none", nullptr};
inline constexpr const char* kDeviceTopics[] = {"devices/+/messages/events/#", "devices/+/modules/+/messages/events/#"};

inline constexpr sluice_option kOptions[kOptionCount] = {
    {"broker", SLUICE_TEXT, SLUICE_REQUIRED, nullptr, nullptr, nullptr, nullptr,
     "Address of the broker: tcp://, ssl://, ws:// or wss://, host and port.", "ssl://broker:8883"},
    {"topics", SLUICE_TEXT_LIST, 0, "[\"devices/+/messages/events/#\", \"devices/+/modules/+/messages/events/#\"]",
     nullptr, nullptr, nullptr, "Topic filters to subscribe to.", "[\"factory/+/telemetry\"]"},
    {"client_id", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Name of the session at the broker, which must be stable and used by nobody else; without it sluice-CONNECTION.",
     "sluice-plant"},
    {"protocol", SLUICE_CHOICE, 0, "5", nullptr, nullptr, kProtocols, "Version of MQTT to speak.", "3.1.1"},
    {"qos", SLUICE_INT, 0, "1", "0", "1", nullptr,
     "Quality of service to subscribe with: 1 is at least once up to the spool, 0 at most once.", "1"},
    {"session_expiry", SLUICE_DURATION, 0, "7d", "0s", "3650d", nullptr,
     "How long the broker keeps the session, and what arrives for it, while the bridge is away (MQTT 5).", "1d"},
    {"keep_alive", SLUICE_DURATION, SLUICE_ADVANCED, "60s", "5s", "18h", nullptr,
     "Longest silence on the connection; the broker gives it up after one and a half times that.", "30s"},
    {"receive_maximum", SLUICE_INT, SLUICE_ADVANCED, "100", "1", "65535", nullptr,
     "How many messages the broker may send ahead of their acknowledgement (MQTT 5).", "20"},
    {"share_name", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Subscribes as a member of this shared subscription; the order of a device's messages is then lost.", "bridges"},
    {"username", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr, "User name at the broker.", "sluice"},
    {"password", SLUICE_TEXT, SLUICE_SECRET, nullptr, nullptr, nullptr, nullptr, "Password at the broker.",
     "${file:mqtt-password.txt}"},
    {"tls.ca_file", SLUICE_TEXT, SLUICE_PATH, nullptr, nullptr, nullptr, nullptr,
     "Certificates (PEM) that the broker's is checked against; without it those of the system.", "/etc/sluice/ca.pem"},
    {"tls.cert_file", SLUICE_TEXT, SLUICE_PATH, nullptr, nullptr, nullptr, nullptr, "Our own certificate (PEM).",
     "/etc/sluice/client.pem"},
    {"tls.key_file", SLUICE_TEXT, SLUICE_PATH, nullptr, nullptr, nullptr, nullptr, "Key (PEM) of our own certificate.",
     "/etc/sluice/client.key"},
    {"spool.max_bytes", SLUICE_SIZE, 0, "4GiB", "1MiB", nullptr, nullptr,
     "How much may wait in the spool; above, the connection to the broker is closed until half of it is free.",
     "16GiB"},
    {"spool.segment_bytes", SLUICE_SIZE, SLUICE_ADVANCED, "64MiB", "64KiB", "1GiB", nullptr,
     "Size of the files of the spool, which are given back as a whole; at most an eighth of spool.max_bytes is used.",
     "16MiB"},
    {"spool.sync", SLUICE_CHOICE, 0, "always", nullptr, nullptr, kSyncs,
     "When a message is safe from a power loss: before the broker is told (always), each spool.sync_interval, or when "
     "the system likes.",
     "interval"},
    {"spool.sync_interval", SLUICE_DURATION, SLUICE_ADVANCED, "200ms", "1ms", "1m", nullptr,
     "Longest time a message may be lost for by a power loss with spool.sync = interval.", "50ms"},
};

} // namespace sluice::mqtt
