#include "core/base/metrics.hpp"
#include "core/host/source_runner.hpp"
#include "tests/core/host/source_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

using namespace sluice;
using namespace sluice::host;
using namespace sluice::test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class Runner : public SourceTest {
protected:
    Runner() { store_.commits_at_once = true; }
    /// Abandoned threads still use the script: a test that blocks lets them go and waits for them.
    ~Runner() override {
        script_->change([](Script& s) { s.block_in.clear(); });
        script_->wait_until([](Script& s) { return s.blocked == 0; });
    }
    bool wait_for_call(const std::string& call, int times = 1) {
        return script_->wait_until(
            [&](Script& s) { return std::count(s.calls.begin(), s.calls.end(), call) >= times; });
    }

    Watchdog watchdog_{clock_};
};

TEST_F(Runner, RunsASourceUntilItIsStopped) {
    script_->total = 1000;
    SourceRunner runner(setup_, clock_, watchdog_);
    runner.start();
    ASSERT_TRUE(wait_for_call("ack 1..3"));
    ASSERT_TRUE(script_->wait_until([](Script& s) { return s.batches >= 334; }));
    EXPECT_EQ(runner.status().state, SourceState::Running);
    EXPECT_TRUE(runner.stop(5s));
    EXPECT_EQ(runner.status().state, SourceState::Stopped);
    EXPECT_EQ(store_.rows.size(), 1000);
    EXPECT_EQ(script_->batches, script_->released);
    EXPECT_EQ(calls().back(), "destroy");
}

TEST_F(Runner, StopsAtOnceWhileItBacksOff) {
    script_->answers["start"].push_back({SLUICE_E_DENIED, "no"});
    SourceRunner runner(setup_, clock_, watchdog_);
    runner.start();
    ASSERT_TRUE(wait_for_call("destroy"));
    EXPECT_TRUE(runner.stop(0s));
    EXPECT_EQ(runner.status().last_error, "no");
}

TEST_F(Runner, MayBeStoppedBeforeItStarts) {
    SourceRunner runner(setup_, clock_, watchdog_);
    EXPECT_TRUE(runner.stop(0s));
    runner.start();
    EXPECT_TRUE(calls().empty());
}

TEST_F(Runner, ReportsACallThatDoesNotReturnAndRecovers) {
    script_->block_in = "poll";
    SourceRunner runner(setup_, clock_, watchdog_);
    runner.start();
    ASSERT_TRUE(script_->wait_until([](Script& s) { return s.blocked == 1; }));
    watchdog_.check();
    EXPECT_FALSE(runner.status().degraded);
    clock_.advance(2s);
    watchdog_.check();
    EXPECT_TRUE(runner.status().degraded);
    EXPECT_EQ(runner.status().detail, "the plugin's poll does not return");
    script_->change([](Script& s) {
        s.block_in.clear();
        s.polls.clear();
        s.total = 6;
    });
    ASSERT_TRUE(script_->wait_until([](Script& s) { return s.polls.size() >= 2; }));
    watchdog_.check();
    EXPECT_FALSE(runner.status().degraded);
    EXPECT_TRUE(runner.stop(0s));
}

TEST_F(Runner, GivesUpAThreadThatHangsAndStartsOver) {
    script_->total = 3;
    script_->block_in = "poll";
    auto& late = metrics::counter("sluice_source_late_calls_total", "", {{"connection", "orders"}});
    const auto late_before = late.value();
    SourceRunner runner(setup_, clock_, watchdog_);
    runner.start();
    ASSERT_TRUE(script_->wait_until([](Script& s) { return s.blocked == 1; }));
    clock_.advance(20s);
    watchdog_.check();
    watchdog_.check();
    EXPECT_EQ(late.value(), late_before + 1) << "reported once";
    clock_.advance(20s);
    watchdog_.check();
    ASSERT_TRUE(script_->wait_until([](Script& s) { return s.blocked == 2; })) << "the new instance polls as well";
    EXPECT_THAT(runner.status().last_error, HasSubstr("poll did not return"));
    script_->change([](Script& s) { s.block_in.clear(); });
    ASSERT_TRUE(wait_for_call("ack 1..3"));
    EXPECT_TRUE(runner.stop(5s));
    // The first instance came back with a batch; it was released and not delivered.
    EXPECT_TRUE(script_->wait_until([](Script& s) { return s.blocked == 0 && s.released == s.batches; }));
    EXPECT_THAT(store_.rows, ElementsAre("1", "2", "3"));
    EXPECT_THAT(calls(), ElementsAre("create", "start", "create", "start", "ack 1..3", "stop", "destroy"));
}

TEST_F(Runner, StaysStoppedWhenEveryThreadHangs) {
    script_->block_in = "start";
    SourceRunner runner(setup_, clock_, watchdog_);
    runner.start();
    for (int i = 1; i <= 3; ++i) {
        ASSERT_TRUE(script_->wait_until([&](Script& s) { return s.blocked == i; }));
        clock_.advance(61s);
        watchdog_.check();
    }
    EXPECT_EQ(runner.status().state, SourceState::Failed);
    EXPECT_THAT(runner.status().last_error, HasSubstr("start did not return"));
    EXPECT_TRUE(runner.stop(0s));
}

TEST_F(Runner, DoesNotWaitForAPluginThatDoesNotStop) {
    script_->block_in = "stop";
    SourceRunner runner(setup_, clock_, watchdog_);
    runner.start();
    ASSERT_TRUE(wait_for_call("start"));
    bool stopped = true;
    std::jthread stopper([&] { stopped = runner.stop(0s); });
    ASSERT_TRUE(script_->wait_until([](Script& s) { return s.blocked == 1; }));
    clock_.advance(15s);
    stopper.join();
    EXPECT_FALSE(stopped);
    EXPECT_EQ(runner.status().state, SourceState::Stopped);
    EXPECT_THAT(runner.status().last_error, HasSubstr("did not stop in time"));
}

} // namespace
