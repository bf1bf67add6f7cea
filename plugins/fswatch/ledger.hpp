#pragma once

#include "plugins/fswatch/file_facts.hpp"
#include "plugins/fswatch/flat_index.hpp"
#include "plugins/fswatch/io.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fswatch {

/// Why an entry is in the ledger.
enum class EntryState : std::uint8_t {
    Discovered = 1,  ///< settled and to be announced; announced once its sequence is behind the cursor
    Preexisting = 2, ///< was there before the connection and is not wanted
    Filtered = 3,    ///< its data.api is not among the wanted ones
};

struct LedgerEntry {
    std::uint64_t sequence = 0; ///< 0 unless Discovered; assigned by the ledger
    std::string path{};         ///< relative to the root
    std::string source_path{};  ///< Renamed: the name it had before
    FileFacts facts{};          ///< without ctime
    std::uint64_t content = 0;  ///< fingerprint of the first and last 64 KB
    std::int64_t first_seen_ns = 0;
    Arrival arrival = Arrival::MovedIn;
    EntryState state = EntryState::Discovered;
};

/// What the plugin knows about the files of one folder (data-connections.md 4.9.6): an append-only file of checksummed
/// records, and an index of fingerprints in memory (70 to 140 bytes for each file that exists; paths stay on disk).
/// Entries of files that are gone leave the index at once and the file with the next compaction. A failed call leaves
/// the object unusable: open it again, which reads back what really is on disk. One thread at a time. Every call that
/// writes or reads can throw std::system_error.
class Ledger {
public:
    /// What is known about a path without touching the disk.
    struct Known {
        std::uint64_t etag = 0;
        std::uint64_t offset = 0;
        EntryState state = EntryState::Discovered;
        std::uint8_t scan = 0; ///< the last scan that met the file
    };

    /// Reads the file, cuts a torn tail, writes it anew without what is obsolete, and puts the cursor behind `after`:
    /// entries with a higher sequence will be announced (again). Sequences given from now on are higher than `after`
    /// and than all given before.
    Ledger(std::string file, std::uint64_t after);

    const Known* find(std::string_view path);
    std::optional<LedgerEntry> read(std::string_view path);
    /// Another path that has this version of a file.
    std::optional<LedgerEntry> find_version(std::uint64_t etag);

    /// Notes a version that replaces what was known about the path; gives it the next sequence if it is Discovered.
    /// Durable after sync().
    std::uint64_t note(LedgerEntry entry);
    /// The same entry with other facts or another path; keeps its sequence and is not announced again.
    void amend(std::string_view old_path, LedgerEntry entry);
    /// The file is no longer there, or no longer ours.
    void forget(std::string_view path);
    /// Visits the entries at and below a folder; the entries may be changed within.
    void for_each_below(std::string_view folder, const std::function<void(const LedgerEntry&)>& visit);

    /// Hands buffered records to the kernel; sync() makes them durable.
    void flush();
    void sync();

    /// The next durable entry to announce, moving the cursor past it.
    std::optional<LedgerEntry> next();
    /// Entries up to here were handed over; later ones nobody has seen.
    std::uint64_t cursor() const { return cursor_sequence_; }
    std::uint64_t last_sequence() const { return last_sequence_; }

    /// The store has committed everything up to the sequence.
    void acknowledged(std::uint64_t sequence, std::int64_t now_ns);
    /// Whether the entry was dealt with before that time. No, when nobody noted it.
    bool was_acknowledged_before(std::uint64_t sequence, std::int64_t time_ns) const;

    /// A scan marks what it meets; what it did not meet and is not newer than the scan is handed to `visit`, a few at a
    /// time.
    void begin_scan() { ++scan_; }
    void met(std::string_view path);
    /// Visits up to `limit` index cells from `position` on. False: that was the end.
    bool visit_unmet(std::size_t& position, std::size_t limit, const std::function<void(const LedgerEntry&)>& visit);

    /// The start time (FolderRules::start_ns) by which the last complete scan judged files; INT64_MAX: there was none.
    std::int64_t judged_by() const { return judged_by_; }
    void note_judged_by(std::int64_t start_ns);

    /// Files known, for reports.
    std::size_t size() const { return index_.size(); }
    /// Writes the file anew when more than half of it is obsolete.
    void compact_if_worthwhile();

private:
    enum class Type : std::uint8_t { Entry = 1, Amended = 2, Gone = 3, Acknowledged = 4, Head = 5 };
    struct Record;

    void load();
    void compact();
    void apply(const Record& record, std::uint64_t offset);
    void index_entry(const LedgerEntry& entry, std::uint64_t offset);
    void unindex(std::string_view path);
    std::uint64_t append(const Record& record);
    std::optional<Record> read_at(std::uint64_t offset, std::uint64_t end);
    std::string_view bytes_at(std::uint64_t offset, std::size_t size, std::uint64_t end);
    void note_acknowledged(std::uint64_t sequence, std::int64_t time_ns);

    std::string file_;
    Descriptor fd_;
    FlatIndex<Known> index_;                             ///< by path
    FlatIndex<std::uint64_t> versions_;                  ///< eTag -> fingerprint of the path
    std::map<std::uint64_t, std::int64_t> acknowledged_; ///< sequence -> when everything up to it was dealt with
    std::string buffer_;                                 ///< appended, not yet written
    std::uint64_t written_ = 0;                          ///< bytes in the file
    std::uint64_t durable_ = 0;                          ///< bytes that survive a power loss
    std::uint64_t records_ = 0;
    std::uint64_t cursor_offset_ = 0;
    std::uint64_t cursor_sequence_ = 0;
    std::uint64_t last_sequence_ = 0;
    std::int64_t judged_by_ = INT64_MAX;
    std::uint8_t scan_ = 0;
    std::string window_; ///< read-ahead over the file
    std::uint64_t window_offset_ = 0;
};

} // namespace sluice::fswatch
