#pragma once

#include <string>
#include <string_view>

namespace sluice::app {

/// The server's message, and below each of its lines that ends in "[line:position=2:9]" that line of `text` with a
/// caret under the place. A message without places stays as it is.
std::string with_places(std::string_view message, std::string_view text);

} // namespace sluice::app
