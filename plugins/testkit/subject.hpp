#pragma once

#include "plugins/testkit/feed.hpp"
#include "plugins/testkit/kit_host.hpp"
#include "plugins/testkit/settings.hpp"

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit {

/// Everything one case works with, in its own process: the library, values for its options, randomness, and
/// a folder that somebody else removes, because a crash leaves it behind.
class Subject {
public:
    Subject(const std::string& file, const host::Descriptor& descriptor, const Settings& settings,
            std::filesystem::path work, std::uint64_t seed, Slate& slate);
    Subject(const Subject&) = delete;
    Subject& operator=(const Subject&) = delete;

    const std::string& file() const { return file_; }
    const host::Descriptor& descriptor() const { return descriptor_; }
    const Settings& settings() const { return settings_; }
    const std::filesystem::path& work() const { return work_; }
    const Settings::Run& run() const { return run_; }
    Slate& slate() { return slate_; }
    std::mt19937_64& random() { return random_; }
    /// 0 to `most`.
    std::size_t any_up_to(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }

    /// Loaded at the first call.
    const host::Library& library();
    /// One for each option.
    const sluice_value* values();

    /// An instance that is not created yet. Instances with equal `state` share their private folder.
    std::unique_ptr<KitHost> instance(Ledger* ledger, const std::string& state = "state");
    /// An instance that was started. Throws Skipped when upstream is away or refuses.
    std::unique_ptr<KitHost> started(Ledger* ledger, const std::string& state = "state");

    /// Polls until so many messages came in all, the plugin says that it has no more, or nothing came for as long as
    /// the feed's patience. With a feed, everything that it publishes is waited for.
    /// Answers whether the plugin ended.
    bool collect(KitHost& host, std::size_t count, Feed* feed = nullptr);

    /// Allowed, but worth a word: the verdict of the case unless it fails.
    void warn(std::string_view text) { slate_.finish(Verdict::Warn, text); }

private:
    const std::string& file_;
    const host::Descriptor& descriptor_;
    const Settings& settings_;
    Slate& slate_;
    std::mt19937_64 random_;
    std::filesystem::path work_;
    Settings::Run run_;
    std::shared_ptr<host::Library> library_;
    std::shared_ptr<const host::OptionValues> values_;
};

struct Case {
    std::string_view name; ///< "group.what_it_shows"
    std::chrono::seconds limit;
    void (*run)(Subject&);
};

std::vector<Case> library_cases();
std::vector<Case> config_cases();
std::vector<Case> lifecycle_cases();
std::vector<Case> poll_cases();
std::vector<Case> order_cases();
std::vector<Case> delivery_cases();

} // namespace sluice::testkit
