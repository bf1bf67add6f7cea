#include "core/base/metrics.hpp"
#include "core/host/source_driver.hpp"
#include "tests/core/host/source_fixture.hpp"

#include <gmock/gmock.h>

#include <cstring>

using namespace sluice;
using namespace sluice::host;
using namespace sluice::test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class Driver : public SourceTest {
protected:
    SourceDriver& driver() {
        if (!driver_)
            driver_ = std::make_unique<SourceDriver>(setup_, board_, watch_, clock_, abandoned_);
        return *driver_;
    }
    void step(int times = 1) {
        for (int i = 0; i < times; ++i)
            driver().step();
    }
    /// Lets the time pass that the driver has nothing to do in, and answers it.
    std::chrono::nanoseconds step_and_rest() {
        const auto rest = driver().step();
        clock_.advance(rest);
        return rest;
    }

    StatusBoard board_{clock_};
    CallWatch watch_;
    std::atomic<bool> abandoned_ = false;
    std::unique_ptr<SourceDriver> driver_;
};

TEST_F(Driver, CallsThePluginInTheOrderOfItsLife) {
    EXPECT_EQ(board_.read().state, SourceState::Stopped);
    step(3);
    EXPECT_EQ(board_.read().state, SourceState::Running);
    driver().finish(0s);
    EXPECT_THAT(calls(), ElementsAre("create", "start", "stop", "destroy"));
    EXPECT_EQ(board_.read().state, SourceState::Stopped);
}

TEST_F(Driver, AcknowledgesOnlyWhatIsCommitted) {
    script_->total = 5;
    step(4);
    EXPECT_EQ(store_.pending.size(), 5);
    EXPECT_THAT(calls(), ElementsAre("create", "start"));
    store_.commit();
    step();
    EXPECT_THAT(calls(), ElementsAre("create", "start", "ack 1..5"));
}

TEST_F(Driver, TellsWhichRangesWereParked) {
    script_->total = 1;
    step(2);
    store_.acks.push_back({.lane = 7, .parked = true, .first = 1, .last = 1});
    step();
    EXPECT_THAT(calls(), ElementsAre("create", "start", "ack parked 1..1"));
}

TEST_F(Driver, ReleasesABatchOnceItIsDelivered) {
    script_->total = 3;
    step(2);
    EXPECT_EQ(script_->batches, 1);
    EXPECT_EQ(script_->released, 1);
}

TEST_F(Driver, DeliversTheRestAndAcknowledgesItBeforeItStops) {
    script_->total = 3;
    step(2);
    driver().finish(5s);
    EXPECT_THAT(calls(), ElementsAre("create", "start", "ack 1..3", "stop", "destroy"));
    EXPECT_THAT(store_.rows, ElementsAre("1", "2", "3"));
    EXPECT_EQ(store_.flushes, 1);
}

TEST_F(Driver, PausesWhenCreditStaysAwayAndResumesWhenItComesBack) {
    step(2);
    store_.credit = {};
    step();
    EXPECT_EQ(script_->polls.back(), std::pair(0U, 0U)) << "polled on, to keep the protocol alive";
    EXPECT_THAT(calls(), ElementsAre("create", "start"));
    clock_.advance(100ms);
    step(3);
    EXPECT_THAT(calls(), ElementsAre("create", "start", "pause 1"));
    store_.credit = {.messages = 10, .bytes = 1_MiB};
    step(2);
    EXPECT_THAT(calls(), ElementsAre("create", "start", "pause 1", "pause 0"));
    EXPECT_EQ(script_->polls.back().first, 10);
}

