#pragma once

#include "core/config/load.hpp"
#include "core/config/reader.hpp"
#include "core/config/settings.hpp"

/// The parts of load(): each reads its tables of the file into the settings and adds what is wrong to the problems.
namespace sluice::config {

/// Everything of configuration 2 but the databases.
void read_bridge(Reader& top, Settings& settings, const Surroundings& surroundings, Problems& problems);
/// `[[database]]`.
void read_databases(Reader& top, Settings& settings, Problems& problems);
/// `[[connection]]`; the databases have been read.
void read_connections(Reader& top, Settings& settings, Problems& problems);

} // namespace sluice::config
