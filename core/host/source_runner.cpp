#include "core/host/source_runner.hpp"

#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/config/units.hpp"
#include "core/host/source_driver.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <thread>

namespace sluice::host {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kMostAbandoned = 3; // threads of one source that hang; more would pile up without end
constexpr auto kLongestWait = 100ms;   // between looks at the clock, which may be a test's

/// Keeps what an abandoned thread may still use, for the life of the process: its plugin can come back at any time.
void keep_for_ever(std::shared_ptr<void> remains) {
    static Mutex mutex;
    static auto* kept = new std::vector<std::shared_ptr<void>>;
    Lock lock(mutex);
    kept->push_back(std::move(remains));
}

void name_thread(const std::string& connection) {
    constexpr std::size_t kLongestName = 15;
    pthread_setname_np(pthread_self(), ("src/" + connection).substr(0, kLongestName).c_str());
}

} // namespace

/// Shared by the runner, its thread and the watchdog, so that none of them outlives it.
class SourceRunner::Core final : public Watched, public std::enable_shared_from_this<Core> {
public:
    Core(SourceSetup setup, const Clock& clock)
        : setup_(std::move(setup)), clock_(clock), board_(clock),
          late_calls_(metrics::counter("sluice_source_late_calls_total",
                                       "Calls of a plugin that took longer than they may.",
                                       {{"connection", setup_.connection}})),
          abandoned_threads_(metrics::counter("sluice_source_abandoned_threads_total",
                                              "Threads given up because a call of the plugin did not return.",
                                              {{"connection", setup_.connection}})) {}

    void start();
    bool stop(std::chrono::milliseconds grace);
    void inspect(Clock::Steady::time_point now) override;

    SourceStatus status() const { return board_.read(); }
    const SourceSetup& setup() const { return setup_; }

private:
    /// One thread's share: what stays behind with it when it is given up.
    struct Attempt {
        Attempt(const SourceSetup& setup, StatusBoard& board, const Clock& clock)
            : driver(setup, board, watch, clock, abandoned) {}
        std::atomic<bool> abandoned = false;
        CallWatch watch;
        SourceDriver driver;
        std::atomic<bool> finished = false;
    };

    std::shared_ptr<Attempt> make_attempt() { return std::make_shared<Attempt>(setup_, board_, clock_); }
    void launch(std::shared_ptr<Attempt> attempt) SLUICE_REQUIRES(mutex_);
    void run(Attempt& attempt);
    /// Waits for `rest` or for the end. False: it is time to stop.
    bool wait(const Attempt& attempt, std::chrono::nanoseconds rest);
    /// Gives up the current thread if it is that of `attempt`.
    bool abandon(const std::shared_ptr<Attempt>& attempt);
    void replace(const std::shared_ptr<Attempt>& attempt, const std::string& call);

    const SourceSetup setup_;
    const Clock& clock_;
    StatusBoard board_;
    metrics::Counter& late_calls_;
    metrics::Counter& abandoned_threads_;

    Mutex mutex_;
    Condition wake_;
    bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
    std::chrono::milliseconds grace_ SLUICE_GUARDED_BY(mutex_){};
    std::shared_ptr<Attempt> current_ SLUICE_GUARDED_BY(mutex_);
    std::jthread thread_ SLUICE_GUARDED_BY(mutex_);
    unsigned abandoned_ SLUICE_GUARDED_BY(mutex_) = 0;
    std::uint64_t reported_ SLUICE_GUARDED_BY(mutex_) = 0; ///< serial of the call that was reported as late
};

void SourceRunner::Core::launch(std::shared_ptr<Attempt> attempt) {
    current_ = attempt;
    thread_ = std::jthread([core = shared_from_this(), attempt = std::move(attempt)] { core->run(*attempt); });
}

void SourceRunner::Core::start() {
    auto attempt = make_attempt();
    Lock lock(mutex_);
    if (!current_ && !stopping_)
        launch(std::move(attempt));
}

void SourceRunner::Core::run(Attempt& attempt) {
    name_thread(setup_.connection);
    std::chrono::nanoseconds rest{0};
    while (wait(attempt, rest)) {
        rest = attempt.driver.step();
        if (attempt.abandoned)
            return;
    }
    std::chrono::milliseconds grace;
    {
        Lock lock(mutex_);
        grace = grace_;
    }
    attempt.driver.finish(grace);
    if (attempt.abandoned)
        return;
    Lock lock(mutex_);
    attempt.finished = true;
    wake_.notify_all();
}

