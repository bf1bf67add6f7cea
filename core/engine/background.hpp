#pragma once

#include "core/base/mutex.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::engine {

/// Runs tasks one after the other on a few threads of its own: `async` commands. Thread-safe.
class Background {
public:
    /// A task is told whether it may run; false: the process ends, say so wherever that matters.
    using Task = std::function<void(bool run)>;

    Background(std::string name, unsigned threads, std::size_t waiting);
    /// Waits for the running tasks; those that wait are told not to run.
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    /// No task begins from now on; does not wait for those that run.
    void stop();
    /// False when `waiting` tasks wait already.
    bool post(Task task);

private:
    void run(const std::string& name);

    const std::size_t limit_;
    Mutex mutex_;
    Condition changed_;
    std::deque<Task> tasks_ SLUICE_GUARDED_BY(mutex_);
    bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
    std::vector<std::jthread> threads_;
};

} // namespace sluice::engine
