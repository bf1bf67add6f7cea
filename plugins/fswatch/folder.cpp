#include "plugins/fswatch/folder.hpp"

#include "plugins/fswatch/notification.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::fswatch {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMostCandidates = 65'536;
constexpr std::size_t kEventsAStep =
    16'384; // the kernel's queue: it must not overflow because we look at files meanwhile
constexpr std::size_t kNamesAStep = 2'048;
constexpr std::size_t kLooksAStep = 2'048;
constexpr std::size_t kSweepAStep = 65'536;
constexpr std::size_t kSidecarLimit = 16 * 1024;
constexpr auto kPairing = milliseconds(500);
constexpr auto kIdle = seconds(10);

Root open_root(const std::string& path) {
    try {
        return Root(path);
    } catch (const std::system_error& error) {
        throw RootMissing(error.what());
    }
}

Arrival arrival_of(Signal signal) {
    switch (signal) {
    case Signal::Written:
    case Signal::Created:
    case Signal::Listed:
        return Arrival::Written;
    case Signal::Uploaded:
        return Arrival::Uploaded;
    case Signal::Renamed:
        return Arrival::Renamed;
    case Signal::MovedIn:
    case Signal::Scanned:
        break;
    }
    return Arrival::MovedIn;
}

} // namespace

Folder::Folder(const FolderRules& rules, std::string ledger_file, std::uint64_t after, Report& report)
    : rules_(rules), report_(report), root_(open_root(rules.root)), ledger_(std::move(ledger_file), after),
      settling_(rules.settle) {
    if (rules_.mode != Mode::Poll) {
        try {
            inotify_.emplace(rules_.root);
        } catch (const std::system_error& error) {
            if (rules_.mode == Mode::Inotify)
                throw;
            report_.warn(std::string(error.what()) +
                         "; the folder is polled instead. Raise fs.inotify.max_user_instances");
        }
    }
    // Where changes can stay unseen, watches are still worth having for those made here.
    reconsider_ = rules_.ingest_existing || rules_.start_ns < ledger_.judged_by();
    polling_ = !inotify_ || (rules_.mode == Mode::Auto && root_.may_change_unseen());
}

std::chrono::nanoseconds Folder::scan_interval() const {
    return polling_ ? rules_.poll_interval : rules_.rescan_interval;
}

SteadyTime Folder::step(SteadyTime now) {
    bool busy = false;
    if (inotify_)
        busy = inotify_->drain(kEventsAStep, [&](const FolderEvent& event) { take(event, now); });
    expire_half_renames(now);
    busy = go_on_scanning(now) || busy;
    busy = settle_some(now) || busy;
    ledger_.flush();
    if (scan_ == Scan::Idle && !busy)
        ledger_.compact_if_worthwhile();
    if (busy)
        return now;
    SteadyTime wake = now + kIdle;
    if (scan_ == Scan::Idle)
        wake = std::min(wake, scan_wanted_ ? now : next_scan_);
    if (const auto due = settling_.next_due())
        wake = std::min(wake, *due);
    for (const auto& [cookie, half] : half_renames_)
        wake = std::min(wake, half.since + kPairing);
    return std::max(wake, now);
}

// --- events ---

void Folder::signal(const std::string& path, Signal signal, SteadyTime now, Former former) {
    if (settling_.size() >= kMostCandidates && !settling_.contains(path)) {
        scan_wanted_ = true; // a scan, which waits for room, meets it again
        return;
    }
    settling_.signal(path, signal, now, std::move(former));
}

void Folder::gone(const std::string& path) {
    settling_.drop(path);
    ledger_.forget(path);
}

void Folder::take(const FolderEvent& event, SteadyTime now) {
    using Kind = FolderEvent::Kind;
    if (event.kind == Kind::RootGone)
        throw RootMissing("the watched folder " + rules_.root + " was removed, renamed or unmounted");
    if (event.kind == Kind::Overflow) {
        report_.count(Report::Count::Overflow);
        scan_wanted_ = true;
        return;
    }
    if (event.is_folder)
        return take_folder_event(event, now);
    switch (event.kind) {
    case Kind::Created:
        if (rules_.names.is_eligible(event.path))
            signal(event.path, Signal::Created, now);
        break;
    case Kind::Closed:
        if (rules_.names.is_eligible(event.path))
            signal(event.path, Signal::Written, now);
        break;
    case Kind::MovedFrom:
        half_renames_[event.cookie] = {event.path, false, now};
        break;
    case Kind::MovedTo:
        if (auto half = half_renames_.extract(event.cookie))
            file_renamed(half.mapped().path, event.path, now);
        else if (rules_.names.is_eligible(event.path))
            signal(event.path, Signal::MovedIn, now);
        break;
    default:
        if (settling_.drop(event.path))
            report_.count(Report::Count::Vanished);
        ledger_.forget(event.path);
    }
}

