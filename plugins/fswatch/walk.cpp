#include "plugins/fswatch/walk.hpp"

#include "plugins/fswatch/inotify.hpp"
#include "plugins/fswatch/names.hpp"

#include <fcntl.h>

namespace sluice::fswatch {

void Walk::go_on(const Root& root, std::size_t entries, const Visitor& visit) {
    for (std::size_t met = 0; met < entries && !done();) {
        if (!stream_) {
            current_ = std::move(waiting_.back());
            waiting_.pop_back();
            try {
                Descriptor fd = root.open(current_.folder, O_RDONLY | O_DIRECTORY);
                // Watch first, then list: what comes in between is met twice, never missed.
                visit.enter(current_.folder);
                stream_.reset(::fdopendir(fd.get()));
                if (!stream_)
                    throw_errno("cannot list " + current_.folder);
                fd.release();
            } catch (const std::system_error& error) {
                const int code = error.code().value();
                if (code != ENOENT && code != ENOTDIR)
                    visit.unreadable(current_.folder, error.what());
                ++met;
                continue;
            }
        }
        const dirent* entry = ::readdir(stream_.get());
        if (entry == nullptr) {
            stream_.reset();
            continue;
        }
        ++met;
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        std::string path = join(current_.folder, name);
        if (entry->d_type == DT_DIR) {
            if (visit.wants(path))
                add(std::move(path), current_.signal);
        } else if (entry->d_type == DT_REG) {
            visit.file(path, current_.signal);
        } else if (entry->d_type == DT_UNKNOWN) {
            // The file system does not say: a file if a look shows one, else maybe a folder, which opening will tell.
            if (root.facts(path))
                visit.file(path, current_.signal);
            else if (visit.wants(path))
                add(std::move(path), current_.signal);
        }
    }
}

void Walk::rename_tree(std::string_view from, std::string_view to) {
    const auto rename = [&](std::string& folder) {
        if (is_at_or_below(folder, from))
            folder = std::string(to) + folder.substr(from.size());
    };
    for (auto& waiting : waiting_)
        rename(waiting.folder);
    if (stream_)
        rename(current_.folder);
}

} // namespace sluice::fswatch
