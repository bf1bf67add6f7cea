#pragma once

#include <sluice/source_plugin.h>

namespace sluice::fswatch {

/// The keys of `source` with `plugin = "fswatch"` (configuration.md 3.6), in the order of kOptions.
enum Option : unsigned {
    kRoot,
    kContainerName,
    kRecursive,
    kMode,
    kPollInterval,
    kRescanInterval,
    kSettle,
    kCreateGrace,
    kMaxSettle,
    kLeaseCheck,
    kSubjectBeginsWith,
    kSubjectEndsWith,
    kSubjectCaseSensitive,
    kApis,
    kPathTemplate,
    kSidecarSuffix,
    kIngestExisting,
    kEmitNotifications,
    kStartAt,
    kOptionCount
};

inline constexpr const char* kModes[] = {"auto", "inotify", "poll", nullptr};

inline constexpr sluice_option kOptions[kOptionCount] = {
    {"root", SLUICE_TEXT, SLUICE_REQUIRED | SLUICE_PATH, nullptr, nullptr, nullptr, nullptr, "The folder whose files are ingested.",
     "/srv/drop"},
    {"container_name", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Name of the container in URLs and subjects; without it the last part of root.", "data"},
    {"recursive", SLUICE_BOOL, 0, "true", nullptr, nullptr, nullptr, "Whether files in subfolders count too.", "false"},
    {"mode", SLUICE_CHOICE, 0, "auto", nullptr, nullptr, kModes,
     "How changes are noticed: by inotify, by looking each poll_interval, or (auto) by inotify and, where it cannot "
     "see all changes, both.",
     "poll"},
    {"poll_interval", SLUICE_DURATION, 0, "30s", "100ms", "1d", nullptr,
     "Time between two looks at the whole folder when it is polled.", "5s"},
    {"rescan_interval", SLUICE_DURATION, SLUICE_ADVANCED, "5m", "1s", "7d", nullptr,
     "Time between two safety looks at the whole folder beside inotify.", "1h"},
    {"settle", SLUICE_DURATION, 0, "1s", "0s", "1h", nullptr,
     "How long a written file must stay unchanged to count as complete; files renamed into place need no such time.",
     "5s"},
    {"create_grace", SLUICE_DURATION, SLUICE_ADVANCED, "5s", "0s", "1h", nullptr,
     "When a file that was created but never closed is looked at, such as a hard link.", "10s"},
    {"max_settle", SLUICE_DURATION, SLUICE_ADVANCED, "1h", "1s", "30d", nullptr,
     "After how long a file that keeps changing is warned about; it is still taken once it comes to rest.", "15m"},
    {"lease_check", SLUICE_BOOL, SLUICE_ADVANCED, "true", nullptr, nullptr, nullptr,
     "Whether the kernel is asked if a writer still has the file open; needs ownership of the files or CAP_LEASE, else "
     "it has no effect.",
     "false"},
    {"subject_begins_with", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Only files whose subject, /blobServices/default/containers/NAME/blobs/PATH, begins with this text.",
     "/blobServices/default/containers/data/blobs/in/"},
    {"subject_ends_with", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Only files whose subject ends with this text.", ".csv.gz"},
    {"subject_case_sensitive", SLUICE_BOOL, 0, "false", nullptr, nullptr, nullptr,
     "Whether upper and lower case differ in the two subject filters.", "true"},
    {"apis", SLUICE_TEXT_LIST, 0, nullptr, nullptr, nullptr, nullptr,
     "Only files that arrived in one of these ways: PutBlob (moved in), FlushWithClose (written here), RenameFile "
     "(renamed); without it all.",
     "[\"PutBlob\", \"RenameFile\"]"},
    {"path_template", SLUICE_TEXT, 0, nullptr, nullptr, nullptr, nullptr,
     "Takes database, table, format, mapping or creation time of a file from its path.", "{database}/{table}/{*}"},
    {"sidecar_suffix", SLUICE_TEXT, 0, ".meta.json", nullptr, nullptr, nullptr,
     "Ending of the file beside a data file that holds its metadata as a flat JSON object; empty: there are none.",
     ".props.json"},
    {"ingest_existing", SLUICE_BOOL, 0, "false", nullptr, nullptr, nullptr,
     "Whether files that were there before the connection are taken.", "true"},
    {"emit_notifications", SLUICE_TEXT, SLUICE_ADVANCED | SLUICE_PATH, nullptr, nullptr, nullptr, nullptr,
     "JSON Lines file that gets a copy of each notification handed over.", "/var/log/sluice/drop.jsonl"},
    {"start_at", SLUICE_TEXT, SLUICE_ADVANCED, nullptr, nullptr, nullptr, nullptr,
     "Files that changed before this time were there before the connection; without it the bridge gives the time the "
     "connection was first started.",
     "2026-01-01T00:00:00Z"},
};

} // namespace sluice::fswatch