void Folder::take_folder_event(const FolderEvent& event, SteadyTime now) {
    using Kind = FolderEvent::Kind;
    const bool watched = rules_.names.is_watched_folder(event.path);
    switch (event.kind) {
    case Kind::Created:
        if (watched)
            fresh_.add(event.path, Signal::Listed);
        break;
    case Kind::MovedFrom:
        half_renames_[event.cookie] = {event.path, true, now};
        break;
    case Kind::MovedTo:
        if (auto half = half_renames_.extract(event.cookie))
            folder_renamed(half.mapped().path, event.path, now);
        else if (watched)
            fresh_.add(event.path, Signal::MovedIn);
        break;
    default:
        break; // its files were deleted one by one before
    }
}

void Folder::file_renamed(const std::string& from, const std::string& to, SteadyTime now) {
    if (!rules_.names.is_eligible(to))
        return gone(from);
    if (!rules_.names.is_eligible(from))
        return signal(to, Signal::Uploaded, now);
    // Content that nobody was told of under the old name is new under the new one.
    if (auto pending = settling_.take(from); pending && pending->signal == Signal::Renamed)
        return signal(to, Signal::Renamed, now, std::move(pending->former));
    else if (pending) {
        ledger_.forget(from);
        return signal(to, Signal::Uploaded, now);
    }
    const auto entry = ledger_.read(from);
    const bool announced = entry && !(entry->state == EntryState::Discovered && entry->sequence > ledger_.cursor());
    if (!announced) {
        ledger_.forget(from);
        return signal(to, Signal::Uploaded, now);
    }
    // The old entry stays until the new name is noted: a crash in between must not make the file look new.
    signal(to, Signal::Renamed, now, {.path = from, .etag = entry->facts.etag()});
}

void Folder::folder_renamed(const std::string& from, const std::string& to, SteadyTime now) {
    if (!rules_.names.is_watched_folder(to))
        return folder_left(from);
    if (!rules_.names.is_watched_folder(from))
        return fresh_.add(to, Signal::MovedIn);
    if (inotify_)
        inotify_->rename_tree(from, to);
    full_.rename_tree(from, to);
    fresh_.rename_tree(from, to);
    const auto new_path = [&](const std::string& path) { return to + path.substr(from.size()); };
    for (auto& candidate : settling_.take_below(from))
        if (const std::string path = new_path(candidate.path); rules_.names.is_eligible(path))
            signal(path, candidate.signal, now, std::move(candidate.former));
    ledger_.for_each_below(from, [&](const LedgerEntry& old) {
        LedgerEntry entry = old;
        entry.path = new_path(old.path);
        if (!rules_.names.is_eligible(entry.path))
            return ledger_.forget(old.path);
        if (old.state == EntryState::Discovered && old.sequence > ledger_.cursor()) {
            ledger_.forget(old.path);
            return signal(entry.path, Signal::Uploaded, now);
        }
        ledger_.amend(old.path, std::move(entry));
    });
}

void Folder::folder_left(const std::string& folder) {
    if (inotify_)
        inotify_->remove_tree(folder);
    settling_.take_below(folder);
    ledger_.for_each_below(folder, [&](const LedgerEntry& entry) { ledger_.forget(entry.path); });
}

void Folder::expire_half_renames(SteadyTime now) {
    for (auto at = half_renames_.begin(); at != half_renames_.end();) {
        if (now - at->second.since < kPairing) {
            ++at;
            continue;
        }
        const HalfRename half = std::move(at->second);
        at = half_renames_.erase(at);
        if (half.is_folder)
            folder_left(half.path);
        else if (rules_.names.is_eligible(half.path))
            gone(half.path);
    }
}

// --- scans ---

void Folder::begin_scan(SteadyTime now) {
    if (!root_.is_in_place())
        throw RootMissing("the watched folder " + rules_.root + " was removed, renamed or unmounted");
    scan_ = Scan::Walking;
    scan_wanted_ = false;
    next_scan_ = now + scan_interval();
    ledger_.begin_scan();
    full_.add("");
    report_.count(Report::Count::Rescan);
}

