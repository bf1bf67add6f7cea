#include "core/router/router.hpp"

#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/base/metrics.hpp"
#include "core/data/gzip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <future>

namespace sluice::router {

using ingest::Delivery;
using ingest::LaneAdvance;
using ingest::Path;
using ingest::TableBatch;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::uint32_t kMessagesPerPoll = 8192;
/// A message costs memory beyond its payload while it is gathered: its row in typed columns.
constexpr Bytes kMessageOverhead = 256;
constexpr auto kSlotPatience = seconds(1); // data-connections 1.6 row 7
constexpr auto kThrottleBackOff = seconds(10);
constexpr Bytes kMaxInflatedEvent = 64_MiB; // formats-and-mappings 2.1
constexpr Bytes kDefaultMaxEventHub = 1_MiB;
constexpr Bytes kDefaultMaxIotHub = 256_KiB;

Bytes default_max_event(ConnectionKind kind) {
    switch (kind) {
    case ConnectionKind::EventHub:
        return kDefaultMaxEventHub;
    case ConnectionKind::IotHub:
        return kDefaultMaxIotHub;
    case ConnectionKind::EventGrid:
        break;
    }
    return std::numeric_limits<Bytes>::max();
}

Bytes event_size(const Message& message, ConnectionKind kind) {
    Bytes size = message.payload.size();
    if (kind == ConnectionKind::IotHub) // data-connections 1.12: body, property names and values
        for (std::size_t i = 0; i < message.header_count; ++i)
            size += message.headers[i].name.size() + message.headers[i].value.size();
    return size;
}

} // namespace

Router::Router(ConnectionSettings settings, std::unique_ptr<DataConnection> connection, ingest::Databases& databases,
               std::shared_ptr<InFlightBudget> budget)
    : settings_(std::move(settings)), connection_(std::move(connection)), databases_(databases),
      own_(*databases.writer(settings_.database)), budget_(std::move(budget)), plans_(settings_, databases),
      outstanding_(std::make_shared<Outstanding>(budget_)),
      own_gather_(gathers_.try_emplace(own_.database(), own_).first->second) {
    if (connection_->names_files())
        load_known_files();
}

Router::~Router() = default;

// --- lanes ---

Result<ResumePoint> Router::open_lane(std::string_view name) {
    for (std::uint32_t i = 0; i < lanes_.size(); ++i)
        if (lanes_[i].open && lanes_[i].name == name) {
            // A second open would fence what is on its way, so that goes first.
            SLUICE_TRY([[maybe_unused]] auto closed, close_lane(i, seconds(10)));
        }
    const auto opened = own_.open_lane(settings_.name, std::string(name));
    Lane lane;
    lane.name = name;
    lane.epoch = opened.epoch;
    lane.open = true;
    ResumePoint resume;
    resume.lane = static_cast<std::uint32_t>(lanes_.size());
    if (opened.position) {
        resume.found = true;
        resume.sequence = opened.position->sequence;
        resume.position = opened.position->position;
        lane.seen = resume.sequence;
        lane.position = resume.position;
    }
    lanes_.push_back(std::move(lane));
    return resume;
}

Result<ResumePoint> Router::close_lane(std::uint32_t index, milliseconds drain) {
    if (index >= lanes_.size() || !lanes_[index].open)
        return Error{ErrorCode::Internal, fmt::format("lane {} of connection '{}' is not open", index, settings_.name)};
    SLUICE_CHECK(flush(true));
    outstanding_->wait_until_empty(drain);
    Lane& lane = lanes_[index];
    lane.open = false;
    own_.open_lane(settings_.name, lane.name); // fences: a late commit of the old owner is refused by its epoch
    ResumePoint last;
    last.lane = index;
    if (const auto position = own_.lane_position(settings_.name, lane.name)) {
        last.found = true;
        last.sequence = position->sequence;
        last.position = position->position;
    }
    return last;
}

void Router::lost(std::uint32_t index, std::uint64_t first, std::uint64_t last, std::string_view why) {
    // Stored when the lane moves past it; by itself it would be reported and stored again at each start.
    Lane& lane = lanes_[index];
    lane.gaps.push_back({settings_.name, lane.name, first, last, std::string(why), databases_.clock().now()});
}

// --- back-pressure ---

