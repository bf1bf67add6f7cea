#pragma once

#include "core/app/http_reply.hpp"
#include "core/app/http_types.hpp"
#include "core/app/http_url.hpp"
#include "core/queue/storage.hpp"

#include <memory>

namespace sluice::app {

/// Whether an address belongs to the blobs and queues of queued ingestion. `target` is the path below the base path.
bool is_storage(const Target& target);

/// What their clients' storage libraries ask (rest-api 10.2, 10.3). Errors are the storage protocol's own.
HttpPlan plan_storage(queue::Storage& storage, std::shared_ptr<const RequestInfo> info, const HttpRequest& head,
                      Target target);
HttpResponse storage_error(const RequestInfo& info, const Error& error);

} // namespace sluice::app
