#pragma once

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/config/settings.hpp"
#include "core/ingest/databases.hpp"

#include <set>
#include <string>
#include <vector>

namespace sluice::app {

/// Value of the setting "connection.<name>.created" of a connection that has to read everything its source still has.
inline constexpr auto kFromTheBeginning = "beginning";

/// Opens all databases; a damaged one as `store.on_damage` says: an error with the ways out, or set aside and begun
/// anew, and then every connection that writes to it starts at the oldest event of its source (engine 8.7). Answers
/// what an operator should look at, in sentences. Only while the process has one thread.
Result<std::vector<std::string>> open_databases(ingest::Databases& databases, const std::set<std::string>& names,
                                                const config::Settings& settings, const Clock& clock);

} // namespace sluice::app
