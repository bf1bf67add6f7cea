#include "core/app/http_api.hpp"

#include "core/app/http_endpoints.hpp"
#include "core/app/http_storage.hpp"
#include "core/app/wire/value.hpp"
#include "core/base/metrics.hpp"
#include "core/base/random.hpp"
#include "core/data/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::app {
namespace {

constexpr std::string_view kHtml = "text/html; charset=UTF-8";
constexpr std::string_view kText = "text/plain; charset=UTF-8";
constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=UTF-8";

enum class Endpoint {
    Landing,
    Health,
    Ready,
    Metrics,
    Metadata,
    Mgmt,
    QueryV1,
    QueryV2,
    Ingest,
    QueuedConfiguration,
    QueuedSubmit,
    QueuedStatus,
    Status,
    None
};

struct Route {
    std::string_view path; ///< lower case; "*" stands for any one segment
    Endpoint endpoint;
    std::string_view name, methods;
};
constexpr std::array kRoutes{
    Route{"", Endpoint::Landing, "landing", "GET HEAD"},
    Route{"healthz", Endpoint::Health, "healthz", "GET HEAD"},
    Route{"readyz", Endpoint::Ready, "readyz", "GET HEAD"},
    Route{"metrics", Endpoint::Metrics, "metrics", "GET HEAD"},
    Route{"v1/rest/auth/metadata", Endpoint::Metadata, "metadata", "GET HEAD"},
    Route{"v1/rest/mgmt", Endpoint::Mgmt, "mgmt", "POST"},
    Route{"v1/rest/query", Endpoint::QueryV1, "query_v1", "POST GET"},
    Route{"v2/rest/query", Endpoint::QueryV2, "query_v2", "POST GET"},
    Route{"v1/rest/ingest/*/*", Endpoint::Ingest, "ingest", "POST"},
    Route{"v1/rest/ingestion/configuration", Endpoint::QueuedConfiguration, "queued_configuration", "GET"},
    Route{"v1/rest/ingestion/queued/*/*", Endpoint::QueuedSubmit, "queued_submit", "POST"},
    Route{"v1/rest/ingestion/queued/*/*/*", Endpoint::QueuedStatus, "queued_status", "GET"},
    Route{"v1/sluice/status", Endpoint::Status, "status", "GET HEAD"},
};
constexpr Route kNoRoute{"", Endpoint::None, "other", ""};

bool matches(const Route& route, const std::vector<std::string>& segments) {
    std::string_view rest = route.path;
    for (const std::string& segment : segments) {
        const std::string_view part = rest.substr(0, rest.find('/'));
        if (part.empty() || (part != "*" && !equals_ignoring_case(part, segment)))
            return false;
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    }
    return rest.empty();
}

const Route& route_of(const std::vector<std::string>& segments) {
    for (const Route& route : kRoutes)
        if (matches(route, segments))
            return route;
    return kNoRoute;
}

bool allows(const Route& route, std::string_view method) {
    std::string_view rest = route.methods;
    while (!rest.empty()) {
        const std::string_view one = rest.substr(0, rest.find(' '));
        if (one == method)
            return true;
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    }
    return false;
}

std::string new_guid() {
    const auto [high, low] = random_uuid_bits();
    std::string text;
    wire::append_guid(text, {high, low});
    return text;
}

/// Takes the base path off; false when the target is not below it.
bool strip_base(Target& target, std::string_view base_path) {
    const Target base = parse_target(base_path);
    if (base.segments.size() > target.segments.size() ||
        !std::equal(base.segments.begin(), base.segments.end(), target.segments.begin()))
        return false;
    target.segments.erase(target.segments.begin(),
                          target.segments.begin() + static_cast<std::ptrdiff_t>(base.segments.size()));
    return true;
}

wire::Area area_of(Lane lane) {
    switch (lane) {
    case Lane::Query:
        return wire::Area::Query;
    case Lane::Command:
        return wire::Area::Command;
    case Lane::Ingest:
        return wire::Area::Streaming;
    case Lane::Inline:
    case Lane::Storage:
        break;
    }
    return wire::Area::Transport;
}

/// Answers to everybody: who watches a process, and a client that is still to learn how to sign in, have no token.
bool is_open(Endpoint endpoint) {
    return endpoint == Endpoint::Landing || endpoint == Endpoint::Health || endpoint == Endpoint::Ready ||
           endpoint == Endpoint::Metadata;
}
bool is_monitoring(Endpoint endpoint) {
    return endpoint == Endpoint::Metrics || endpoint == Endpoint::Status;
}

HttpResponse refuse_storage(const RequestInfo& info, const HttpHandler::Refused& refused) {
    if (refused.why == Refusal::BodyTooLarge)
        return storage_error(info,
                             {ErrorCode::TooLarge,
                              fmt::format("The body exceeds the maximum allowed size of {} bytes.", refused.limit),
                              "RequestBodyTooLarge"});
    const bool busy = refused.why == Refusal::Busy || refused.why == Refusal::OutOfMemory;
    return storage_error(info, {busy ? ErrorCode::Throttled : ErrorCode::Internal, "The server is busy, try again.",
                                busy ? "ServerBusy" : "InternalError"});
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

} // namespace

std::shared_ptr<RequestInfo> HttpApi::describe(const HttpRequest& head) const {
    auto info = std::make_shared<RequestInfo>();
    info->begun = Clock::Steady::now();
    info->activity_id = new_guid();
    info->client_request_id = head.header("x-ms-client-request-id");
    if (info->client_request_id.empty() || !is_printable(info->client_request_id))
        info->client_request_id = "unspecified;" + new_guid();
    // Several header lines count as one list.
    for (const HttpHeader& header : head.headers)
        if (equals_ignoring_case(header.name, "Accept-Encoding"))
            info->gzip |= accepts_gzip(header.value);
    info->origin = allowed_origin(head.header("Origin"));
    Target target = parse_target(head.target);
    strip_base(target, options_.base_path);
    info->endpoint = is_storage(target) ? "storage" : route_of(target.segments).name;
    return info;
}

std::string HttpApi::allowed_origin(std::string_view origin) const {
    const auto& allowed = options_.cors_origins;
    const bool is_allowed = !origin.empty() && std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
        return one == origin || one == "*";
    });
    return is_allowed ? std::string(origin) : std::string();
}