Credit Router::credit() {
    const Bytes in_flight = outstanding_->bytes() + gathered_bytes_;
    const bool staging_full = own_.staged_bytes() >= databases_.options().writer.max_staging_bytes;
    // High mark 100 %, low mark 50 %: without the gap between them a source would be paused and resumed for every
    // event.
    const Bytes own_mark = settings_.max_in_flight_bytes / (figures_->paused ? 2 : 1);
    const Bytes shared_mark = budget_->limit / (figures_->paused ? 2 : 1);
    figures_->paused = staging_full || in_flight >= own_mark || budget_->used >= shared_mark;
    if (figures_->paused)
        return {};
    return {kMessagesPerPoll, settings_.max_in_flight_bytes - in_flight};
}

// --- messages ---

Result<> Router::deliver(std::span<const Message> messages) {
    if (!messages.empty())
        failpoint("S0");
    plans_.refresh();
    if (default_plan_ && databases_.catalog().find_exact(default_plan_->database->name) != default_plan_->database)
        default_plan_.reset();
    for (const Message& message : messages) {
        if (message.lane >= lanes_.size() || !lanes_[message.lane].open)
            continue; // handed over before its lane was closed; the next owner gets it again
        take_over(message, lanes_[message.lane]);
        SLUICE_CHECK(state());
        if (batch_full_)
            SLUICE_CHECK(flush(true));
    }
    return {};
}

Result<> Router::state() {
    if (!failure_)
        failure_ = outstanding_->error();
    if (failure_)
        return *failure_;
    return {};
}

void Router::take_over(const Message& message, Lane& lane) {
    if (lane.seen && message.sequence <= *lane.seen) {
        skip(own_gather_, "duplicate");
        return;
    }
    if (!gathered_since_)
        gathered_since_ = databases_.clock().steady();
    const Bytes bytes = message.payload.size() + kMessageOverhead;
    gathered_bytes_ += bytes;
    ++figures_->gathered_events;
    own_gather_.delivery().received_bytes += message.payload.size();
    lane.first_unsent = lane.first_unsent.value_or(message.sequence);

    if (const auto reason = connection_->skip_reason(message))
        skip(own_gather_, *reason);
    else if (connection_->names_files())
        take_file(message, lane);
    else
        take_event(message, lane);
    if (failure_)
        return; // not dealt with: the next instance gets it again
    // Last: a hand-over in the middle of a message must not move the lane past it.
    lane.seen = message.sequence;
    lane.position.assign(message.position);
    batch_full_ |= gathered_bytes_ >= settings_.micro_batch_bytes;
}

void Router::take_event(const Message& message, Lane& lane) {
    auto routed = route(message, {});
    if (!routed) {
        auto routing = connection_->routing_of(message);
        park(message, lane, routing ? *routing : RoutingProperties{}, routed.error());
        return;
    }
    failpoint("S2");
    Gather& gather = gather_of(*routed->plan->writer);
    if (!claim(lane, message, gather))
        return;
    if (auto parsed = parse_event(message, lane, *routed, gather); !parsed) {
        park(message, lane, routed->routing, parsed.error());
        return;
    }
    failpoint("S1");
    park_records(message, lane, routed->routing, routed->plan->parser->take_refused(), gather);
    ++gather.delivery().received;
}

Result<Router::Routed> Router::route(const Message& message, std::string_view file_name) {
    const Bytes limit = settings_.max_event_bytes.value_or(default_max_event(settings_.kind));
    if (const Bytes size = event_size(message, settings_.kind); size > limit)
        return Error{ErrorCode::TooLarge,
                     fmt::format("The event has {} bytes, the limit is {} (max_event_bytes of connection '{}').", size,
                                 limit, settings_.name),
                     "Stream_InputStreamTooLarge"};
    const bool plain = file_name.empty() && !connection_->has_routing(message);
    if (plain && default_plan_)
        return Routed{{}, default_plan_};
    Routed routed;
    SLUICE_TRY(routed.routing, connection_->routing_of(message));
    SLUICE_TRY(routed.plan, plans_.find(routed.routing, file_name));
    if (plain)
        default_plan_ = routed.plan;
    return routed;
}

void Router::embed(const Message& message, data::Format format) {
    embedded_.clear();
    const auto requested = plans_.requested();
    const auto values = connection_->system_values(message, requested, databases_.clock().now());
    for (std::size_t i = 0; i < requested.size(); ++i)
        append_embedded(embedded_, format, requested[i], values[i]);
}

