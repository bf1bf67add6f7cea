#include "plugins/fswatch/inotify.hpp"

#include "plugins/fswatch/names.hpp"

#include <sys/inotify.h>

#include <cstring>
#include <utility>
#include <vector>

namespace sluice::fswatch {

namespace {

constexpr std::uint32_t kMask = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |
                                IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr std::size_t kReadSize = 64 * 1024;

} // namespace

bool is_at_or_below(std::string_view path, std::string_view folder) {
    return folder.empty() || path == folder ||
           (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

Inotify::Inotify(std::string root) : root_(std::move(root)), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!fd_)
        throw_errno("cannot create an inotify instance");
}

Inotify::Added Inotify::watch(const std::string& folder) {
    const std::string full = folder.empty() ? root_ : root_ + "/" + folder;
    // The root itself may be reached through a link; below it links are never followed.
    const std::uint32_t mask = folder.empty() ? kMask & ~static_cast<std::uint32_t>(IN_DONT_FOLLOW) : kMask;
    const int descriptor = ::inotify_add_watch(fd_.get(), full.c_str(), mask);
    if (descriptor < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES || errno == ENAMETOOLONG)
            return Added::Vanished;
        if (errno == ENOSPC || errno == ENOMEM)
            return Added::LimitReached;
        throw_errno("cannot watch " + full);
    }
    if (const auto old = by_descriptor_.find(descriptor); old != by_descriptor_.end() && old->second != folder)
        by_path_.erase(old->second); // the same folder under an older name
    by_descriptor_[descriptor] = folder;
    by_path_[folder] = descriptor;
    return Added::Yes;
}

std::map<std::string, int>::iterator Inotify::first_below(std::string_view folder) {
    return by_path_.lower_bound(std::string(folder));
}

void Inotify::rename_tree(std::string_view from, std::string_view to) {
    std::vector<std::pair<std::string, int>> moved;
    for (auto at = first_below(from); at != by_path_.end() && at->first.starts_with(from);) {
        if (!is_at_or_below(at->first, from)) {
            ++at;
            continue;
        }
        moved.emplace_back(std::string(to) + at->first.substr(from.size()), at->second);
        at = by_path_.erase(at);
    }
    for (auto& [path, descriptor] : moved) {
        by_descriptor_[descriptor] = path;
        by_path_[std::move(path)] = descriptor;
    }
}

void Inotify::remove_tree(std::string_view folder) {
    for (auto at = first_below(folder); at != by_path_.end() && at->first.starts_with(folder);) {
        if (!is_at_or_below(at->first, folder)) {
            ++at;
            continue;
        }
        ::inotify_rm_watch(fd_.get(), at->second); // may already be gone with its folder
        by_descriptor_.erase(at->second);
        at = by_path_.erase(at);
    }
}

bool Inotify::drain(std::size_t limit, const std::function<void(const FolderEvent&)>& take) {
    alignas(inotify_event) char buffer[kReadSize];
    for (std::size_t taken = 0; taken < limit;) {
        const ssize_t size = ::read(fd_.get(), buffer, sizeof buffer);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return false;
        if (size < 0)
            throw_errno("cannot read inotify events");
        for (ssize_t at = 0; at < size; ++taken) {
            inotify_event event;
            std::memcpy(&event, buffer + at, sizeof event);
            const char* name = buffer + at + sizeof event;
            dispatch(event.wd, event.mask, event.cookie,
                     std::string_view(name, event.len == 0 ? 0 : ::strnlen(name, event.len)), take);
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
    return true;
}

void Inotify::dispatch(int descriptor, std::uint32_t mask, std::uint32_t cookie, std::string_view name,
                       const std::function<void(const FolderEvent&)>& take) {
    using Kind = FolderEvent::Kind;
    if ((mask & IN_Q_OVERFLOW) != 0)
        return take({.kind = Kind::Overflow});
    const auto folder = by_descriptor_.find(descriptor);
    if (folder == by_descriptor_.end())
        return; // of a folder that we gave up
    if ((mask & (IN_IGNORED | IN_UNMOUNT)) != 0 ||
        ((mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 && folder->second.empty())) {
        const bool is_root = folder->second.empty();
        if ((mask & IN_IGNORED) != 0) {
            if (const auto at = by_path_.find(folder->second); at != by_path_.end() && at->second == descriptor)
                by_path_.erase(at);
            by_descriptor_.erase(folder);
        }
        if (is_root)
            take({.kind = Kind::RootGone});
        return;
    }
    if (name.empty())
        return; // about the folder itself: its parent reports that with the name
    const Kind kind = (mask & IN_CREATE) != 0        ? Kind::Created
                      : (mask & IN_CLOSE_WRITE) != 0 ? Kind::Closed
                      : (mask & IN_MOVED_FROM) != 0  ? Kind::MovedFrom
                      : (mask & IN_MOVED_TO) != 0    ? Kind::MovedTo
                                                     : Kind::Deleted;
    take({.kind = kind, .is_folder = (mask & IN_ISDIR) != 0, .cookie = cookie, .path = join(folder->second, name)});
}

} // namespace sluice::fswatch
