#include "tests/plugins/kafka/fixture.hpp"

#include <chrono>
#include <set>

namespace sluice::testing::kafka {
namespace {

TEST_F(RealBroker, DeliversARecordWithEverythingThatBelongsToIt) {
    create_topic();
    client.produce(topic, {.value = "body",
                           .key = "k",
                           .headers = {{"Table", "T"}, {"none", std::nullopt}, {"Table", "U"}},
                           .partition = 0,
                           .timestamp_ms = 1'767'225'600'123});
    client.produce(topic, {.value = "", .key = {}, .headers = {}, .partition = 0});
    client.produce(topic, {.value = {}, .key = "gone", .headers = {}, .partition = 0});
    client.flush();
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(3));
    const Event& first = host.events[0];
    EXPECT_EQ(first.lane, topic + "/0");
    EXPECT_EQ(first.sequence, 0u);
    EXPECT_EQ(first.payload, "body");
    EXPECT_EQ(first.key, "k");
    EXPECT_EQ(first.timestamp_ns, 1'767'225'600'123'000'000);
    ASSERT_EQ(first.headers.size(), 3u);
    EXPECT_EQ(first.headers[0].second, "T");
    EXPECT_EQ(first.headers[1].second, std::nullopt);
    EXPECT_EQ(first.header("Table"), "U");
    EXPECT_EQ(first.property("kafka.topic"), topic);
    EXPECT_EQ(first.property("kafka.partition"), "0");
    EXPECT_EQ(first.property("kafka.offset"), "0");
    EXPECT_EQ(first.property("kafka.timestamp_type"), "CreateTime");
    EXPECT_EQ(first.position, R"({"base":0,"offset":0,"timestamp":1767225600123})");
    EXPECT_EQ(host.events[1].payload, "");
    EXPECT_EQ(host.events[1].key, std::nullopt);
    EXPECT_EQ(host.events[1].property("kafka.tombstone"), std::nullopt);
    EXPECT_EQ(host.events[2].payload, std::nullopt);
    EXPECT_EQ(host.events[2].property("kafka.tombstone"), "true");
    EXPECT_EQ(host.stop(), SLUICE_OK);
}

TEST_F(RealBroker, GoesOnAfterTheCheckpointAndNotAfterWhatTheGroupCommitted) {
    create_topic();
    produce(numbered(0, 10));
    {
        PluginHost first(library(), store, options(), state_dir);
        first.open();
        ASSERT_TRUE(first.collect(10));
        EXPECT_EQ(first.stop(), SLUICE_OK);
    }
    store.lanes[topic + "/0"].sequence = 6; // a store that was restored from an older copy
    store.lanes[topic + "/0"].position = R"({"base":0,"offset":6})";
    PluginHost second(library(), store, options(), state_dir);
    second.open();
    ASSERT_TRUE(second.collect(3));
    EXPECT_EQ(payloads(second), numbered(7, 10));
    EXPECT_EQ(second.late_rows, 0u);
    second.stop();
}

TEST_F(RealBroker, ForgetsNothingAndRepeatsNothingAcrossCrashes) {
    create_topic(2);
    constexpr int kRecords = 2000;
    for (int i = 0; i < kRecords; ++i)
        client.produce(topic, {.value = "m" + std::to_string(i), .key = {}, .headers = {}, .partition = i % 2});
    client.flush();
    std::multiset<std::string> durable;
    for (int round = 0; round < 5 && durable.size() < kRecords; ++round) {
        PluginHost host(library(), store, options({{"group_instance_id", "member"}}), state_dir);
        host.open();
        std::size_t committed = 0;
        const auto end = std::chrono::steady_clock::now() + 20s;
        const std::size_t wanted = round == 4 ? kRecords : 500;
        while (committed + durable.size() < kRecords && committed < wanted && std::chrono::steady_clock::now() < end) {
            host.poll(97);
            if (host.events.size() % 2 == 0) {
                host.commit();
                committed = host.events.size();
            }
        }
        host.poll(50); // delivered and lost in the crash
        for (std::size_t i = 0; i < committed; ++i)
            durable.insert(*host.events[i].payload);
        EXPECT_EQ(host.late_rows, 0u);
    }
    EXPECT_EQ(durable.size(), static_cast<std::size_t>(kRecords));
    EXPECT_EQ(std::set(durable.begin(), durable.end()).size(), static_cast<std::size_t>(kRecords));
}

TEST_F(RealBroker, CommitsOffsetsOnStopOnlyForWhatWasAcknowledged) {
    create_topic();
    produce(numbered(0, 10));
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    while (host.events.size() < 4)
        host.poll(static_cast<std::uint32_t>(4 - host.events.size()));
    host.commit();
    while (host.events.size() < 7)
        host.poll(static_cast<std::uint32_t>(7 - host.events.size()));
    EXPECT_EQ(host.stop(), SLUICE_OK);
    EXPECT_EQ(client.committed("group-" + topic, topic, 0), 4);
}

TEST_F(RealBroker, StartsAtTheGroupsOffsetWhenTheStoreKnowsNothing) {
    create_topic();
    produce(numbered(0, 10));
    client.commit("group-" + topic, topic, 0, 8);
    PluginHost host(library(), store, options({{"start_at", "2020-01-01T00:00:00Z"}}), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(2));
    EXPECT_EQ(payloads(host), numbered(8, 10));
    host.stop();
}

TEST_F(RealBroker, StartsAtATimeAndKeepsThatStartForTheNextRun) {
    create_topic();
    const std::int64_t t = 1'767'225'600'000; // 2026-01-01
    for (int i = 0; i < 10; ++i)
        client.produce(
            topic,
            {.value = "m" + std::to_string(i), .key = {}, .headers = {}, .partition = 0, .timestamp_ms = t + i * 1000});
    client.flush();
    {
        PluginHost host(library(), store, options({{"start_at", "2026-01-01T00:00:04.500Z"}}), state_dir);
        host.open();
        ASSERT_TRUE(host.collect(5));
        EXPECT_EQ(payloads(host), numbered(5, 10));
    }
    EXPECT_EQ(client.committed("group-" + topic, topic, 0), 5); // of the start, though no acknowledgement was committed
}

TEST_F(RealBroker, StartsAtTheEndWhenNothingIsAsNewAsTheStart) {
    create_topic();
    produce(numbered(0, 5));
    PluginHost host(library(), store, options({{"start_at", "2999-01-01T00:00:00Z"}}), state_dir);
    host.open();
    ASSERT_TRUE(host.run_until([&] { return host.open_lanes() == 1 && host.health_state == SLUICE_HEALTHY; }));
    produce(numbered(5, 7));
    ASSERT_TRUE(host.collect(2));
    EXPECT_EQ(payloads(host), numbered(5, 7));
    host.stop();
}

TEST_F(RealBroker, ReadsAPartitionThatWasAddedLaterFromItsBeginning) {
    create_topic();
    OptionValues values = options({{"start_at", "2999-01-01T00:00:00Z"}});
    std::get<std::map<std::string, std::string>>(values["client"])["topic.metadata.refresh.interval.ms"] = "500";
    PluginHost host(library(), store, values, state_dir);
    host.open();
    ASSERT_TRUE(host.run_until([&] { return host.open_lanes() == 1; }));
    client.grow_topic(topic, 2);
    produce({"new"}, 1);
    ASSERT_TRUE(host.collect(1));
    EXPECT_EQ(host.events[0].lane, topic + "/1");
    EXPECT_EQ(host.events[0].payload, "new");
    host.stop();
}

TEST_F(RealBroker, PausesAtCreditZeroAndMissesNothing) {
    create_topic(2);
    for (int i = 0; i < 5000; ++i)
        client.produce(topic, {.value = std::to_string(i), .key = {}, .headers = {}, .partition = i % 2});
    client.flush();
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    for (int round = 0; round < 20; ++round) {
        host.poll(200);
        host.commit();
        const std::size_t before = host.events.size();
        host.pause(true);
        EXPECT_EQ(host.poll(0, 0, 20ms).count, 0u);
        EXPECT_EQ(host.events.size(), before);
        host.pause(false);
    }
    ASSERT_TRUE(host.collect(5000));
    std::set<std::string> distinct;
    for (const Event& event : host.events)
        distinct.insert(*event.payload);
    EXPECT_EQ(distinct.size(), 5000u);
    EXPECT_EQ(host.late_rows, 0u);
    host.stop();
}

TEST_F(RealBroker, KeepsToTheCreditInBytes) {
    create_topic();
    for (int i = 0; i < 50; ++i)
        client.produce(topic, {.value = std::string(1000, 'x'), .key = {}, .headers = {}, .partition = 0});
    client.flush();
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    while (host.events.size() < 50) {
        const auto polled = host.poll(1000, 3500);
        ASSERT_LE(polled.count, 3u);
    }
    EXPECT_EQ(host.late_rows, 0u);
    EXPECT_EQ(host.events.back().sequence, 49u);
    host.stop();
}

TEST_F(RealBroker, RecordsAGapWhenRetentionWasFasterAndGoesOnAtTheOldest) {
    create_topic();
    produce(numbered(0, 10));
    client.delete_records(topic, 0, 6);
    store.lanes[topic + "/0"] = {
        .found = true, .sequence = 2, .position = R"({"base":0,"offset":2,"timestamp":1})", .epoch = 1};
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(4));
    EXPECT_EQ(payloads(host), numbered(6, 10));
    ASSERT_EQ(store.gaps.size(), 1u);
    EXPECT_EQ(store.gaps[0].lane, topic + "/0");
    EXPECT_EQ(store.gaps[0].first, 3u);
    EXPECT_EQ(store.gaps[0].last, 5u);
    host.stop();
}

