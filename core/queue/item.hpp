#pragma once

#include "core/engine/queued_ingestion.hpp"
#include "core/store/store.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::queue {

/// One announced blob, as a row of `sluice.queue_items` holds it.
struct Item {
    data::Guid id, operation;
    std::string home; ///< database whose file has the row; not stored
    std::string state = "Pending";
    std::string database, table; ///< as the client named them
    std::string principal, source_id, url;
    std::optional<Bytes> raw_size = {};
    std::map<std::string, std::string> properties = {};
    bool flush = false, retain = false, reports_failures = false, reports_successes = false;
    Ticks announced = 0;
    unsigned attempts = 0;
    Ticks next_try = 0;
    store::PartId part = 0; ///< staged: where its rows are
    Ticks ended = 0;
    bool permanent = true;
    std::string error_code = {}, details = {};
    bool reported = false; ///< its message was taken out of a result queue, or there is none to take
    bool cleaned = false;  ///< its blob is gone, or is to stay
};

store::QueueItem to_stored(const Item& item);
/// Internal: the text is none of ours.
Result<Item> from_stored(data::Guid id, data::Guid operation, std::string state, std::string_view announcement);
/// Items that a condition on the columns of `sluice.queue_items` and `doc`, the announcement as JSON, selects; oldest
/// first. `condition` is text of ours.
Result<std::vector<Item>> find_items(store::Store& store, const std::string& home, std::string_view condition,
                                     const std::vector<store::Parameter>& parameters = {});

/// What a client puts into the queue: base64 of JSON (rest-api 10.3, engine 4.5). `token` is what it says of who it is.
struct Announced {
    engine::QueuedIngestion::Announcement announcement;
    std::string token;
};
Result<Announced> read_message(std::string_view text);
/// What the result queues hold about an item that ended: base64 of JSON.
std::string result_message(const Item& item);

} // namespace sluice::queue
