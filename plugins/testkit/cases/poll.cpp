#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;

/// A started instance that has messages, and the feed that brings them.
struct Fed {
    std::unique_ptr<Feed> feed;
    std::unique_ptr<KitHost> host;
};

Fed fed(Subject& subject, Ledger* ledger = nullptr) {
    Fed fed;
    fed.host = subject.started(ledger);
    if (subject.settings().has_feed())
        fed.feed = std::make_unique<Feed>(subject.settings(), subject.run());
    return fed;
}

void need_messages(Subject& subject, const KitHost& host) {
    if (host.seen().empty())
        throw Skipped{subject.settings().has_feed()
                          ? "no message came, though the feed succeeded"
                          : "no message came by itself; give the kit a [feed] that brings some"};
}

void returns_a_status(Subject& subject) {
    const auto fed_host = fed(subject);
    for (int i = 0; i < 20; ++i)
        if (fed_host.host->poll(100, 1 << 20, 20ms).status == SLUICE_END)
            break;
    fed_host.host->end();
}

void keeps_the_credit(Subject& subject) {
    auto source = fed(subject);
    constexpr std::uint32_t kCredits[] = {1, 2, 3, 7, 64, 1, 1000, 5};
    constexpr std::uint64_t kBytes[] = {1, 100, 4096, 1 << 20};
    const auto until = std::chrono::steady_clock::now() + subject.settings().patience();
    // Messages and bytes change from poll to poll; KitHost holds every batch against both.
    for (std::size_t i = 0; std::chrono::steady_clock::now() < until && source.host->seen().size() < 400; ++i) {
        const auto credit = kCredits[i % std::size(kCredits)];
        const auto polled = source.host->poll(credit, kBytes[i % std::size(kBytes)], 20ms);
        if (polled.status == SLUICE_END)
            break;
    }
    need_messages(subject, *source.host);
    source.host->end();
}

void delivers_nothing_without_credit(Subject& subject) {
    auto source = fed(subject);
    const auto until = std::chrono::steady_clock::now() + subject.settings().patience();
    // First until something is there, so that there is something to hold back.
    while (source.host->seen().empty() && std::chrono::steady_clock::now() < until)
        if (source.host->poll(1, 1 << 20, 20ms).status == SLUICE_END)
            break;
    need_messages(subject, *source.host);
    for (int i = 0; i < 20; ++i)
        if (const auto polled = source.host->poll(0, 0, 0ms); polled.count > 0)
            throw Failed{fmt::format("{} messages at credit 0", polled.count)};
    source.host->end();
}

void keeps_the_timeout(Subject& subject) {
    auto source = fed(subject);
    for (const auto timeout : {0ms, 10ms, 200ms, 0ms, 100ms})
        for (int i = 0; i < 5; ++i)
            source.host->poll(10, 1 << 20, timeout); // the limit is the timeout and a second
    source.host->end();
}

void goes_on_after_a_pause(Subject& subject) {
    Ledger ledger;
    auto source = fed(subject, &ledger);
    source.host->poll(5);
    source.host->pause(true);
    for (int i = 0; i < 10; ++i)
        source.host->poll(0, 0, 10ms);
    source.host->pause(false);
    subject.collect(*source.host, 100, source.feed.get());
    need_messages(subject, *source.host);
    source.host->end();
}

void are_released_late_and_out_of_order(Subject& subject) {
    auto source = fed(subject);
    source.host->hold_batches = true;
    const auto until = std::chrono::steady_clock::now() + subject.settings().patience();
    while (source.host->held() < 12 && std::chrono::steady_clock::now() < until)
        if (source.host->poll(10, 1 << 20, 20ms).status == SLUICE_END)
            break;
    need_messages(subject, *source.host);
    std::vector<std::size_t> order(source.host->held());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::shuffle(order.begin(), order.end(), subject.random());
    const auto half = order.size() / 2;
    for (std::size_t i = 0; i < half; ++i)
        source.host->release_held(order[i]);
    source.host->stop();
    // The rest after stop, from another thread.
    std::exception_ptr failure;
    std::thread([&] {
        try {
            for (std::size_t i = half; i < order.size(); ++i)
                source.host->release_held(order[i]);
        } catch (...) {
            failure = std::current_exception();
        }
    }).join();
    if (failure)
        std::rethrow_exception(failure);
    source.host->end();
}

} // namespace

std::vector<Case> poll_cases() {
    return {{"poll.returns_a_status", 60s, returns_a_status},
            {"poll.keeps_the_credit", 120s, keeps_the_credit},
            {"poll.delivers_nothing_without_credit", 120s, delivers_nothing_without_credit},
            {"poll.keeps_the_timeout", 60s, keeps_the_timeout},
            {"poll.goes_on_after_a_pause", 120s, goes_on_after_a_pause},
            {"batch.is_released_late_and_out_of_order", 120s, are_released_late_and_out_of_order}};
}

} // namespace sluice::testkit
