#pragma once

#include "core/base/mutex.hpp"

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::app {

/// Threads for work that may block. A thread is started only when all others are busy, so an idle bridge has none.
/// Thread-safe.
class WorkPool {
public:
    struct Limits {
        unsigned threads;
        unsigned waiting; ///< work beyond the threads that may wait
    };
    /// `name` becomes the threads' name.
    WorkPool(std::string name, Limits limits) : name_(std::move(name)), limits_(limits) {}
    /// Runs what was taken, then ends the threads.
    ~WorkPool();
    WorkPool(const WorkPool&) = delete;
    WorkPool& operator=(const WorkPool&) = delete;

    /// False: all threads are busy and enough is waiting, or the pool ends; `work` was not taken. `work` must not
    /// throw.
    bool submit(std::function<void()> work);

private:
    void run();

    const std::string name_;
    const Limits limits_;
    Mutex mutex_;
    Condition ready_;
    std::deque<std::function<void()>> waiting_ SLUICE_GUARDED_BY(mutex_);
    unsigned idle_ SLUICE_GUARDED_BY(mutex_) = 0;
    bool ending_ SLUICE_GUARDED_BY(mutex_) = false;
    std::vector<std::jthread> threads_ SLUICE_GUARDED_BY(mutex_);
};

} // namespace sluice::app
