#pragma once

#include "core/base/clock.hpp"

#include <atomic>
#include <chrono>

namespace sluice::test {

/// A clock that moves only when a test says so. Thread-safe.
class FakeClock final : public Clock {
public:
    Ticks now() const override { return kStart + ticks_.load(); }
    Steady::time_point steady() const override { return start_ + std::chrono::nanoseconds(ticks_.load() * 100); }

    template <class Rep, class Period>
    void advance(std::chrono::duration<Rep, Period> by) {
        ticks_ += std::chrono::duration_cast<std::chrono::nanoseconds>(by).count() / 100;
    }

private:
    /// 2026-01-01T00:00:00Z.
    static constexpr Ticks kStart = 639'028'224'000'000'000;
    const Steady::time_point start_ = Steady::now();
    std::atomic<Ticks> ticks_ = 0;
};

} // namespace sluice::test
