#include "tests/plugins/mqtt/mosquitto.hpp"
#include "tests/support/plugin_host.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <mqtt/client.h>

#include <fstream>
#include <map>
#include <random>
#include <set>

namespace sluice::mqtt {
namespace {

namespace fs = std::filesystem;
namespace paho = ::mqtt;
using namespace std::chrono_literals;
using testing::Checkpoints;
using testing::Event;
using testing::OptionValues;
using testing::PluginHost;

const testing::PluginLibrary& library() {
    static const testing::PluginLibrary loaded(MQTT_FILE);
    return loaded;
}

/// Publishes with MQTT 5; every publish waits until the broker has it.
class Publisher {
public:
    explicit Publisher(const std::string& uri) : client_(uri, "publisher", paho::create_options(MQTTVERSION_5)) {
        client_.connect(paho::connect_options_builder().mqtt_version(MQTTVERSION_5).clean_start(true).finalize());
    }
    ~Publisher() {
        try {
            client_.disconnect();
        } catch (const paho::exception&) {
        }
    }
    void publish(const std::string& topic, const std::string& payload, bool retained = false,
                 const paho::properties& properties = {}) {
        auto message = paho::make_message(topic, payload, 1, retained);
        message->set_properties(properties);
        client_.publish(message);
    }

private:
    paho::client client_;
};

class MqttPlugin : public ::testing::Test {
protected:
    void SetUp() override {
        if (std::string_view(MOSQUITTO_FILE).ends_with("NOTFOUND"))
            GTEST_SKIP() << "mosquitto is not installed (Debian: apt-get install mosquitto)";
        fs::create_directory(temp / "state");
    }
    Mosquitto& broker(const std::string& extra = {}) {
        if (!broker_)
            broker_.emplace(temp / "broker", extra);
        return *broker_;
    }
    std::unique_ptr<PluginHost> make(OptionValues more = {}) {
        OptionValues values = {{"broker", broker().uri()}, {"topics", std::vector<std::string>{"load/#"}}};
        for (auto& [name, value] : more)
            values[name] = value;
        return std::make_unique<PluginHost>(library(), store, values, temp / "state");
    }
    std::unique_ptr<PluginHost> open(OptionValues more = {}) {
        auto host = make(std::move(more));
        host->open();
        EXPECT_TRUE(host->run_until([&] { return is_connected(*host); })) << host->health();
        return host;
    }
    bool is_connected(const PluginHost& host) { return host.health() == "connected to " + broker().uri(); }
    static std::multiset<std::string> payloads(const PluginHost& host) {
        std::multiset<std::string> found;
        for (const Event& event : host.events)
            found.insert(event.payload.value_or(""));
        return found;
    }

