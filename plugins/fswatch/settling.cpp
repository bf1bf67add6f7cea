#include "plugins/fswatch/settling.hpp"

#include <algorithm>
#include <utility>

namespace sluice::fswatch {

namespace {

// A file that is held open by a writer is asked about again after this, even when `settle` is shorter.
constexpr std::chrono::nanoseconds kShortestRetry = std::chrono::milliseconds(50);

bool arrived_by_rename(Signal signal) {
    return signal == Signal::MovedIn || signal == Signal::Uploaded || signal == Signal::Renamed;
}

} // namespace

void Settling::schedule(const std::string& path, State& state, SteadyTime when) {
    unschedule(state);
    state.scheduled = due_.emplace(when, path);
}

void Settling::unschedule(State& state) {
    if (state.scheduled)
        due_.erase(*state.scheduled);
    state.scheduled.reset();
}

void Settling::signal(std::string_view path, Signal signal, SteadyTime now, Former former) {
    const auto [at, is_new] = candidates_.try_emplace(std::string(path));
    State& state = at->second;
    if (is_new)
        state.first_signal = now;
    if (signal == Signal::Scanned && !is_new)
        return; // a scan meets what is being watched already
    if (is_new || arrived_by_rename(signal) || (signal == Signal::Written && !arrived_by_rename(state.signal))) {
        state.signal = signal;
        state.former = std::move(former);
    }
    // A writer that closes a file after its rename proves that the rename did not mean "complete".
    state.complete_by_convention = arrived_by_rename(signal);
    state.last.reset();
    const bool writer_at_work = signal == Signal::Created;
    schedule(at->first, state, writer_at_work ? now + rules_.create_grace : now);
}

std::optional<Candidate> Settling::take(std::string_view path) {
    const auto at = candidates_.find(std::string(path));
    if (at == candidates_.end())
        return std::nullopt;
    unschedule(at->second);
    Candidate taken{at->first, at->second.signal, std::move(at->second.former)};
    candidates_.erase(at);
    return taken;
}

bool Settling::drop(std::string_view path) {
    return take(path).has_value();
}

std::vector<Candidate> Settling::take_below(std::string_view folder) {
    std::vector<Candidate> taken;
    const std::string prefix = std::string(folder) + "/";
    for (auto at = candidates_.begin(); at != candidates_.end();) {
        if (!at->first.starts_with(prefix)) {
            ++at;
            continue;
        }
        unschedule(at->second);
        taken.push_back({at->first, at->second.signal, std::move(at->second.former)});
        at = candidates_.erase(at);
    }
    return taken;
}

std::vector<Settling::Due> Settling::take_due(SteadyTime now, std::size_t limit) {
    std::vector<Due> taken;
    while (taken.size() < limit && !due_.empty() && due_.begin()->first <= now) {
        std::string path = std::move(due_.begin()->second);
        State& state = candidates_.at(path);
        unschedule(state);
        taken.push_back(
            {std::move(path), state.last.has_value() || state.complete_by_convention || rules_.settle.count() == 0});
    }
    return taken;
}

std::optional<SteadyTime> Settling::next_due() const {
    return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

Settling::Verdict Settling::judge(const std::string& path, const Look& look, SteadyTime now, Candidate& ready) {
    const auto at = candidates_.find(path);
    if (at == candidates_.end())
        return Verdict::Wait;
    State& state = at->second;
    const bool writer_unknown = look.writer == Look::Writer::Unknown && rules_.lease_check;
    // Without the kernel's word on writers, a name that merely appeared may belong to one that pauses: be as patient as
    // with a create.
    const bool only_seen = state.signal == Signal::Created || state.signal == Signal::Listed;
    const auto quiet = writer_unknown && only_seen ? std::max(rules_.settle, rules_.create_grace) : rules_.settle;

    bool at_rest = state.complete_by_convention && !writer_unknown;
    if (!at_rest && state.last && state.last->same_version(look.facts))
        at_rest = now - state.looked_at >= quiet;
    if (!at_rest && rules_.settle.count() == 0)
        at_rest = !writer_unknown || !only_seen;
    if (at_rest && look.writer != Look::Writer::Open) {
        ready = {path, state.signal, std::move(state.former)};
        unschedule(state);
        candidates_.erase(at);
        return Verdict::Ready;
    }

    SteadyTime next = state.looked_at + quiet;
    if (!state.last || !state.last->same_version(look.facts)) {
        state.last = look.facts;
        state.looked_at = now;
        next = now + rules_.settle; // the second look asks for writers, which may allow less patience than `quiet`
    } else if (look.writer == Look::Writer::Open) {
        next = now + rules_.settle;
    }
    schedule(at->first, state, std::max(next, now + kShortestRetry));
    if (now - state.first_signal < rules_.max_settle || state.overdue_told)
        return Verdict::Wait;
    state.overdue_told = true;
    return Verdict::Overdue;
}

} // namespace sluice::fswatch
