#pragma once

#include "core/base/mutex.hpp"
#include "core/ingest/part_book.hpp"
#include "core/ingest/writer.hpp"
#include "core/store/store.hpp"

#include <map>
#include <string>
#include <utility>

namespace sluice::ingest {

/// Owners and positions of lanes. Thread-safe.
class LaneTable {
public:
    void load(std::vector<store::LanePosition> lanes);
    /// Gives the lane a new epoch: deliveries with an older one are refused from now on. Waits for a commit under way,
    /// so that the position it answers is not outdated by one that was checked before. Not for the writer's thread.
    DatabaseWriter::OpenedLane open(const std::string& connection, const std::string& lane);
    /// The same without waiting, for the writer itself: a lane of a refused delivery has a hole that later ones must
    /// not jump.
    void fence(const std::string& connection, const std::string& lane);
    bool is_current(const std::string& connection, const std::string& lane, std::uint64_t epoch) const;
    /// Between these a transaction may have checked epochs that open() is about to outdate.
    void begin_commit();
    void end_commit();
    void committed(const store::LanePosition& position);
    std::optional<store::LanePosition> position(const std::string& connection, const std::string& lane) const;
    std::vector<store::LanePosition> positions(const std::string& connection) const;

private:
    struct Lane {
        std::uint64_t epoch = 0;
        std::optional<store::LanePosition> position;
    };
    mutable Mutex mutex_;
    Condition idle_;
    bool committing_ SLUICE_GUARDED_BY(mutex_) = false;
    std::map<std::pair<std::string, std::string>, Lane> lanes_ SLUICE_GUARDED_BY(mutex_);
};

/// What the writer of a database knows besides the catalogue. The writer's thread changes it inside a transaction and
/// publishes it with commit(); other threads read what was committed.
class WriterState {
public:
    PartBook& parts() { return parts_; }
    const PartBook& parts() const { return parts_; }
    LaneTable& lanes() { return lanes_; }
    const LaneTable& lanes() const { return lanes_; }

    void load(const store::Store::Loaded& loaded);

    /// Totals of a connection as the running transaction leaves them.
    store::ConnectionTotals& change_totals(const std::string& connection);
    void change_lane(store::LanePosition position) { changed_lanes_.push_back(std::move(position)); }
    void change_setting(std::string key, std::string value) { changed_settings_[std::move(key)] = std::move(value); }

    /// Puts everything that changed into the transaction.
    Result<> save(store::Transaction& transaction);
    void commit();
    void rollback();

    /// Batches that were closed and not sealed before the process ended.
    std::vector<ClosedBatch> closed_batches() const;

    std::vector<store::Part> committed_parts(std::optional<catalog::TableId> table) const;
    store::ConnectionTotals committed_totals(const std::string& connection) const;
    std::optional<std::string> committed_setting(const std::string& key) const;
    Bytes staged_bytes() const;
    Bytes rowstore_bytes() const;

private:
    PartBook parts_;
    LaneTable lanes_;
    std::map<std::string, store::ConnectionTotals> changed_totals_;
    std::vector<store::LanePosition> changed_lanes_;
    std::map<std::string, std::string> changed_settings_;

    /// Held by the writer while it publishes and by everybody else while reading.
    mutable Mutex published_;
    std::map<std::string, store::ConnectionTotals> totals_ SLUICE_GUARDED_BY(published_);
    std::map<std::string, std::string> settings_ SLUICE_GUARDED_BY(published_);
    Bytes staged_bytes_ SLUICE_GUARDED_BY(published_) = 0;
    Bytes rowstore_bytes_ SLUICE_GUARDED_BY(published_) = 0;
};

} // namespace sluice::ingest
