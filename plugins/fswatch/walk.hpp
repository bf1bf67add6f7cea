#pragma once

#include "plugins/fswatch/looking.hpp"

#include <dirent.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fswatch {

/// Lists folders a piece at a time. Holds the paths of folders still to be listed. One thread at a time.
class Walk {
public:
    /// What to do with a folder that is about to be listed, a folder met in it, and a file met in it. Paths are
    /// relative to the root.
    struct Visitor {
        std::function<void(const std::string& folder)> enter;
        std::function<bool(const std::string& folder)> wants;
        std::function<void(const std::string& file, std::optional<Signal> signal)> file;
        std::function<void(const std::string& folder, const std::string& why)> unreadable;
    };

    /// `signal`: why the files of this folder count; nothing for a scan.
    void add(std::string folder, std::optional<Signal> signal = {}) { waiting_.push_back({std::move(folder), signal}); }
    bool done() const { return waiting_.empty() && !stream_; }
    /// Lists up to `entries` names.
    void go_on(const Root& root, std::size_t entries, const Visitor& visit);
    /// Paths at or below `from` are now at `to`.
    void rename_tree(std::string_view from, std::string_view to);

private:
    struct Close {
        void operator()(DIR* stream) const { ::closedir(stream); }
    };
    struct Waiting {
        std::string folder;
        std::optional<Signal> signal;
    };

    std::vector<Waiting> waiting_;
    Waiting current_;
    std::unique_ptr<DIR, Close> stream_;
};

} // namespace sluice::fswatch
