#include "plugins/kafka/kafka_source.hpp"

#include <algorithm>

namespace sluice::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kCommitEvery = 5s;
constexpr auto kCommitPatience = 3s;

} // namespace

void KafkaSource::ack(const sluice_ack& ack) {
    if (ack.outcome != SLUICE_COMMITTED && ack.outcome != SLUICE_PARKED)
        return;
    OpenLane* lane = lanes_.find(ack.lane);
    if (!lane || ack.last < lane->base) // below the base: of the topic that was there before
        return;
    lane->acked_offset = std::max(lane->acked_offset, static_cast<std::int64_t>(ack.last - lane->base) + 1);
}

List KafkaSource::committable() {
    List offsets = new_list(lanes_.size());
    for (auto& [partition, lane] : lanes_) {
        if (lane.acked_offset <= lane.committed_offset)
            continue;
        rd_kafka_topic_partition_list_add(offsets.get(), partition.topic.c_str(), partition.number)->offset =
            lane.acked_offset;
        lane.committed_offset = lane.acked_offset;
    }
    return offsets;
}

void KafkaSource::commit_when_due() {
    // While the client joins the group again, a commit would wait behind that at the broker and then be of the
    // generation before, for which librdkafka gives up all partitions (RealBroker.HandsAPartitionOverToASecondMember).
    if (rejoining_ || Clock::now() < next_commit_)
        return;
    next_commit_ = Clock::now() + kCommitEvery;
    const List offsets = committable();
    if (offsets->cnt > 0 && rd_kafka_commit(client_.get(), offsets.get(), 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
        record(failed_commits_metric_, 1);
}

void KafkaSource::commit_and_wait(const List& offsets) {
    if (offsets->cnt == 0)
        return;
    // A queue of its own gives the wait an end; rd_kafka_commit would wait for a broker that is away.
    const Queue queue(rd_kafka_queue_new(client_.get()));
    rd_kafka_resp_err_t error = rd_kafka_commit_queue(client_.get(), offsets.get(), queue.get(), nullptr, nullptr);
    if (!error) {
        const std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
            rd_kafka_queue_poll(queue.get(), static_cast<int>(std::chrono::milliseconds(kCommitPatience).count())),
            rd_kafka_event_destroy);
        error = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    if (error) {
        // Harmless: the store decides where to go on; only another member of the group may read some events again.
        record(failed_commits_metric_, 1);
        log(SLUICE_WARN, "the group's offsets were not committed: " + text_of(error));
    }
}

void KafkaSource::on_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* offsets,
                            void* opaque) {
    auto* self = static_cast<KafkaSource*>(opaque);
    if (!error || error == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    self->record(self->failed_commits_metric_, 1);
    self->log(SLUICE_DEBUG, "the group's offsets were not committed: " + text_of(error));
    for (int i = 0; offsets && i < offsets->cnt; ++i) // again with the next round
        if (OpenLane* lane = self->lanes_.find(Partition{offsets->elems[i].topic, offsets->elems[i].partition}))
            lane->committed_offset = -1;
}

} // namespace sluice::kafka
