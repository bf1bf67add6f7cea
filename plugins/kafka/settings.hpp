#pragma once

#include "plugins/kafka/start_position.hpp"

#include <sluice/source.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sluice::kafka {

/// The options of one source, checked.
struct Settings {
    std::string bootstrap_servers;
    std::vector<std::string> topics;
    std::string group_id;
    std::string dead_letter_topic; ///< empty: none
    std::chrono::milliseconds revoke_grace{0};
    OnGap on_gap = OnGap::Earliest;
    StartAt start_at;
    /// What librdkafka gets for consumer and producer alike, and for the consumer besides.
    std::vector<std::pair<std::string, std::string>> common, consumer;
};

/// Throws ConfigFailure with the option and the way out.
Settings read_settings(const Options& options, std::string_view instance);

} // namespace sluice::kafka
