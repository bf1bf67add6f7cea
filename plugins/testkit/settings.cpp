#include "plugins/testkit/settings.hpp"

#include "core/config/parse.hpp"
#include "core/config/units.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::testkit {
namespace {

constexpr std::int64_t kMostMessages = 1'000'000;
constexpr std::chrono::milliseconds kPatienceWithFeed{10'000};

std::string put_in(std::string text, std::string_view name, const std::string& value) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
        text.replace(at, name.size(), value);
    return text;
}

std::string put_in(std::string text, const Settings::Run& run) {
    return put_in(put_in(std::move(text), "{run}", run.id), "{work}", run.work);
}

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

/// The connection that a kit.toml stands for.
config::Connection connection_of(const config::Raw& file, const host::Descriptor& plugin) {
    config::Connection connection;
    connection.name = "kit";
    connection.plugin = plugin.id;
    if (const auto* keys = file.find("config"))
        connection.source = *keys;
    connection.source.kind = config::Raw::Kind::Table;
    return connection;
}

/// Not called bind: that would be std::bind, by the types of its arguments.
std::shared_ptr<const host::OptionValues> bind_keys(const config::Raw& file, const host::Descriptor& plugin,
                                                    const std::string& folder, config::Problems& problems) {
    const auto connection = connection_of(file, plugin);
    return host::bind_options(plugin, connection, folder, host::host_defaults(connection, {}, "beginning"), problems);
}

} // namespace

Result<Settings> Settings::load(const std::string& file, const host::Descriptor& plugin) {
    Settings settings;
    settings.file_ = file.empty() ? "kit.toml" : file;
    if (!file.empty()) {
        std::ifstream stream(file);
        std::stringstream text;
        text << stream.rdbuf();
        if (!stream)
            return Error{ErrorCode::Invalid, fmt::format("{} cannot be read", file)};
        settings.text_ = text.str();
        settings.folder_ = std::filesystem::absolute(file).parent_path().string();
    }
    config::Problems problems;
    const Run probe{.id = "run", .work = "/tmp"};
    const auto tree =
        config::parse(put_in(settings.text_, probe), settings.file_, settings.folder_, variable, problems);
    for (const auto& item : tree.items)
        if (item.key != "config" && item.key != "feed")
            problems.push_back(
                {item.key_at, fmt::format("unknown section {}; there are [config] and [feed]", item.key)});
    if (const auto* feed = tree.find("feed")) {
        settings.patience_ = kPatienceWithFeed;
        for (const auto& item : feed->items) {
            if (item.key == "command" && item.kind == config::Raw::Kind::Text) {
                settings.command_ = item.text;
            } else if (item.key == "count" && item.kind == config::Raw::Kind::Integer && item.integer >= 10 &&
                       item.integer <= kMostMessages) {
                settings.count_ = static_cast<std::uint64_t>(item.integer);
            } else if (const auto time = item.key == "patience" && item.kind == config::Raw::Kind::Text
                                             ? config::parse_duration(item.text)
                                             : Result<std::chrono::nanoseconds>(Error{ErrorCode::Invalid, ""})) {
                settings.patience_ = std::chrono::duration_cast<std::chrono::milliseconds>(*time);
            } else {
                problems.push_back({item.at, fmt::format("feed.{} is {}; a feed has a command (a text), a count (10 to "
                                                         "1000000) and a patience (such as \"10s\")",
                                                         item.key, config::shown(item))});
            }
        }
        if (settings.command_.empty() && problems.empty())
            problems.push_back({feed->at, "the feed has no command"});
        // What is put in differs from run to run, so the text is kept as it was written.
        const auto plain = config::parse(settings.text_, settings.file_, settings.folder_, variable, problems);
        if (const auto* raw = plain.find("feed"); raw && raw->find("command"))
            settings.command_ = raw->find("command")->text;
    }
    bind_keys(tree, plugin, settings.folder_, problems);
    if (!problems.empty())
        return Error{ErrorCode::Invalid,
                     to_string(std::move(problems)) +
                         (file.empty() ? "\n(give the plugin's keys in a kit.toml: --config)" : "")};
    return settings;
}

std::shared_ptr<const host::OptionValues> Settings::values(const host::Descriptor& plugin, const Run& run) const {
    config::Problems problems;
    const auto tree = config::parse(put_in(text_, run), file_, folder_, variable, problems);
    return bind_keys(tree, plugin, folder_, problems);
}

std::string Settings::feed_command(const Run& run) const {
    return put_in(put_in(command_, "{count}", std::to_string(count_)), run);
}

} // namespace sluice::testkit
