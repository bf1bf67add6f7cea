#include "core/host/watchdog.hpp"
#include "tests/support/fake_clock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

using namespace sluice;
using namespace sluice::host;
using namespace std::chrono_literals;

namespace {

TEST(CallWatch, ShowsTheCallInProgressOnly) {
    test::FakeClock clock;
    CallWatch watch;
    EXPECT_FALSE(watch.current());
    watch.begin("poll", 1s, clock.steady());
    const auto call = watch.current();
    ASSERT_TRUE(call);
    EXPECT_STREQ(call->name, "poll");
    EXPECT_EQ(call->limit, 1s);
    EXPECT_EQ(call->began, clock.steady());
    watch.end();
    EXPECT_FALSE(watch.current());
    watch.begin("ack", 1s, clock.steady());
    EXPECT_NE(watch.current()->serial, call->serial);
}

TEST(CallWatch, NeverMixesTwoCalls) {
    CallWatch watch;
    std::atomic<bool> mixed = false;
    std::jthread reader([&](const std::stop_token& stop) {
        while (!stop.stop_requested())
            if (const auto call = watch.current())
                if ((call->name[0] == 'a') != (call->limit == 1ns))
                    mixed = true;
    });
    for (int i = 0; i < 20'000; ++i) {
        watch.begin(i % 2 ? "a" : "b", i % 2 ? 1ns : 2ns, {});
        watch.end();
    }
    reader.request_stop();
    reader.join();
    EXPECT_FALSE(mixed);
}

TEST(Breadcrumb, NamesConnectionAndCallWithoutGrowing) {
    EXPECT_STREQ(breadcrumb(), "");
    const std::string longer(500, 'x');
    set_breadcrumb("connection orders", "poll");
    EXPECT_STREQ(breadcrumb(), "connection orders: poll");
    set_breadcrumb(longer.c_str(), "poll");
    EXPECT_LT(std::string(breadcrumb()).size(), 200U);
    set_breadcrumb(nullptr, nullptr);
    EXPECT_STREQ(breadcrumb(), "");
}

struct Counting final : Watched {
    std::atomic<int> looks = 0;
    void inspect(Clock::Steady::time_point) override {
        ++looks;
        looks.notify_all();
    }
};

TEST(Watchdog, LooksByItselfAndForgetsWhatIsGone) {
    test::FakeClock clock;
    Watchdog watchdog(clock);
    auto counting = std::make_shared<Counting>();
    watchdog.watch(counting);
    watchdog.start();
    counting->looks.wait(0);
    counting.reset();
    watchdog.check();
}

} // namespace
