#include "plugins/kafka/known_topics.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace sluice::kafka {

KnownTopics::KnownTopics(std::string file) : file_(std::move(file)) {
    std::ifstream in(file_);
    first_run_ = !in.is_open();
    std::string topic;
    for (int partitions = 0; in >> topic >> partitions;)
        partitions_[topic] = partitions;
}

void KnownTopics::remember(const std::string& topic, int partitions) {
    if (!partitions_.emplace(topic, partitions).second)
        return;
    save();
}

bool KnownTopics::added_later(const Partition& partition) const {
    const auto found = partitions_.find(partition.topic);
    return found != partitions_.end() && partition.number >= found->second;
}

void KnownTopics::save() const {
    std::string text;
    for (const auto& [topic, partitions] : partitions_)
        text += topic + " " + std::to_string(partitions) + "\n";
    const std::string fresh = file_ + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    const int why = errno;
    if (fd >= 0)
        ::close(fd);
    ok = ok && ::rename(fresh.c_str(), file_.c_str()) == 0;
    if (!ok)
        throw Unavailable("cannot write " + file_ + ": " + std::strerror(why ? why : errno));
}

} // namespace sluice::kafka
