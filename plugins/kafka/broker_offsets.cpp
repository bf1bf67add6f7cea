#include "plugins/kafka/broker_offsets.hpp"

namespace sluice::kafka {
namespace {

List list_of(const std::vector<Partition>& partitions, std::int64_t offset) {
    List list = new_list(partitions.size());
    for (const Partition& p : partitions)
        rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.number)->offset = offset;
    return list;
}

} // namespace

BrokerOffsets::Map BrokerOffsets::list_offsets(const List& list) const {
    Map offsets;
    if (list->cnt == 0)
        return offsets;
    const rd_kafka_resp_err_t error =
        rd_kafka_offsets_for_times(client_, list.get(), static_cast<int>(patience_.count()));
    if (error)
        throw Failure(status_of(error), "the brokers did not tell their offsets: " + text_of(error));
    for (int i = 0; i < list->cnt; ++i) {
        const rd_kafka_topic_partition_t& answer = list->elems[i];
        if (answer.err == RD_KAFKA_RESP_ERR_NO_ERROR)
            offsets.emplace(Partition{answer.topic, answer.partition}, answer.offset);
        else if (status_of(answer.err) != SLUICE_E_UNAVAILABLE)
            throw Failure(status_of(answer.err), std::string(answer.topic) + ": " + text_of(answer.err));
    }
    return offsets;
}

// ListOffsets takes the two ends as times with a meaning of their own, so one request serves all partitions of a
// broker, where rd_kafka_query_watermark_offsets takes one call for each partition.
BrokerOffsets::Map BrokerOffsets::low(const std::vector<Partition>& partitions) const {
    return list_offsets(list_of(partitions, RD_KAFKA_OFFSET_BEGINNING));
}

BrokerOffsets::Map BrokerOffsets::high(const std::vector<Partition>& partitions) const {
    return list_offsets(list_of(partitions, RD_KAFKA_OFFSET_END));
}

BrokerOffsets::Map BrokerOffsets::at_time(const std::vector<At>& wanted) const {
    List list = new_list(wanted.size());
    for (const At& at : wanted)
        rd_kafka_topic_partition_list_add(list.get(), at.partition.topic.c_str(), at.partition.number)->offset =
            at.time_ms;
    return list_offsets(list);
}

BrokerOffsets::Map BrokerOffsets::committed(const std::vector<Partition>& partitions) const {
    Map offsets;
    if (partitions.empty())
        return offsets;
    const List list = list_of(partitions, RD_KAFKA_OFFSET_INVALID);
    const rd_kafka_resp_err_t error = rd_kafka_committed(client_, list.get(), static_cast<int>(patience_.count()));
    if (error)
        throw Failure(status_of(error), "the group's offsets could not be read: " + text_of(error));
    for (int i = 0; i < list->cnt; ++i) {
        const rd_kafka_topic_partition_t& answer = list->elems[i];
        if (answer.err)
            throw Failure(status_of(answer.err), std::string(answer.topic) + ": " + text_of(answer.err));
        if (answer.offset >= 0)
            offsets.emplace(Partition{answer.topic, answer.partition}, answer.offset);
    }
    return offsets;
}

} // namespace sluice::kafka
