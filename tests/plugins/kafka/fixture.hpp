#pragma once

#include "tests/support/kafka/broker.hpp"
#include "tests/support/kafka/client.hpp"
#include "tests/support/plugin_host.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::testing::kafka {

inline const PluginLibrary& library() {
    static const PluginLibrary library(KAFKA_FILE);
    return library;
}

/// The broker of this program; started by the first test that asks.
inline Broker& broker() {
    static Broker broker;
    return broker;
}

/// A topic of its own for each test, and what it takes to run sources on it.
class RealBroker : public ::testing::Test {
protected:
    RealBroker() : client(broker().servers()) {
        const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
        topic = std::string(info->test_suite_name()) + "." + info->name();
        state_dir = broker().dir() / ("state-" + topic);
        std::filesystem::create_directories(state_dir);
    }

    void create_topic(int partitions = 1, Properties config = {}) {
        client.create_topic({topic, partitions, std::move(config)});
    }
    void produce(const std::vector<std::string>& values, std::int32_t partition = 0) {
        for (const std::string& value : values)
            client.produce(topic, {.value = value, .key = {}, .headers = {}, .partition = partition});
        client.flush();
    }
    OptionValues options(OptionValues more = {}) const {
        OptionValues values = {{"bootstrap_servers", broker().servers()},
                               {"topics", std::vector{topic}},
                               {"group_id", "group-" + topic},
                               {"start_at", "beginning"},
                               {"client", std::map<std::string, std::string>{{"session.timeout.ms", "6000"}}}};
        for (auto& [name, value] : more)
            values[name] = std::move(value);
        return values;
    }
    static std::vector<std::string> payloads(const PluginHost& host) {
        std::vector<std::string> all;
        for (const Event& event : host.events)
            all.push_back(event.payload.value_or("<tombstone>"));
        return all;
    }

    Client client;
    std::string topic;
    std::filesystem::path state_dir;
    Checkpoints store;
};

/// "m0", "m1", ...
inline std::vector<std::string> numbered(int from, int to) {
    std::vector<std::string> values;
    for (int i = from; i < to; ++i)
        values.push_back("m" + std::to_string(i));
    return values;
}

} // namespace sluice::testing::kafka
