#pragma once

#include <string_view>

/// Named places at which a test can end the process (spec reliability 2: the stages S0 to S16).
/// `SLUICE_FAILPOINT=S10@3` in the environment ends it with SIGKILL when place S10 is reached for the third time;
/// otherwise a place costs one comparison.
namespace sluice {

namespace detail {
extern const bool kFailpointArmed;
void reach_failpoint(std::string_view place);
} // namespace detail

/// Thread-safe.
inline void failpoint(std::string_view place) {
    if (detail::kFailpointArmed)
        detail::reach_failpoint(place);
}

} // namespace sluice
