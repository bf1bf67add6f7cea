#include "plugins/kafka/broker_offsets.hpp"
#include "plugins/kafka/dead_letter_topic.hpp"
#include "plugins/kafka/kafka_source.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kAskPatience = 3s; ///< for one question to the brokers; a start asks up to four
constexpr auto kAskAgainAfter = 500ms;

List list_of(const std::vector<Partition>& partitions) {
    List list = new_list(partitions.size());
    for (const Partition& p : partitions)
        rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.number);
    return list;
}

std::vector<Partition> partitions_of(const rd_kafka_topic_partition_list_t& list) {
    std::vector<Partition> partitions;
    for (int i = 0; i < list.cnt; ++i)
        partitions.push_back({list.elems[i].topic, list.elems[i].partition});
    return partitions;
}

bool contains(const std::vector<Partition>& partitions, const Partition& partition) {
    return std::find(partitions.begin(), partitions.end(), partition) != partitions.end();
}

/// Where the client has to read for the lane to go on.
std::int64_t fetch_offset(const OpenLane& lane) {
    return lane.verify_offset.value_or(lane.next_offset);
}

} // namespace

void KafkaSource::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t event,
                               rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    auto* self = static_cast<KafkaSource*>(opaque);
    if (self->abandoned_) {
        // One call and no other: the group's thread may end right after it, and then nobody answers any more.
        const bool revoked = event == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
        if (!self->cooperative_)
            rd_kafka_assign(client, nullptr);
        else if (revoked)
            const Error ignored(rd_kafka_incremental_unassign(client, partitions));
        else
            const Error ignored(rd_kafka_incremental_assign(client, new_list(1).get()));
        return;
    }
    const char* protocol = rd_kafka_rebalance_protocol(client);
    // No exception may pass through the client library; it is thrown on when the call that led here returns.
    try {
        self->record(self->rebalances_metric_, 1);
        self->cooperative_ = std::string_view(protocol ? protocol : "") == "COOPERATIVE";
        if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
            self->on_assign(*partitions);
        } else if (event == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
            self->on_revoke(*partitions, rd_kafka_assignment_lost(client) != 0);
        } else {
            self->log(SLUICE_WARN, "rebalancing failed: " + text_of(event));
            self->give_up_everything();
        }
    } catch (...) {
        self->callback_failure_ = std::current_exception();
        drop_assignment(client);
    }
    rd_kafka_yield(client); // so that an assignment does not wait for the end of the poll
}

void KafkaSource::on_assign(const rd_kafka_topic_partition_list_t& partitions) {
    seen_assignment_ = true;
    rejoining_ = false;
    assign_due_ = true;
    cautious_ = false;
    next_start_ = {};
    for (Partition& partition : partitions_of(partitions))
        pending_.push_back({std::move(partition), std::nullopt});
}

void KafkaSource::on_revoke(const rd_kafka_topic_partition_list_t& partitions, bool lost) {
    rejoining_ = true;
    const std::vector<Partition> gone = partitions_of(partitions);
    for (const Pending& pending : pending_)
        if (pending.lane && contains(gone, pending.partition))
            close_lane(pending.lane->id, 0ms);
    std::erase_if(pending_, [&](const Pending& p) { return contains(gone, p.partition); });
    std::erase_if(moves_, [&](const Move& m) { return contains(gone, m.partition); });
    std::erase_if(stash_, [&](const Message& m) {
        return m->rkt && contains(gone, {rd_kafka_topic_name(m->rkt), m->partition});
    });
    // One grace for all of them: the group waits for the slowest.
    const auto end = Clock::now() + settings_.revoke_grace;
    std::vector<Partition> assigned;
    const List offsets = new_list(gone.size());
    for (const Partition& partition : gone) {
        OpenLane* lane = lanes_.find(partition);
        if (!lane)
            continue;
        assigned.push_back(partition);
        records_.drop(lane->id);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        const Lane last = close_lane(lane->id, lost || closing_ ? 0ms : std::max(0ms, left));
        if (last.found && last.sequence >= lane->base)
            lane->acked_offset =
                std::max(lane->acked_offset, static_cast<std::int64_t>(last.sequence - lane->base) + 1);
        if (lane->acked_offset > lane->committed_offset)
            rd_kafka_topic_partition_list_add(offsets.get(), partition.topic.c_str(), partition.number)->offset =
                lane->acked_offset;
        lanes_.remove(partition);
    }
    if (!lost)
        commit_and_wait(offsets);
    unassign(assigned);
}

void KafkaSource::give_up_everything() {
    for (const Pending& pending : pending_)
        if (pending.lane)
            close_lane(pending.lane->id, 0ms);
    pending_.clear();
    moves_.clear();
    stash_.clear();
    records_ = Records();
    std::vector<Partition> all;
    for (auto& [partition, lane] : lanes_) {
        close_lane(lane.id, 0ms);
        all.push_back(partition);
    }
    for (const Partition& partition : all)
        lanes_.remove(partition);
    assign_due_ = false;
    drop_assignment(client_.get());
}

