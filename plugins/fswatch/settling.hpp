#pragma once

#include "plugins/fswatch/file_facts.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::fswatch {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Why a file is a candidate.
enum class Signal : std::uint8_t {
    Created,  ///< a name appeared; its writer is probably still at work
    Written,  ///< a writer closed it
    MovedIn,  ///< arrived by rename from outside: complete by convention
    Uploaded, ///< arrived by rename from an ignored name: complete by convention
    Renamed,  ///< arrived by rename from another eligible name
    Listed,   ///< met while listing a new folder
    Scanned,  ///< met by a scan of the whole tree
};

/// What a look at a file showed.
struct Look {
    enum class Writer : std::uint8_t { None, Open, Unknown };
    FileFacts facts{};
    Writer writer = Writer::Unknown; ///< Unknown: not asked, or the kernel does not tell us
    std::uint64_t content = 0;       ///< fingerprint of the first and last 64 KB; 0: not taken
};

struct SettleRules {
    std::chrono::nanoseconds settle = std::chrono::seconds(1);
    std::chrono::nanoseconds create_grace = std::chrono::seconds(5);
    std::chrono::nanoseconds max_settle = std::chrono::hours(1);
    bool lease_check = true;
};

/// Renamed: the former name, and the version of the file that had it.
struct Former {
    std::string path{};
    std::uint64_t etag = 0;
};

struct Candidate {
    std::string path{};
    Signal signal = Signal::Written;
    Former former{};
};

/// Decides when a file is complete (data-connections.md 4.9.4). Knows no file system: the owner looks when a candidate
/// is due and tells what it saw. All candidates settle side by side. Holds one path for each unsettled file; the owner
/// bounds their number. One thread at a time.
class Settling {
public:
    explicit Settling(SettleRules rules) : rules_(rules) {}

    std::size_t size() const { return candidates_.size(); }
    bool contains(std::string_view path) const { return candidates_.contains(std::string(path)); }

    /// Something happened to the file: it has to come to rest (again).
    void signal(std::string_view path, Signal signal, SteadyTime now, Former former = {});
    /// No longer of interest. False: it was no candidate.
    bool drop(std::string_view path);
    /// As drop, and tells what it was.
    std::optional<Candidate> take(std::string_view path);
    /// Paths below a folder, which stop being candidates.
    std::vector<Candidate> take_below(std::string_view folder);

    /// A candidate to look at now. `thorough`: also ask for writers and take the fingerprint of its content.
    struct Due {
        std::string path;
        bool thorough = false;
    };
    /// Up to `limit` candidates that are due, removed from the schedule until judged or dropped.
    std::vector<Due> take_due(SteadyTime now, std::size_t limit);
    std::optional<SteadyTime> next_due() const;

    enum class Verdict : std::uint8_t { Wait, Ready, Overdue };
    /// Ready: complete as seen in this very look; the candidate is handed over in `ready`.
    /// Overdue: told once for each candidate that has not come to rest for max_settle; it goes on waiting.
    Verdict judge(const std::string& path, const Look& look, SteadyTime now, Candidate& ready);

private:
    struct State {
        Signal signal = Signal::Written;
        Former former;
        SteadyTime first_signal, looked_at;
        std::optional<FileFacts> last;
        bool complete_by_convention = false;
        bool overdue_told = false;
        std::optional<std::multimap<SteadyTime, std::string>::iterator> scheduled;
    };
    void schedule(const std::string& path, State& state, SteadyTime when);
    void unschedule(State& state);

    SettleRules rules_;
    std::unordered_map<std::string, State> candidates_;
    std::multimap<SteadyTime, std::string> due_;
};

} // namespace sluice::fswatch
