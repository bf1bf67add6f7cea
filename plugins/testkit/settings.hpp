#pragma once

#include "core/base/result.hpp"
#include "core/host/library.hpp"
#include "core/host/options.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace sluice::testkit {

/// What a kit.toml says:
///
///   [config]              # keys of the plugin, as in a connection's source
///   [feed]                # optional: what brings messages into upstream
///   command = "..."       # run by /bin/sh in the folder of kit.toml
///   count = 200           # how many it is asked for
///   patience = "10s"      # how long they may take to come
///
/// `{run}` (a text that differs from case to case) and `{work}` (an empty folder) are put in everywhere, `{count}` in
/// the command.
class Settings {
public:
    /// An empty name: no file, so no keys and no feed. Invalid: each mistake with its place.
    static Result<Settings> load(const std::string& file, const host::Descriptor& plugin);

    struct Run {
        std::string id, work;
    };
    /// The values for one run; they are known to fit.
    std::shared_ptr<const host::OptionValues> values(const host::Descriptor& plugin, const Run& run) const;
    std::string feed_command(const Run& run) const;

    bool has_feed() const { return !command_.empty(); }
    std::uint64_t count() const { return count_; }
    std::chrono::milliseconds patience() const { return patience_; }
    const std::string& folder() const { return folder_; }

private:
    std::string text_, file_, folder_ = ".", command_;
    std::uint64_t count_ = 200;
    std::chrono::milliseconds patience_{3000};
};

} // namespace sluice::testkit
