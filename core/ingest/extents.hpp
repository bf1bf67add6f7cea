#pragma once

#include "core/ingest/part_book.hpp"
#include "core/store/store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What commands and the background do to extents, inside DatabaseWriter::edit_parts (engine 5). An extent that changes
/// becomes a new one: it gets another id.
namespace sluice::ingest {

struct ExtentChange {
    store::Part before, after;
};

/// The tags that begin with "drop-by:", sorted: extents merge only when theirs are equal (engine 5.3).
std::vector<std::string> drop_by_tags(const store::Part& part);

/// Replaces the tags. Conflict when one of the extents is gone.
Result<std::vector<ExtentChange>>
retag_extents(PartBook& parts, const std::vector<store::PartId>& extents,
              const std::function<std::vector<std::string>(const store::Part&)>& tags);

/// When extents are merged by themselves (engine 5.4).
struct MergeRules {
    bool allowed = true;
    std::size_t at_least = 4;
    std::size_t at_most = 100;
    std::uint64_t small_rows = 104'857; ///< larger ones are left alone: a tenth of the sharding limit
    std::uint64_t max_rows = 1'048'576; ///< of the result
    Ticks max_range = 24 * kTicksPerHour;
    std::optional<Ticks> lookback = 14 * kTicksPerDay; ///< older ones are left alone; nothing: none is too old
};
/// Sets of extents to merge, each within the rules. Pure.
std::vector<std::vector<store::PartId>> plan_merges(std::vector<store::Part> extents, const MergeRules& rules,
                                                    Ticks now);

} // namespace sluice::ingest
