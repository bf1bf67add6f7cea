#include "core/base/failpoint.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

namespace sluice::detail {
namespace {

struct Armed {
    std::string place;
    std::atomic<long> left = 1;
};

/// "S10" or "S10@3".
Armed& armed() {
    static Armed* const parsed = [] {
        auto* result = new Armed; // never freed: places are reached until the very end
        const char* text = std::getenv("SLUICE_FAILPOINT");
        const std::string_view given = text ? text : "";
        const std::size_t at = given.find('@');
        result->place = given.substr(0, at);
        long count = 1;
        if (at != std::string_view::npos)
            std::from_chars(given.data() + at + 1, given.data() + given.size(), count);
        result->left = count;
        return result;
    }();
    return *parsed;
}

} // namespace

const bool kFailpointArmed = std::getenv("SLUICE_FAILPOINT") != nullptr;

void reach_failpoint(std::string_view place) {
    Armed& wanted = armed();
    if (place == wanted.place && wanted.left.fetch_sub(1) == 1)
        std::raise(SIGKILL);
}

} // namespace sluice::detail
