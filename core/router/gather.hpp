#pragma once

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/ingest/databases.hpp"
#include "core/router/intake.hpp"
#include "core/router/plan.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::router {

/// Bytes received by all connections together and not yet dealt with (configuration 2.4). Thread-safe.
struct InFlightBudget {
    Bytes limit = 128_MiB;
    std::atomic<Bytes> used = 0;
};

/// A file whose fate is committed and whose action is still to be done.
struct DecidedFile {
    std::string database; ///< that holds the record
    store::FileRecord record;
};

/// What commits behind a source report back to it. Shared with the callbacks of deliveries, so it outlives the source.
/// Thread-safe.
class Outstanding {
public:
    explicit Outstanding(std::shared_ptr<InFlightBudget> budget) : budget_(std::move(budget)) {}

    void began(Bytes bytes, std::uint64_t events);
    /// `acks` become visible to take_acks. `error`: the source has to stop.
    void ended(Bytes bytes, std::uint64_t events, std::vector<Ack> acks, const std::optional<Error>& error);
    void file_decided(DecidedFile file);

    void take_acks(std::vector<Ack>& acks);
    std::vector<DecidedFile> take_files();
    std::optional<Error> error() const;
    Bytes bytes() const;
    std::uint64_t events() const;
    /// False: not everything ended in time.
    bool wait_until_empty(std::chrono::milliseconds patience);

    /// A transactional update policy failed on streamed rows of the table, or none did. Three failures in a row send
    /// the table's rows queued for 15 minutes (data-connections 1.6).
    void policies_ran(catalog::TableId table, bool failed, Clock::Steady::time_point now);
    bool sent_queued(catalog::TableId table, Clock::Steady::time_point now) const;

    /// The one streaming slot of this connection, held while streamed rows of it are on their way (engine 1.4).
    /// False: none was to be had within `patience`.
    bool hold_slot(ingest::Admission& admission, std::chrono::milliseconds patience);
    void release_slot();

private:
    const std::shared_ptr<InFlightBudget> budget_;
    mutable Mutex mutex_;
    Condition changed_;
    std::vector<Ack> acks_ SLUICE_GUARDED_BY(mutex_);
    std::vector<DecidedFile> files_ SLUICE_GUARDED_BY(mutex_);
    std::optional<Error> error_ SLUICE_GUARDED_BY(mutex_);
    Bytes bytes_ SLUICE_GUARDED_BY(mutex_) = 0;
    std::uint64_t events_ SLUICE_GUARDED_BY(mutex_) = 0;
    std::size_t deliveries_ SLUICE_GUARDED_BY(mutex_) = 0;
    struct PolicyFailures {
        unsigned in_a_row = 0;
        Clock::Steady::time_point queued_until{};
    };
    std::map<catalog::TableId, PolicyFailures> policy_failures_ SLUICE_GUARDED_BY(mutex_);
    unsigned slot_users_ SLUICE_GUARDED_BY(mutex_) = 0;
    std::optional<ingest::Admission::Ticket> slot_ SLUICE_GUARDED_BY(mutex_);
};

/// Rows of a delivery that go the streaming path, for `.show streamingingestion statistics`.
struct StreamedTable {
    std::string table, format, mapping;
    std::uint64_t rows = 0;
    Bytes size = 0;
    catalog::TableId id = 0;
    std::uint64_t events = 0;
    std::optional<Error> fell_back = {}; ///< why its rows were staged instead
};

/// Events of one plan on their way to a commit.
struct OpenBatch {
    std::shared_ptr<Plan> plan;
    ingest::TableBatch batch;
    bool is_zip = false; ///< never streamed
};

/// What one source has gathered for one database since its last hand-over. One thread at a time.
class Gather {
public:
    explicit Gather(ingest::DatabaseWriter& writer) : writer_(&writer) {}

    ingest::DatabaseWriter& writer() { return *writer_; }
    OpenBatch& open(const std::shared_ptr<Plan>& plan);
    /// A batch that does not share its rows with others: a file written ahead in pieces.
    void add_separate(OpenBatch batch) { separate_.push_back(std::move(batch)); }
    ingest::Delivery& delivery() { return delivery_; }
    bool empty() const;
    /// Everything gathered, and an empty gather again. `choose` decides the path of each batch.
    template <class Choose> ingest::Delivery take(const std::string& connection, Choose choose) {
        ingest::Delivery taken = std::move(delivery_);
        taken.connection = connection;
        for (auto& [key, open] : open_)
            if (!open.batch.rows.empty())
                taken.tables.push_back(finish(std::move(open), choose));
            else if (open.batch.events > 0) // each is accounted for (data-connections 1.11)
                taken.skipped["no_rows"] += open.batch.events;
        for (OpenBatch& open : separate_)
            taken.tables.push_back(finish(std::move(open), choose));
        open_.clear();
        separate_.clear();
        delivery_ = {};
        taken.memory = memory_of(taken);
        return taken;
    }

private:
    /// What the delivery holds on to until its commit: by now its rows are columns, and messages are given back.
    static Bytes memory_of(const ingest::Delivery& delivery);

    template <class Choose> ingest::TableBatch finish(OpenBatch open, Choose choose) {
        choose(open);
        return std::move(open.batch);
    }

    ingest::DatabaseWriter* writer_;
    ingest::Delivery delivery_;
    std::unordered_map<const Plan*, OpenBatch> open_;
    std::vector<OpenBatch> separate_;
};

} // namespace sluice::router
