#pragma once

#include "core/base/result.hpp"
#include "plugins/sdk/include/sluice/source_plugin.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::host {

/// One key of a connection's `source`, as the plugin declares it (sluice_option), copied out of the plugin's memory.
struct Option {
    enum class Type : std::uint8_t { Bool = 1, Int, Real, Text, Duration, Size, Choice, TextList, TextMap };

    std::string name;
    Type type = Type::Text;
    bool required = false, secret = false, advanced = false, deprecated = false;
    bool path = false; ///< a text that names a file or folder; relative ones start from the configuration's folder
    std::optional<std::string> fallback = {}, least = {}, most = {};
    std::vector<std::string> choices = {};
    std::string summary = {}, example = {};
};

/// "duration", "text list".
std::string_view to_string(Option::Type type);

/// What a plugin says about itself.
struct Descriptor {
    std::string id, version, summary;
    std::uint32_t abi_minor = 0;
    std::uint32_t capabilities = 0; ///< SLUICE_CAP_ bits
    std::uint32_t keepalive_ms = 0;
    std::vector<Option> options = {};

    bool has(std::uint32_t capability) const { return (capabilities & capability) != 0; }
};

/// The names of the capability bits that are set, such as "replay".
std::vector<std::string> capability_names(const Descriptor& descriptor);

/// A loaded plugin. Never unloaded: threads and late releases may still need its code (plugin ABI 3, hot reload).
/// Thread-safe.
class Library {
public:
    /// Loads a file and checks everything the ABI promises about the descriptor, before any callback of the plugin
    /// runs. Invalid: no plugin, another ABI version, or a descriptor that breaks the contract; the message names the
    /// file and the reason.
    static Result<std::shared_ptr<Library>> load(const std::string& file);

    const std::string& file() const { return file_; }
    const Descriptor& descriptor() const { return descriptor_; }
    const sluice_plugin& plugin() const { return *plugin_; }

    /// A place for one more instance. False: the plugin runs once in a process and does so already
    /// (SLUICE_CAP_SINGLETON).
    bool try_enter();
    void leave();

private:
    Library(std::string file, const sluice_plugin* plugin, Descriptor descriptor)
        : file_(std::move(file)), plugin_(plugin), descriptor_(std::move(descriptor)) {}

    const std::string file_;
    const sluice_plugin* const plugin_;
    const Descriptor descriptor_;
    std::atomic<bool> occupied_ = false;
};

} // namespace sluice::host
