#pragma once

#include "core/ingest/databases.hpp"
#include "core/router/dead_letters.hpp"
#include "core/router/gather.hpp"
#include "core/router/intake.hpp"
#include "core/router/plan.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

namespace sluice::router {

/// The way of one connection's messages: routing, parsing, choice of path, one delivery per database, acknowledgement
/// after the commit. Belongs to the source's thread, but for the figures at the end.
class Router final : public Intake {
public:
    /// The connection's database must be open in `databases`; both outlive the router.
    Router(ConnectionSettings settings, std::unique_ptr<DataConnection> connection, ingest::Databases& databases,
           std::shared_ptr<InFlightBudget> budget);
    ~Router() override;

    Result<ResumePoint> open_lane(std::string_view name) override;
    Result<ResumePoint> close_lane(std::uint32_t lane, std::chrono::milliseconds drain) override;
    Credit credit() override;
    Result<> deliver(std::span<const Message> messages) override;
    void lost(std::uint32_t lane, std::uint64_t first, std::uint64_t last, std::string_view why) override;
    Result<> flush(bool now) override;
    std::optional<Clock::Steady::time_point> next_flush() const override;
    void take_acks(std::vector<Ack>& acks) override;
    bool drain(std::chrono::milliseconds patience) override;

    /// Received and not yet dealt with, in events; for the accounting of data-connections 1.11.
    std::uint64_t events_in_flight() const { return figures_->gathered_events + outstanding_->events(); }
    bool paused() const { return figures_->paused; }
    /// The same figures for other threads; may be asked after the router is gone. Thread-safe.
    struct Figures {
        std::atomic<std::uint64_t> gathered_events = 0;
        std::atomic<bool> paused = false;
        std::atomic<std::uint64_t> streamed_events = 0,
                                   queued_events = 0; ///< by the path taken, since the source started
    };
    struct Probe {
        std::shared_ptr<const Figures> figures;
        std::shared_ptr<const Outstanding> outstanding;
        std::uint64_t events_in_flight() const { return figures->gathered_events + outstanding->events(); }
    };
    Probe probe() const { return {figures_, outstanding_}; }

private:
    struct Lane {
        std::string name;
        std::uint64_t epoch = 0;
        bool open = false;
        std::optional<std::uint64_t> seen; ///< highest sequence taken over
        std::string position;
        std::optional<std::uint64_t> first_unsent; ///< since the last hand-over
        std::map<std::string, std::uint64_t> foreign_epochs;
        std::map<std::string, std::uint64_t> foreign_positions; ///< what other databases had when the lane was opened
        std::vector<store::Gap> gaps;                           ///< reported, to be stored when the lane advances
    };
    /// What the router found out about a message before its body was looked at.
    struct Routed {
        RoutingProperties routing;
        std::shared_ptr<Plan> plan;
    };

    void take_over(const Message& message, Lane& lane);
    void take_event(const Message& message, Lane& lane);
    Result<Routed> route(const Message& message, std::string_view file_name);
    /// Fills embedded_.
    void embed(const Message& message, data::Format format);
    Result<> parse_event(const Message& message, const Lane& lane, const Routed& routed, Gather& gather);
    /// What a strict connection's parser refused of a message that is stored otherwise.
    void park_records(const Message& message, const Lane& lane, const RoutingProperties& routing,
                      const std::vector<data::RefusedRecord>& refused, Gather& gather);
    void skip(Gather& gather, std::string_view reason);
    void park(const Message& message, const Lane& lane, const RoutingProperties& routing, const Error& error);
    /// False: another database than the connection's own had this event before a restart.
    bool claim(Lane& lane, const Message& message, Gather& gather);

    struct Archive;
    using Refused =
        std::vector<data::RefusedRecord>; ///< by a strict connection's parser, of a file that is stored otherwise

    void take_file(const Message& message, Lane& lane);
    Result<Refused> ingest_file(FileReference& file, const Routed& routed, Gather& gather);
    void take_archive(const Message& message, Lane& lane, FileReference& file);
    Result<Archive> open_archive(const Message& message, FileReference& file);
    Result<Refused> ingest_archive(Archive& archive, Gather& gather);
    void settle_file(const Message& message, const Lane& lane, const FileReference& file,
                     const RoutingProperties& routing, Gather& gather, const Result<Refused>& ingested);
    void decide_file(const FileReference& file, Gather& gather, std::string_view outcome, bool succeeded);
    void run_file_actions(std::vector<DecidedFile> decided);
    void load_known_files();

    Gather& gather_of(ingest::DatabaseWriter& writer);
    void hand_over();
    std::function<void()> watch(ingest::Delivery& delivery, std::vector<StreamedTable> streamed,
                                const std::string& database);
    void add_gaps(ingest::Delivery& delivery, Lane& lane);
    ingest::Delivery take_delivery(Gather& gather, bool& holds_slot, std::vector<StreamedTable>& streamed);
    void choose(OpenBatch& open, bool& holds_slot, std::vector<StreamedTable>& streamed);
    bool in_back_off(const Plan& plan) const;

    const ConnectionSettings settings_;
    const std::unique_ptr<DataConnection> connection_;
    ingest::Databases& databases_;
    ingest::DatabaseWriter& own_;
    const std::shared_ptr<InFlightBudget> budget_;
    PlanCache plans_;
    std::shared_ptr<Plan> default_plan_; ///< of messages without properties of their own
    std::shared_ptr<Outstanding> outstanding_;
    std::vector<Lane> lanes_;
    std::map<std::string, Gather> gathers_; ///< by database
    Gather& own_gather_;                    ///< that of own_
    std::optional<Clock::Steady::time_point> gathered_since_;
    std::shared_ptr<Figures> figures_ = std::make_shared<Figures>();
    Bytes gathered_bytes_ = 0;
    bool batch_full_ = false;
    std::map<catalog::TableId, Clock::Steady::time_point> back_off_;
    bool is_known(const FileReference& file);
    std::vector<ingest::DatabaseWriter*> writers() const;
    /// Why the source has to stop, if it has to.
    Result<> state();
    std::unordered_set<std::uint64_t> known_files_;   ///< hashes of (url, etag): a hit is looked up in the store
    std::unordered_set<std::string> undecided_files_; ///< taken, and perhaps not committed yet, so not in the store
    std::string inflated_;
    std::string embedded_; ///< the system properties of the present event
    std::optional<Error> failure_;
};

} // namespace sluice::router
