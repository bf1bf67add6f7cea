#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMessages = 2000; // of a source that produces by itself
constexpr int kMostRounds = 400;
constexpr int kExitDone = 10, kExitMore = 11, kExitFailed = 12;

std::size_t wanted(const Subject& subject) {
    return subject.settings().has_feed() ? subject.settings().count() : kMessages;
}

/// Delivers without committing, lets the instance go, and sees whether the next one is given the same again.
void acknowledges_after_the_commit(Subject& subject) {
    Ledger ledger;
    std::vector<Seen> first;
    std::size_t committed = 0;
    {
        auto host = subject.started(&ledger);
        std::unique_ptr<Feed> feed;
        if (subject.settings().has_feed())
            feed = std::make_unique<Feed>(subject.settings(), subject.run());
        const auto count = std::min<std::size_t>(wanted(subject), 300);
        subject.collect(*host, count, feed.get());
        if (host->seen().empty())
            throw Skipped{feed ? "no message came, though the feed succeeded"
                               : "no message came by itself; give the kit a [feed] that brings some"};
        committed = host->seen().size() / 3;
        host->commit(committed);
        first = host->seen();
        host->end();
    }
    auto host = subject.started(&ledger);
    subject.collect(*host, first.size() - committed);
    std::multiset<std::uint64_t> again;
    for (const auto& seen : host->seen())
        again.insert(seen.hash);
    std::size_t missing = 0;
    for (std::size_t i = committed; i < first.size(); ++i) {
        const auto found = again.find(first[i].hash);
        missing += found == again.end() ? 1 : 0;
        if (found != again.end())
            again.erase(found);
    }
    host->end();
    if (missing == 0)
        return;
    const auto what = fmt::format("{} of {} messages that were delivered and never committed did not come again",
                                  missing, first.size() - committed);
    // Without a word about acks or replay, at most once is what it promises.
    if (!subject.library().plugin().ack && !subject.descriptor().has(SLUICE_CAP_REPLAY))
        return subject.warn(what + "; connections of this plugin are at most once");
    throw Failed{what + "; tell upstream in `ack`, which follows the commit, and never before"};
}

/// One life of the instance: random credits, pauses and commits, until everything is committed or somebody kills it.
/// `slowly`: with breaks, so that the kill comes before the end.
int live(Subject& subject, Ledger& ledger, std::uint64_t seed, std::size_t count, bool slowly) {
    std::mt19937_64 random(seed);
    const auto chance = [&](unsigned in) { return random() % in == 0; };
    auto host = subject.started(&ledger);
    subject.slate().started = true;
    const auto before = ledger.size();
    bool ended = false;
    auto last_news = std::chrono::steady_clock::now();
    while (before + host->seen().size() - host->uncommitted() < count) {
        if (chance(40)) {
            host->pause(true);
            host->poll(0, 0, 1ms);
            host->pause(false);
        }
        const auto polled =
            ended ? KitHost::Polled{} : host->poll(1 + static_cast<std::uint32_t>(random() % 50), 1 << 20, 5ms);
        ended = ended || polled.status == SLUICE_END;
        const auto now = std::chrono::steady_clock::now();
        if (polled.count > 0) {
            subject.slate().delivers = true;
            last_news = now;
        }
        if (host->uncommitted() > 0 && (chance(3) || ended))
            host->commit(ended ? host->uncommitted() : 1 + random() % host->uncommitted());
        if (chance(60)) { // a restart without a kill
            host->end();
            return kExitMore;
        }
        if (ended && host->uncommitted() == 0)
            return kExitDone;
        if (now - last_news > subject.settings().patience()) {
            host->commit();
            return kExitDone;
        }
        if (polled.count == 0 || slowly)
            ::usleep(static_cast<useconds_t>(500 + (slowly ? random() % 1500 : 0)));
    }
    host->end();
    return kExitDone;
}