TEST_F(RealBroker, RecordsAGapWhenRetentionOvertakesARunningSource) {
    create_topic();
    produce(numbered(0, 10));
    OptionValues values = options();
    PluginHost host(library(), store, values, state_dir);
    host.open();
    ASSERT_TRUE(host.collect(10));
    host.pause(true);
    host.poll(0, 0, 100ms);
    produce(numbered(10, 20));
    client.delete_records(topic, 0, 15);
    host.pause(false);
    ASSERT_TRUE(host.collect(15));
    EXPECT_EQ(host.events[10].payload, "m15");
    ASSERT_EQ(store.gaps.size(), 1u);
    EXPECT_EQ(store.gaps[0].first, 10u);
    EXPECT_EQ(store.gaps[0].last, 14u);
    EXPECT_EQ(host.late_rows, 0u);
    host.stop();
}

TEST_F(RealBroker, StopsAtAGapWhenToldSo) {
    create_topic();
    produce(numbered(0, 10));
    client.delete_records(topic, 0, 6);
    store.lanes[topic + "/0"] = {.found = true, .sequence = 2, .position = R"({"base":0,"offset":2})", .epoch = 1};
    PluginHost host(library(), store, options({{"on_gap", "stop"}}), state_dir);
    host.open();
    EXPECT_FALSE(host.run_until([&] { return host.last_status == SLUICE_E_POSITION_LOST; }, 10s) &&
                 host.failures.empty());
    ASSERT_EQ(host.failures.size(), 1u);
    EXPECT_NE(host.failures[0].find("on_gap"), std::string::npos);
    EXPECT_TRUE(host.events.empty());
}