bool Folder::go_on_scanning(SteadyTime now) {
    // Walks find candidates faster than they settle; they wait until there is room.
    const bool room = settling_.size() < kMostCandidates / 2;
    const bool fresh = room && !fresh_.done();
    if (fresh)
        walk_some(fresh_, now);
    if (scan_ == Scan::Idle && (scan_wanted_ || now >= next_scan_))
        begin_scan(now);
    if (scan_ == Scan::Walking && room) {
        walk_some(full_, now);
        if (full_.done()) {
            scan_ = Scan::Sweeping;
            sweep_position_ = 0;
        }
        return true;
    }
    if (scan_ == Scan::Sweeping) {
        const bool more = ledger_.visit_unmet(sweep_position_, kSweepAStep, [&](const LedgerEntry& entry) {
            if (!root_.facts(entry.path) || !rules_.names.is_eligible(entry.path))
                ledger_.forget(entry.path);
        });
        if (!more) {
            scan_ = Scan::Idle;
            ledger_.note_judged_by(rules_.start_ns);
            reconsider_ = false;
            next_scan_ = now + scan_interval();
        }
        return true;
    }
    return fresh;
}

void Folder::watch(const std::string& folder) {
    if (!inotify_ || inotify_->watch(folder) != Inotify::Added::LimitReached || polling_)
        return;
    polling_ = true;
    report_.warn("the limit of inotify watches is reached at " + rules_.root + "/" + printable(folder) +
                 "; the folder is polled each poll_interval as well. Raise fs.inotify.max_user_watches");
}

void Folder::walk_some(Walk& walk, SteadyTime now) {
    const Walk::Visitor visitor{
        .enter = [&](const std::string& folder) { watch(folder); },
        .wants = [&](const std::string& folder) { return rules_.names.is_watched_folder(folder); },
        .file = [&](const std::string& file, std::optional<Signal> signal) { meet(file, signal, now); },
        .unreadable = [&](const std::string&,
                          const std::string& why) { report_.warn(why + "; its files are not seen"); }};
    walk.go_on(root_, kNamesAStep, visitor);
}

bool Folder::is_preexisting(const FileFacts& facts) const {
    return !rules_.ingest_existing && facts.ctime_ns < rules_.start_ns;
}

void Folder::meet(const std::string& path, std::optional<Signal> why, SteadyTime now) {
    if (!rules_.names.is_eligible(path))
        return;
    const auto facts = root_.facts(path);
    if (!facts)
        return;
    const Ledger::Known* known = ledger_.find(path);
    if (known != nullptr) {
        ledger_.met(path);
        // chmod and links change ctime too, so a file that was skipped is looked at again only when the rule itself has
        // changed.
        const bool wanted_now = known->state == EntryState::Preexisting && reconsider_ && !is_preexisting(*facts);
        if (known->etag == facts->etag() && !wanted_now)
            return;
    }
    if (!why && facts->size == 0)
        return; // counted when it was written; each scan meets it again
    if (why)
        return signal(path, *why, now);
    if (known == nullptr)
        if (const auto old = renamed_unseen(*facts)) {
            if (old->state != EntryState::Discovered || old->sequence <= ledger_.cursor())
                return signal(path, Signal::Renamed, now, {.path = old->path, .etag = old->facts.etag()});
            ledger_.forget(old->path); // nobody was told of the old name, so the file is new
            return signal(path, Signal::Scanned, now);
        }
    if (known == nullptr && is_preexisting(*facts)) {
        ledger_.note(
            {.path = path, .facts = *facts, .first_seen_ns = wall_clock_ns(), .state = EntryState::Preexisting});
        return;
    }
    signal(path, Signal::Scanned, now);
}

// --- settling ---

bool Folder::settle_some(SteadyTime now) {
    std::vector<Settled> ready;
    const auto due = settling_.take_due(now, kLooksAStep);
    for (const auto& [path, thorough] : due) {
        const auto look = root_.look(path, thorough, rules_.settle.lease_check);
        if (!look) {
            settling_.drop(path);
            report_.count(Report::Count::Vanished);
            continue;
        }
        Settled settled{.candidate = {}, .look = *look};
        const auto verdict = settling_.judge(path, *look, now, settled.candidate);
        if (verdict == Settling::Verdict::Ready)
            ready.push_back(std::move(settled));
        else if (verdict == Settling::Verdict::Overdue) {
            report_.count(Report::Count::Unsettled);
            report_.warn(printable(path) + " has not come to rest within max_settle; it is taken once it does");
        }
    }
    std::sort(ready.begin(), ready.end(), [](const Settled& a, const Settled& b) {
        return std::tie(a.look.facts.mtime_ns, a.candidate.path) < std::tie(b.look.facts.mtime_ns, b.candidate.path);
    });
    for (auto& settled : ready)
        note(settled);
    if (!ready.empty())
        ledger_.sync(); // before anything of this round is handed over
    return due.size() == kLooksAStep;
}