void KafkaSource::unassign(const std::vector<Partition>& partitions) {
    if (!cooperative_) {
        // Eager: everything is taken at once, and given again with the next assignment.
        assign_due_ = false;
        rd_kafka_assign(client_.get(), nullptr);
        return;
    }
    // Only what was assigned: a partition that still waits for its start is unknown to the client.
    if (const Error error{rd_kafka_incremental_unassign(client_.get(), list_of(partitions).get())}) {
        log(SLUICE_WARN,
            std::string("giving partitions back failed, so all are given back: ") + rd_kafka_error_string(error.get()));
        give_up_everything();
    }
}

void KafkaSource::start_pending() {
    if (pending_.empty() && moves_.empty()) {
        if (assign_due_)
            assign({}, {}); // an empty share of the group's partitions
        return;
    }
    if (Clock::now() < next_start_)
        return;
    // When the brokers cannot answer for all at once, one partition at a time is asked for, so that one without a
    // leader does not hold up the others, and a poll stays short.
    std::vector<Pending> some;
    std::vector<Move> moves = std::exchange(moves_, {});
    while (!pending_.empty() && !(cautious_ && some.size() + moves.size() >= 1)) {
        some.push_back(std::move(pending_.front()));
        pending_.pop_front();
    }
    try {
        for (Pending& pending : some)
            if (!pending.lane)
                pending.lane = open_lane(lane_name(pending.partition));
        const std::vector<Start> starts = find_starts(some, moves);
        take_up(some, starts);
    } catch (const Failure& failure) {
        std::move(some.begin(), some.end(), std::back_inserter(pending_));
        moves_.insert(moves_.end(), moves.begin(), moves.end());
        if (failure.status() != SLUICE_E_UNAVAILABLE)
            throw;
        cautious_ = true;
        next_start_ = Clock::now() + kAskAgainAfter;
        set_health(SLUICE_CONNECTING, failure.what());
        return;
    }
    if (pending_.empty())
        set_health(SLUICE_HEALTHY, "");
}

std::vector<KafkaSource::Start> KafkaSource::find_starts(std::vector<Pending>& pending,
                                                         const std::vector<Move>& moves) {
    std::vector<Partition> all, unknown;
    for (const Pending& p : pending) {
        all.push_back(p.partition);
        if (!p.lane->found)
            unknown.push_back(p.partition);
    }
    for (const Move& move : moves)
        all.push_back(move.partition);
    remember_topics(pending);
    const BrokerOffsets brokers(client_.get(), kAskPatience);
    // The end is read first: what is appended while the other questions are asked lies behind it and is not missed.
    const BrokerOffsets::Map high = brokers.high(all), low = brokers.low(all), committed = brokers.committed(unknown);
    const StartPolicy policy{settings_.start_at, settings_.on_gap};
    std::vector<Start> starts;
    const auto facts_of = [&](const Partition& partition) {
        if (!high.contains(partition) || !low.contains(partition))
            throw Unavailable("the brokers do not know the offsets of " + lane_name(partition) + " at the moment");
        StartFacts facts;
        facts.high = high.at(partition);
        facts.low = low.at(partition);
        if (const auto found = committed.find(partition); found != committed.end())
            facts.committed = found->second;
        facts.added_later = known_topics_->added_later(partition);
        return facts;
    };
    for (const Pending& p : pending) {
        Start start{p.partition, facts_of(p.partition), {}};
        if (p.lane->found)
            start.facts.stored = StoredLane{p.lane->sequence, parse_stored(p.lane->position)};
        start.decision = decide_start(start.facts, policy);
        starts.push_back(std::move(start));
    }
    for (const Move& move : moves) {
        Start start{move.partition, facts_of(move.partition), {}};
        const OpenLane& lane = *lanes_.find(move.partition);
        if (lane.known && !move.another_topic)
            start.facts.stored =
                StoredLane{lane.last_sequence, {Position{lane.next_offset - 1, lane.base, -1}, std::nullopt}};
        start.decision = lane.known && !move.another_topic
                             ? decide_start(start.facts, policy)
                             : start_afresh(start.facts, policy, lane.known ? lane.last_sequence + 1 : lane.base);
        if (move.another_topic)
            start.decision.reason = "the topic was created again: the record at the stored position is another one";
        starts.push_back(std::move(start));
    }
    look_up_times(starts);
    return starts;
}

void KafkaSource::remember_topics(const std::vector<Pending>& pending) {
    std::set<std::string> fresh;
    for (const Pending& p : pending)
        if (!known_topics_->knows(p.partition.topic))
            fresh.insert(p.partition.topic);
    for (const std::string& topic : fresh) {
        // Found by a regular expression. In the first run it was there before us; later it is new with all its
        // partitions.
        int partitions = 0;
        if (known_topics_->first_run())
            for (const TopicSize& size : topic_sizes(client_.get(), {topic}, kAskPatience))
                partitions = size.partitions;
        known_topics_->remember(topic, partitions);
    }
}

