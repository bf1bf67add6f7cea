#include "core/ingest/extents.hpp"

#include "core/data/text.hpp"

#include <algorithm>
#include <map>

namespace sluice::ingest {
namespace {

using store::Part;
using store::PartId;
using store::PartState;

Result<Part> find_extent(const PartBook& parts, PartId id) {
    const Part* part = parts.find(id);
    if (part && part->state == PartState::Extent)
        return *part;
    return Error{ErrorCode::Conflict,
                 "An extent that the command names is gone, it may have been merged; show the extents again.",
                 "General_BadRequest"};
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
