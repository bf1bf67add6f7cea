#include "core/ingest/extent_work.hpp"

#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::ingest {
namespace {

using store::Part;
using store::PartId;
using store::PartState;

/// Rows that change over in one transaction: some fifteen milliseconds of the writer's time (decisions/0011).
constexpr std::uint64_t kMergeSlice = 131'072;
/// Rows that are copied in one transaction: just more than a row group, so that they need not go through the log.
constexpr std::uint64_t kCopySlice = store::kRowGroupRows + 1;
/// Beyond it extents are not merged (engine 5.3).
constexpr std::size_t kMaxTagCharacters = 1'000'000;

Error is_gone() {
    return {ErrorCode::Conflict,
            "An extent that the command names is gone, it may have been merged; show the extents again.",
            "General_BadRequest"};
}

/// Every change gives an extent another id, so an equal id means equal rows.
Result<> check_unchanged(const PartBook& parts, const Part& extent) {
    const Part* now = parts.find(extent.id);
    return now && now->state == PartState::Extent && now->extent == extent.extent ? Result<>() : Result<>(is_gone());
}

void add_missing(std::vector<std::string>& tags, const std::vector<std::string>& more) {
    for (const std::string& tag : more)
        if (std::find(tags.begin(), tags.end(), tag) == tags.end())
            tags.push_back(tag);
}

/// The extent `into` with `rows` rows of `from` more.
void take_in(Part& into, const Part& from, std::uint64_t rows, Bytes size) {
    into.rows += rows;
    into.original_size += size;
    into.opened = std::min(into.opened, from.opened);
    into.created = std::max(into.created, from.created);
    into.sealed = std::max(into.sealed, from.sealed);
    add_missing(into.tags, from.tags);
}

/// One merge under way.
class Merge {
public:
    Merge(DatabaseWriter& writer, std::vector<Part> extents) : writer_(writer), others_(std::move(extents)) {
        // The largest stays where it is, the others' rows get its number: the fewest rows are touched.
        const auto largest = std::max_element(others_.begin(), others_.end(),
                                              [](const Part& a, const Part& b) { return a.rows < b.rows; });
        result_ = *largest;
        others_.erase(largest);
    }

    bool done() const { return others_.empty(); }
    const Part& result() const { return result_; }

    /// As many of the others as fit, whole, or some rows of one that is larger.
    Result<> slice() {
        std::size_t whole = 0;
        for (std::uint64_t rows = 0; whole < others_.size() && rows + others_[whole].rows <= kMergeSlice; ++whole)
            rows += others_[whole].rows;
        return whole > 0 ? take_whole(whole) : take_some();
    }

private:
    Result<> take_whole(std::size_t count) {
        Part result = result_;
        const auto edit = [&](store::Transaction& transaction, PartBook& parts) -> Result<> {
            SLUICE_CHECK(check_unchanged(parts, result_));
            std::vector<PartId> ids;
            for (std::size_t i = 0; i < count; ++i) {
                SLUICE_CHECK(check_unchanged(parts, others_[i]));
                take_in(result, others_[i], others_[i].rows, others_[i].original_size);
                ids.push_back(others_[i].id);
                parts.remove(others_[i].id);
            }
            SLUICE_CHECK(transaction.merge_rows(result.table, ids, result.id));
            keep(parts, result);
            return {};
        };
        SLUICE_CHECK(writer_.edit_parts(edit));
        result_ = std::move(result);
        others_.erase(others_.begin(), others_.begin() + static_cast<std::ptrdiff_t>(count));
        return {};
    }

    Result<> take_some() {
        Part result = result_, left = others_.front();
        const auto edit = [&](store::Transaction& transaction, PartBook& parts) -> Result<> {
            SLUICE_CHECK(check_unchanged(parts, result_));
            SLUICE_CHECK(check_unchanged(parts, others_.front()));
            SLUICE_TRY(const std::uint64_t moved,
                       transaction.merge_slice(result.table, left.id, result.id, kMergeSlice));
            if (moved == 0 || moved > left.rows)
                return Error{ErrorCode::Internal,
                             fmt::format("{} rows of an extent of {} changed over in a merge", moved, left.rows)};
            const Bytes size = left.original_size / left.rows * moved;
            take_in(result, left, moved, moved == left.rows ? left.original_size : size);
            left.rows -= moved;
            left.original_size -= std::min(size, left.original_size);
            if (left.rows == 0)
                parts.remove(left.id);
            else
                keep(parts, left);
            keep(parts, result);
            return {};
        };
        SLUICE_CHECK(writer_.edit_parts(edit));
        result_ = std::move(result);
        if (left.rows == 0)
            others_.erase(others_.begin());
        else
            others_.front() = std::move(left);
        return {};
    }

    static void keep(PartBook& parts, Part& part) {
        part.extent = data::random_guid();
        parts.change(part.id) = part;
    }

