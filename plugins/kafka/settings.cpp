#include "plugins/kafka/settings.hpp"

#include "plugins/kafka/options.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace sluice::kafka {
namespace {

struct Taken {
    std::string_view key, why;
};

/// Properties of librdkafka that are not the operator's to set, and why.
constexpr Taken kTaken[] = {
    {"enable.auto.commit", "is fixed: offsets are committed after the store has the events"},
    {"auto.commit.interval.ms", "is fixed: offsets are committed after the store has the events"},
    {"enable.auto.offset.store", "is fixed: offsets are committed after the store has the events"},
    {"auto.offset.reset", "is fixed; use start_at and on_gap"},
    {"topic.auto.offset.reset", "is fixed; use start_at and on_gap"},
    {"bootstrap.servers", "has an option of its own: bootstrap_servers"},
    {"metadata.broker.list", "has an option of its own: bootstrap_servers"},
    {"group.id", "has an option of its own: group_id"},
    {"group.instance.id", "has an option of its own: group_instance_id"},
    {"security.protocol", "has an option of its own: security_protocol"},
    {"sasl.mechanism", "has an option of its own: sasl.mechanism"},
    {"sasl.mechanisms", "has an option of its own: sasl.mechanism"},
    {"sasl.username", "has an option of its own: sasl.username"},
    {"sasl.password", "has an option of its own: sasl.password"},
    {"ssl.ca.location", "has an option of its own: tls.ca_file"},
    {"ssl.certificate.location", "has an option of its own: tls.cert_file"},
    {"ssl.key.location", "has an option of its own: tls.key_file"},
};

/// Properties that only a consumer knows; a producer would warn about them.
constexpr std::string_view kConsumerOnly[] = {"partition.assignment.strategy",
                                              "session.timeout.ms",
                                              "heartbeat.interval.ms",
                                              "max.poll.interval.ms",
                                              "queued.min.messages",
                                              "queued.max.messages.kbytes",
                                              "fetch.wait.max.ms",
                                              "fetch.min.bytes",
                                              "fetch.max.bytes",
                                              "fetch.message.max.bytes",
                                              "max.partition.fetch.bytes",
                                              "fetch.error.backoff.ms",
                                              "isolation.level",
                                              "check.crcs",
                                              "enable.partition.eof",
                                              "group.protocol.type",
                                              "coordinator.query.interval.ms"};

void check_topics(const std::vector<std::string>& topics) {
    if (topics.empty())
        throw ConfigFailure("topics is empty; name at least one topic, or a regular expression such as \"^orders-.*\"");
    for (const std::string& topic : topics) {
        if (topic.empty())
            throw ConfigFailure("topics has an empty name");
        if (topic.front() == '^')
            continue;
        const bool legal = topic.size() <= 249 && topic != "." && topic != ".." &&
                           std::all_of(topic.begin(), topic.end(), [](unsigned char c) {
                               return std::isalnum(c) || c == '.' || c == '_' || c == '-';
                           });
        if (!legal)
            throw ConfigFailure("topics: '" + topic +
                                "' cannot name a topic; names have letters, digits, '.', '_' and '-', at most 249; a "
                                "regular expression begins with ^");
    }
}

void check_security(const Options& options) {
    const std::string_view protocol = kSecurityProtocols[options.choice(kSecurityProtocol)];
    const bool sasl = protocol.starts_with("SASL"), tls = protocol.ends_with("SSL");
    if (sasl && !options.is_set(kSaslMechanism))
        throw ConfigFailure("security_protocol is " + std::string(protocol) +
                            ", which needs sasl.mechanism, such as PLAIN");
    for (const Option option : {kSaslMechanism, kSaslUsername, kSaslPassword})
        if (!sasl && options.is_set(option))
            throw ConfigFailure(std::string(kOptions[option].name) + " is set, but security_protocol is " +
                                std::string(protocol) + "; use SASL_SSL or SASL_PLAINTEXT");
    for (const Option option : {kTlsCaFile, kTlsCertFile, kTlsKeyFile})
        if (!tls && options.is_set(option))
            throw ConfigFailure(std::string(kOptions[option].name) + " is set, but security_protocol is " +
                                std::string(protocol) + "; use SSL or SASL_SSL");
    if (options.is_set(kTlsCertFile) != options.is_set(kTlsKeyFile))
        throw ConfigFailure("tls.cert_file and tls.key_file belong together; set both or none");
}

} // namespace

Settings read_settings(const Options& options, std::string_view instance) {
    Settings s;
    s.bootstrap_servers = options.text(kBootstrapServers);
    if (s.bootstrap_servers.empty())
        throw ConfigFailure("bootstrap_servers is empty; name a broker as host:port");
    s.topics = options.list(kTopics);
    check_topics(s.topics);
    check_security(options);
    s.group_id = options.is_set(kGroupId) ? options.text(kGroupId) : "sluice-" + std::string(instance);
    if (s.group_id.empty())
        throw ConfigFailure("group_id is empty; leave it out to get sluice-" + std::string(instance));
    s.dead_letter_topic = options.text(kDeadLetterTopic);
    s.revoke_grace = std::chrono::duration_cast<std::chrono::milliseconds>(options.duration(kRevokeGrace));
    s.on_gap = static_cast<OnGap>(options.choice(kOnGap));
    const std::string start_at = options.is_set(kStartAt) ? options.text(kStartAt) : "beginning";
    const auto parsed = parse_start_at(start_at);
    if (!parsed)
        throw ConfigFailure("start_at is '" + start_at +
                            "'; it has to be a UTC time such as 2026-01-01T00:00:00Z, or beginning");
    s.start_at = *parsed;

    s.common = {{"bootstrap.servers", s.bootstrap_servers},
                {"client.id", "sluice-" + std::string(instance)},
                {"security.protocol", kSecurityProtocols[options.choice(kSecurityProtocol)]},
                {"metadata.max.age.ms", "180000"},
                {"allow.auto.create.topics", "false"},
                {"reconnect.backoff.max.ms", "5000"},
                {"socket.keepalive.enable", "true"}};
    const std::pair<Option, const char*> passed[] = {
        {kSaslMechanism, "sasl.mechanism"},         {kSaslUsername, "sasl.username"},
        {kSaslPassword, "sasl.password"},           {kTlsCaFile, "ssl.ca.location"},
        {kTlsCertFile, "ssl.certificate.location"}, {kTlsKeyFile, "ssl.key.location"}};
    for (const auto& [option, key] : passed)
        if (options.is_set(option))
            s.common.emplace_back(key, options.text(option));
    s.consumer = {
        {"group.id", s.group_id},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"partition.assignment.strategy", "cooperative-sticky"},
        // 2.0.2 stops fetching at queued.min.messages, and with 10000 it would do so all the time; KafkaSource::wake_fetcher
        // gets it going again. What bounds memory is the next line.
        {"queued.max.messages.kbytes", "16384"},
        {"queued.min.messages", "100000"},
        {"enable.partition.eof", "true"}};
    if (options.is_set(kGroupInstanceId))
        s.consumer.emplace_back("group.instance.id", options.text(kGroupInstanceId));
    for (auto& [key, value] : options.map(kClient)) {
        for (const Taken& taken : kTaken)
            if (key == taken.key)
                throw ConfigFailure("client: \"" + key + "\" " + std::string(taken.why));
        const bool consumer_only =
            std::find(std::begin(kConsumerOnly), std::end(kConsumerOnly), key) != std::end(kConsumerOnly);
        (consumer_only ? s.consumer : s.common).emplace_back(std::move(key), std::move(value));
    }
    return s;
}

} // namespace sluice::kafka