HttpPlan HttpApi::answer(Info info, std::function<HttpResponse()> make) const {
    HttpPlan plan;
    plan.discard_body = true;
    plan.run = [info = std::move(info), make = std::move(make)](HttpExchange& exchange) { exchange.respond(make()); };
    return plan;
}

HttpPlan HttpApi::fail(Info info, Error error) const {
    return answer(info, [info, error = std::move(error)] { return make_error(*info, error, wire::Area::Transport); });
}

HttpPlan HttpApi::preflight(Info info) const {
    return answer(info, [info] {
        HttpResponse response = make_response(*info, 204, {});
        response.headers.push_back({"Access-Control-Allow-Methods", "GET, POST, PUT, OPTIONS"});
        response.headers.push_back({"Access-Control-Allow-Headers",
                                    "authorization, content-type, content-encoding, x-ms-app, x-ms-client-request-id, "
                                    "x-ms-client-version, x-ms-user, x-ms-version, x-ms-readonly"});
        response.headers.push_back({"Access-Control-Max-Age", "86400"});
        return response;
    });
}

HttpPlan HttpApi::plan(const HttpRequest& head) {
    const std::shared_ptr<RequestInfo> known = describe(head);
    const Info& info = known;
    Target target = parse_target(head.target);
    const bool is_root_metadata = route_of(target.segments).endpoint == Endpoint::Metadata;
    const bool is_here = is_root_metadata || strip_base(target, options_.base_path);
    if (is_here && options_.storage && is_storage(target) && (head.method != "OPTIONS" || info->origin.empty()))
        return plan_storage(*options_.storage, info, head, std::move(target));
    const Route& route = is_here ? route_of(target.segments) : kNoRoute;
    if (route.endpoint == Endpoint::None)
        return fail(
            info,
            Error{
                ErrorCode::NotFound,
                fmt::format(
                    "There is no endpoint '{}' here. Queries go to /v2/rest/query, commands to /v1/rest/mgmt, data to "
                    "/v1/rest/ingest/DATABASE/TABLE; GET / lists them all.",
                    head.target.substr(0, head.target.find('?')))});
    if (head.method == "OPTIONS" && !info->origin.empty())
        return preflight(info);
    if (!allows(route, head.method))
        return fail(info, Error{ErrorCode::Invalid,
                                fmt::format("'{}' does not take {}; use {}.", route.path.empty() ? "/" : route.path,
                                            head.method, route.methods)});
    if (options_.authenticate && !is_open(route.endpoint)) {
        auto principal = options_.authenticate(head.header("Authorization"));
        if (!principal)
            return fail(info, std::move(principal).error());
        known->principal = std::move(*principal);
        if (is_monitoring(route.endpoint) && options_.may_monitor && !options_.may_monitor(known->principal))
            return fail(info, Error{ErrorCode::Denied,
                                    fmt::format("Forbidden: principal '{}' needs the role monitors.", known->principal),
                                    "Forbidden"});
    }
    switch (route.endpoint) {
    case Endpoint::Landing:
        return answer(info,
                      [this, info] { return make_response(*info, 200, landing_page(options_.base_path), kHtml); });
    case Endpoint::Health:
        return answer(info, [info] { return make_response(*info, 200, "ok\n", kText); });
    case Endpoint::Ready:
        return answer(info, [this, info] {
            return options_.ready()
                       ? make_response(*info, 200, "ready\n", kText)
                       : make_error(*info, Error{ErrorCode::Unavailable, "The bridge is starting or stopping."},
                                    wire::Area::Transport);
        });
    case Endpoint::Metrics:
        return answer(info, [this, info] {
            if (options_.before_metrics)
                options_.before_metrics();
            return make_response(*info, 200, metrics::expose(), kPrometheus);
        });
    case Endpoint::Metadata:
        return answer(info, [this, info] { return make_response(*info, 200, metadata()); });
    case Endpoint::Status:
        return answer(info, [this, info] { return make_response(*info, 200, options_.status_json()); });
    case Endpoint::Mgmt:
        return plan_text(info, head, target, 1, true);
    case Endpoint::QueryV1:
        return plan_text(info, head, target, 1, false);
    case Endpoint::QueryV2:
        return plan_text(info, head, target, 2, false);
    case Endpoint::Ingest:
        return plan_ingest(info, head, std::move(target));
    case Endpoint::QueuedConfiguration:
        return plan_queued(info, QueuedCall::Configuration, std::move(target));
    case Endpoint::QueuedSubmit:
        return plan_queued(info, QueuedCall::Submit, std::move(target));
    case Endpoint::QueuedStatus:
        return plan_queued(info, QueuedCall::Status, std::move(target));
    case Endpoint::None:
        break;
    }
    return fail(info, Error{ErrorCode::Internal, "This endpoint has no handler."});
}