TEST_F(Driver, ResumesAfterTheCheckpointWhenItStartsAgain) {
    script_->total = 6;
    step(2);
    store_.commit();
    step(); // 4 to 6 are delivered and never committed
    driver_.reset();
    script_->calls.clear();
    store_.pending.clear();
    store_.rows = {"1", "2", "3"};
    store_.positions["a"] = 3;
    step(2);
    EXPECT_EQ(script_->resumed_after, 3);
    store_.commit();
    EXPECT_THAT(store_.rows, ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST_F(Driver, RestsLongerAndLongerWhileAPluginThatDoesNotWaitHasNothing) {
    step();
    EXPECT_EQ(driver().step(), 1ms);
    EXPECT_EQ(driver().step(), 2ms);
    EXPECT_EQ(driver().step(), 4ms);
    for (int i = 0; i < 5; ++i)
        step();
    EXPECT_EQ(driver().step(), 20ms);
    script_->total = 1;
    EXPECT_EQ(driver().step(), 0ms);
    EXPECT_EQ(driver().step(), 1ms);
}

TEST_F(Driver, StopsPollingAtTheEndAndStillAcknowledges) {
    script_->total = 3;
    script_->ends = true;
    step(2);
    const auto polls = script_->polls.size();
    step(3);
    EXPECT_EQ(script_->polls.size(), polls);
    EXPECT_EQ(store_.flushes, 1);
    store_.commit();
    step();
    EXPECT_THAT(calls(), ElementsAre("create", "start", "ack 1..3"));
    EXPECT_EQ(board_.read().state, SourceState::Running);
}

TEST_F(Driver, LeavesWhatOnlyAnOperatorCanMend) {
    for (const auto status : {SLUICE_E_CONFIG, SLUICE_E_POSITION_LOST}) {
        script_->answers["poll"].push_back({status, "no such topic"});
        step(2);
        EXPECT_EQ(board_.read().state, SourceState::Failed);
        EXPECT_THAT(board_.read().last_error, HasSubstr("no such topic"));
        EXPECT_EQ(calls().back(), "destroy");
        EXPECT_EQ(driver().step(), 1h);
        driver_.reset();
    }
    EXPECT_THAT(board_.read().last_error, HasSubstr("no longer exists upstream"));
}

TEST_F(Driver, TriesRefusedCredentialsSlowlyWithANewInstance) {
    script_->answers["start"].push_back({SLUICE_E_DENIED, "broker refused SASL PLAIN"});
    EXPECT_EQ(step_and_rest(), 30s);
    EXPECT_EQ(board_.read().state, SourceState::Connecting);
    EXPECT_EQ(board_.read().last_error, "broker refused SASL PLAIN");
    step(2);
    EXPECT_EQ(board_.read().state, SourceState::Running);
    EXPECT_THAT(calls(), ElementsAre("create", "start", "destroy", "create", "start"));
}

TEST_F(Driver, BacksOffLongerAndLongerWhileTheFirstStartFails) {
    for (int i = 0; i < 12; ++i)
        script_->answers["start"].push_back({SLUICE_E_UNAVAILABLE, "connection refused"});
    std::chrono::duration<double> expected = 1s;
    for (int i = 0; i < 12; ++i) {
        const std::chrono::duration<double> rest = step_and_rest();
        EXPECT_GE(rest, expected * 0.8);
        EXPECT_LE(rest, expected * 1.2);
        expected = std::min<std::chrono::duration<double>>(expected * 2, 5min);
    }
    step();
    EXPECT_EQ(board_.read().state, SourceState::Running);
    EXPECT_EQ(board_.read().instances, 13);
}

TEST_F(Driver, PollsTheSameInstanceAgainWhenUpstreamWasAway) {
    step();
    script_->answers["poll"].push_back({SLUICE_E_UNAVAILABLE, "broker away"});
    step();
    EXPECT_EQ(board_.read().state, SourceState::Connecting);
    const auto polls = script_->polls.size();
    step();
    EXPECT_EQ(script_->polls.size(), polls) << "not before the back-off is over";
    clock_.advance(2s);
    step();
    EXPECT_EQ(script_->polls.size(), polls + 1);
    EXPECT_EQ(board_.read().state, SourceState::Running);
    EXPECT_THAT(calls(), ElementsAre("create", "start"));
}

TEST_F(Driver, ReplacesAnInstanceThatBroke) {
    script_->total = 3;
    step(2);
    script_->answers["poll"].push_back({SLUICE_E_INTERNAL, "queue is upside down"});
    step();
    EXPECT_EQ(board_.read().last_error, "queue is upside down");
    clock_.advance(2s);
    step();
    EXPECT_THAT(calls(), ElementsAre("create", "start", "ack 1..3", "stop", "destroy", "create", "start"));
    EXPECT_EQ(script_->resumed_after, 3);
}

TEST_F(Driver, TakesAnUnknownStatusAsABrokenPlugin) {
    script_->answers["poll"].push_back({-77, ""});
    step(2);
    EXPECT_EQ(board_.read().last_error, "poll failed with status -77 and no explanation");
    script_->answers["start"].push_back({5, ""});
    clock_.advance(2s);
    step();
    EXPECT_EQ(board_.read().last_error, "it answered start with the unknown status 5");
}

TEST_F(Driver, SurvivesAnExceptionOutOfThePlugin) {
    script_->throw_in = "poll";
    step(2);
    EXPECT_EQ(board_.read().last_error, "an exception left poll; plugins answer with a status instead");
    EXPECT_EQ(calls().back(), "destroy");
}

TEST_F(Driver, OffersAcksAgainThatThePluginCouldNotTake) {
    script_->total = 2;
    step(2);
    store_.commit();
    script_->answers["ack"].push_back({SLUICE_E_UNAVAILABLE, "broker away"});
    step();
    script_->total = 3;
    clock_.advance(2s);
    step(2);
    store_.commit();
    step(2);
    EXPECT_THAT(calls(), ElementsAre("create", "start", "ack 1..2", "ack 1..2", "ack 3..3"));
}

TEST_F(Driver, StopsForGoodWhenTheLaneBelongsToANewerOwner) {
    script_->total = 1;
    store_.deliver_error = Error{ErrorCode::Conflict, "lane 'a' belongs to epoch 3"};
    step(2);
    EXPECT_EQ(board_.read().state, SourceState::Failed);
    EXPECT_EQ(board_.read().last_error, "lane 'a' belongs to epoch 3");
    EXPECT_EQ(script_->released, 1);
}

TEST_F(Driver, StartsOverWhenTheStoreRefusedForAMoment) {
    script_->total = 1;
    store_.deliver_error = Error{ErrorCode::Io, "disk full"};
    step(2);
    EXPECT_EQ(board_.read().state, SourceState::Connecting);
    store_.deliver_error.reset();
    clock_.advance(2s);
    step(2);
    store_.commit();
    EXPECT_THAT(store_.rows, ElementsAre("1"));
}

TEST_F(Driver, RefusesASecondInstanceOfASingleton) {
    install("single");
    setup_.connection = "first";
    auto other = setup_;
    step();
    other.connection = "second";
    StatusBoard board(clock_);
    SourceDriver second(other, board, watch_, clock_, abandoned_);
    second.step();
    EXPECT_EQ(board.read().state, SourceState::Failed);
    EXPECT_THAT(board.read().last_error, HasSubstr("single can run once in a process"));
    driver().finish(0s);
    SourceDriver third(other, board, watch_, clock_, abandoned_);
    third.step();
    EXPECT_EQ(board.read().state, SourceState::Running);
}

// --- messages and batches ---

/// A batch of one message that lives on the test's stack.
struct OneMessage {
    sluice_message message{};
    static inline int released = 0;

    void put(std::uint32_t lane, std::uint64_t sequence, sluice_batch& out) {
        message.lane = lane;
        message.sequence = sequence;
        if (!message.payload.data)
            message.payload = {reinterpret_cast<const std::uint8_t*>("x"), 1};
        out = {&message, 1, sizeof message, [](sluice_batch*) { ++released; }, nullptr};
    }
};

TEST_F(Driver, HandsOverAllPartsOfAMessage) {
    const auto bytes = [](const char* text) {
        return sluice_bytes{reinterpret_cast<const std::uint8_t*>(text), std::strlen(text)};
    };
    const sluice_property headers[] = {{{"Table", 5}, bytes("T")}, {{"empty", 5}, {nullptr, 0}}};
    const sluice_property system[] = {{{"kafka.partition", 15}, bytes("3")}};
    OneMessage one;
    one.message = {.timestamp_ns = 100,
                   .flags = SLUICE_PADDED,
                   .payload = bytes("body"),
                   .key = bytes("k"),
                   .position = bytes("pos"),
                   .headers = headers,
                   .system = system,
                   .header_count = 2,
                   .system_count = 1};
    script_->next_batch = [&](const sluice_host*, std::uint32_t lane, sluice_batch& out) { one.put(lane, 1, out); };
    step(2);
    EXPECT_EQ(
        store_.last_message,
        "payload=body key=k position=pos padded time=621355968000000001 h:Table=T h:empty=null s:kafka.partition=3");
}

TEST_F(Driver, TellsANullPayloadFromAnEmptyOne) {
    OneMessage one;
    one.message.timestamp_ns = INT64_MIN;
    script_->next_batch = [&](const sluice_host*, std::uint32_t lane, sluice_batch& out) {
        one.put(lane, 1, out);
        one.message.payload = {nullptr, 0};
    };
    step(2);
    EXPECT_EQ(store_.last_message, "payload=null key= position= time=none");
}

TEST_F(Driver, ReadsMessagesOfANewerAbiByTheirStride) {
    struct Longer {
        sluice_message known;
        char tail[32];
    } messages[2]{};
    for (std::uint64_t i = 0; i < 2; ++i)
        messages[i].known.sequence = i + 1;
    script_->next_batch = [&](const sluice_host*, std::uint32_t lane, sluice_batch& out) {
        messages[0].known.lane = messages[1].known.lane = lane;
        out = {&messages[0].known, 2, sizeof(Longer), [](sluice_batch*) {}, nullptr};
    };
    step(2);
    ASSERT_EQ(store_.pending.size(), 2);
    EXPECT_EQ(store_.pending[1].sequence, 2);
}

TEST_F(Driver, RefusesBatchesThatBreakTheContract) {
    struct Case {
        const char* name;
        std::function<void(sluice_message (&)[3], sluice_batch&)> spoil;
        const char* message;
    };
    const Case cases[] = {
        {"more than the credit", [](auto&, sluice_batch& b) { b.count = 3; }, "3 messages where 2 were asked for"},
        {"unknown lane", [](auto& m, sluice_batch&) { m[0].lane = 99; }, "a message for lane 99, which is not open"},
        {"falling sequence", [](auto& m, sluice_batch&) { m[1].sequence = 1; }, "sequence 1 after 1 in lane 'a'"},
        {"small stride", [](auto&, sluice_batch& b) { b.stride = 8; }, "a stride of 8 bytes"},
        {"no release", [](auto&, sluice_batch& b) { b.release = nullptr; },
         "a batch of 2 messages without messages or release"},
        {"more bytes than the credit", [](auto& m, sluice_batch&) { m[0].payload.size = 2_MiB; },
         "more than the 1048576 bytes"},
        {"headers without an array", [](auto& m, sluice_batch&) { m[0].header_count = 2; },
         "2 headers and 0 system properties"},
    };
    auto& rejected = metrics::counter("sluice_source_rejected_batches_total", "", {{"connection", "orders"}});
    for (const auto& c : cases) {
        sluice_message messages[3]{};
        static int released;
        released = 0;
        bool releasable = true;
        store_.credit = {.messages = 2, .bytes = 1_MiB};
        script_->next_batch = [&](const sluice_host*, std::uint32_t lane, sluice_batch& out) {
            for (std::uint64_t i = 0; i < 3; ++i) {
                messages[i].lane = lane;
                messages[i].sequence = i + 1;
            }
            out = {messages, 2, sizeof *messages, [](sluice_batch*) { ++released; }, nullptr};
            c.spoil(messages, out);
            releasable = out.release != nullptr;
        };
        const auto before = rejected.value();
        step(2);
        EXPECT_THAT(board_.read().last_error, HasSubstr(c.message)) << c.name;
        EXPECT_EQ(released, releasable ? 1 : 0) << c.name;
        EXPECT_EQ(rejected.value(), before + 1) << c.name;
        EXPECT_EQ(calls().back(), "destroy") << c.name;
        EXPECT_TRUE(store_.pending.empty()) << c.name;
        driver_.reset();
    }
}

TEST_F(Driver, RefusesMessagesAtNoCredit) {
    OneMessage one;
    store_.credit = {};
    script_->next_batch = [&](const sluice_host*, std::uint32_t lane, sluice_batch& out) { one.put(lane, 1, out); };
    step(2);
    EXPECT_THAT(board_.read().last_error, HasSubstr("1 messages where 0 were asked for"));
}

// --- what the host offers ---

TEST_F(Driver, AnswersCallbacks) {
    script_->on_start = [](const sluice_host* host) {
        EXPECT_STREQ(host->instance, "orders");
        std::uint32_t lane = 0;
        sluice_checkpoint point{};
        EXPECT_EQ(host->open_lane(host, {"a", 1}, &lane, &point), SLUICE_E_INTERNAL) << "open already";
        EXPECT_EQ(host->open_lane(host, {"", 0}, &lane, &point), SLUICE_E_INTERNAL) << "no name";
        ASSERT_EQ(host->open_lane(host, {"b", 1}, &lane, &point), SLUICE_OK);
        EXPECT_EQ(point.found, 0);
        const auto* gap = static_cast<const sluice_gap_v1*>(host->extension(host, "sluice.gap/1"));
        ASSERT_NE(gap, nullptr);
        EXPECT_EQ(gap->lost(host, lane, 1, 9, "deleted"), SLUICE_OK);
        EXPECT_EQ(gap->lost(host, 1234, 1, 9, "deleted"), SLUICE_E_INTERNAL);
        EXPECT_EQ(host->extension(host, "sluice.nothing/1"), nullptr);
        EXPECT_EQ(host->close_lane(host, lane, 10, &point), SLUICE_OK);
        EXPECT_EQ(host->close_lane(host, lane, 10, &point), SLUICE_E_INTERNAL) << "closed already";
    };
    step(2);
    EXPECT_EQ(board_.read().state, SourceState::Running);
    EXPECT_THAT(store_.lost, ElementsAre("b 1..9 deleted"));
}

TEST_F(Driver, LetsThePluginSayWhereItResumes) {
    store_.positions["a"] = 41;
    script_->on_start = [](const sluice_host* host) {
        std::uint32_t lane = 0;
        sluice_checkpoint point{};
        host->close_lane(host, 7, 0, &point);
        EXPECT_EQ(point.sequence, 41);
        ASSERT_EQ(host->open_lane(host, {"a", 1}, &lane, &point), SLUICE_OK);
        EXPECT_EQ(point.found, 1);
        EXPECT_EQ(point.sequence, 41);
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(point.position.data), point.position.size), "p");
    };
    step();
    EXPECT_EQ(script_->resumed_after, 41);
}

