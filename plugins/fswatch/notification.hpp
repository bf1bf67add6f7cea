#pragma once

#include "plugins/fswatch/ledger.hpp"
#include "plugins/fswatch/names.hpp"
#include "plugins/fswatch/path_template.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::fswatch {

/// What stands in for `data.api` (data-connections.md 4.9.1).
std::string_view api_of(Arrival arrival);
/// `0x` and 16 hex digits.
std::string etag_text(std::uint64_t etag);
/// The ledger sequence as 16 hex digits.
std::string sequencer_text(std::uint64_t sequence);
/// ISO 8601 in UTC with 100 ns.
std::string time_text(std::int64_t ns);
/// ISO 8601 (without zone: UTC) or `beginning` as ns since 1970; `beginning` and years before 1678 are INT64_MIN.
/// Nothing: no such time.
std::optional<std::int64_t> parse_start(std::string_view text);

/// One Event Grid notification in an array, as Event Grid delivers them (data-connections.md 4.4). The same entry
/// always gives the same text, so a notification that is handed over twice can be told to be one.
std::string notification(const LedgerEntry& entry, const NameRules& names, std::string_view instance);

/// The flat JSON object of a sidecar file; numbers and booleans become their text. Throws std::invalid_argument.
Metadata parse_sidecar(std::string_view json);
/// Both, without what the sidecar already says, whatever its spelling (names are case-insensitive, some have an alias).
Metadata merge(Metadata sidecar, const Metadata& path);

} // namespace sluice::fswatch