void Folder::note(Settled& settled) {
    auto& [candidate, look] = settled;
    if (look.facts.size == 0)
        return report_.count(Report::Count::Empty);
    const Ledger::Known* known = ledger_.find(candidate.path);
    if (known != nullptr && known->etag == look.facts.etag() &&
        (known->state != EntryState::Preexisting || candidate.signal != Signal::Scanned))
        return report_.count(Report::Count::Duplicate);
    if (candidate.signal == Signal::Scanned && known != nullptr && only_touched(candidate.path, look))
        return;
    if (candidate.signal == Signal::Renamed && candidate.former.etag != look.facts.etag())
        candidate.signal = Signal::Uploaded; // written to under its new name: content that nobody has seen
    LedgerEntry entry{.path = candidate.path,
                      .source_path = candidate.signal == Signal::Renamed ? candidate.former.path : std::string(),
                      .facts = look.facts,
                      .content = look.content,
                      .first_seen_ns = wall_clock_ns(),
                      .arrival = arrival_of(candidate.signal),
                      .state = EntryState::Discovered};
    if (!rules_.apis.empty() &&
        std::find(rules_.apis.begin(), rules_.apis.end(), api_of(entry.arrival)) == rules_.apis.end()) {
        entry.state = EntryState::Filtered;
        report_.count(Report::Count::Filtered);
    }
    ledger_.note(std::move(entry));
    // Only the version that moved: the old name may belong to another file by now.
    const Former& former = candidate.former;
    if (const auto* old = former.path.empty() ? nullptr : ledger_.find(former.path);
        old != nullptr && old->etag == former.etag)
        ledger_.forget(former.path);
}

std::optional<LedgerEntry> Folder::renamed_unseen(const FileFacts& facts) {
    auto old = ledger_.find_version(facts.etag());
    if (!old)
        return std::nullopt;
    const auto still_there = root_.facts(old->path);
    if (still_there && still_there->inode == facts.inode)
        return std::nullopt; // a hard link
    return old;
}

bool Folder::only_touched(const std::string& path, const Look& look) {
    auto old = ledger_.read(path);
    if (!old || old->facts.inode != look.facts.inode || old->facts.size != look.facts.size || old->content == 0 ||
        old->content != look.content)
        return false;
    // If that happened before the store had the file, its reader may have refused it as changed: announce it again.
    if (old->state == EntryState::Discovered && !ledger_.was_acknowledged_before(old->sequence, look.facts.ctime_ns))
        return false;
    old->facts = look.facts;
    ledger_.amend(path, std::move(*old));
    report_.count(Report::Count::Duplicate);
    return true;
}

std::optional<Announcement> Folder::next_announcement(SteadyTime now) {
    for (;;) {
        auto entry = ledger_.next();
        if (!entry)
            return std::nullopt;
        const auto facts = root_.facts(entry->path);
        if (!facts) {
            ledger_.forget(entry->path);
            report_.count(Report::Count::Vanished);
            continue;
        }
        if (!facts->same_version(entry->facts)) {
            signal(entry->path, Signal::Scanned, now); // announced anew once it has come to rest
            continue;
        }
        Announcement announcement{.entry = std::move(*entry), .seen_ns = 0, .metadata = {}, .metadata_error = {}};
        announcement.seen_ns = announcement.entry.first_seen_ns;
        const std::string& path = announcement.entry.path;
        Metadata sidecar;
        try {
            if (!rules_.names.sidecar_suffix.empty())
                if (const auto text = root_.read_small(path + rules_.names.sidecar_suffix, kSidecarLimit))
                    sidecar = parse_sidecar(*text);
        } catch (const std::exception& error) {
            announcement.metadata_error = printable(path) + rules_.names.sidecar_suffix + " " + error.what();
        }
        announcement.metadata =
            merge(std::move(sidecar), rules_.path_template ? rules_.path_template->match(path) : Metadata{});
        return announcement;
    }
}

} // namespace sluice::fswatch
