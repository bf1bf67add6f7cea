#pragma once

#include "plugins/kafka/client.hpp"

#include <sluice/source.hpp>

#include <string>
#include <string_view>

namespace sluice::kafka {

/// Copies dead letters into a topic. The dead letter in the store is what counts; a copy that fails is offered again.
class DeadLetterTopic {
public:
    DeadLetterTopic(const Settings& settings, std::string_view connection);

    struct Verdict {
        std::string_view code, details, database, table;
    };
    /// Returns when the copy is in the log of the broker. Throws Unavailable after a second, Denied, or ConfigFailure.
    void copy(const sluice_message& message, const Verdict& verdict);

private:
    std::string topic_, connection_;
    rd_kafka_resp_err_t delivery_ =
        RD_KAFKA_RESP_ERR_NO_ERROR; ///< of the last copy; written by the callback within copy()
    bool delivered_ = false;
    std::uint64_t copies_ = 0; ///< tells the report of this copy from that of an earlier one that was given up
    Client producer_;
};

} // namespace sluice::kafka
