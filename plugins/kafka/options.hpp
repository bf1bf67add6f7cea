#pragma once

#include <sluice/source.hpp>

namespace sluice::kafka {

/// The places of the options in the table below; the host hands values over in this order.
enum Option : std::size_t {
    kBootstrapServers,
    kTopics,
    kGroupId,
    kGroupInstanceId,
    kSecurityProtocol,
    kSaslMechanism,
    kSaslUsername,
    kSaslPassword,
    kTlsCaFile,
    kTlsCertFile,
    kTlsKeyFile,
    kRevokeGrace,
    kOnGap,
    kDeadLetterTopic,
    kStartAt,
    kClient,
    kOptionCount
};

inline constexpr const char* kSecurityProtocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", nullptr};
inline constexpr const char* kGapPolicies[] = {"earliest", "latest", "stop", nullptr};

inline constexpr sluice_option kOptions[kOptionCount] = {
    {"bootstrap_servers", SLUICE_TEXT, SLUICE_REQUIRED, nullptr, nullptr, nullptr, nullptr,
     "Brokers to ask for the rest of the cluster, as host:port, comma separated.", "broker-1:9092,broker-2:9092"},
    {"topics", SLUICE_TEXT_LIST, SLUICE_REQUIRED, nullptr, nullptr, nullptr, nullptr,
     "Topics to read; a name that begins with ^ is a regular expression.", "[\"orders\"]"},
    {"group_id", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Consumer group that shares the partitions; without it the connection's consumerGroup, else sluice-<connection>.",
     "sluice-orders"},
    {"group_instance_id", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Name of this member within the group: with it a restart keeps its partitions, also after a crash.", "bridge-1"},
    {"security_protocol", SLUICE_CHOICE, 0, "PLAINTEXT", nullptr, nullptr, kSecurityProtocols,
     "How connections to the brokers are encrypted and authenticated.", "SASL_SSL"},
    {"sasl.mechanism", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "How to authenticate: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or what the client library offers besides.", "PLAIN"},
    {"sasl.username", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr, "User name for PLAIN and SCRAM.",
     "$ConnectionString"},
    {"sasl.password", SLUICE_TEXT, SLUICE_SECRET, nullptr, nullptr, nullptr, nullptr, "Password for PLAIN and SCRAM.",
     "${file:secret.txt}"},
    {"tls.ca_file", SLUICE_TEXT, SLUICE_PATH, nullptr, nullptr, nullptr, nullptr,
     "PEM file of the authorities that may have signed the brokers' certificates; without it those of the system.",
     "ca.pem"},
    {"tls.cert_file", SLUICE_TEXT, SLUICE_PATH, nullptr, nullptr, nullptr, nullptr,
     "PEM file with the client's certificate, for brokers that ask for one.", "client.pem"},
    {"tls.key_file", SLUICE_TEXT, SLUICE_PATH, nullptr, nullptr, nullptr, nullptr, "PEM file with the client's private key.",
     "client.key"},
    {"revoke_grace", SLUICE_DURATION, 0, "10s", "0s", "5m", nullptr,
     "How long events in flight may take to become durable when a partition is taken away.", "10s"},
    {"on_gap", SLUICE_CHOICE, 0, "earliest", nullptr, nullptr, kGapPolicies,
     "Where to go on when the stored position is no longer in the topic; stop: the connection fails.", "earliest"},
    {"dead_letter_topic", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Topic that gets a copy of each dead letter of this connection.", "orders-dlq"},
    {"start_at", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Where a partition without a stored position starts: a UTC time, or beginning.", "2026-01-01T00:00:00Z"},
    {"client", SLUICE_TEXT_MAP, SLUICE_ADVANCED, nullptr, nullptr, nullptr, nullptr,
     "Further properties of librdkafka, passed on as they are.", "{ \"fetch.wait.max.ms\" = \"500\" }"},
};

} // namespace sluice::kafka