void KafkaSource::look_up_times(std::vector<Start>& starts) {
    std::vector<BrokerOffsets::At> wanted;
    for (const Start& start : starts)
        if (start.decision.kind == StartDecision::Kind::Time)
            wanted.push_back({start.partition, start.decision.time_ms});
    const BrokerOffsets::Map found = BrokerOffsets(client_.get(), kAskPatience).at_time(wanted);
    for (Start& start : starts) {
        if (start.decision.kind != StartDecision::Kind::Time)
            continue;
        const auto at = found.find(start.partition);
        if (at == found.end())
            throw Unavailable("the brokers do not know the offsets of " + lane_name(start.partition) +
                              " at the moment");
        start.decision.kind = StartDecision::Kind::Offset;
        start.decision.offset = at->second < 0 ? start.facts.high : at->second;
    }
}

void KafkaSource::take_up(const std::vector<Pending>& pending, const std::vector<Start>& starts) {
    std::vector<Partition> added, moved;
    const List resolved = new_list(starts.size());
    for (const Start& start : starts) {
        const StartDecision& d = start.decision;
        const auto fresh = std::find_if(pending.begin(), pending.end(),
                                        [&](const Pending& p) { return p.partition == start.partition; });
        const std::uint32_t id = fresh != pending.end() ? fresh->lane->id : lanes_.find(start.partition)->id;
        log(SLUICE_INFO,
            lane_name(start.partition) + " starts at offset " + std::to_string(d.offset) + ": " + d.reason);
        if (d.gap)
            report_gap(id, *d.gap, d.reason);
        if (d.kind == StartDecision::Kind::Stop)
            throw PositionLost(lane_name(start.partition) + ": " + d.reason + ", the oldest offset is " +
                               std::to_string(start.facts.low) +
                               "; set on_gap to earliest or latest");
        OpenLane& lane =
            fresh != pending.end() ? lanes_.add(OpenLane(start.partition, id, d.base)) : *lanes_.find(start.partition);
        (fresh != pending.end() ? added : moved).push_back(start.partition);
        lane.rebase(d.base);
        lane.moving = false;
        lane.next_offset = d.offset;
        lane.verify_offset.reset();
        if (d.verify) {
            lane.verify_offset = d.offset;
            lane.verify_timestamp_ms = start.facts.stored->at.position->timestamp_ms;
            lane.next_offset = d.offset + 1;
        }
        if (fresh != pending.end() && start.facts.stored) {
            lane.known = true;
            lane.last_sequence = start.facts.stored->sequence;
        }
        if (d.commit_now) {
            rd_kafka_topic_partition_list_add(resolved.get(), start.partition.topic.c_str(), start.partition.number)
                ->offset = d.offset;
            lane.committed_offset = d.offset;
        }
    }
    assign(added, moved);
    // At once, so that a later restart before the first commit of ours cannot find another start.
    commit_and_wait(resolved);
}

void KafkaSource::assign(const std::vector<Partition>& added, const std::vector<Partition>& moved) {
    const auto with_offsets = [&](auto&& wanted) {
        List list = new_list(lanes_.size());
        for (auto& [partition, lane] : lanes_)
            if (wanted(partition))
                rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number)->offset =
                    fetch_offset(lane);
        return list;
    };
    assign_due_ = false;
    if (!cooperative_) {
        const List all = with_offsets([](const Partition&) { return true; });
        if (const rd_kafka_resp_err_t error = rd_kafka_assign(client_.get(), all.get()))
            throw Failure(SLUICE_E_INTERNAL, "the client did not take its partitions: " + text_of(error));
    } else {
        // A partition whose fetching ended with an error cannot be moved by a seek, only by being assigned anew.
        if (!moved.empty())
            if (const Error error{rd_kafka_incremental_unassign(client_.get(), list_of(moved).get())})
                throw Failure(SLUICE_E_INTERNAL, std::string("the client did not let go of its partitions: ") +
                                                     rd_kafka_error_string(error.get()));
        const List list = with_offsets([&](const Partition& p) { return contains(added, p) || contains(moved, p); });
        if (const Error error{rd_kafka_incremental_assign(client_.get(), list.get())})
            throw Failure(SLUICE_E_INTERNAL,
                          std::string("the client did not take its partitions: ") + rd_kafka_error_string(error.get()));
    }
    if (paused_) { // what comes while paused is paused too
        paused_ = false;
        set_paused(true);
    }
}

void KafkaSource::set_paused(bool paused) {
    if (paused == paused_)
        return;
    paused_ = paused;
    const List all = new_list(lanes_.size());
    for (auto& [partition, lane] : lanes_)
        rd_kafka_topic_partition_list_add(all.get(), partition.topic.c_str(), partition.number);
    if (all->cnt == 0)
        return;
    const rd_kafka_resp_err_t error = paused ? rd_kafka_pause_partitions(client_.get(), all.get())
                                             : rd_kafka_resume_partitions(client_.get(), all.get());
    if (error)
        log(SLUICE_WARN, std::string(paused ? "pausing" : "resuming") + " the partitions failed: " + text_of(error));
}

} // namespace sluice::kafka