TEST_F(RealBroker, SeesByThePositionThatATopicWasCreatedAgain) {
    create_topic();
    produce(numbered(0, 3));
    store.lanes[topic + "/0"] = {
        .found = true, .sequence = 99, .position = R"({"base":0,"offset":99,"timestamp":5})", .epoch = 1};
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(3));
    EXPECT_EQ(payloads(host), numbered(0, 3));
    EXPECT_EQ(host.events[0].sequence, 100u);
    EXPECT_EQ(host.events[0].property("kafka.offset"), "0");
    EXPECT_EQ(host.late_rows, 0u);
    EXPECT_TRUE(store.gaps.empty());
    host.stop();
    EXPECT_EQ(client.committed("group-" + topic, topic, 0), 3);
}

TEST_F(RealBroker, SeesByTheTimestampThatATopicWasCreatedAgain) {
    create_topic();
    produce(numbered(0, 10));
    store.lanes[topic + "/0"] = {
        .found = true, .sequence = 4, .position = R"({"base":0,"offset":4,"timestamp":5})", .epoch = 1};
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(10));
    EXPECT_EQ(payloads(host), numbered(0, 10));
    EXPECT_EQ(host.events[0].sequence, 5u);
    EXPECT_EQ(host.late_rows, 0u);
    host.stop();
}

