#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::app {

/// "%20" -> " ". Broken escapes stay as they are. `plus_is_blank`: for query strings.
std::string percent_decode(std::string_view text, bool plus_is_blank = false);
/// Has a "%XX" that percent_decode would change.
bool has_escape(std::string_view text);
std::string percent_encode(std::string_view text);

/// A request's target, taken apart.
struct Target {
    std::vector<std::string> segments;                           ///< of the path, percent-decoded once
    std::vector<std::pair<std::string, std::string>> parameters; ///< of the query, decoded

    /// The first parameter of that name, without regard to case.
    const std::string* parameter(std::string_view name) const;
};
Target parse_target(std::string_view target);

/// ASCII letters only.
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);

} // namespace sluice::app
