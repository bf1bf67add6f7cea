#pragma once

#include "plugins/fswatch/inotify.hpp"
#include "plugins/fswatch/ledger.hpp"
#include "plugins/fswatch/looking.hpp"
#include "plugins/fswatch/names.hpp"
#include "plugins/fswatch/path_template.hpp"
#include "plugins/fswatch/settling.hpp"
#include "plugins/fswatch/walk.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sluice::fswatch {

enum class Mode : std::uint8_t { Auto, Inotify, Poll };

struct FolderRules {
    std::string root;
    NameRules names;
    SettleRules settle;
    Mode mode = Mode::Auto;
    std::chrono::nanoseconds poll_interval = std::chrono::seconds(30);
    std::chrono::nanoseconds rescan_interval = std::chrono::minutes(5);
    std::vector<std::string> apis; ///< empty: all
    std::optional<PathTemplate> path_template;
    bool ingest_existing = false;
    std::int64_t start_ns = INT64_MIN; ///< files whose ctime lies before are not wanted unless ingest_existing
};

/// Things worth counting or telling; called on the thread that drives the Folder.
class Report {
public:
    enum class Count : std::uint8_t { Empty, Duplicate, Unsettled, Overflow, Rescan, Vanished, Filtered };
    virtual ~Report() = default;
    virtual void count(Count what) = 0;
    virtual void warn(const std::string& text) = 0;
};

/// A settled file, ready to be handed over.
struct Announcement {
    LedgerEntry entry;
    std::int64_t seen_ns = 0;
    Metadata metadata{};
    std::string metadata_error{}; ///< the sidecar cannot be read: the file has to fail
};

/// The root is not there (any more); data-connections.md 4.9.5: look again after a while.
struct RootMissing : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Follows one watched folder: events and scans make candidates, settled candidates go into the ledger, the ledger is
/// read for what to announce. Memory: 64 Ki candidates at most, what the Ledger keeps, and the paths of watched
/// folders. One thread at a time. Every function can throw std::system_error or RootMissing; after that only a new
/// Folder helps.
class Folder {
public:
    /// Opens the root and the ledger, whose cursor is put behind `after`; a full scan begins with the first step.
    Folder(const FolderRules& rules, std::string ledger_file, std::uint64_t after, Report& report);

    /// Takes events, goes on scanning and looks at candidates that are due, a bounded part of each.
    /// Answers when the next step has something to do at the latest; an event on fd() comes first.
    SteadyTime step(SteadyTime now);
    /// Readable when events wait; -1 in poll mode.
    int fd() const { return inotify_ ? inotify_->fd() : -1; }

    /// The next file to hand over. Files that are gone or have changed since they were noted are passed by.
    std::optional<Announcement> next_announcement(SteadyTime now);
    /// The store has committed everything up to the sequence.
    void acknowledged(std::uint64_t sequence) { ledger_.acknowledged(sequence, wall_clock_ns()); }

    bool is_scanning() const { return scan_ != Scan::Idle; }
    std::size_t candidates() const { return settling_.size(); }
    std::size_t known_files() const { return ledger_.size(); }

private:
    enum class Scan : std::uint8_t { Idle, Walking, Sweeping };
    struct HalfRename { ///< a MovedFrom whose other half has not come yet
        std::string path;
        bool is_folder = false;
        SteadyTime since;
    };

    void take(const FolderEvent& event, SteadyTime now);
    void take_folder_event(const FolderEvent& event, SteadyTime now);
    void file_renamed(const std::string& from, const std::string& to, SteadyTime now);
    void folder_renamed(const std::string& from, const std::string& to, SteadyTime now);
    void folder_left(const std::string& folder);
    void expire_half_renames(SteadyTime now);
    void signal(const std::string& path, Signal signal, SteadyTime now, Former former = {});
    void gone(const std::string& path);

    bool go_on_scanning(SteadyTime now);
    void walk_some(Walk& walk, SteadyTime now);
    void meet(const std::string& path, std::optional<Signal> signal, SteadyTime now);
    void watch(const std::string& folder);
    void begin_scan(SteadyTime now);
    std::chrono::nanoseconds scan_interval() const;

    struct Settled {
        Candidate candidate;
        Look look;
    };
    bool settle_some(SteadyTime now);
    void note(Settled& settled);
    /// Whether only the times of a known file have changed; then nothing has to be announced.
    bool only_touched(const std::string& path, const Look& look);
    /// The entry that an unknown name had before, if it was renamed while nobody watched.
    std::optional<LedgerEntry> renamed_unseen(const FileFacts& facts);
    bool is_preexisting(const FileFacts& facts) const;

    const FolderRules& rules_;
    Report& report_;
    Root root_;
    Ledger ledger_;
    Settling settling_;
    std::optional<Inotify> inotify_;
    bool polling_ = false;
    bool reconsider_ = false; ///< files skipped as preexisting may be wanted by now

    std::map<std::uint32_t, HalfRename> half_renames_;
    Walk full_;  ///< the scan of the whole tree
    Walk fresh_; ///< folders that appeared meanwhile
    Scan scan_ = Scan::Idle;
    bool scan_wanted_ = true;
    SteadyTime next_scan_{};
    std::size_t sweep_position_ = 0;
};

} // namespace sluice::fswatch
