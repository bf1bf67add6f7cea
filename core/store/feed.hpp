#pragma once

#include "core/data/chunk.hpp"
#include "core/store/duck.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

/// How rows get in: `INSERT INTO t SELECT * FROM sluice_feed(slot)`, prepared once for each table. The table function
/// hands our chunks to DuckDB without an appender's extra copy (docs/decisions/0001-how-rows-get-in.md). Internal to
/// core/store.
namespace sluice::store {

/// Rows on their way into one stored table.
class FeedSlot {
public:
    /// `with_part`: after the columns come "$part" and "$time". `blobs`: string columns stored as BLOB.
    FeedSlot(data::Schema schema, bool with_part, std::vector<std::size_t> blobs = {});

    /// Rows of this schema fit: the same types in the same order.
    bool takes(const data::Schema& schema) const;
    /// What the next execution inserts. `rows` are borrowed until it ended.
    void load(const data::Rows& rows, PartId part, Ticks time) { load(std::vector{&rows}, part, time); }
    void load(const std::vector<const data::Rows*>& rows, PartId part, Ticks time);
    /// How many threads can insert what is loaded.
    std::size_t spans() const { return spans_.size(); }

private:
    friend class Feed;
    data::Schema schema_;
    bool with_part_;
    std::vector<std::size_t> blobs_;
    std::vector<const data::Chunk*> chunks_;
    std::vector<std::size_t> spans_; ///< where the chunks of each span end; a thread inserts whole spans
    PartId part_ = 0;
    Ticks time_ = 0;
};

/// The table function of one database and its slots. Slots belong to the writer's thread; DuckDB's threads read them
/// while an insertion runs.
class Feed {
public:
    /// Makes the function known. The Feed must outlive the connection's database.
    Result<> install(duckdb_connection connection);
    FeedSlot& set_slot(std::int64_t number, std::unique_ptr<FeedSlot> slot);
    FeedSlot* find_slot(std::int64_t number);
    void remove_slot(std::int64_t number) { slots_.erase(number); }
    /// Forgets the slots of users' tables, whose numbers are not negative.
    void remove_tables() { slots_.erase(slots_.lower_bound(0), slots_.end()); }

private:
    /// What DuckDB calls.
    struct Callbacks;

    std::map<std::int64_t, std::unique_ptr<FeedSlot>> slots_;
};

} // namespace sluice::store