    test::TemporaryFolder temp;
    Checkpoints store;

private:
    std::optional<Mosquitto> broker_;
};

TEST_F(MqttPlugin, APublishBecomesAMessageWithAllItCameWith) {
    const auto host = open();
    Publisher(broker().uri())
        .publish("load/a", "{\"t\":1}", false,
                 {{paho::property::USER_PROPERTY, "colour", "red"},
                  {paho::property::USER_PROPERTY, "colour", "blue"},
                  {paho::property::CONTENT_TYPE, "application/json"},
                  {paho::property::CORRELATION_DATA, "c-1"}});
    ASSERT_TRUE(host->collect(1));
    const Event& event = host->events[0];
    EXPECT_EQ(event.lane, "spool");
    EXPECT_EQ(event.sequence, 1u);
    EXPECT_EQ(event.payload, "{\"t\":1}");
    EXPECT_EQ(event.property("mqtt.topic"), "load/a");
    EXPECT_EQ(event.property("mqtt.qos"), "1");
    EXPECT_EQ(event.property("mqtt.retain"), "false");
    EXPECT_EQ(event.property("mqtt.content_type"), "application/json");
    EXPECT_EQ(event.property("mqtt.correlation_data"), "c-1");
    ASSERT_EQ(event.headers.size(), 2u);
    EXPECT_EQ(event.header("colour"), "blue");
    const auto now = std::chrono::system_clock::now().time_since_epoch() / 1ns;
    EXPECT_LT(std::abs(now - event.timestamp_ns), 60'000'000'000);
    EXPECT_NE(event.flags & SLUICE_PADDED, 0u);
}

TEST_F(MqttPlugin, AnEmptyPayloadIsAMessage) {
    const auto host = open();
    Publisher(broker().uri()).publish("load/a", "");
    ASSERT_TRUE(host->collect(1));
    EXPECT_EQ(host->events[0].payload.value_or(""), "");
}

TEST_F(MqttPlugin, SpeaksTheOlderProtocolAndSkipsRetainedReplays) {
    Publisher publisher(broker().uri());
    publisher.publish("load/a", "old", true);
    const auto host = open({{"protocol", "3.1.1"}});
    publisher.publish("load/a", "new", true);
    publisher.publish("load/b", "plain");
    ASSERT_TRUE(host->collect(2));
    EXPECT_EQ(payloads(*host), (std::multiset<std::string>{"new", "plain"}));
    EXPECT_EQ(host->metrics["retained_replays_skipped_total"], 1);
}

TEST_F(MqttPlugin, DoesNotAskForRetainedMessagesButTakesNewOnes) {
    Publisher publisher(broker().uri());
    publisher.publish("load/a", "old", true);
    const auto host = open();
    publisher.publish("load/a", "new", true);
    ASSERT_TRUE(host->collect(1));
    EXPECT_EQ(host->events[0].payload, "new");
    EXPECT_EQ(host->events[0].property("mqtt.retain"), "true");
}

TEST_F(MqttPlugin, TheBrokerKeepsMessagesWhileTheBridgeIsDown) {
    {
        const auto host = open();
        EXPECT_EQ(host->stop(), SLUICE_OK);
    }
    Publisher publisher(broker().uri());
    for (int i = 0; i < 200; ++i)
        publisher.publish("load/a", std::to_string(i));
    const auto host = open();
    ASSERT_TRUE(host->collect(200));
    const auto found = payloads(*host);
    EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), 200u);
    EXPECT_EQ(host->metrics["sessions_lost_total"], 0);
}

TEST_F(MqttPlugin, TheSpoolKeepsWhatTheStoreDidNotGet) {
    {
        const auto host = open();
        Publisher publisher(broker().uri());
        for (int i = 0; i < 50; ++i)
            publisher.publish("load/a", std::to_string(i));
        while (host->metrics["messages_spooled_total"] < 50)
            host->poll(0);
    } // crashed without having handed anything over
    broker().stop();
    const auto host = make();
    host->open();
    ASSERT_TRUE(host->collect(50)) << "the broker is away, so this is the spool alone";
    EXPECT_EQ(host->events.front().sequence, 1u);
    EXPECT_EQ(host->events.back().sequence, 50u);
}

TEST_F(MqttPlugin, ComesBackAfterARestartOfTheBroker) {
    const auto host = open();
    Publisher(broker().uri()).publish("load/a", "before");
    ASSERT_TRUE(host->collect(1));
    broker().stop();
    ASSERT_TRUE(host->run_until([&] { return !is_connected(*host); }));
    EXPECT_NE(host->health().find(broker().uri()), std::string::npos);
    ASSERT_TRUE(broker().start());
    ASSERT_TRUE(host->run_until([&] { return is_connected(*host); }));
    Publisher(broker().uri()).publish("load/a", "after");
    ASSERT_TRUE(host->collect(2));
    EXPECT_EQ(host->metrics["sessions_lost_total"], 0) << "the broker has persistence";
}

TEST_F(MqttPlugin, ALostSessionIsCounted) {
    const auto host = open();
    broker().kill();
    ASSERT_TRUE(host->run_until([&] { return !is_connected(*host); }));
    fs::remove(temp / "broker" / "mosquitto.db");
    ASSERT_TRUE(broker().start());
    ASSERT_TRUE(host->run_until([&] { return is_connected(*host); }));
    EXPECT_EQ(host->metrics["sessions_lost_total"], 1);
    Publisher(broker().uri()).publish("load/a", "after");
    ASSERT_TRUE(host->collect(1)) << "subscribed again";
}

TEST_F(MqttPlugin, StartsWithoutABrokerAndWaitsForIt) {
    broker().stop();
    const auto host = make();
    EXPECT_EQ(host->create(), SLUICE_OK);
    EXPECT_EQ(host->check(), SLUICE_E_UNAVAILABLE);
    EXPECT_NE(host->failures.back().find(broker().uri()), std::string::npos) << host->failures.back();
    EXPECT_EQ(host->start(), SLUICE_OK);
    ASSERT_TRUE(host->run_until([&] { return host->health().find(broker().uri()) != std::string::npos; }));
    EXPECT_EQ(host->health_state, SLUICE_CONNECTING);
    ASSERT_TRUE(broker().start());
    EXPECT_TRUE(host->run_until([&] { return is_connected(*host); }));
    EXPECT_EQ(host->check(), SLUICE_OK) << "and does not disturb the session";
    EXPECT_TRUE(is_connected(*host));
}

TEST_F(MqttPlugin, StopsInTimeWithoutABroker) {
    broker().stop();
    const auto host = make();
    host->open();
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(host->stop(), SLUICE_OK);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
}

class MqttLogin : public MqttPlugin, public ::testing::WithParamInterface<const char*> {};

TEST_P(MqttLogin, ARefusedLoginIsDenied) {
    std::ofstream(temp / "passwords") << "";
    broker("allow_anonymous false\npassword_file " + (temp / "passwords").string() + "\n");
    const auto host = make({{"protocol", GetParam()}, {"username", "me"}, {"password", "wrong"}});
    ASSERT_EQ(host->create(), SLUICE_OK);
    EXPECT_EQ(host->check(), SLUICE_E_DENIED);
    ASSERT_EQ(host->start(), SLUICE_OK);
    host->run_until([&] { return host->last_status < 0; });
    EXPECT_EQ(host->last_status, SLUICE_E_DENIED);
    EXPECT_EQ(host->failures.back().find("wrong"), std::string::npos) << "the password is not told";
}
INSTANTIATE_TEST_SUITE_P(BothProtocols, MqttLogin, ::testing::Values("5", "3.1.1"));

TEST_F(MqttPlugin, AFullSpoolDisconnectsAndNothingIsLost) {
    constexpr int kMessages = 300; // of 10 kB: three times what the spool holds
    open()->stop();                // the broker has the session from here on
    {
        // Done before the plugin cuts the connections of this process to the broker, which would be this one too.
        Publisher publisher(broker().uri());
        for (int i = 0; i < kMessages; ++i)
            publisher.publish("load/a", std::to_string(i) + std::string(10'000, ' '));
    }
    const auto host = make({{"spool.max_bytes", "1MiB"}, {"spool.sync", "none"}});
    host->open();
    // The store is slow: what is delivered stays unacknowledged until the spool is full.
    for (const auto end = std::chrono::steady_clock::now() + 20s;
         host->health().find("spool.max_bytes") == std::string::npos && std::chrono::steady_clock::now() < end;)
        host->poll(10);
    ASSERT_NE(host->health().find("spool.max_bytes"), std::string::npos);
    std::set<int> found;
    ASSERT_TRUE(host->run_until(
        [&] {
            for (const Event& event : host->events)
                found.insert(std::stoi(event.payload.value()));
            return found.size() == kMessages;
        },
        60s))
        << found.size() << " of " << kMessages << "; " << host->health();
    EXPECT_GE(host->metrics["messages_refused_total"], 1);
    EXPECT_TRUE(host->run_until([&] { return is_connected(*host); }));
}

TEST_F(MqttPlugin, ManyKillsOfTheBridgeLoseNothing) {
    constexpr int kMessages = 3'000;
    const fs::path lines = temp / "store";
    const auto consume = [&] {
        return Child({CONSUMER_FILE, MQTT_FILE, broker().uri(), (temp / "state").string(), lines.string()},
                     (temp / "consumer.out").string());
    };
    const auto stored = [&] {
        std::map<int, int> found; // id -> how often
        std::ifstream in(lines);
        for (std::string line; std::getline(in, line) && !in.eof();)
            ++found[std::stoi(line.substr(line.find(' ') + 1))];
        return found;
    };
    const auto wait_for = [&](std::size_t count) {
        for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
            if (stored().size() >= count)
                return true;
            std::this_thread::sleep_for(20ms); // between two looks
        }
        return false;
    };
    broker();
    const unsigned seed = std::random_device{}();
    std::mt19937 random(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    Child consumer = consume();
    {
        Publisher publisher(broker().uri());
        publisher.publish("load/first", "0");
        // The session exists from the first connect on; before that the broker has nobody to keep messages for.
        for (int i = 0; i < 500 && stored().empty(); ++i) {
            std::this_thread::sleep_for(20ms);
            publisher.publish("load/first", "0");
        }
        ASSERT_FALSE(stored().empty());
    }
    std::jthread publishing([&] {
        Publisher publisher(broker().uri());
        for (int i = 1; i <= kMessages; ++i)
            publisher.publish("load/a", std::to_string(i));
    });
    for (int round = 0; round < 8; ++round) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(50 + random() % 250)); // the moment of the kill is the point
        consumer.end(SIGKILL);
        consumer = consume();
    }
    publishing.join();
    EXPECT_TRUE(wait_for(kMessages + 1)) << stored().size();
    consumer.end(SIGKILL);
    // From the spool on each sequence is stored once; between broker and spool a message may come twice, with sequences
    // of its own.
    std::set<std::uint64_t> sequences;
    std::ifstream in(lines);
    std::size_t count = 0;
    for (std::string line; std::getline(in, line) && !in.eof(); ++count)
        sequences.insert(std::stoull(line));
    EXPECT_EQ(sequences.size(), count);
}

TEST_F(MqttPlugin, ASessionThatIsTakenAgainAndAgainIsExplained) {
    const auto host = open({{"client_id", "mine"}});
    for (int theft = 0; theft < 2; ++theft) {
        ASSERT_TRUE(host->run_until([&] { return is_connected(*host); }));
        paho::client thief(broker().uri(), "mine", paho::create_options(MQTTVERSION_5));
        thief.connect(paho::connect_options_builder().mqtt_version(MQTTVERSION_5).clean_start(false).finalize());
        ASSERT_TRUE(host->run_until([&] { return !is_connected(*host); }));
    }
    EXPECT_TRUE(host->run_until([&] { return host->health().find("client_id mine") != std::string::npos; }));
}

TEST_F(MqttPlugin, SharesASubscription) {
    const auto host = open({{"share_name", "bridges"}});
    Publisher(broker().uri()).publish("load/a", "shared");
    ASSERT_TRUE(host->collect(1));
    EXPECT_EQ(host->events[0].property("mqtt.topic"), "load/a");
}

TEST_F(MqttPlugin, KeepsToItsCredit) {
    const auto host = open();
    Publisher publisher(broker().uri());
    for (int i = 0; i < 10; ++i)
        publisher.publish("load/a", std::string(1'000, 'x'));
    while (host->metrics["messages_spooled_total"] < 10)
        host->poll(0);
    EXPECT_TRUE(host->events.empty());
    EXPECT_EQ(host->poll(3).count, 3u);
    EXPECT_EQ(host->poll(100, 2'500).count, 2u);
    EXPECT_EQ(host->poll(100, 10).count, 1u) << "one message that is larger than the credit must not stop everything";
    EXPECT_EQ(host->poll(100).count, 4u);
}

TEST_F(MqttPlugin, BatchesOutliveTheInstanceThatMadeThem) {
    auto host = open();
    host->hold_batches = true;
    Publisher(broker().uri()).publish("load/a", "held");
    while (host->events.empty())
        host->poll();
    host->commit();
    EXPECT_EQ(host->stop(), SLUICE_OK);
    host->release_held();
}

TEST_F(MqttPlugin, BadOptionsSayWhatIsWrong) {
    const std::map<std::string, OptionValues> bad = {
        {"broker", {{"broker", "localhost"}}},
        {"topics", {{"topics", std::vector<std::string>{"a/#/b"}}}},
        {"share_name", {{"share_name", "a/b"}}},
        {"tls", {{"tls.ca_file", "ca.pem"}}},
        {"tls.key_file", {{"broker", "ssl://localhost"}, {"tls.cert_file", "client.pem"}}},
    };
    for (const auto& [word, values] : bad) {
        const auto host = make(values);
        EXPECT_EQ(host->create(), SLUICE_E_CONFIG) << word;
        ASSERT_EQ(host->failures.size(), 1u) << word;
        EXPECT_NE(host->failures[0].find(word), std::string::npos) << host->failures[0];
    }
}

TEST(MqttOptions, AreDocumentedAndThePasswordIsASecret) {
    for (std::size_t i = 0; i < library().plugin().option_count; ++i) {
        const sluice_option& option = library().option(i);
        EXPECT_TRUE(option.summary && *option.summary && option.example && *option.example) << option.name;
        EXPECT_EQ((option.flags & SLUICE_SECRET) != 0, std::string_view(option.name) == "password") << option.name;
    }
}

} // namespace
} // namespace sluice::mqtt
