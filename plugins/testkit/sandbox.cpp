#include "plugins/testkit/sandbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <system_error>

namespace sluice::testkit {
namespace {

using Steady = std::chrono::steady_clock;

template <std::size_t Size> void copy_text(std::array<char, Size>& to, std::string_view from) {
    const auto size = std::min(from.size(), Size - 1);
    std::memcpy(to.data(), from.data(), size);
    to[size] = 0;
}

void judge(Slate& slate, const std::function<void(Slate&)>& body) {
    try {
        body(slate);
        if (!slate.finished())
            slate.finish(Verdict::Pass, {});
    } catch (const Failed& failed) {
        slate.finish(Verdict::Fail, failed.why);
    } catch (const Skipped& skipped) {
        slate.finish(Verdict::Skip, skipped.why);
    } catch (const std::exception& error) {
        slate.finish(Verdict::Fail, fmt::format("the kit could not go on: {}", error.what()));
    }
}

/// A plugin's own words on the terminal would tear the report apart.
void silence() {
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
        ::dup2(nowhere, fd);
}

} // namespace

void Slate::enter(std::string_view call) {
    copy_text(call_, call);
}
std::string Slate::call() const {
    return call_.data();
}
void Slate::finish(Verdict verdict, std::string_view detail) {
    verdict_ = verdict;
    copy_text(detail_, detail);
    finished_ = true;
}
std::string Slate::detail() const {
    return detail_.data();
}

SharedSlate::SharedSlate() {
    void* memory = ::mmap(nullptr, sizeof(Slate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    slate_ = new (memory) Slate;
}
SharedSlate::~SharedSlate() {
    ::munmap(slate_, sizeof(Slate));
}

Child::Child(const std::function<int()>& body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ > 0)
        return;
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) // it ended before it could be watched
        ::_exit(1);
    ::_exit(body());
}

Child::~Child() {
    kill();
}

void Child::kill() {
    if (!running_)
        return;
    ::kill(pid_, SIGKILL); // also before it made its group
    reap();
}

void Child::reap() {
    ::kill(-pid_, SIGKILL); // what it started, while its number cannot belong to anybody else yet
    ::waitpid(pid_, &status_, 0);
    running_ = false;
}

bool Child::wait(std::chrono::milliseconds limit) {
    if (!running_)
        return true;
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (handle < 0)
        throw std::system_error(errno, std::generic_category(), "pidfd_open");
    const auto until = Steady::now() + limit;
    int ready = 0;
    do {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now());
        pollfd wanted{.fd = handle, .events = POLLIN, .revents = 0};
        ready = ::poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    } while (ready < 0 && errno == EINTR);
    ::close(handle);
    if (ready <= 0)
        return false;
    reap();
    return true;
}

std::string describe_end(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    return fmt::format("exit status {}", WEXITSTATUS(status));
}

CaseResult run_in_child(const std::function<void(Slate&)>& body, std::chrono::milliseconds limit) {
    const SharedSlate slate;
    const auto begun = Steady::now();
    CaseResult result;
    {
        Child child([&] {
            silence();
            judge(*slate, body);
            return 0;
        });
        const bool ended = child.wait(limit);
        const auto call = slate->call();
        const auto in_call = call.empty() ? std::string("outside of its calls") : "in " + call;
        if (!ended) {
            result.verdict = Verdict::Hang;
            result.detail = fmt::format("it did not return within {} ms, {}", limit.count(), in_call);
        } else if (child.status() != 0 || !slate->finished()) {
            result.verdict = Verdict::Crash;
            result.detail = fmt::format("its process ended with {}, {}", describe_end(child.status()), in_call);
        } else {
            result.verdict = slate->verdict();
            result.detail = slate->detail();
        }
    }
    result.took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begun);
    return result;
}

CaseResult run_here(const std::function<void(Slate&)>& body) {
    const SharedSlate slate;
    const auto begun = Steady::now();
    judge(*slate, body);
    return {.name = {},
            .verdict = slate->verdict(),
            .detail = slate->detail(),
            .took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begun)};
}

} // namespace sluice::testkit
