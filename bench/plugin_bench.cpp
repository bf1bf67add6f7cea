// How many messages a second come through the plugin ABI: the counting plugin, driven by the bridge's own host, into a
// target that only counts and acknowledges. Everything runs on one thread, pinned to one core.
//
//     plugin_bench count.so [MESSAGES]
//
// The reference is the same messages made by the same plugin and dropped at once, without the host; prints the ratio.
#include "core/config/parse.hpp"
#include "core/host/instance.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

namespace {

using namespace sluice;
using Steady = std::chrono::steady_clock;

constexpr std::uint32_t kCredit = 4096;
constexpr std::uint64_t kBytes = std::uint64_t{16} << 20;

struct Count {
    std::uint64_t messages = 0, bytes = 0, acknowledged = 0;
};

/// Takes everything and acknowledges it at once.
class NullIntake final : public router::Intake {
public:
    explicit NullIntake(Count& count) : count_(count) {}

    Result<router::ResumePoint> open_lane(std::string_view) override {
        return router::ResumePoint{.lane = 1, .found = false, .sequence = 0, .position = {}};
    }
    Result<router::ResumePoint> close_lane(std::uint32_t lane, std::chrono::milliseconds) override {
        return router::ResumePoint{.lane = lane, .found = false, .sequence = 0, .position = {}};
    }
    router::Credit credit() override { return {.messages = kCredit, .bytes = kBytes}; }
    Result<> deliver(std::span<const router::Message> messages) override {
        if (messages.empty())
            return {};
        if (first_ == 0)
            first_ = messages.front().sequence;
        last_ = messages.back().sequence;
        count_.messages += messages.size();
        for (const auto& message : messages)
            count_.bytes += message.payload.size();
        return {};
    }
    void lost(std::uint32_t, std::uint64_t, std::uint64_t, std::string_view) override {}
    Result<> flush(bool) override { return {}; }
    std::optional<Clock::Steady::time_point> next_flush() const override { return std::nullopt; }
    void take_acks(std::vector<router::Ack>& acks) override {
        if (first_ == 0)
            return;
        acks.push_back({.lane = 1, .parked = false, .first = first_, .last = last_});
        count_.acknowledged += last_ - first_ + 1;
        first_ = 0;
    }
    bool drain(std::chrono::milliseconds) override { return true; }

private:
    Count& count_;
    std::uint64_t first_ = 0, last_ = 0;
};

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "plugin_bench: %s\n", why.c_str());
    std::exit(1);
}

double seconds_since(Steady::time_point begun) {
    return std::chrono::duration<double>(Steady::now() - begun).count();
}

double through_the_host(const host::SourceSetup& setup, std::uint64_t wanted) {
    const SystemClock clock;
    host::StatusBoard board(clock);
    host::CallWatch watch;
    const std::atomic<bool> abandoned = false;
    Count count;
    host::Instance instance(setup, std::make_unique<NullIntake>(count), board, watch, clock, abandoned);
    if (!instance.create().good() || !instance.start().good())
        die("the plugin did not start");
    const auto begun = Steady::now();
    for (auto outcome = host::Outcome(); outcome.status == SLUICE_OK;) {
        outcome = instance.poll(instance.intake().credit(), std::chrono::milliseconds(100));
        if (!outcome.good() || !instance.hand_acks().good())
            die("poll or ack failed: " + outcome.why);
    }
    const double took = seconds_since(begun);
    instance.retire();
    if (count.messages != wanted || count.acknowledged != wanted)
        die("not every message came through");
    return took;
}

/// The plugin alone, called directly.
double alone(const host::SourceSetup& setup, std::uint64_t wanted) {
    const auto& plugin = setup.library->plugin();
    sluice_host bare{};
    bare.size = sizeof bare;
    bare.instance = "bench";
    bare.state_dir = setup.state_dir.c_str();
    bare.fail = [](const sluice_host*, sluice_status status, const char*) { return status; };
    bare.open_lane = [](const sluice_host*, sluice_str, std::uint32_t* lane, sluice_checkpoint* after) {
        *lane = 1;
        *after = {};
        return sluice_status{SLUICE_OK};
    };
    void* self = nullptr;
    if (plugin.create(&bare, setup.options->data(), &self) != SLUICE_OK || plugin.start(self) != SLUICE_OK)
        die("the plugin did not start");
    std::uint64_t messages = 0;
    const auto begun = Steady::now();
    for (sluice_status status = SLUICE_OK; status == SLUICE_OK;) {
        sluice_batch batch{};
        status = plugin.poll(self, kCredit, kBytes, 100, &batch);
        messages += batch.count;
        if (batch.release)
            batch.release(&batch);
    }
    const double took = seconds_since(begun);
    plugin.destroy(self);
    if (messages != wanted)
        die("the plugin did not send every message");
    return took;
}

std::shared_ptr<const host::OptionValues> options_of(const host::Library& library, std::uint64_t limit) {
    config::Problems problems;
    config::Connection connection;
    connection.name = "bench";
    connection.plugin = library.descriptor().id;
    connection.source = config::parse(
        "limit = " + std::to_string(limit), "bench.toml", ".",
        [](const std::string&) -> std::optional<std::string> { return std::nullopt; }, problems);
    auto options = host::bind_options(library.descriptor(), connection, ".", {}, problems);
    if (!options)
        die("the plugin does not take a limit; name count.so");
    return options;
}

void pin_to_one_core() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &allowed);
    if (::sched_setaffinity(0, sizeof allowed, &allowed) != 0)
        die("cannot be pinned to a core");
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        die("usage: plugin_bench count.so [MESSAGES]");
    const std::uint64_t messages = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000'000;
    auto library = host::Library::load(argv[1]);
    if (!library)
        die(library.error().message);
    host::SourceSetup setup;
    setup.connection = "bench";
    setup.library = *library;
    setup.options = options_of(**library, messages);
    setup.state_dir = (std::filesystem::temp_directory_path() / "sluice-plugin-bench").string();
    pin_to_one_core();
    double host = std::numeric_limits<double>::max(), bare = host;
    for (int run = 0; run < 3; ++run) { // the fastest of three
        bare = std::min(bare, alone(setup, messages));
        host = std::min(host, through_the_host(setup, messages));
    }
    std::filesystem::remove_all(setup.state_dir);
    const double million = static_cast<double>(messages) / 1e6;
    std::printf("plugin alone: %.2f M messages/s; through the host into a null target: %.2f M messages/s; ratio %.2f\n",
                million / bare, million / host, bare / host);
}
