#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::host {

/// How long a plugin may take for each call (plugin ABI 3, Lifecycle).
struct CallLimits {
    std::chrono::milliseconds create{5'000};
    std::chrono::milliseconds start{30'000}; ///< and check
    std::chrono::milliseconds poll{1'000};   ///< beyond its time-out
    std::chrono::milliseconds ack{1'000};    ///< and pause, release
    std::chrono::milliseconds stop{10'000};  ///< and destroy
    /// How long after its limit a call is given up, together with its thread.
    std::chrono::milliseconds patience{30'000};
};

/// The call of a plugin that one thread has in progress. Written by that thread, read by any.
class CallWatch {
public:
    struct Call {
        const char* name;
        Clock::Steady::time_point began;
        std::chrono::nanoseconds limit;
        std::uint64_t serial; ///< a different one for every call
    };

    /// `name` is a literal.
    void begin(const char* name, std::chrono::nanoseconds limit, Clock::Steady::time_point now);
    void end();
    /// Nothing between two calls.
    std::optional<Call> current() const;

private:
    // Odd while a call runs. Readers compare it before and after, so that they never mix two calls.
    std::atomic<std::uint64_t> serial_ = 0;
    std::atomic<const char*> name_ = nullptr;
    std::atomic<std::int64_t> began_ns_ = 0;
    std::atomic<std::int64_t> limit_ns_ = 0;
};

/// Tells a crash handler which plugin's call this thread is in: "orders: poll of kafka 1.0.0", or an empty text.
/// May be called in a signal handler; the answer is valid until the thread makes its next call.
const char* breadcrumb();
/// Sets and clears it; `text` must outlive the call.
void set_breadcrumb(const char* text, const char* call);

/// Something whose calls may hang.
class Watched {
public:
    virtual ~Watched() = default;
    /// Looks at the call in progress and reacts. On the watchdog's thread, no lock held.
    virtual void inspect(Clock::Steady::time_point now) = 0;
};

/// Looks at every watched source a few times a second. Thread-safe.
class Watchdog {
public:
    explicit Watchdog(const Clock& clock) : clock_(clock) {}
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// Begins to look by itself, on a thread of its own that ends with the watchdog.
    void start();
    void watch(std::weak_ptr<Watched> watched);
    /// Looks once, now.
    void check();

private:
    void run(const std::stop_token& stop);

    const Clock& clock_;
    Mutex mutex_;
    std::condition_variable_any wake_;
    std::vector<std::weak_ptr<Watched>> watched_ SLUICE_GUARDED_BY(mutex_);
    std::jthread thread_; ///< last, so that it ends before what it uses
};

} // namespace sluice::host
