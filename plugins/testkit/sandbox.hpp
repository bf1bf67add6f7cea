#pragma once

#include "plugins/testkit/kit.hpp"

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::testkit {

/// Thrown by a case: the plugin broke the contract.
struct Failed {
    std::string why;
};
/// Thrown by a case that cannot judge here.
struct Skipped {
    std::string why;
};

/// What a child writes down for its parent, in memory that both share, so that it outlives a crash.
class Slate {
public:
    /// The call of the plugin in progress; what a crash or a hang is blamed on. Empty: none.
    void enter(std::string_view call);
    void leave() { enter({}); }
    std::string call() const;

    void finish(Verdict verdict, std::string_view detail);
    bool finished() const { return finished_; }
    Verdict verdict() const { return verdict_; }
    std::string detail() const;

    /// For a case with children of its own: the instance is started, and it has delivered its first message.
    std::atomic<bool> started = false, delivers = false;

private:
    std::array<char, 256> call_{};
    std::array<char, 4096> detail_{};
    Verdict verdict_ = Verdict::Pass;
    std::atomic<bool> finished_ = false;
};

/// A Slate in memory that survives fork. One owner.
class SharedSlate {
public:
    SharedSlate();
    ~SharedSlate();
    SharedSlate(const SharedSlate&) = delete;
    SharedSlate& operator=(const SharedSlate&) = delete;
    Slate& operator*() const { return *slate_; }
    Slate* operator->() const { return slate_; }

private:
    Slate* slate_;
};

/// A process of its own group; it and everything it started is killed by the destructor.
class Child {
public:
    /// Forks; the child runs `body` and ends with its answer. It dies with its parent.
    explicit Child(const std::function<int()>& body);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Waits for its end. False: it still runs.
    bool wait(std::chrono::milliseconds limit);
    void kill();
    bool running() const { return running_; }
    /// As of waitpid, once it ended.
    int status() const { return status_; }

private:
    void reap();

    pid_t pid_ = -1;
    int status_ = 0;
    bool running_ = true;
};

/// "signal 11 (Segmentation fault)" or "exit status 3".
std::string describe_end(int status);

/// Runs `body` in a child within the time limit and says how it ended. What it throws (Failed, Skipped) becomes the
/// verdict; a note that it leaves with Slate::finish stays.
CaseResult run_in_child(const std::function<void(Slate&)>& body, std::chrono::milliseconds limit);
/// The same without a child.
CaseResult run_here(const std::function<void(Slate&)>& body);

} // namespace sluice::testkit
