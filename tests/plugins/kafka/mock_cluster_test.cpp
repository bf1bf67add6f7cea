#include "tests/support/kafka/client.hpp"
#include "tests/support/plugin_host.hpp"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace {

using namespace sluice::testing;

const PluginLibrary& library() {
    static const PluginLibrary library(KAFKA_FILE);
    return library;
}

/// librdkafka's own cluster in this process: its brokers answer with the errors that a test wants.
class KafkaMock : public ::testing::Test {
protected:
    KafkaMock() {
        std::array<char, 256> text{};
        handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text.data(), text.size()));
        cluster_.reset(rd_kafka_mock_cluster_new(handle_.get(), 1));
        rd_kafka_mock_topic_create(cluster_.get(), "t", 2, 1);
        servers_ = rd_kafka_mock_cluster_bootstraps(cluster_.get());
        std::string pattern = (std::filesystem::temp_directory_path() / "sluice-mock-XXXXXX").string();
        state_dir_ = mkdtemp(pattern.data());
    }
    ~KafkaMock() override { std::filesystem::remove_all(state_dir_); }

    void produce(int from, int to) {
        kafka::Client client(servers_, {{"enable.idempotence", "false"}});
        for (int i = from; i < to; ++i)
            client.produce("t", {.value = std::to_string(i), .key = {}, .headers = {}, .partition = i % 2});
        client.flush();
    }
    template <class... Errors> void fail_next(std::int16_t api, Errors... errors) {
        rd_kafka_mock_push_request_errors(cluster_.get(), api, sizeof...(errors), errors...);
    }
    OptionValues options() const {
        return {{"bootstrap_servers", servers_}, {"topics", std::vector<std::string>{"t"}}, {"start_at", "beginning"}};
    }

    struct HandleDeleter {
        void operator()(rd_kafka_t* h) const { rd_kafka_destroy(h); }
    };
    struct ClusterDeleter {
        void operator()(rd_kafka_mock_cluster_t* c) const { rd_kafka_mock_cluster_destroy(c); }
    };
    std::unique_ptr<rd_kafka_t, HandleDeleter> handle_;
    std::unique_ptr<rd_kafka_mock_cluster_t, ClusterDeleter> cluster_;
    std::string servers_;
    std::filesystem::path state_dir_;
    Checkpoints store;
};

constexpr std::int16_t kFetch = 1, kListOffsets = 2, kFindCoordinator = 10, kJoinGroup = 11;

TEST_F(KafkaMock, DeliversEverythingInSpiteOfErrorsThatPass) {
    produce(0, 100);
    fail_next(kFindCoordinator, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
    fail_next(kJoinGroup, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    fail_next(kFetch, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH);
    PluginHost host(library(), store, options(), state_dir_);
    host.open();
    ASSERT_TRUE(host.collect(100, 40s));
    EXPECT_EQ(host.events.size(), 100u);
    EXPECT_EQ(host.late_rows, 0u);
    EXPECT_TRUE(host.failures.empty());
    EXPECT_EQ(host.stop(), SLUICE_OK);
}

TEST_F(KafkaMock, AsksAgainWhenTheBrokersCannotTellTheirOffsets) {
    produce(0, 10);
    fail_next(kListOffsets, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
              RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    PluginHost host(library(), store, options(), state_dir_);
    host.open();
    ASSERT_TRUE(host.collect(10, 40s));
    EXPECT_EQ(host.health_state, SLUICE_HEALTHY);
    EXPECT_EQ(host.stop(), SLUICE_OK);
}

TEST_F(KafkaMock, StopsWhenTheTopicIsForbidden) {
    produce(0, 10);
    PluginHost host(library(), store, options(), state_dir_);
    host.open();
    ASSERT_TRUE(host.collect(10, 40s));
    rd_kafka_mock_topic_set_error(cluster_.get(), "t", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    PluginHost refused(library(), store, options(), state_dir_);
    ASSERT_EQ(refused.create(), SLUICE_OK);
    EXPECT_EQ(refused.start(), SLUICE_E_DENIED);
}

} // namespace
