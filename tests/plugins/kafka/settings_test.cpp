#include "tests/support/plugin_host.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace {

using namespace sluice::testing;
using Map = std::map<std::string, std::string>;

const PluginLibrary& library() {
    static const PluginLibrary library(KAFKA_FILE);
    return library;
}

struct WrongOptions {
    const char* name;
    OptionValues values;
    const char* says;
};
void PrintTo(const WrongOptions& c, std::ostream* out) {
    *out << c.name;
}

const WrongOptions kWrong[] = {
    {"NoTopics", {{"topics", std::vector<std::string>{}}}, "topics is empty"},
    {"TopicWithASpace", {{"topics", std::vector<std::string>{"a b"}}}, "'a b' cannot name a topic"},
    {"UnknownClientKey", {{"client", Map{{"fetch.queue.backof.ms", "1"}}}}, "\"fetch.queue.backof.ms\""},
    {"WrongClientValue", {{"client", Map{{"session.timeout.ms", "soon"}}}}, "\"session.timeout.ms\""},
    {"FixedClientKey", {{"client", Map{{"enable.auto.commit", "true"}}}}, "\"enable.auto.commit\" is fixed"},
    {"ClientKeyWithAnOption", {{"client", Map{{"group.id", "x"}}}}, "group_id"},
    {"SaslWithoutMechanism", {{"security_protocol", "SASL_SSL"}}, "needs sasl.mechanism"},
    {"PasswordWithoutSasl", {{"sasl.password", "hidden"}}, "sasl.password is set, but security_protocol is PLAINTEXT"},
    {"CaWithoutTls", {{"tls.ca_file", "ca.pem"}}, "tls.ca_file is set, but security_protocol is PLAINTEXT"},
    {"CertificateWithoutKey", {{"security_protocol", "SSL"}, {"tls.cert_file", "c.pem"}}, "belong together"},
    {"StartAtIsNoTime", {{"start_at", "yesterday"}}, "start_at is 'yesterday'"},
};

class KafkaOptions : public ::testing::TestWithParam<WrongOptions> {};

TEST_P(KafkaOptions, AreRefusedWithTheirName) {
    OptionValues values = {{"bootstrap_servers", "127.0.0.1:1"}, {"topics", std::vector<std::string>{"t"}}};
    for (const auto& [name, value] : GetParam().values)
        values[name] = value;
    Checkpoints store;
    PluginHost host(library(), store, values);
    EXPECT_EQ(host.create(), SLUICE_E_CONFIG);
    ASSERT_EQ(host.failures.size(), 1u);
    EXPECT_NE(host.failures[0].find(GetParam().says), std::string::npos) << host.failures[0];
    EXPECT_EQ(host.failures[0].find("hidden"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(Wrong, KafkaOptions, ::testing::ValuesIn(kWrong),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(KafkaOptions, AllHaveASummary) {
    for (std::size_t i = 0; i < library().plugin().option_count; ++i)
        EXPECT_GT(std::string(library().option(i).summary).size(), 10u) << library().option(i).name;
}

TEST(KafkaPlugin, SaysWhichBrokerDoesNotAnswer) {
    Checkpoints store;
    PluginHost host(library(), store,
                    {{"bootstrap_servers", "127.0.0.1:1"}, {"topics", std::vector<std::string>{"t"}}});
    ASSERT_EQ(host.create(), SLUICE_OK);
    EXPECT_EQ(host.start(), SLUICE_E_UNAVAILABLE);
    EXPECT_NE(host.failures.back().find("127.0.0.1:1"), std::string::npos);
    EXPECT_NE(host.failures.back().find("refused"), std::string::npos) << host.failures.back();
    EXPECT_EQ(host.health_state, SLUICE_CONNECTING);
}

} // namespace
