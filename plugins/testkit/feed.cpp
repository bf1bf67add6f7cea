#include "plugins/testkit/feed.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace sluice::testkit {

Feed::Feed(const Settings& settings, const Settings::Run& run) : command_(settings.feed_command(run)) {
    child_ = std::make_unique<Child>([&] {
        if (::chdir(settings.folder().c_str()) != 0)
            return 1;
        ::execl("/bin/sh", "sh", "-c", command_.c_str(), nullptr);
        return 127;
    });
}

bool Feed::done() {
    if (!child_->wait(std::chrono::milliseconds(0)))
        return false;
    if (child_->status() != 0)
        throw Failed{
            fmt::format("the feed failed ({}); see whether this works: {}", describe_end(child_->status()), command_)};
    return true;
}

} // namespace sluice::testkit
