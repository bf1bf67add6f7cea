#pragma once

#include "core/base/result.hpp"
#include "core/config/raw.hpp"
#include "core/config/settings.hpp"
#include "core/host/library.hpp"
#include "plugins/sdk/include/sluice/source_plugin.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::host {

/// The values of a plugin's options in the order of its table, with the memory they point to. Immutable once bound.
class OptionValues {
public:
    OptionValues() = default;
    OptionValues(const OptionValues&) = delete;
    OptionValues& operator=(const OptionValues&) = delete;

    /// For sluice_plugin::create; one for each option, never null.
    const sluice_value* data() const { return values_.data(); }
    std::size_t size() const { return values_.size(); }

private:
    friend class OptionBinder;
    // Deques, because the values point into their elements, which must not move.
    std::vector<sluice_value> values_;
    std::deque<std::string> texts_;
    std::deque<std::vector<sluice_str>> lists_;
    std::deque<std::vector<sluice_property>> maps_;
};

/// Values for options that the file leaves open and the host knows better than the plugin's table, by option name;
/// taken only for options that the plugin has.
using HostDefaults = std::map<std::string, std::string>;

/// `start_at`, `group_id` and `spool.sync` by the rules of configuration 3.3 to 3.5.
/// `created` is when the connection was first started, or the text "beginning" after a rebuild.
HostDefaults host_defaults(const config::Connection& connection, const config::Store& store,
                           const std::string& created);

/// Checks a connection's source table against the plugin's options and binds the values (plugin ABI 3, configuration).
/// Everything wrong goes to `problems` with its place; then the answer is null.
std::shared_ptr<const OptionValues> bind_options(const Descriptor& plugin, const config::Connection& connection,
                                                 const std::string& folder, const HostDefaults& defaults,
                                                 config::Problems& problems);

/// Whether default, limits and choices of an option can be read as its own type and fit each other.
Result<> check_declaration(const Option& option);

} // namespace sluice::host