/// Lives one after the other, most of them ended by SIGKILL at a random moment.
int lives(Subject& subject, Ledger& ledger, std::size_t count, bool kill) {
    std::unique_ptr<Feed> feed;
    int killed = 0;
    for (int round = 0; round < kMostRounds; ++round) {
        const auto seed = subject.random()();
        subject.slate().started = subject.slate().delivers = false;
        const bool early = kill && subject.any_up_to(3) == 0;
        const SharedSlate outcome;
        Child child([&] {
            try {
                return live(subject, ledger, seed, count, kill);
            } catch (const Failed& failed) {
                outcome->finish(Verdict::Fail, failed.why);
            } catch (const Skipped& skipped) {
                outcome->finish(Verdict::Skip, skipped.why);
            }
            return kExitFailed;
        });
        while (!child.wait(1ms) && !subject.slate().started)
            continue;
        if (subject.settings().has_feed() && !feed && child.running())
            feed = std::make_unique<Feed>(subject.settings(), subject.run());
        // Mostly killed while it delivers: one that connects for a second would get nowhere otherwise.
        while (kill && !early && !child.wait(1ms) && !subject.slate().delivers)
            continue;
        const bool ended = child.wait(kill ? std::chrono::milliseconds(2 + subject.any_up_to(40)) : 100'000ms);
        if (!ended) {
            child.kill();
            ++killed;
            continue;
        }
        if (outcome->finished() && outcome->verdict() == Verdict::Skip)
            throw Skipped{outcome->detail()};
        if (outcome->finished())
            throw Failed{outcome->detail()};
        const int code = WIFEXITED(child.status()) ? WEXITSTATUS(child.status()) : -1;
        if (code != kExitDone && code != kExitMore)
            throw Failed{
                fmt::format("its process ended with {}, in {}", describe_end(child.status()), subject.slate().call())};
        if (code == kExitDone && (!feed || feed->done()))
            return killed;
    }
    throw Failed{fmt::format("after {} restarts {} of {} messages are committed; it makes no progress", kMostRounds,
                             ledger.size(), count)};
}

/// Each message of the ledger against what was published (with a feed), or against an undisturbed run.
void judge(Subject& subject, const Ledger& ledger, const Ledger* undisturbed, int killed) {
    const auto committed = ledger.all();
    std::map<std::uint64_t, int> times;
    std::map<std::string, std::uint64_t> last;
    std::size_t twice = 0;
    for (const auto& seen : committed) {
        const auto [known, first] = last.try_emplace(seen.lane, seen.sequence);
        if (!first && seen.sequence <= known->second)
            throw Failed{fmt::format("sequence {} was committed after {} in lane '{}'", seen.sequence, known->second,
                                     seen.lane)};
        known->second = seen.sequence;
        twice += times[seen.hash]++ > 0 ? 1 : 0;
    }
    std::size_t lost = 0;
    if (undisturbed) {
        std::map<std::string, std::size_t> at;
        std::map<std::string, std::vector<Seen>> lanes;
        for (auto& seen : undisturbed->all())
            lanes[seen.lane].push_back(seen);
        for (const auto& seen : committed) {
            const auto& lane = lanes[seen.lane];
            const auto index = at[seen.lane]++;
            if (index < lane.size() && !(lane[index] == seen))
                throw Failed{
                    fmt::format("after {} kills, message {} of lane '{}' is sequence {}; an undisturbed run has "
                                "{} there",
                                killed, index + 1, seen.lane, seen.sequence, lane[index].sequence)};
        }
        twice = 0; // content may repeat in such a source; the comparison was exact
    } else {
        const auto published = subject.settings().count();
        lost = published > times.size() ? published - times.size() : 0;
    }
    if (lost > 0 && (subject.descriptor().has(SLUICE_CAP_REPLAY) || subject.library().plugin().ack))
        throw Failed{
            fmt::format("{} of {} messages were lost over {} kills", lost, subject.settings().count(), killed)};
    if (twice > 0 && subject.descriptor().has(SLUICE_CAP_REPLAY))
        throw Failed{fmt::format("{} messages came twice after their checkpoint, over {} kills", twice, killed)};
    if (lost > 0 || twice > 0)
        return subject.warn(
            fmt::format("{} lost, {} twice over {} kills, as a plugin without replay may", lost, twice, killed));
    if (killed == 0)
        return subject.warn("it was through before it could be killed; give it more to do");
    subject.slate().finish(Verdict::Pass, fmt::format("{} messages over {} kills", committed.size(), killed));
}

void survives_kills(Subject& subject) {
    const auto count = wanted(subject);
    Ledger ledger;
    if (subject.settings().has_feed()) {
        const int killed = lives(subject, ledger, count, true);
        return judge(subject, ledger, nullptr, killed);
    }
    if (!subject.descriptor().has(SLUICE_CAP_REPLAY))
        throw Skipped{"it does not claim replay and has no [feed] that would tell what was published"};
    const int killed = lives(subject, ledger, count, true);
    if (ledger.size() == 0)
        throw Skipped{"no message came by itself; give the kit a [feed] that brings some"};
    Ledger undisturbed;
    std::filesystem::remove_all(subject.work() / "state");
    lives(subject, undisturbed, ledger.size(), false);
    judge(subject, ledger, &undisturbed, killed);
}

} // namespace

std::vector<Case> delivery_cases() {
    return {{"delivery.acknowledges_after_the_commit", 120s, acknowledges_after_the_commit},
            {"delivery.survives_kills", 300s, survives_kills}};
}

} // namespace sluice::testkit