bool SourceRunner::Core::wait(const Attempt& attempt, std::chrono::nanoseconds rest) {
    const auto until = clock_.steady() + rest;
    Lock lock(mutex_);
    while (!stopping_ && !attempt.abandoned && rest > 0ns) {
        wake_.wait_for(lock, std::min<std::chrono::nanoseconds>(rest, kLongestWait));
        rest = until - clock_.steady();
    }
    return !stopping_;
}

bool SourceRunner::Core::stop(std::chrono::milliseconds grace) {
    std::shared_ptr<Attempt> attempt;
    std::jthread thread;
    // The thread may be in a poll; then it drains, hands out acks, stops and destroys.
    const auto& limits = setup_.limits;
    const auto deadline = clock_.steady() + kLongestWait + limits.poll + grace + limits.ack + limits.stop;
    {
        Lock lock(mutex_);
        if (!stopping_)
            grace_ = grace;
        stopping_ = true;
        wake_.notify_all();
        attempt = current_;
        while (attempt && attempt == current_ && !attempt->finished && clock_.steady() < deadline)
            wake_.wait_for(lock,
                           std::min<std::chrono::nanoseconds>(
                               std::max<std::chrono::nanoseconds>(deadline - clock_.steady(), 1ms), kLongestWait));
        if (attempt && attempt->finished) {
            thread = std::move(thread_);
            current_ = nullptr;
        }
    }
    if (thread.joinable())
        thread.join();
    if (!attempt || attempt->finished)
        return true;
    if (abandon(attempt)) {
        log::error("source did not stop and was left behind", {{"connection", setup_.connection}});
        board_.set(SourceState::Stopped, "its plugin did not stop in time; its thread was given up");
    }
    return false;
}

bool SourceRunner::Core::abandon(const std::shared_ptr<Attempt>& attempt) {
    {
        Lock lock(mutex_);
        if (current_ != attempt || attempt->finished)
            return false;
        attempt->abandoned = true;
        thread_.detach(); // the one place where a thread loses its owner: nothing can make it return
        current_ = nullptr;
        reported_ = 0;
        ++abandoned_;
        wake_.notify_all();
    }
    keep_for_ever(attempt);
    keep_for_ever(shared_from_this());
    abandoned_threads_.add();
    board_.set_late({});
    return true;
}

void SourceRunner::Core::replace(const std::shared_ptr<Attempt>& attempt, const std::string& call) {
    if (!abandon(attempt))
        return;
    const auto why = fmt::format("the plugin's {} did not return; its thread was given up", call);
    auto next = make_attempt();
    bool launched = false, stopping = false;
    {
        Lock lock(mutex_);
        stopping = stopping_;
        // Too many at once means that the next one would hang as well.
        launched = !stopping && abandoned_ < kMostAbandoned;
        if (launched)
            launch(std::move(next));
    }
    board_.set(launched ? SourceState::Connecting : (stopping ? SourceState::Stopped : SourceState::Failed), why);
    log::error(launched ? "plugin call was given up, the source starts over"
                        : "plugin call was given up, the source stays stopped",
               {{"connection", setup_.connection}, {"call", call}});
}

void SourceRunner::Core::inspect(Clock::Steady::time_point now) {
    std::shared_ptr<Attempt> attempt;
    bool first = false, over = false;
    std::optional<CallWatch::Call> call;
    {
        Lock lock(mutex_);
        attempt = current_;
        if (!attempt)
            return;
        call = attempt->watch.current();
        if (call && now <= call->began + call->limit)
            call.reset();
        first = call && reported_ != call->serial;
        over = !call && reported_ != 0;
        reported_ = call ? call->serial : 0;
    }
    if (over)
        board_.set_late({});
    if (first) {
        late_calls_.add();
        board_.set_late(call->name);
        log::error(
            "plugin call is late",
            {{"connection", setup_.connection}, {"call", call->name}, {"limit", config::format_duration(call->limit)}});
    }
    if (call && now > call->began + call->limit + setup_.limits.patience)
        replace(attempt, call->name);
}

SourceRunner::SourceRunner(SourceSetup setup, const Clock& clock, Watchdog& watchdog)
    : core_(std::make_shared<Core>(std::move(setup), clock)) {
    watchdog.watch(core_);
}

SourceRunner::~SourceRunner() {
    core_->stop(0ms);
}

void SourceRunner::start() {
    core_->start();
}
bool SourceRunner::stop(std::chrono::milliseconds grace) {
    return core_->stop(grace);
}
SourceStatus SourceRunner::status() const {
    return core_->status();
}
const SourceSetup& SourceRunner::setup() const {
    return core_->setup();
}

} // namespace sluice::host
