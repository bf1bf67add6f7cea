#include "core/store/query_help.hpp"

#include <duckdb.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace sluice::store {
namespace {

using namespace std::chrono_literals;

constexpr auto kMoment = 2ms; ///< a query that ends sooner gains nothing from a second thread
constexpr std::chrono::microseconds kShortestNap = 50us, kLongestNap = 1ms;
constexpr idx_t kTasksAtATime = 4;

} // namespace

QueryHelp::QueryHelp(duckdb_database database, unsigned threads) : database_(database) {
    for (unsigned i = 0; i < threads; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { help(stop); });
        pthread_setname_np(threads_.back().native_handle(), "query help");
    }
}

QueryHelp::~QueryHelp() {
    for (std::jthread& thread : threads_)
        thread.request_stop();
    {
        Lock lock(mutex_);
        changed_.notify_all();
    }
    threads_.clear();
}

void QueryHelp::enter() {
    Lock lock(mutex_);
    if (running_++ == 0)
        changed_.notify_all();
}

void QueryHelp::leave() {
    Lock lock(mutex_);
    --running_;
}

void QueryHelp::help(const std::stop_token& stop) {
    duckdb_task_state tasks = duckdb_create_task_state(database_);
    bool idle = true;
    std::chrono::microseconds nap = kShortestNap;
    for (;;) {
        {
            Lock lock(mutex_);
            if (stop.stop_requested()) // asked under the lock, or the destructor's wake-up can be missed
                break;
            if (running_ == 0) {
                idle = true;
                changed_.wait(lock);
                continue;
            }
            if (idle) {
                idle = false;
                changed_.wait_for(lock, kMoment);
                continue;
            }
        }
        if (duckdb_execute_n_tasks_state(tasks, kTasksAtATime) > 0) {
            nap = kShortestNap;
        } else {
            std::this_thread::sleep_for(nap);
            nap = std::min(nap * 2, kLongestNap);
        }
    }
    duckdb_destroy_task_state(tasks);
}

} // namespace sluice::store
