#pragma once

#include <sluice/source_plugin.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// What the scripted plugin does and what was done to it; shared by a test and the instances it starts. Thread-safe by
/// `mutex`.
namespace sluice::test {

struct Script {
    struct Answer {
        sluice_status status;
        std::string why;
    };

    std::mutex mutex;
    std::condition_variable changed;

    // What the test asks for.
    std::map<std::string, std::deque<Answer>> answers; ///< by call, in order; then SLUICE_OK
    std::string block_in;                              ///< calls of that name do not return until it is another
    std::string throw_in;
    std::uint64_t total = 0;      ///< messages of lane "a" are numbered 1 to total, their payload is the number
    std::uint32_t batch_size = 3; ///< at most so many at a poll
    bool ends = false;            ///< after the last: SLUICE_END
    std::function<void(const sluice_host*, std::uint32_t lane, sluice_batch&)> next_batch; ///< instead, once
    std::function<void(const sluice_host*)> on_start, on_stop;

    // What happened.
    std::vector<std::string> calls;                             ///< all but poll
    std::vector<std::pair<std::uint32_t, std::uint32_t>> polls; ///< credit and time-out
    std::uint64_t resumed_after = 0;
    int batches = 0, released = 0;
    int blocked = 0; ///< threads that wait because of block_in

    /// Waits until `condition` holds; the time limit only ends a test that would fail anyway.
    template <class Condition> bool wait_until(Condition condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(20), [&] { return condition(*this); });
    }
    template <class Change> void change(Change apply) {
        {
            const std::lock_guard lock(mutex);
            apply(*this);
        }
        changed.notify_all();
    }
};

/// The plugin's extension of this name answers a `std::shared_ptr<Script>*` that create() copies.
inline constexpr auto* kScriptExtension = "test.script/1";

} // namespace sluice::test
