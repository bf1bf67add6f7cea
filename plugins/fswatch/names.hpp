#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::fswatch {

/// Which names count, and how they appear in notifications (data-connections.md 4.3, 4.9.1, 4.9.3).
struct NameRules {
    std::string container{};
    std::string subject_begins_with{}, subject_ends_with{}; ///< empty: any
    bool subject_case_sensitive = false;
    std::string sidecar_suffix = ".meta.json"; ///< empty: no sidecars
    bool recursive = true;

    /// Whether a regular file of that path (relative to the root) is one of ours.
    bool is_eligible(std::string_view path) const;
    /// Whether a folder of that path is watched; every part of it counts.
    bool is_watched_folder(std::string_view path) const;

    /// `/blobServices/default/containers/{container}/blobs/{path}`, the raw bytes of the name.
    std::string subject(std::string_view path) const;
    /// `file://<container>/<path>`, percent-encoded.
    std::string url(std::string_view path) const;
};

/// Leading dot and the suffixes of unfinished uploads.
bool is_ignored_name(std::string_view name);
bool is_utf8(std::string_view text);
/// Text as it is when it is UTF-8; else its bytes above 127 percent-encoded, so that it can stand in JSON.
std::string printable(std::string_view text);
std::string_view base_name(std::string_view path);
std::string join(std::string_view folder, std::string_view name);

} // namespace sluice::fswatch