Result<> Router::parse_event(const Message& message, const Lane& lane, const Routed& routed, Gather& gather) {
    Plan& plan = *routed.plan;
    std::string_view body = message.payload;
    bool padded = message.padded;
    if (plan.compression == Compression::GZip) {
        inflated_.clear();
        data::GzipReader reader(kMaxInflatedEvent);
        SLUICE_CHECK(reader.feed(body, [this](std::string_view block) -> Result<> {
            inflated_.append(block);
            return {};
        }));
        SLUICE_CHECK(reader.finish());
        body = inflated_;
        padded = false;
    }
    OpenBatch& open = gather.open(routed.plan);
    const data::Rows::Mark mark = open.batch.rows.mark();
    auto parsed = [&]() -> Result<data::ParseOutcome> {
        if (plan.embeds)
            embed(message, plan.format);
        plan.parser->begin(
            {.location = plan.wants_location ? connection_->source_path(message, lane.name) : std::string(),
             .embedded = plan.embeds ? std::string_view(embedded_) : std::string_view()});
        SLUICE_CHECK(plan.parser->feed(body, padded, open.batch.rows));
        return plan.parser->finish(open.batch.rows);
    }();
    if (!parsed) {
        open.batch.rows.rewind(mark);
        return parsed.error();
    }
    ++open.batch.events;
    open.batch.raw_size += body.size();
    if (body.size() > message.payload.size()) // inflated: what it takes in memory is what counts
        gathered_bytes_ += body.size() - message.payload.size();
    batch_full_ |=
        open.batch.events >= settings_.micro_batch_events || open.batch.raw_size >= settings_.micro_batch_bytes;
    return {};
}

void Router::skip(Gather& gather, std::string_view reason) {
    ++gather.delivery().received;
    ++gather.delivery().skipped[std::string(reason)];
    if (!gathered_since_)
        gathered_since_ = databases_.clock().steady();
}

void Router::park(const Message& message, const Lane& lane, const RoutingProperties& routing, const Error& error) {
    const PlanCache::Partial partial = plans_.partial(routing);
    // In the database the event was routed to, so that it commits with the position there; in our own when routing got
    // not that far.
    ingest::DatabaseWriter* writer = settings_.multi_database ? databases_.writer(partial.database) : nullptr;
    Gather* gather = &gather_of(writer ? *writer : own_);
    if (!claim(const_cast<Lane&>(lane), message, *gather))
        return;
    auto letter =
        make_dead_letter(settings_, *connection_, message, lane.name, partial, error, databases_.clock().now());
    gather->delivery().failures.push_back(failure_of(letter));
    gather->delivery().dead_letters.push_back(std::move(letter));
    ++gather->delivery().received;
}

void Router::park_records(const Message& message, const Lane& lane, const RoutingProperties& routing,
                          const std::vector<data::RefusedRecord>& refused, Gather& gather) {
    if (refused.empty())
        return;
    const PlanCache::Partial partial = plans_.partial(routing);
    ingest::Delivery& delivery = gather.delivery();
    for (const data::RefusedRecord& record : refused) {
        delivery.dead_letters.push_back(
            make_record_letter(settings_, *connection_, message, lane.name, partial, record, databases_.clock().now()));
        delivery.failures.push_back(failure_of(delivery.dead_letters.back()));
        gathered_bytes_ += record.text.size();
    }
    delivery.parked_records += refused.size();
    metrics::counter("sluice_records_dead_lettered_total", "Single records parked by strict connections; no events.",
                     {{"connection", settings_.name}})
        .add(refused.size());
}

bool Router::claim(Lane& lane, const Message& message, Gather& gather) {
    if (&gather.writer() == &own_)
        return true;
    const std::string& database = gather.writer().database();
    auto epoch = lane.foreign_epochs.find(database);
    if (epoch == lane.foreign_epochs.end()) {
        const auto opened = gather.writer().open_lane(settings_.name, lane.name);
        epoch = lane.foreign_epochs.emplace(database, opened.epoch).first;
        if (opened.position)
            lane.foreign_positions[database] = opened.position->sequence;
    }
    if (auto known = lane.foreign_positions.find(database);
        known != lane.foreign_positions.end() && message.sequence <= known->second)
        return false;
    auto& lanes = gather.delivery().lanes;
    auto advance =
        std::find_if(lanes.begin(), lanes.end(), [&](const LaneAdvance& entry) { return entry.lane == lane.name; });
    if (advance == lanes.end())
        advance = lanes.insert(lanes.end(), LaneAdvance{.lane = lane.name, .epoch = epoch->second});
    advance->sequence = message.sequence;
    advance->position = message.position;
    return true;
}

// --- hand-over ---

Gather& Router::gather_of(ingest::DatabaseWriter& writer) {
    return &writer == &own_ ? own_gather_ : gathers_.try_emplace(writer.database(), writer).first->second;
}

