#pragma once

#include "core/app/http_api.hpp"

/// The endpoints with work of their own. For http_api.cpp.
namespace sluice::app {

struct TextRequest {
    int version = 2;
    bool only_commands = false;
    Bytes max_body = 0;
    const Target* target = nullptr; ///< of a GET, which carries the query in its address
};
/// Queries and commands: reads the envelope, asks the engine, answers (rest-api 3-6).
void run_text(engine::Engine& engine, const RequestInfo& info, const TextRequest& request, HttpExchange& exchange);

/// One streaming request (rest-api 9). `target` is the path below the base path.
HttpResponse run_ingest(const StreamIntake& intake, const RequestInfo& info, const Target& target,
                        HttpRequest& request);
enum class QueuedCall { Configuration, Submit, Status };
/// Queued ingestion by REST (rest-api 11); `queue` is null when it is switched off. `target` is the path below the base
/// path.
HttpResponse run_queued(engine::QueuedIngestion* queue, const RequestInfo& info, QueuedCall call, const Target& target,
                        HttpRequest& request, Bytes max_body);

/// S13 for a body that was not kept.
Error stream_too_large(Target target, std::string_view base_path, Bytes received, Bytes limit);

} // namespace sluice::app