TEST_F(RealBroker, ReadsATopicAgainThatIsDeletedAndCreatedWhileItRuns) {
    create_topic();
    produce(numbered(0, 5));
    OptionValues values = options();
    auto& properties = std::get<std::map<std::string, std::string>>(values["client"]);
    properties["topic.metadata.refresh.interval.ms"] = "500";
    properties["topic.metadata.propagation.max.ms"] = "1000";
    PluginHost host(library(), store, values, state_dir);
    host.open();
    ASSERT_TRUE(host.collect(5));
    client.delete_topic(topic);
    ASSERT_TRUE(host.run_until([&] { return host.open_lanes() == 0; }));
    create_topic();
    produce(numbered(5, 8));
    ASSERT_TRUE(host.collect(8));
    EXPECT_EQ(payloads(host), numbered(0, 8));
    EXPECT_EQ(host.events[5].sequence, 5u);
    EXPECT_EQ(host.late_rows, 0u);
    host.stop();
}

TEST_F(RealBroker, HandsAPartitionOverToASecondMember) {
    create_topic(2);
    produce(numbered(0, 10), 0);
    produce(numbered(10, 20), 1);
    PluginHost first(library(), store, options(), state_dir);
    first.open();
    ASSERT_TRUE(first.collect(20));
    Checkpoints other_store;
    const auto other_dir = state_dir / "other";
    std::filesystem::create_directories(other_dir);
    PluginHost second(library(), other_store, options({{"start_at", "2020-01-01T00:00:00Z"}}), other_dir);
    second.open();
    // Both have to be polled for the group to settle.
    ASSERT_TRUE(second.run_until([&] {
        first.poll(1000, 16 << 20, 20ms);
        first.commit();
        return first.open_lanes() == 1 && second.open_lanes() == 1;
    }));
    produce(numbered(20, 25), 0);
    produce(numbered(25, 30), 1);
    // Across two stores at least once: a commit that meets a rebalance is refused, and then the new owner reads some
    // again.
    const auto distinct = [&] {
        std::set<std::string> all;
        for (const PluginHost* host : {&first, &second})
            for (const Event& event : host->events)
                all.insert(*event.payload);
        return all.size();
    };
    ASSERT_TRUE(second.run_until([&] {
        first.poll(1000, 16 << 20, 20ms);
        first.commit();
        return distinct() == 30;
    }));
    EXPECT_FALSE(second.events.empty());
    EXPECT_EQ(first.late_rows + second.late_rows, 0u);
    second.stop();
    first.stop();
}

