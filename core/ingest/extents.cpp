#include "core/ingest/extents.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sluice::ingest {
namespace {

using store::Part;
using store::PartId;
using store::PartState;

/// Beyond it extents are not merged (engine 5.3).
constexpr std::size_t kMaxTagCharacters = 1'000'000;

Result<Part> find_extent(const PartBook& parts, PartId id) {
    const Part* part = parts.find(id);
    if (part && part->state == PartState::Extent)
        return *part;
    return Error{ErrorCode::Conflict,
                 "An extent that the command names is gone, it may have been merged; show the extents again.",
                 "General_BadRequest"};
}

void add_missing(std::vector<std::string>& tags, const std::vector<std::string>& more) {
    for (const std::string& tag : more)
        if (std::find(tags.begin(), tags.end(), tag) == tags.end())
            tags.push_back(tag);
}

std::size_t characters(const std::vector<std::string>& tags) {
    std::size_t sum = 0;
    for (const std::string& tag : tags)
        sum += tag.size();
    return sum;
}

} // namespace

std::vector<std::string> drop_by_tags(const Part& part) {
    std::vector<std::string> out;
    for (const std::string& tag : part.tags)
        if (tag.starts_with("drop-by:"))
            out.push_back(tag);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

Result<std::vector<ExtentChange>> retag_extents(PartBook& parts, const std::vector<PartId>& extents,
                                                const std::function<std::vector<std::string>(const Part&)>& tags) {
    std::vector<ExtentChange> out;
    for (const PartId id : extents) {
        SLUICE_TRY(Part before, find_extent(parts, id));
        Part& part = parts.change(id);
        part.tags = tags(before);
        part.extent = data::random_guid();
        out.push_back({std::move(before), part});
    }
    return out;
}

Result<ExtentChange> move_extent(store::Transaction& transaction, PartBook& parts, const ExtentMove& move) {
    SLUICE_TRY(Part before, find_extent(parts, move.part));
    Part after = before;
    after.id = parts.reserve();
    after.table = move.to->id;
    after.extent = data::random_guid();
    if (move.created)
        after.opened = after.created = *move.created;
    SLUICE_CHECK(transaction.copy_rows({*move.from, before.id}, {*move.to, after.id}, move.new_time));
    parts.remove(before.id);
    parts.add(after);
    return ExtentChange{std::move(before), std::move(after)};
}

Result<Part> merge_extents(store::Transaction& transaction, PartBook& parts, const std::vector<PartId>& extents) {
    if (extents.size() < 2)
        return Error{ErrorCode::Invalid, "Merging takes two extents or more.", "General_BadRequest"};
    std::vector<Part> sources;
    for (const PartId id : extents) {
        SLUICE_TRY(Part part, find_extent(parts, id));
        if (!sources.empty() && part.table != sources.front().table)
            return Error{ErrorCode::Invalid, "Extents of different tables cannot be merged.", "General_BadRequest"};
        if (!sources.empty() && drop_by_tags(part) != drop_by_tags(sources.front()))
            return Error{ErrorCode::Invalid,
                         fmt::format("Extents {} and {} cannot be merged: their sets of drop-by: tags differ.",
                                     data::format_guid(sources.front().extent), data::format_guid(part.extent)),
                         "General_BadRequest"};
        sources.push_back(std::move(part));
    }
    // The largest stays where it is, the others' rows get its number: the fewest rows are touched.
    const auto largest =
        std::max_element(sources.begin(), sources.end(), [](const Part& a, const Part& b) { return a.rows < b.rows; });
    Part result = *largest;
    result.extent = data::random_guid();
    result.tags.clear();
    result.rows = 0;
    result.original_size = 0;
    std::vector<PartId> others;
    for (const Part& part : sources) {
        result.rows += part.rows;
        result.original_size += part.original_size;
        result.opened = std::min(result.opened, part.opened);
        result.created = std::max(result.created, part.created);
        result.sealed = std::max(result.sealed, part.sealed);
        add_missing(result.tags, part.tags);
        if (part.id != result.id)
            others.push_back(part.id);
    }
    if (characters(result.tags) > kMaxTagCharacters)
        return Error{ErrorCode::Invalid, "The merged extent would have more than 1,000,000 characters of tags.",
                     "General_BadRequest"};
    SLUICE_CHECK(transaction.merge_rows(result.table, others, result.id));
    for (const PartId id : others)
        parts.remove(id);
    parts.change(result.id) = result;
    return result;
}

std::vector<std::vector<PartId>> plan_merges(std::vector<Part> extents, const MergeRules& rules, Ticks now) {
    std::vector<std::vector<PartId>> plan;
    if (!rules.allowed)
        return plan;
    std::map<std::vector<std::string>, std::vector<Part>> groups;
    for (Part& part : extents) {
        const bool old = rules.lookback && part.created < now - *rules.lookback;
        if (part.state == PartState::Extent && part.rows < rules.small_rows && !old)
            groups[drop_by_tags(part)].push_back(std::move(part));
    }
    for (auto& [tags, group] : groups) {
        std::sort(group.begin(), group.end(), [](const Part& a, const Part& b) { return a.opened < b.opened; });
        std::vector<PartId> taken;
        std::uint64_t rows = 0;
        Ticks first = 0;
        const auto close = [&] {
            if (taken.size() >= rules.at_least)
                plan.push_back(taken);
            taken.clear();
            rows = 0;
        };
        for (const Part& part : group) {
            const bool fits = taken.size() < rules.at_most && rows + part.rows <= rules.max_rows &&
                              part.created - first <= rules.max_range;
            if (!taken.empty() && !fits)
                close();
            if (taken.empty())
                first = part.opened;
            taken.push_back(part.id);
            rows += part.rows;
        }
        close();
    }
    return plan;
}

} // namespace sluice::ingest
