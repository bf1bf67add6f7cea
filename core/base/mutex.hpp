#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// Annotations for clang's -Wthread-safety (preset `analysis`); nothing to other compilers.
#if defined(__clang__)
#define SLUICE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SLUICE_THREAD_ATTRIBUTE(x)
#endif
#define SLUICE_CAPABILITY(x) SLUICE_THREAD_ATTRIBUTE(capability(x))
#define SLUICE_SCOPED_CAPABILITY SLUICE_THREAD_ATTRIBUTE(scoped_lockable)
#define SLUICE_GUARDED_BY(x) SLUICE_THREAD_ATTRIBUTE(guarded_by(x))
#define SLUICE_REQUIRES(...) SLUICE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SLUICE_ACQUIRE(...) SLUICE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define SLUICE_RELEASE(...) SLUICE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define SLUICE_NO_THREAD_SAFETY_ANALYSIS SLUICE_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace sluice {

/// std::mutex with the annotations that let clang prove which state it guards.
class SLUICE_CAPABILITY("mutex") Mutex {
public:
    void lock() SLUICE_ACQUIRE() { mutex_.lock(); }
    void unlock() SLUICE_RELEASE() { mutex_.unlock(); }

private:
    friend class Lock;
    std::mutex mutex_;
};

/// Holds a Mutex for a scope; the only way to wait on a Condition.
class SLUICE_SCOPED_CAPABILITY Lock {
public:
    explicit Lock(Mutex& mutex) SLUICE_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
    ~Lock() SLUICE_RELEASE() {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

private:
    friend class Condition;
    std::unique_lock<std::mutex> lock_;
};

/// A condition variable for Mutex. Write waits as loops over the guarded state: spurious wake-ups are normal.
class Condition {
public:
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }
    void wait(Lock& lock) { condition_.wait(lock.lock_); }
    template <class Rep, class Period>
    std::cv_status wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& timeout) {
        return condition_.wait_for(lock.lock_, timeout);
    }
    template <class Time>
    std::cv_status wait_until(Lock& lock, const Time& deadline) {
        return condition_.wait_until(lock.lock_, deadline);
    }

private:
    std::condition_variable condition_;
};

} // namespace sluice
