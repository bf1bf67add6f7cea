#include "core/engine/background.hpp"

#include "core/base/thread.hpp"

#include <utility>

namespace sluice::engine {

Background::Background(std::string name, unsigned threads, std::size_t waiting) : limit_(waiting) {
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this, thread_name = name + "/" + std::to_string(i)] { run(thread_name); });
}

void Background::stop() {
    Lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

Background::~Background() {
    stop();
    threads_.clear();
    for (const Task& task : std::exchange(tasks_, {}))
        task(false);
}

bool Background::post(Task task) {
    Lock lock(mutex_);
    if (stopping_ || tasks_.size() >= limit_)
        return false;
    tasks_.push_back(std::move(task));
    changed_.notify_one();
    return true;
}

void Background::run(const std::string& name) {
    name_this_thread(name);
    for (;;) {
        Task task;
        {
            Lock lock(mutex_);
            while (!stopping_ && tasks_.empty())
                changed_.wait(lock);
            if (stopping_)
                return;
            task = std::move(tasks_.front());
            tasks_.pop_front();
        }
        task(true);
    }
}

} // namespace sluice::engine