HttpPlan HttpApi::plan_text(Info info, const HttpRequest& head, const Target& target, int version, bool only_commands) {
    HttpPlan plan;
    plan.lane = only_commands ? Lane::Command : Lane::Query;
    plan.max_body = options_.max_command_bytes;
    plan.discard_body = head.method == "GET";
    plan.run = [this, info, target, version, only_commands](HttpExchange& exchange) {
        TextRequest request{.version = version, .only_commands = only_commands, .max_body = options_.max_command_bytes};
        request.target = exchange.request.method == "GET" ? &target : nullptr;
        run_text(engine_, *info, request, exchange);
    };
    return plan;
}

HttpPlan HttpApi::plan_ingest(Info info, const HttpRequest&, Target target) {
    HttpPlan plan;
    // The slot counts from here, so that a crowd is told before it has sent its data (engine 1.4).
    std::shared_ptr<void> place = intake_.admit();
    if (!place) {
        const Error error{ErrorCode::Throttled,
                          fmt::format("The request was throttled: too many concurrent ingestion requests (Limit: {}).",
                                      intake_.places)};
        plan.discard_body = true;
        plan.run = [info, error](HttpExchange& exchange) {
            exchange.respond(make_error(*info, error, wire::Area::Streaming));
        };
        return plan;
    }
    plan.lane = Lane::Ingest;
    plan.max_body = options_.max_ingest_bytes;
    plan.run = [this, info, target = std::move(target), place = std::move(place)](HttpExchange& exchange) mutable {
        HttpResponse response = run_ingest(intake_, *info, target, exchange.request);
        // Before the client can have the answer: it may come back at once for the slot it knows to be free.
        place.reset();
        exchange.respond(std::move(response));
    };
    return plan;
}

