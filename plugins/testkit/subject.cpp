#include "plugins/testkit/subject.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace sluice::testkit {

using namespace std::chrono_literals;

Subject::Subject(const std::string& file, const host::Descriptor& descriptor, const Settings& settings,
                 std::filesystem::path work, std::uint64_t seed, Slate& slate)
    : file_(file), descriptor_(descriptor), settings_(settings), slate_(slate), random_(seed), work_(std::move(work)) {
    std::filesystem::create_directories(work_ / "work");
    run_ = {.id = fmt::format("r{:x}{:08x}", ::getpid(), static_cast<std::uint32_t>(std::random_device{}())),
            .work = (work_ / "work").string()};
}

const host::Library& Subject::library() {
    if (!library_) {
        slate_.enter("dlopen");
        auto loaded = host::Library::load(file_);
        slate_.leave();
        if (!loaded)
            throw Failed{loaded.error().message};
        library_ = std::move(*loaded);
    }
    return *library_;
}

const sluice_value* Subject::values() {
    if (!values_)
        values_ = settings_.values(descriptor_, run_);
    return values_->data();
}

std::unique_ptr<KitHost> Subject::instance(Ledger* ledger, const std::string& state) {
    return std::make_unique<KitHost>(library(), values(), ledger, (work_ / state).string(), slate_);
}

std::unique_ptr<KitHost> Subject::started(Ledger* ledger, const std::string& state) {
    auto host = instance(ledger, state);
    if (const auto status = host->create(); status != SLUICE_OK)
        throw Failed{fmt::format("create answered {} to the configuration of the kit: {}", status_name(status),
                                 host->last_failure())};
    if (const auto status = host->start(); status != SLUICE_OK)
        throw Skipped{
            fmt::format("upstream is needed; start answered {}: {}", status_name(status), host->last_failure())};
    return host;
}

bool Subject::collect(KitHost& host, std::size_t count, Feed* feed) {
    auto last_news = std::chrono::steady_clock::now();
    for (bool fed = feed == nullptr; host.seen().size() < count || !fed;) {
        fed = fed || feed->done();
        const auto polled = host.poll();
        if (polled.status == SLUICE_END)
            return true;
        const auto now = std::chrono::steady_clock::now();
        if (polled.count > 0)
            last_news = now;
        else if (now - last_news > settings_.patience() && fed)
            return false;
        if (polled.count == 0)
            ::usleep(1000); // a plugin that does not wait in poll must not take the whole core
    }
    return false;
}

} // namespace sluice::testkit
