#include "core/engine/piping.hpp"

#include <algorithm>

namespace sluice::engine {

std::string blanked(std::string_view text, std::size_t count) {
    std::string out(text);
    const auto end = out.begin() + static_cast<std::ptrdiff_t>(std::min(count, out.size()));
    std::transform(out.begin(), end, out.begin(), [](char c) { return c == '\n' || c == '\r' ? c : ' '; });
    return out;
}

std::string piped_query(std::string_view text, std::size_t pipe) {
    std::string out = blanked(text, pipe);
    if (text[pipe] == ';') {
        out[pipe] = ' ';
        return out;
    }
    // The name of the rows takes a place in the blanks that is long enough, the nearest one to the '|'.
    const std::string room(kCommandResults.size(), ' ');
    const std::size_t place = out.rfind(room, pipe - std::min(pipe, room.size()));
    if (place != std::string::npos && place + room.size() <= pipe)
        return out.replace(place, room.size(), kCommandResults);
    // Shorter commands (".show gaps") leave no room; columns of their first line then shift.
    return std::string(kCommandResults) + " " + out;
}

} // namespace sluice::engine