HttpPlan HttpApi::plan_queued(Info info, QueuedCall call, Target target) {
    HttpPlan plan;
    plan.lane = Lane::Command;
    plan.max_body = options_.max_command_bytes;
    plan.discard_body = call != QueuedCall::Submit;
    plan.run = [this, info = std::move(info), call, target = std::move(target)](HttpExchange& exchange) {
        exchange.respond(
            run_queued(options_.queued, *info, call, target, exchange.request, options_.max_command_bytes));
    };
    return plan;
}

HttpResponse HttpApi::refuse(const HttpRequest& head, const Refused& refused) {
    const Info info = describe(head);
    if (refused.lane == Lane::Storage)
        return refuse_storage(*info, refused);
    const wire::Area area = area_of(refused.lane);
    switch (refused.why) {
    case Refusal::Malformed:
        return make_error(
            *info, Error{ErrorCode::Invalid, fmt::format("The request is no valid HTTP: {}.", refused.detail)}, area);
    case Refusal::HeadTooLarge:
        return make_error(
            *info,
            Error{ErrorCode::Invalid,
                  fmt::format("The request's head exceeds the maximum allowed size of {} bytes.", refused.limit)},
            area);
    case Refusal::BodyTooLarge: {
        if (refused.lane == Lane::Ingest)
            return make_error(
                *info, stream_too_large(parse_target(head.target), options_.base_path, refused.received, refused.limit),
                area);
        return make_error(
            *info,
            Error{ErrorCode::TooLarge,
                  fmt::format("The request's body of {} bytes exceeds the maximum allowed size of {} bytes "
                              "(server.max_command_bytes).",
                              refused.received, refused.limit)},
            area);
    }
    case Refusal::Busy:
        return make_error(
            *info,
            Error{ErrorCode::Throttled,
                  fmt::format("The request was throttled: too many requests run at the same time (Limit: {}).",
                              refused.limit)},
            area);
    case Refusal::OutOfMemory:
        return make_error(
            *info,
            Error{ErrorCode::Unavailable,
                  fmt::format("Too many large requests arrive at the same time: their bodies exceed {} bytes "
                              "together. Try again in a moment.",
                              refused.limit)},
            area);
    case Refusal::Failed:
        break;
    }
    return make_error(
        *info, Error{ErrorCode::Internal, fmt::format("The request failed inside the server: {}", refused.detail)},
        area);
}

std::string HttpApi::metadata() const {
    const auto& m = options_.metadata;
    std::string out = "{\"AzureAD\":{\"LoginEndpoint\":";
    data::append_json_string(out, m.login_endpoint);
    out += fmt::format(",\"LoginMfaRequired\":{},\"KustoClientAppId\":", m.login_mfa_required);
    data::append_json_string(out, m.client_app_id);
    out += ",\"KustoClientRedirectUri\":";
    data::append_json_string(out, m.client_redirect_uri);
    out += ",\"KustoServiceResourceId\":";
    data::append_json_string(out, m.service_resource_id);
    out += ",\"FirstPartyAuthorityUrl\":";
    data::append_json_string(out, m.first_party_authority_url);
    return out + "},\"dSTS\":null}";
}

} // namespace sluice::app