TEST_F(Driver, ShowsWhatThePluginSaysAboutItsHealth) {
    script_->on_start = [](const sluice_host* host) { host->health(host, SLUICE_CONNECTING, "dialing b:1883"); };
    step(3);
    EXPECT_EQ(board_.read().state, SourceState::Connecting);
    EXPECT_EQ(board_.read().detail, "dialing b:1883");
    script_->next_batch = [](const sluice_host* host, std::uint32_t, sluice_batch&) {
        host->health(host, SLUICE_DEGRADED, "spool is slow");
    };
    step();
    EXPECT_EQ(board_.read().state, SourceState::Running);
    EXPECT_TRUE(board_.read().degraded);
    script_->next_batch = [](const sluice_host* host, std::uint32_t, sluice_batch&) {
        host->health(host, SLUICE_HEALTHY, "");
    };
    step();
    EXPECT_FALSE(board_.read().degraded);
}

TEST_F(Driver, ExportsThePluginsMetricsWithItsConnection) {
    script_->on_start = [](const sluice_host* host) {
        const auto counter = host->metric(host, "rebalances_total", SLUICE_COUNTER);
        host->record(host, counter, 2);
        EXPECT_EQ(host->metric(host, "rebalances_total", SLUICE_COUNTER), counter);
        host->record(host, host->metric(host, "spool_bytes", SLUICE_GAUGE), 12);
        EXPECT_EQ(host->metric(host, "Not a name", SLUICE_GAUGE), 0);
        host->record(host, 0, 1);
        host->record(host, 999, 1);
    };
    step();
    EXPECT_THAT(metrics::expose(), HasSubstr("sluice_source_rebalances_total{connection=\"orders\"} 2"));
    EXPECT_THAT(metrics::expose(), HasSubstr("sluice_source_spool_bytes{connection=\"orders\"} 12"));
}

TEST_F(Driver, NamesTheCallInProgress) {
    std::string seen;
    std::optional<CallWatch::Call> call;
    script_->on_start = [&](const sluice_host*) {
        seen = breadcrumb();
        call = watch_.current();
    };
    step();
    EXPECT_EQ(seen, "connection orders, plugin scripted 1.2.3: start");
    ASSERT_TRUE(call);
    EXPECT_STREQ(call->name, "start");
    EXPECT_STREQ(breadcrumb(), "");
}

} // namespace
