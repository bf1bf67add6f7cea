#include "core/host/watchdog.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>

namespace sluice::host {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(250);

struct Crumb {
    const char* source = nullptr;
    const char* call = nullptr;
    char text[192] = {};
};
thread_local Crumb t_crumb;

/// Appends without allocating, because a signal handler may be the caller.
char* append(char* at, const char* end, const char* text) {
    while (*text && at < end - 1)
        *at++ = *text++;
    *at = 0;
    return at;
}

} // namespace

const char* breadcrumb() {
    auto& crumb = t_crumb;
    crumb.text[0] = 0;
    if (crumb.source && crumb.call) {
        const char* end = crumb.text + sizeof crumb.text;
        append(append(append(crumb.text, end, crumb.source), end, ": "), end, crumb.call);
    }
    return crumb.text;
}

void set_breadcrumb(const char* text, const char* call) {
    t_crumb.source = text;
    t_crumb.call = call;
}

void CallWatch::begin(const char* name, std::chrono::nanoseconds limit, Clock::Steady::time_point now) {
    name_.store(name, std::memory_order_relaxed);
    limit_ns_.store(limit.count(), std::memory_order_relaxed);
    began_ns_.store(std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count(),
                    std::memory_order_relaxed);
    serial_.fetch_add(1, std::memory_order_release);
}

void CallWatch::end() {
    serial_.fetch_add(1, std::memory_order_acq_rel);
}

std::optional<CallWatch::Call> CallWatch::current() const {
    const auto serial = serial_.load(std::memory_order_acquire);
    if (serial % 2 == 0)
        return std::nullopt;
    const Call call{.name = name_.load(std::memory_order_acquire),
                    .began =
                        Clock::Steady::time_point(std::chrono::nanoseconds(began_ns_.load(std::memory_order_acquire))),
                    .limit = std::chrono::nanoseconds(limit_ns_.load(std::memory_order_acquire)),
                    .serial = serial};
    return serial_.load(std::memory_order_acquire) == serial ? std::optional(call) : std::nullopt;
}

void Watchdog::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Watchdog::watch(std::weak_ptr<Watched> watched) {
    Lock lock(mutex_);
    std::erase_if(watched_, [](const auto& known) { return known.expired(); });
    watched_.push_back(std::move(watched));
}

void Watchdog::check() {
    std::vector<std::weak_ptr<Watched>> all;
    {
        Lock lock(mutex_);
        all = watched_;
    }
    for (const auto& weak : all)
        if (const auto watched = weak.lock())
            watched->inspect(clock_.steady());
}

void Watchdog::run(const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "watchdog");
    std::mutex mutex; // only to wait with
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        check();
        wake_.wait_for(lock, stop, kInterval, [] { return false; });
    }
}

} // namespace sluice::host
