#pragma once

#include "core/app/http_types.hpp"
#include "core/app/http_url.hpp"
#include "core/app/wire/document.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::app {

/// A query or management request as it came, understood (rest-api 3.3-3.5).
struct Envelope {
    engine::Request request;
    wire::V2Options v2;
    bool validate_permissions = false;
};

/// Invalid, General_BadRequest: no JSON object, or no `csl`. Options that are unknown or make no sense count as absent.
Result<Envelope> read_envelope(std::string_view json);
/// The form of a GET request: ?db=...&csl=...&properties=...
Result<Envelope> read_envelope(const Target& target);

/// The forms in which clients write `servertimeout`: "00:04:00.000", "0:05:00", "1 day, 0:00:00", "50m", a number of
/// seconds. At most one hour; nothing when it is no duration.
std::optional<std::chrono::milliseconds> parse_server_timeout(std::string_view text);

/// The text begins with '.' after white space, a byte-order mark and comments (engine 0.2).
bool is_command_text(std::string_view text);

} // namespace sluice::app
