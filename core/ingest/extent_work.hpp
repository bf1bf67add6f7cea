#pragma once

#include "core/ingest/extents.hpp"
#include "core/ingest/writer.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Work on extents that takes longer than streamed rows may wait: it goes in slices, each a short transaction of the
/// writer, and between two of them the writer does what else is ready (engine 8.6). Any thread but the writer's.
namespace sluice::ingest {

/// Whether the extents may become one: there are two or more, of one table, with equal drop-by tags and not too many
/// tags in all. Pure.
Result<> check_mergeable(const std::vector<store::Part>& extents);

/// Makes one extent of several of one table: all tags, the earliest and latest creation time, every row with its
/// ingestion time. The largest takes in the others, slice by slice; after each slice all rows are in whole extents with
/// new ids, so nobody sees a row twice or not at all, and what is left when it fails half-way are extents like any
/// others. Invalid as check_mergeable says; Conflict when one of them was changed, merged or dropped meanwhile.
Result<store::Part> merge_extents(DatabaseWriter& writer, const std::vector<store::Part>& extents);

/// Extents on their way into another table.
struct ExtentMoves {
    struct Source {
        std::shared_ptr<const catalog::Table> table;
        store::Part extent;
    };
    std::shared_ptr<const catalog::Table> to; ///< has the columns of every source
    std::vector<Source> extents;
    std::vector<store::Part> dropped;   ///< extents of `to` that go in the same commit
    std::optional<Ticks> new_time = {}; ///< ingestion time of all rows; nothing: they keep theirs
    std::string principal = "aadapp=anonymous";
};
/// Copies the rows ahead into parts that nobody sees, runs the update policies of the table on them, and moves all
/// extents, drops those to drop and shows what the policies made in one commit. Conflict when an extent was changed,
/// merged or dropped meanwhile: then nothing was done. Answers the moved extents.
Result<std::vector<ExtentChange>> move_extents(DatabaseWriter& writer, const ExtentMoves& moves);

} // namespace sluice::ingest