std::optional<Clock::Steady::time_point> Router::next_flush() const {
    if (!gathered_since_)
        return std::nullopt;
    return *gathered_since_ + settings_.micro_batch_time;
}

Result<> Router::flush(bool now) {
    SLUICE_CHECK(state());
    if (auto decided = outstanding_->take_files(); !decided.empty())
        run_file_actions(std::move(decided));
    if (!gathered_since_ && outstanding_->events() == 0)
        undecided_files_.clear(); // all of them are in the store by now
    if (!gathered_since_ || (!now && databases_.clock().steady() < *next_flush()))
        return {};
    hand_over();
    gathered_since_.reset();
    batch_full_ = false;
    return state();
}

bool Router::in_back_off(const Plan& plan) const {
    auto found = back_off_.find(plan.table->id);
    if (outstanding_->sent_queued(plan.table->id, databases_.clock().steady()))
        return true;
    return found != back_off_.end() && databases_.clock().steady() < found->second;
}

void Router::choose(OpenBatch& open, bool& holds_slot, std::vector<StreamedTable>& streamed) {
    const Plan& plan = *open.plan;
    const auto& options = databases_.options();
    BatchFacts facts = plan.facts(options.streaming_enabled);
    facts.size = open.batch.raw_size;
    facts.is_zip = open.is_zip;
    for (const store::Part& piece : open.batch.pieces)
        facts.size += piece.original_size;
    Load load{.in_back_off = in_back_off(plan),
              .row_store_full = plan.writer->rowstore_bytes() >= options.writer.rowstore_max_bytes};
    PathChoice choice = choose_path(facts, load, options.max_streaming_request);
    if (choice.path == Path::Streaming && !holds_slot) {
        holds_slot = outstanding_->hold_slot(databases_.admission(), kSlotPatience);
        load.slot_free = holds_slot;
        choice = choose_path(facts, load, options.max_streaming_request);
    }
    if (choice.reason == PathReason::NoCapacity)
        back_off_[plan.table->id] = databases_.clock().steady() + kThrottleBackOff;
    open.plan->adds_columns = false; // they are there now
    TableBatch& batch = open.batch;
    batch.path = choice.path;
    (choice.path == Path::Streaming ? figures_->streamed_events : figures_->queued_events) += batch.events;
    batch.batch_key = plan.batch_key; // of streamed rows too: they are staged when an update policy fails on them
    if (choice.path == Path::Queued) {
        batch.tags = plan.tags;
        batch.creation_time = plan.creation_time;
        const bool single = std::any_of(plan.tags.begin(), plan.tags.end(),
                                        [](const auto& tag) { return tag.starts_with("ingest-by:"); });
        if (single) {
            batch.flush = true;
            batch.flush_reason = "SingleBlob_IngestByTag";
            batch.batch_key += "|" + std::to_string(plan.writer->reserve_part()); // a batch of its own
        }
    } else {
        streamed.push_back({plan.table->name, std::string(data::to_string(plan.format)), plan.mapping_name,
                            batch.rows.size(), batch.raw_size, plan.table->id, batch.events});
    }
}

Delivery Router::take_delivery(Gather& gather, bool& holds_slot, std::vector<StreamedTable>& streamed) {
    return gather.take(settings_.name, [&](OpenBatch& open) { choose(open, holds_slot, streamed); });
}

/// Notes what of the delivery's streamed rows was staged after all; what comes back reports all of them once they are
/// committed.
std::function<void()> Router::watch(Delivery& delivery, std::vector<StreamedTable> streamed,
                                    const std::string& database) {
    auto tables =
        std::make_shared<std::vector<StreamedTable>>(std::move(streamed)); // the writer's thread only, from here on
    delivery.fell_back = [tables](const TableBatch& batch) {
        for (StreamedTable& table : *tables)
            if (table.id == batch.table->id && !table.fell_back) {
                table.fell_back = batch.report.fell_back;
                break;
            }
    };
    return [tables, outstanding = outstanding_, figures = figures_, &databases = databases_, database,
            name = settings_.name, begun = databases_.clock().now()] {
        const Ticks now = databases.clock().now();
        for (const StreamedTable& table : *tables) {
            ingest::StreamingStatistics::Call call;
            call.database = database;
            call.table = table.table;
            call.principal = "connection=" + name;
            call.properties_json = ingest::streaming_properties_json(table.mapping, table.format, false);
            call.at = now;
            call.duration = now - begun;
            call.data_size = table.size;
            call.rows = table.fell_back ? 0 : table.rows;
            const bool policy_failed = table.fell_back && table.fell_back->reason.starts_with("UpdatePolicy_");
            if (table.fell_back) {
                log::warn("streamed rows were queued instead",
                          {{"connection", name}, {"table", table.table}, {"reason", table.fell_back->message}});
                figures->streamed_events -= table.events;
                figures->queued_events += table.events;
                call.status = policy_failed ? "FailureUpdatePolicy" : "FailureBadRequest";
                call.failure_kind = table.fell_back->permanent() ? "Permanent" : "Transient";
                call.error_code = table.fell_back->reason;
                call.details = table.fell_back->message;
            }
            outstanding->policies_ran(table.id, policy_failed, databases.clock().steady());
            databases.streaming_statistics().add(call);
        }
    };
}