TEST_F(RealBroker, DropsWhatDidNotBecomeDurableInTimeWhenAPartitionIsTakenAway) {
    create_topic(2);
    PluginHost first(library(), store, options({{"revoke_grace", "0s"}}), state_dir);
    first.open();
    ASSERT_TRUE(first.run_until([&] { return first.open_lanes() == 2; }));
    produce(numbered(0, 10), 0);
    produce(numbered(0, 10), 1);
    while (first.events.size() < 20)
        first.poll();
    Checkpoints other_store;
    PluginHost second(library(), other_store, options(), state_dir);
    second.open();
    ASSERT_TRUE(second.run_until([&] {
        first.poll(1000, 16 << 20, 20ms);
        return second.events.size() >= 10;
    }));
    EXPECT_EQ(second.events.size(), 10u); // the store of the first did not have them, so the second gets them all
    second.stop();
    first.stop();
}

TEST_F(RealBroker, SurvivesARestartOfTheBroker) {
    create_topic(2);
    produce(numbered(0, 10), 0);
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(10));
    broker().stop();
    ASSERT_TRUE(host.run_until([&] { return host.health_state == SLUICE_CONNECTING; }));
    EXPECT_NE(host.health().find(broker().servers()), std::string::npos) << host.health();
    broker().start();
    ASSERT_TRUE(host.run_until([&] { return host.health_state == SLUICE_HEALTHY; }, 60s));
    produce(numbered(10, 15), 1);
    ASSERT_TRUE(host.collect(15));
    EXPECT_EQ(payloads(host), numbered(0, 15));
    EXPECT_EQ(host.late_rows, 0u);
    EXPECT_TRUE(host.failures.empty());
    EXPECT_EQ(host.stop(), SLUICE_OK);
}

TEST_F(RealBroker, AuthenticatesAndSaysWhenItIsRefused) {
    create_topic();
    produce({"secret"});
    const OptionValues sasl = {{"bootstrap_servers", broker().sasl_servers()},
                               {"security_protocol", "SASL_PLAINTEXT"},
                               {"sasl.mechanism", "PLAIN"},
                               {"sasl.username", "sluice"},
                               {"sasl.password", "sluice-secret"}};
    {
        PluginHost host(library(), store, options(sasl), state_dir);
        host.open();
        EXPECT_TRUE(host.collect(1));
        host.stop();
    }
    OptionValues wrong = options(sasl);
    wrong["sasl.password"] = "wrong-one";
    PluginHost host(library(), store, wrong, state_dir);
    ASSERT_EQ(host.create(), SLUICE_OK);
    EXPECT_EQ(host.start(), SLUICE_E_DENIED);
    ASSERT_FALSE(host.failures.empty());
    EXPECT_NE(host.failures.back().find(broker().sasl_servers()), std::string::npos) << host.failures.back();
    EXPECT_EQ(host.failures.back().find("wrong-one"), std::string::npos);
    EXPECT_FALSE(host.logged("wrong-one"));
}

TEST_F(RealBroker, ChecksTheConnectionAndTheTopic) {
    PluginHost before(library(), store, options(), state_dir);
    ASSERT_EQ(before.create(), SLUICE_OK);
    EXPECT_EQ(before.check(), SLUICE_E_CONFIG);
    EXPECT_NE(before.failures.back().find(topic), std::string::npos);
    create_topic();
    PluginHost after(library(), store, options(), state_dir);
    ASSERT_EQ(after.create(), SLUICE_OK);
    EXPECT_EQ(after.check(), SLUICE_OK);
}

TEST_F(RealBroker, WaitsForATopicThatDoesNotExistYetAndReadsItFromItsBeginning) {
    OptionValues values = options({{"start_at", "2999-01-01T00:00:00Z"}});
    std::get<std::map<std::string, std::string>>(values["client"])["topic.metadata.refresh.interval.ms"] = "500";
    PluginHost host(library(), store, values, state_dir);
    host.open();
    host.poll();
    EXPECT_EQ(host.health_state, SLUICE_DEGRADED);
    EXPECT_NE(host.health().find(topic), std::string::npos);
    create_topic();
    produce(numbered(0, 3));
    ASSERT_TRUE(host.collect(3));
    EXPECT_EQ(host.health_state, SLUICE_HEALTHY);
    host.stop();
}

