// sluice/push_queue.hpp: for plugins whose library calls back on threads of its own. Part of source.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

namespace sluice {

/// How much one poll may deliver, and how long it may wait for the first message.
struct Credit {
    std::uint32_t messages = 0;
    std::uint64_t bytes = 0;
    std::chrono::milliseconds wait{0};
};

/// Between a library that calls back on its own threads and poll: bounded by number and bytes, and push blocks while it
/// is full, so that the library stops reading and upstream waits. Thread-safe.
template <class T> class PushQueue {
public:
    struct Limits {
        std::size_t items, bytes;
    };
    explicit PushQueue(Limits limits) : limits_(limits) {}

    /// Blocks while the queue is full. False once it is closed; the item is then not taken.
    /// An item larger than the whole queue goes in when the queue is empty.
    bool push(T item, std::size_t bytes) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return closed_ || fits(bytes); });
        return take(std::move(item), bytes);
    }
    /// As push, but gives up after `patience`.
    bool push_for(T item, std::size_t bytes, std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        if (!room_.wait_for(lock, patience, [&] { return closed_ || fits(bytes); }))
            return false;
        return take(std::move(item), bytes);
    }

    /// Waits at most `credit.wait` for the first item, then hands over (by calling `use(T&&)`) what is there and what
    /// the credit allows, and reduces the credit. An item larger than the bytes left waits, unless it is the first.
    template <class Use> std::size_t drain(Credit& credit, Use&& use) {
        std::deque<Entry> taken;
        {
            std::unique_lock lock(mutex_);
            if (credit.messages == 0)
                return 0;
            filled_.wait_for(lock, credit.wait, [&] { return closed_ || !entries_.empty(); });
            while (!entries_.empty() && credit.messages > 0) {
                Entry& front = entries_.front();
                if (front.bytes > credit.bytes && !taken.empty())
                    break;
                credit.bytes -= front.bytes < credit.bytes ? front.bytes : credit.bytes;
                --credit.messages;
                bytes_ -= front.bytes;
                taken.push_back(std::move(front));
                entries_.pop_front();
            }
        }
        if (!taken.empty())
            room_.notify_all();
        for (Entry& entry : taken)
            use(std::move(entry.item));
        return taken.size();
    }

    /// Wakes everybody; push refuses from now on, drain still hands over what is inside.
    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        room_.notify_all();
        filled_.notify_all();
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return entries_.size();
    }

private:
    struct Entry {
        T item;
        std::size_t bytes;
    };
    bool fits(std::size_t bytes) const {
        return entries_.empty() || (entries_.size() < limits_.items && bytes_ + bytes <= limits_.bytes);
    }
    bool take(T&& item, std::size_t bytes) {
        if (closed_)
            return false;
        entries_.push_back({std::move(item), bytes});
        bytes_ += bytes;
        filled_.notify_one();
        return true;
    }

    const Limits limits_;
    mutable std::mutex mutex_;
    std::condition_variable room_, filled_;
    std::deque<Entry> entries_;
    std::size_t bytes_ = 0;
    bool closed_ = false;
};

} // namespace sluice