void Router::add_gaps(Delivery& delivery, Lane& lane) {
    for (store::Gap& gap : lane.gaps) {
        store::IngestionFailure failure;
        failure.operation_id = data::random_guid();
        failure.database = settings_.database;
        failure.table = settings_.table_name;
        failure.failed_on = gap.time;
        failure.source_path = fmt::format("{}/{}..{}", lane.name, gap.first, gap.last);
        failure.details = gap.reason;
        failure.failure_kind = "Permanent";
        failure.operation_kind = "DataIngestPull";
        failure.error_code = "Download_SourceNotFound";
        failure.principal = "connection=" + settings_.name;
        delivery.failures.push_back(std::move(failure));
        delivery.gaps.push_back(std::move(gap));
    }
    lane.gaps.clear();
}

void Router::hand_over() {
    // Other databases first, the own one last: a crash in between repeats only what its database does not have
    // (engine 8.3).
    for (auto& [name, gather] : gathers_) {
        if (&gather.writer() == &own_ || gather.empty())
            continue;
        bool holds_slot = false;
        std::vector<StreamedTable> streamed;
        Delivery delivery = take_delivery(gather, holds_slot, streamed);
        const std::vector<store::FileRecord> files = delivery.files;
        auto committed = std::make_shared<std::promise<Result<>>>();
        auto answer = committed->get_future();
        const auto report = watch(delivery, std::move(streamed), name);
        delivery.done = [committed, report](const Result<>& result) {
            if (result)
                report();
            committed->set_value(result);
        };
        gather.writer().submit(std::move(delivery));
        const Result<> result = answer.get();
        if (holds_slot)
            outstanding_->release_slot();
        if (!result) {
            failure_ = result.error();
            return;
        }
        failpoint("S10b");
        for (const store::FileRecord& file : files)
            if (!file.pending_action.empty())
                outstanding_->file_decided({name, file});
    }
    Gather& own = own_gather_;
    std::vector<Ack> acks;
    for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
        Lane& lane = lanes_[i];
        if (!lane.first_unsent || !lane.seen || *lane.seen < *lane.first_unsent)
            continue;
        own.delivery().lanes.push_back({lane.name, lane.epoch, *lane.seen, lane.position});
        add_gaps(own.delivery(), lane);
        acks.push_back({i, false, *lane.first_unsent, *lane.seen});
        lane.first_unsent.reset();
    }
    bool holds_slot = false;
    std::vector<StreamedTable> streamed;
    Delivery delivery = take_delivery(own, holds_slot, streamed);
    delivery.more_follows = batch_full_;
    gathered_bytes_ = 0;
    const Bytes bytes = delivery.memory;
    const std::uint64_t events = figures_->gathered_events.exchange(0);
    outstanding_->began(bytes, events);
    const auto report = watch(delivery, std::move(streamed), settings_.database);
    delivery.done = [outstanding = outstanding_, database = settings_.database, bytes, events, acks = std::move(acks),
                     holds_slot, files = delivery.files, report](const Result<>& result) {
        if (holds_slot)
            outstanding->release_slot();
        if (!result) {
            outstanding->ended(bytes, events, {}, result.error());
            return;
        }
        report();
        for (const store::FileRecord& file : files)
            if (!file.pending_action.empty())
                outstanding->file_decided({database, file});
        outstanding->ended(bytes, events, acks, std::nullopt);
    };
    own_.submit(std::move(delivery));
}

void Router::take_acks(std::vector<Ack>& acks) {
    outstanding_->take_acks(acks);
}

bool Router::drain(milliseconds patience) {
    const bool handed_over = flush(true).has_value();
    const bool empty = outstanding_->wait_until_empty(patience) && handed_over;
    if (auto decided = outstanding_->take_files(); !decided.empty())
        run_file_actions(std::move(decided));
    return empty;
}

} // namespace sluice::router
