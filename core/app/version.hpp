#pragma once

namespace sluice::app {

/// Of the program; CMake's project version.
inline constexpr const char* kVersion = SLUICE_VERSION;

} // namespace sluice::app
