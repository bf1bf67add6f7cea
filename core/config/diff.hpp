#pragma once

#include "core/base/result.hpp"
#include "core/config/settings.hpp"

#include <string>
#include <vector>

namespace sluice::config {

/// What a reload has to do (configuration 1, column R). Names of connections and databases; sections by their table.
struct Changes {
    std::vector<std::string> started;   ///< connections that are new or were enabled
    std::vector<std::string> stopped;   ///< connections that are gone or were disabled
    std::vector<std::string> restarted; ///< connections with a change that a running source cannot take over
    std::vector<std::string> updated;   ///< connections whose settings take effect as they run
    std::vector<std::string> databases; ///< new, or with another `setup` or `publish`
    std::vector<std::string> sections;  ///< parts of the bridge with new values, such as "log"

    bool empty() const;
};

/// Compares a running configuration with a new one. Unsupported: keys changed that need a restart of the bridge, one
/// line each; then nothing of the new file may be applied. A database that leaves the file keeps existing and is no
/// change.
Result<Changes> diff(const Settings& running, const Settings& next);

} // namespace sluice::config
