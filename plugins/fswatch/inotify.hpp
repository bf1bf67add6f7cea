#pragma once

#include "plugins/fswatch/io.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::fswatch {

/// One thing the kernel said about the watched tree. Paths are relative to the root.
struct FolderEvent {
    enum class Kind : std::uint8_t { Created, Closed, MovedFrom, MovedTo, Deleted, RootGone, Overflow };
    Kind kind = Kind::Overflow;
    bool is_folder = false;
    std::uint32_t cookie = 0; ///< pairs MovedFrom with MovedTo
    std::string path{};
};

/// inotify watches over a tree of folders, one for each folder, and the paths they stand for at the moment. One thread
/// at a time.
class Inotify {
public:
    /// Throws std::system_error: EMFILE when the user's instances are used up.
    explicit Inotify(std::string root);

    int fd() const { return fd_.get(); }
    std::size_t size() const { return by_path_.size(); }

    enum class Added : std::uint8_t { Yes, Vanished, LimitReached };
    /// Watches a folder; once more is harmless. Throws std::system_error for failures that are none of the three.
    Added watch(const std::string& folder);
    /// The folder has another path now, and so have those below it.
    void rename_tree(std::string_view from, std::string_view to);
    /// Stops watching the folder and those below it.
    void remove_tree(std::string_view folder);

    /// Hands over what the kernel has queued, in order, at most about `limit` events; never waits. False: the queue is
    /// empty. `take` may call the other functions. Throws std::system_error.
    bool drain(std::size_t limit, const std::function<void(const FolderEvent&)>& take);

private:
    void dispatch(int descriptor, std::uint32_t mask, std::uint32_t cookie, std::string_view name,
                  const std::function<void(const FolderEvent&)>& take);
    std::map<std::string, int>::iterator first_below(std::string_view folder);

    std::string root_;
    Descriptor fd_;
    std::unordered_map<int, std::string> by_descriptor_;
    std::map<std::string, int> by_path_;
};

/// `path` lies in the folder or is it.
bool is_at_or_below(std::string_view path, std::string_view folder);

} // namespace sluice::fswatch
