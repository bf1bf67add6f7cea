#include "core/app/work_pool.hpp"

#include "core/base/thread.hpp"

namespace sluice::app {

WorkPool::~WorkPool() {
    std::vector<std::jthread> threads;
    {
        Lock lock(mutex_);
        ending_ = true;
        threads.swap(threads_);
        ready_.notify_all();
    }
    threads.clear();
}

bool WorkPool::submit(std::function<void()> work) {
    Lock lock(mutex_);
    if (ending_)
        return false;
    const bool has_idle = idle_ > waiting_.size();
    const bool may_start = threads_.size() < limits_.threads;
    if (!has_idle && !may_start && waiting_.size() >= idle_ + limits_.waiting)
        return false;
    waiting_.push_back(std::move(work));
    if (!has_idle && may_start)
        threads_.emplace_back([this] { run(); });
    ready_.notify_one();
    return true;
}

void WorkPool::run() {
    name_this_thread(name_);
    while (true) {
        std::function<void()> work;
        {
            Lock lock(mutex_);
            ++idle_;
            while (waiting_.empty() && !ending_)
                ready_.wait(lock);
            --idle_;
            if (waiting_.empty())
                return;
            work = std::move(waiting_.front());
            waiting_.pop_front();
        }
        work();
    }
}

} // namespace sluice::app
