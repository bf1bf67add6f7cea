#include "core/ingest/part_book.hpp"

#include <algorithm>
#include <cassert>

namespace sluice::ingest {

using store::Part;
using store::PartId;
using store::PartState;

void PartBook::load(std::vector<Part> parts, PartId next) {
    next_ = next;
    for (Part& part : parts) {
        next_ = std::max(next_.load(), part.id + 1);
        index(part);
        const PartId id = part.id;
        parts_.emplace(id, std::move(part));
    }
}

const Part* PartBook::find(PartId id) const {
    if (auto changed = changed_.find(id); changed != changed_.end())
        return changed->second ? &*changed->second : nullptr;
    auto found = parts_.find(id);
    return found == parts_.end() ? nullptr : &found->second;
}

const Part* PartBook::open_rowstore(catalog::TableId table) const {
    for (const auto& [id, part] : changed_)
        if (part && part->table == table && part->state == PartState::RowStore)
            return &*part;
    auto found = rowstores_.find(table);
    if (found == rowstores_.end() || changed_.contains(found->second))
        return nullptr;
    return find(found->second);
}

std::vector<PartId> PartBook::batch(catalog::TableId table, const std::string& batch_key) const {
    std::vector<PartId> ids;
    const auto [first, last] = batches_.equal_range({table, batch_key});
    for (auto entry = first; entry != last; ++entry)
        if (!changed_.contains(entry->second))
            ids.push_back(entry->second);
    for (const auto& [id, part] : changed_)
        if (part && part->table == table && part->state == PartState::Staged && part->batch_key == batch_key)
            ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

const Part* PartBook::open_staged(catalog::TableId table, const std::string& batch_key) const {
    const std::vector<PartId> ids = batch(table, batch_key);
    return ids.empty() ? nullptr : find(ids.front());
}

Part& PartBook::change(PartId id) {
    auto& slot = changed_[id];
    if (!slot) {
        assert(parts_.contains(id));
        slot = parts_.at(id);
    }
    return *slot;
}

Part& PartBook::add(Part part) {
    auto& slot = changed_[part.id];
    slot = std::move(part);
    return *slot;
}

void PartBook::commit() {
    for (auto& [id, part] : changed_) {
        if (auto old = parts_.find(id); old != parts_.end()) {
            unindex(old->second);
            parts_.erase(old);
        }
        if (part) {
            index(*part);
            parts_.emplace(id, std::move(*part));
        }
    }
    changed_.clear();
}

void PartBook::index(const Part& part) {
    if (part.state == PartState::RowStore)
        rowstores_[part.table] = part.id;
    else if (part.state == PartState::Staged)
        batches_.emplace(BatchId{part.table, part.batch_key}, part.id);
}

void PartBook::unindex(const Part& part) {
    if (part.state == PartState::RowStore) {
        if (auto found = rowstores_.find(part.table); found != rowstores_.end() && found->second == part.id)
            rowstores_.erase(found);
    } else if (part.state == PartState::Staged) {
        const auto [first, last] = batches_.equal_range({part.table, part.batch_key});
        for (auto entry = first; entry != last; ++entry)
            if (entry->second == part.id) {
                batches_.erase(entry);
                break;
            }
    }
}

} // namespace sluice::ingest
