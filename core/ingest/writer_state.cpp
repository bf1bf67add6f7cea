#include "core/ingest/writer_state.hpp"

namespace sluice::ingest {

using store::ConnectionTotals;
using store::LanePosition;
using store::Part;
using store::PartState;

void LaneTable::load(std::vector<LanePosition> lanes) {
    Lock lock(mutex_);
    for (LanePosition& position : lanes) {
        Lane& lane = lanes_[{position.connection, position.lane}];
        lane.epoch = position.epoch;
        lane.position = std::move(position);
    }
}

DatabaseWriter::OpenedLane LaneTable::open(const std::string& connection, const std::string& lane) {
    Lock lock(mutex_);
    const std::uint64_t epoch = ++lanes_[{connection, lane}].epoch;
    while (committing_)
        idle_.wait(lock);
    return {epoch, lanes_[{connection, lane}].position};
}

void LaneTable::fence(const std::string& connection, const std::string& lane) {
    Lock lock(mutex_);
    ++lanes_[{connection, lane}].epoch;
}

void LaneTable::begin_commit() {
    Lock lock(mutex_);
    committing_ = true;
}

void LaneTable::end_commit() {
    Lock lock(mutex_);
    committing_ = false;
    idle_.notify_all();
}

bool LaneTable::is_current(const std::string& connection, const std::string& lane, std::uint64_t epoch) const {
    Lock lock(mutex_);
    auto found = lanes_.find({connection, lane});
    return found != lanes_.end() && found->second.epoch == epoch;
}

void LaneTable::committed(const LanePosition& position) {
    Lock lock(mutex_);
    lanes_[{position.connection, position.lane}].position = position;
}

std::optional<LanePosition> LaneTable::position(const std::string& connection, const std::string& lane) const {
    Lock lock(mutex_);
    auto found = lanes_.find({connection, lane});
    return found == lanes_.end() ? std::nullopt : found->second.position;
}

std::vector<LanePosition> LaneTable::positions(const std::string& connection) const {
    std::vector<LanePosition> found;
    Lock lock(mutex_);
    for (auto entry = lanes_.lower_bound({connection, ""}); entry != lanes_.end() && entry->first.first == connection;
         ++entry)
        if (entry->second.position)
            found.push_back(*entry->second.position);
    return found;
}

void WriterState::load(const store::Store::Loaded& loaded) {
    parts_.load(loaded.parts, loaded.next_part);
    lanes_.load(loaded.lanes);
    Lock lock(published_);
    totals_ = loaded.totals;
    settings_ = loaded.settings;
    parts_.each_committed([this](const Part& part) {
        if (part.state == PartState::Staged)
            staged_bytes_ += part.original_size;
        if (part.state == PartState::RowStore)
            rowstore_bytes_ += part.original_size;
    });
}

ConnectionTotals& WriterState::change_totals(const std::string& connection) {
    auto [entry, is_new] = changed_totals_.try_emplace(connection);
    if (is_new)
        entry->second = committed_totals(connection);
    return entry->second;
}

Result<> WriterState::save(store::Transaction& transaction) {
    Result<> saved;
    parts_.each_change(
        [&](const Part& part, bool) {
            if (saved)
                saved = transaction.save_part(part);
        },
        [&](const Part& part) {
            if (saved)
                saved = transaction.drop_part(part);
        });
    SLUICE_CHECK(std::move(saved));
    for (const LanePosition& lane : changed_lanes_)
        SLUICE_CHECK(transaction.save_lane(lane));
    for (const auto& [connection, totals] : changed_totals_)
        SLUICE_CHECK(transaction.save_totals(connection, totals));
    for (const auto& [key, value] : changed_settings_)
        SLUICE_CHECK(transaction.save_setting(key, value));
    return {};
}

void WriterState::commit() {
    for (const LanePosition& lane : changed_lanes_)
        lanes_.committed(lane);
    Lock lock(published_);
    parts_.each_change(
        [this](const Part& part, bool) {
            if (const Part* old = parts_.find_committed(part.id)) {
                staged_bytes_ -= old->state == PartState::Staged ? old->original_size : 0;
                rowstore_bytes_ -= old->state == PartState::RowStore ? old->original_size : 0;
            }
            staged_bytes_ += part.state == PartState::Staged ? part.original_size : 0;
            rowstore_bytes_ += part.state == PartState::RowStore ? part.original_size : 0;
        },
        [this](const Part& old) {
            staged_bytes_ -= old.state == PartState::Staged ? old.original_size : 0;
            rowstore_bytes_ -= old.state == PartState::RowStore ? old.original_size : 0;
        });
    parts_.commit();
    for (auto& [connection, totals] : changed_totals_)
        totals_[connection] = std::move(totals);
    for (auto& [key, value] : changed_settings_)
        settings_[key] = std::move(value);
    changed_totals_.clear();
    changed_lanes_.clear();
    changed_settings_.clear();
}

void WriterState::rollback() {
    parts_.rollback();
    changed_totals_.clear();
    changed_lanes_.clear();
    changed_settings_.clear();
}

std::vector<ClosedBatch> WriterState::closed_batches() const {
    std::map<std::string, ClosedBatch> found; // a batch may have several parts
    Lock lock(published_);
    parts_.each_committed([&](const Part& part) {
        if (is_closed(part))
            found.try_emplace(part.batch_key, ClosedBatch{part.table, part.batch_key, part.seal_reason});
    });
    std::vector<ClosedBatch> batches;
    for (auto& [key, batch] : found)
        batches.push_back(std::move(batch));
    return batches;
}

std::vector<Part> WriterState::committed_parts(std::optional<catalog::TableId> table) const {
    std::vector<Part> found;
    Lock lock(published_);
    parts_.each_committed([&](const Part& part) {
        if (!table || part.table == *table)
            found.push_back(part);
    });
    return found;
}

ConnectionTotals WriterState::committed_totals(const std::string& connection) const {
    Lock lock(published_);
    auto found = totals_.find(connection);
    return found == totals_.end() ? ConnectionTotals{} : found->second;
}

std::optional<std::string> WriterState::committed_setting(const std::string& key) const {
    Lock lock(published_);
    auto found = settings_.find(key);
    return found == settings_.end() ? std::nullopt : std::optional(found->second);
}

Bytes WriterState::staged_bytes() const {
    Lock lock(published_);
    return staged_bytes_;
}

Bytes WriterState::rowstore_bytes() const {
    Lock lock(published_);
    return rowstore_bytes_;
}

} // namespace sluice::ingest
