#pragma once

#include "core/app/http_reply.hpp"
#include "core/app/http_types.hpp"
#include "core/app/http_url.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/queued_ingestion.hpp"
#include "core/ingest/streaming.hpp"
#include "core/queue/storage.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::app {

enum class QueuedCall;

/// What the endpoints obey and show. Callbacks are called from any thread.
struct HttpApiOptions {
    std::string base_path = {};                 ///< "/sluice"; the metadata stay at the root as well
    std::vector<std::string> cors_origins = {}; ///< "*" allows all
    Bytes max_command_bytes = 10_MiB;
    Bytes max_ingest_bytes = 10_MiB; ///< of a streaming request, on the wire
    /// The `AzureAD` object of rest-api 2.1.
    struct Metadata {
        std::string login_endpoint = "https://login.microsoftonline.com";
        bool login_mfa_required = false;
        std::string client_app_id = "db662dc1-0cfe-4e1c-a843-19a68e65be58";
        std::string client_redirect_uri = "http://localhost";
        std::string service_resource_id = "https://kusto.kusto.windows.net";
        std::string first_party_authority_url =
            "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a";
    } metadata = {};
    std::function<bool()> ready;
    /// The principal behind an `Authorization` header; empty: nobody is asked who he is (rest-api 2.3).
    std::function<Result<std::string>(std::string_view authorization)> authenticate = {};
    /// Whether a principal may look at the bridge itself: status and metrics. Empty: everybody.
    std::function<bool(std::string_view principal)> may_monitor = {};
    /// Queued ingestion; both null: switched off.
    engine::QueuedIngestion* queued = nullptr;
    queue::Storage* storage = nullptr;
    std::function<std::string()> status_json;  ///< the document of `/v1/sluice/status`
    std::function<void()> before_metrics = {}; ///< brings gauges up to date; may be empty
};

/// Streaming ingestion as the endpoints see it.
struct StreamIntake {
    bool enabled = true; ///< the cluster switch (engine 1.1)
    std::function<Result<ingest::StreamReply>(const ingest::StreamRequest&)> ingest;
    /// A place among the streaming requests at work, given back when the pointer goes; null: all are taken
    /// (engine 1.4).
    std::function<std::shared_ptr<void>()> admit;
    unsigned places = 12;            ///< how many there are, for the text of the refusal
    Bytes max_request_bytes = 4_MiB; ///< uncompressed
    /// Whether there is a table of that name; decides how often a path is decoded (rest-api 1).
    std::function<bool(std::string_view database, std::string_view table)> knows_table;
    /// Whether a principal may store rows there; empty: everybody may.
    std::function<bool(std::string_view principal, std::string_view database, std::string_view table)> may_ingest = {};
    /// What `NetDefaultDB` means now (engine 0.2); "" when there is no database.
    std::function<std::string()> default_database;
};
/// `databases` must outlive what it returns.
StreamIntake make_intake(ingest::Databases& databases);

/// All endpoints of the bridge (rest-api 1, product 6). Thread-safe.
class HttpApi final : public HttpHandler {
public:
    /// `engine` must outlive it.
    HttpApi(engine::Engine& engine, StreamIntake intake, HttpApiOptions options)
        : engine_(engine), intake_(std::move(intake)), options_(std::move(options)) {}

    HttpPlan plan(const HttpRequest& head) override;
    HttpResponse refuse(const HttpRequest& head, const Refused& refused) override;

private:
    using Info = std::shared_ptr<const RequestInfo>;

    std::shared_ptr<RequestInfo> describe(const HttpRequest& head) const;
    HttpPlan answer(Info info, std::function<HttpResponse()> make) const;
    HttpPlan fail(Info info, Error error) const;
    HttpPlan plan_text(Info info, const HttpRequest& head, const Target& target, int version, bool only_commands);
    HttpPlan plan_ingest(Info info, const HttpRequest& head, Target target);
    HttpPlan plan_queued(Info info, QueuedCall call, Target target);
    HttpPlan preflight(Info info) const;
    std::string metadata() const;
    std::string allowed_origin(std::string_view origin) const;

    engine::Engine& engine_;
    const StreamIntake intake_;
    const HttpApiOptions options_;
};

/// The page at `/`.
std::string landing_page(std::string_view base_path);

} // namespace sluice::app
