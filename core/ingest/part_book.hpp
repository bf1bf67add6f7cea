#pragma once

#include "core/store/store.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::ingest {

/// The parts of a database: as committed, and as the running transaction will leave them. One thread at a time.
class PartBook {
public:
    /// What was stored, at start.
    void load(std::vector<store::Part> parts, store::PartId next);

    /// A number no part has. Thread-safe.
    store::PartId reserve() { return next_.fetch_add(1, std::memory_order_relaxed); }

    /// The part as the running transaction sees it, or null.
    const store::Part* find(store::PartId id) const;
    /// The part as last committed, or null.
    const store::Part* find_committed(store::PartId id) const {
        auto found = parts_.find(id);
        return found == parts_.end() ? nullptr : &found->second;
    }
    /// The table's open row-store part, or null.
    const store::Part* open_rowstore(catalog::TableId table) const;
    /// The staged part that rows of this batch are added to, or null. A batch may hold more parts (files written
    /// ahead).
    const store::Part* open_staged(catalog::TableId table, const std::string& batch_key) const;
    /// Every part of the batch.
    std::vector<store::PartId> batch(catalog::TableId table, const std::string& batch_key) const;

    /// Visits every part as the running transaction sees it, in order of id.
    template <class Visit> void each(Visit visit) const {
        auto changed = changed_.begin();
        for (const auto& [id, part] : parts_) {
            for (; changed != changed_.end() && changed->first < id; ++changed)
                if (changed->second)
                    visit(*changed->second);
            if (changed != changed_.end() && changed->first == id) {
                if (changed->second)
                    visit(*changed->second);
                ++changed;
            } else {
                visit(part);
            }
        }
        for (; changed != changed_.end(); ++changed)
            if (changed->second)
                visit(*changed->second);
    }

    /// Visits the parts as last committed. Besides reserve() the only call that another thread may make, under the
    /// owner's lock against commit().
    template <class Visit> void each_committed(Visit visit) const {
        for (const auto& [id, part] : parts_)
            visit(part);
    }

    /// Visits the committed parts that still take rows: open row stores and staged batches.
    template <class Visit> void each_open(Visit visit) const {
        for (const auto& [table, id] : rowstores_)
            visit(parts_.at(id));
        for (const auto& [batch, id] : batches_)
            visit(parts_.at(id));
    }

    /// Visits what the running transaction changed: the part, and whether it is new; or, when it was removed, what it
    /// was before.
    template <class Changed, class Removed> void each_change(Changed changed, Removed removed) const {
        for (const auto& [id, part] : changed_) {
            if (part)
                changed(*part, !parts_.contains(id));
            else if (auto old = parts_.find(id); old != parts_.end())
                removed(old->second);
        }
    }

    /// A part to change in the running transaction; it exists.
    store::Part& change(store::PartId id);
    store::Part& add(store::Part part);
    void remove(store::PartId id) { changed_[id] = std::nullopt; }

    /// Makes the changes of the transaction the state; or forgets them.
    void commit();
    void rollback() { changed_.clear(); }

private:
    using BatchId = std::pair<catalog::TableId, std::string>;

    void index(const store::Part& part);
    void unindex(const store::Part& part);

    std::map<store::PartId, store::Part> parts_;
    std::map<store::PartId, std::optional<store::Part>> changed_; ///< nothing: removed
    std::map<catalog::TableId, store::PartId> rowstores_;
    std::multimap<BatchId, store::PartId> batches_;
    std::atomic<store::PartId> next_ = 1;
};

} // namespace sluice::ingest
