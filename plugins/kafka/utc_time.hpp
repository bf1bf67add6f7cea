#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::kafka {

/// Milliseconds since 1970 of `2026-01-01T10:00:00.1234567Z`: fraction optional, cut to milliseconds so that nothing
/// newer is left out. Nothing for any other text.
std::optional<std::int64_t> parse_utc_ms(std::string_view text);

} // namespace sluice::kafka