    DatabaseWriter& writer_;
    std::vector<Part> others_;
    Part result_;
};

/// Copies of extents in another table that nobody sees yet; removed unless they are adopted.
class Copies {
public:
    Copies(DatabaseWriter& writer, const ExtentMoves& moves) : writer_(writer), moves_(moves) {}
    ~Copies() {
        for (const PartId part : parts_)
            if (const auto gone = writer_.discard_piece(part); !gone)
                log::warn("copies of extents stay until the next start",
                          {{"table", moves_.to->name}, {"reason", gone.error().message}});
    }
    Copies(const Copies&) = delete;
    Copies& operator=(const Copies&) = delete;

    Result<> add(const ExtentMoves::Source& source) {
        const PartId copy = writer_.reserve_part();
        // Numbers of rows count, and a checkpoint may change them.
        const auto held = writer_.hold_checkpoints();
        store::Transaction::RowRange rows;
        const auto begin = [&](store::Transaction& transaction, PartBook& parts) -> Result<> {
            SLUICE_CHECK(check_unchanged(parts, source.extent));
            SLUICE_TRY(rows, transaction.range_of({*source.table, source.extent.id}));
            Part piece;
            piece.id = copy;
            piece.table = moves_.to->id;
            piece.state = PartState::Piece;
            parts.add(std::move(piece));
            return {};
        };
        SLUICE_CHECK(writer_.edit_parts(begin));
        parts_.push_back(copy);
        std::uint64_t copied = 0;
        while (rows.first < rows.last) {
            const store::Transaction::RowRange slice{rows.first, std::min(rows.first + kCopySlice, rows.last)};
            const auto copy_slice = [&](store::Transaction& transaction, PartBook& parts) -> Result<> {
                SLUICE_CHECK(check_unchanged(parts, source.extent));
                SLUICE_TRY(const std::uint64_t more, transaction.copy_rows({*source.table, source.extent.id},
                                                                           {*moves_.to, copy}, moves_.new_time, slice));
                copied += more;
                return {};
            };
            SLUICE_CHECK(writer_.edit_parts(copy_slice));
            rows.first = slice.last;
        }
        if (copied != source.extent.rows)
            return Error{ErrorCode::Internal, fmt::format("{} of {} rows of an extent were copied to table '{}'",
                                                          copied, source.extent.rows, moves_.to->name)};
        failpoint("S15");
        return {};
    }

    const std::vector<PartId>& parts() const { return parts_; }
    void adopted() { parts_.clear(); }

private:
    DatabaseWriter& writer_;
    const ExtentMoves& moves_;
    std::vector<PartId> parts_;
};

} // namespace

Result<> check_mergeable(const std::vector<Part>& extents) {
    const auto refused = [](std::string text) {
        return Error{ErrorCode::Invalid, std::move(text), "General_BadRequest"};
    };
    if (extents.size() < 2)
        return refused("Merging takes two extents or more.");
    std::vector<std::string> tags;
    for (const Part& part : extents) {
        if (part.table != extents.front().table)
            return refused("Extents of different tables cannot be merged.");
        if (drop_by_tags(part) != drop_by_tags(extents.front()))
            return refused(fmt::format("Extents {} and {} cannot be merged: their sets of drop-by: tags differ.",
                                       data::format_guid(extents.front().extent), data::format_guid(part.extent)));
        add_missing(tags, part.tags);
    }
    std::size_t characters = 0;
    for (const std::string& tag : tags)
        characters += tag.size();
    if (characters > kMaxTagCharacters)
        return refused("The merged extent would have more than 1,000,000 characters of tags.");
    return {};
}

Result<Part> merge_extents(DatabaseWriter& writer, const std::vector<Part>& extents) {
    SLUICE_CHECK(check_mergeable(extents));
    Merge merge(writer, extents);
    while (!merge.done()) {
        SLUICE_CHECK(merge.slice());
        failpoint("S15");
    }
    return merge.result();
}

Result<std::vector<ExtentChange>> move_extents(DatabaseWriter& writer, const ExtentMoves& moves) {
    Copies copies(writer, moves);
    for (const ExtentMoves::Source& source : moves.extents)
        SLUICE_CHECK(copies.add(source));
    std::vector<ExtentChange> changes;
    const auto edit = [&](store::Transaction&, PartBook& parts) -> Result<> {
        for (const Part& part : moves.dropped) {
            SLUICE_CHECK(check_unchanged(parts, part));
            parts.remove(part.id);
        }
        for (std::size_t i = 0; i < moves.extents.size(); ++i) {
            const Part& before = moves.extents[i].extent;
            SLUICE_CHECK(check_unchanged(parts, before));
            Part after = before;
            after.id = copies.parts()[i];
            after.table = moves.to->id;
            after.extent = data::random_guid();
            parts.remove(before.id);
            parts.change(after.id) = after;
            changes.push_back({before, std::move(after)});
        }
        return {};
    };
    SLUICE_TRY([[maybe_unused]] const auto derived,
               writer.edit_parts(Arrival{moves.to, copies.parts(), moves.principal}, edit));
    failpoint("S16");
    copies.adopted();
    return changes;
}

} // namespace sluice::ingest
