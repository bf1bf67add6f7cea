#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMessages = 300; // of a source that produces by itself
constexpr int kResumes = 5;

using ByLane = std::map<std::string, std::vector<Seen>>;

ByLane by_lane(const std::vector<Seen>& messages) {
    ByLane lanes;
    for (const auto& message : messages)
        lanes[message.lane].push_back(message);
    return lanes;
}

std::size_t wanted(const Subject& subject) {
    return subject.settings().has_feed() ? subject.settings().count() : kMessages;
}

/// What an instance delivers when nothing is committed, from the feed's first message on.
std::vector<Seen> first_run(Subject& subject, Ledger& empty) {
    auto host = subject.started(&empty);
    std::unique_ptr<Feed> feed;
    if (subject.settings().has_feed())
        feed = std::make_unique<Feed>(subject.settings(), subject.run());
    subject.collect(*host, wanted(subject), feed.get());
    if (host->seen().empty())
        throw Skipped{feed ? "no message came, though the feed succeeded"
                           : "no message came by itself; give the kit a [feed] that brings some"};
    auto seen = host->seen();
    host->end();
    return seen;
}

void sequences_rise(Subject& subject) {
    Ledger ledger;
    first_run(subject, ledger); // KitHost holds every message against the one before
}

/// Throws unless `second` goes on exactly behind the first `committed` messages of `first`.
void compare(const std::vector<Seen>& first, std::size_t committed, const std::vector<Seen>& second) {
    ByLane expected;
    for (std::size_t i = committed; i < first.size(); ++i)
        expected[first[i].lane].push_back(first[i]);
    std::size_t found = 0;
    for (const auto& [lane, messages] : by_lane(second)) {
        const auto& wanted = expected[lane];
        for (std::size_t i = 0; i < std::min(messages.size(), wanted.size()); ++i, ++found)
            if (!(messages[i] == wanted[i]))
                throw Failed{fmt::format("after the checkpoint at message {} of {}, lane '{}' went on with sequence {} "
                                         "where {} had been{}; replay means the same messages again",
                                         committed, first.size(), lane, messages[i].sequence, wanted[i].sequence,
                                         messages[i].sequence == wanted[i].sequence ? " with other content" : "")};
    }
    if (found < first.size() - committed)
        throw Failed{
            fmt::format("after the checkpoint at message {}, {} of the {} messages behind it did not come again",
                        committed, first.size() - committed - found, first.size() - committed)};
}

void resumes_after_the_checkpoint(Subject& subject) {
    if (!subject.descriptor().has(SLUICE_CAP_REPLAY))
        throw Skipped{"it does not claim replay (SLUICE_CAP_REPLAY)"};
    Ledger nothing;
    const auto first = first_run(subject, nothing);
    // Later and later, as checkpoints go; the first one is somewhere behind the first message.
    std::vector<std::size_t> places;
    for (int i = 0; i < kResumes; ++i)
        places.push_back(1 + subject.any_up_to(first.size() - 1));
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    Ledger ledger;
    std::size_t committed = 0;
    for (const auto place : places) {
        ledger.append({first.begin() + static_cast<std::ptrdiff_t>(committed),
                       first.begin() + static_cast<std::ptrdiff_t>(place)});
        committed = place;
        auto host = subject.started(&ledger);
        subject.collect(*host, first.size() - committed);
        compare(first, committed, host->seen());
        host->end();
    }
}

} // namespace

std::vector<Case> order_cases() {
    return {{"order.sequences_rise", 120s, sequences_rise},
            {"order.resumes_after_the_checkpoint", 240s, resumes_after_the_checkpoint}};
}

} // namespace sluice::testkit