TEST_F(RealBroker, ReadsTopicsByARegularExpression) {
    client.create_topic({topic + ".a"});
    client.create_topic({topic + ".b"});
    client.produce(topic + ".a", {.value = "a", .key = {}, .headers = {}});
    client.produce(topic + ".b", {.value = "b", .key = {}, .headers = {}});
    client.flush();
    PluginHost host(
        library(), store,
        options({{"topics", std::vector<std::string>{"^RealBroker[.]ReadsTopicsByARegularExpression[.].*"}}}),
        state_dir);
    host.open();
    ASSERT_TRUE(host.collect(2));
    EXPECT_EQ(host.open_lanes(), 2u);
    host.stop();
}

TEST_F(RealBroker, GoesWhereAnOperatorMovedTheLane) {
    create_topic();
    produce(numbered(0, 10));
    store.lanes[topic + "/0"] = {.found = true, .sequence = 9, .position = "beginning", .epoch = 1};
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    ASSERT_TRUE(host.collect(10));
    EXPECT_EQ(host.events[0].payload, "m0");
    EXPECT_EQ(host.events[0].sequence, 10u);
    EXPECT_EQ(host.late_rows, 0u);
    host.stop();
}

TEST_F(RealBroker, TellsTheLag) {
    create_topic();
    produce(numbered(0, 10));
    PluginHost host(library(), store, options(), state_dir);
    host.open();
    while (host.events.size() < 4)
        host.poll(static_cast<std::uint32_t>(4 - host.events.size()));
    const auto* lag = static_cast<const sluice_lag_v1*>(library().plugin().extension(SLUICE_LAG_V1));
    ASSERT_NE(lag, nullptr);
    std::uint64_t messages = 0;
    ASSERT_EQ(lag->lag(host.self(), *host.lane_id(topic + "/0"), &messages), SLUICE_OK);
    EXPECT_EQ(messages, 6u);
    host.stop();
}

TEST_F(RealBroker, CopiesADeadLetterIntoItsTopic) {
    create_topic();
    client.create_topic({topic + ".dlq"});
    client.produce(topic, {.value = "bad", .key = "k", .headers = {{"Table", "T"}}, .partition = 0});
    client.flush();
    PluginHost host(library(), store, options({{"dead_letter_topic", topic + ".dlq"}}), state_dir);
    host.hold_batches = true;
    host.open();
    ASSERT_TRUE(host.collect(1));
    const auto* extension =
        static_cast<const sluice_dead_letter_v1*>(library().plugin().extension(SLUICE_DEAD_LETTER_V1));
    ASSERT_NE(extension, nullptr);
    const auto text = [](std::string_view t) { return sluice_str{t.data(), t.size()}; };
    ASSERT_EQ(extension->parked(host.self(), host.held_message(0), text("BadRequest_X"), text("no such mapping"),
                                text("Db"), text("T")),
              SLUICE_OK);
    std::vector<Record> copies;
    Client::drain(broker().servers(), topic + ".dlq", 1, 20s, [&](const Record& record) { copies.push_back(record); });
    ASSERT_EQ(copies.size(), 1u);
    EXPECT_EQ(copies[0].value, "bad");
    EXPECT_EQ(copies[0].key, "k");
    std::map<std::string, std::string> headers;
    for (const auto& [name, value] : copies[0].headers)
        headers[name] = value.value_or("");
    EXPECT_EQ(headers["Table"], "T");
    EXPECT_EQ(headers["sluice-dlq-error"], "BadRequest_X");
    EXPECT_EQ(headers["sluice-dlq-kind"], "Permanent");
    EXPECT_EQ(headers["sluice-dlq-source"], "kafka://test/" + topic + "/0/0");
    EXPECT_EQ(headers["sluice-dlq-database"], "Db");
    host.release_held();
    host.stop();
}

} // namespace
} // namespace sluice::testing::kafka
