#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatienceOfRound = 5s; // a whole life; one that waits for an upstream that is away takes longer
constexpr int kWarmUp = 20, kRounds = 200, kStartRounds = 10;
constexpr std::int64_t kBytesOfRound = 16; // less than the smallest object; what allocators shift about stays below

struct Footprint {
    std::size_t files, threads;
    std::int64_t bytes;
};

std::size_t entries_of(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder))
        ++count;
    return count;
}

Footprint footprint() {
    const auto heap = ::mallinfo2();
    return {.files = entries_of("/proc/self/fd"),
            .threads = entries_of("/proc/self/task"),
            .bytes = static_cast<std::int64_t>(heap.uordblks + heap.hblkhd)};
}

/// Threads that were joined need a moment to leave the kernel's list.
Footprint settled(std::size_t threads) {
    auto now = footprint();
    for (int i = 0; i < 100 && now.threads > threads; ++i) {
        ::usleep(10'000);
        now = footprint();
    }
    return now;
}

void compare(const Footprint& before, int rounds, const char* what, std::int64_t bytes_of_round) {
    const auto after = settled(before.threads);
    if (after.threads > before.threads)
        throw Failed{
            fmt::format("{} rounds of {} left {} threads behind", rounds, what, after.threads - before.threads)};
    if (after.files > before.files)
        throw Failed{
            fmt::format("{} rounds of {} left {} files or sockets open", rounds, what, after.files - before.files)};
    if (after.bytes - before.bytes > rounds * bytes_of_round)
        throw Failed{fmt::format("{} rounds of {} left {} bytes of memory behind, {} a round", rounds, what,
                                 after.bytes - before.bytes, (after.bytes - before.bytes) / rounds)};
}

void create_round(Subject& subject) {
    const auto host = subject.instance(nullptr);
    if (const auto status = host->create(); status != SLUICE_OK)
        throw Failed{fmt::format("create answered {} to the configuration of the kit: {}", status_name(status),
                                 host->last_failure())};
    host->end();
}

void leaks_nothing(Subject& subject) {
    for (int i = 0; i < kWarmUp; ++i)
        create_round(subject);
    const auto before = footprint();
    for (int i = 0; i < kRounds; ++i)
        create_round(subject);
    compare(before, kRounds, "create and destroy", kBytesOfRound);
}

/// A whole life, as far as upstream lets it.
void whole_round(Subject& subject, const std::string& state) {
    const auto host = subject.instance(nullptr, state);
    if (host->create() != SLUICE_OK)
        throw Failed{"create failed: " + host->last_failure()};
    if (host->start() == SLUICE_OK)
        for (int i = 0; i < 3; ++i)
            host->poll(100, 1 << 20, 10ms);
    host->end();
}

void runs_leak_nothing(Subject& subject) {
    const auto state = std::string("rounds");
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) {
        whole_round(subject, state);
        if (std::chrono::steady_clock::now() - begun > kPatienceOfRound * (i + 1))
            throw Skipped{"a whole life takes too long to repeat it; give the kit an upstream that answers"};
    }
    const auto before = footprint();
    for (int i = 0; i < kStartRounds; ++i)
        whole_round(subject, state);
    constexpr std::int64_t kBytesOfWholeRound = 16 * 1024; // caches of client libraries grow at first
    compare(before, kStartRounds, "a whole life", kBytesOfWholeRound);
}

void stops_in_time(Subject& subject) {
    const auto host = subject.instance(nullptr);
    if (host->create() != SLUICE_OK)
        throw Failed{"create failed: " + host->last_failure()};
    const auto status = host->start();
    if (status != SLUICE_OK && host->last_failure().empty())
        throw Failed{fmt::format("start answered {} without a reason; use host->fail", status_name(status))};
    if (status == SLUICE_OK)
        for (int i = 0; i < 5; ++i)
            host->poll();
    host->end(); // every call is held against its limit
}

void is_silent_after_destroy(Subject& subject) {
    const auto host = subject.instance(nullptr);
    if (host->create() != SLUICE_OK)
        throw Failed{"create failed: " + host->last_failure()};
    if (host->start() == SLUICE_OK)
        for (int i = 0; i < 5; ++i)
            host->poll(100, 1 << 20, 10ms);
    host->end();
    ::usleep(300'000); // whoever still runs shows now
    host->throw_violation();
}

void instances_are_independent(Subject& subject) {
    if (subject.descriptor().has(SLUICE_CAP_SINGLETON))
        throw Skipped{"it runs once in a process, as it says"};
    auto first = subject.instance(nullptr, "first"), second = subject.instance(nullptr, "second");
    for (auto* host : {first.get(), second.get()})
        if (host->create() != SLUICE_OK)
            throw Failed{"create failed: " + host->last_failure()};
    if (first->self() == second->self() && first->self())
        throw Failed{"two instances have the same `self`"};
    const bool first_runs = first->start() == SLUICE_OK, second_runs = second->start() == SLUICE_OK;
    for (int i = 0; i < 5; ++i) {
        if (first_runs)
            first->poll(10, 1 << 20, 10ms);
        if (second_runs)
            second->poll(10, 1 << 20, 10ms);
    }
    first->end();
    if (second_runs)
        second->poll(10, 1 << 20, 10ms); // goes on without the other
    second->end();
}

} // namespace

std::vector<Case> lifecycle_cases() {
    return {{"lifecycle.leaks_nothing", 120s, leaks_nothing},
            {"lifecycle.whole_lives_leak_nothing", 240s, runs_leak_nothing},
            {"lifecycle.stops_in_time", 90s, stops_in_time},
            {"lifecycle.is_silent_after_destroy", 90s, is_silent_after_destroy},
            {"lifecycle.instances_are_independent", 150s, instances_are_independent}};
}

} // namespace sluice::testkit
