#include "core/app/http_reply.hpp"

#include <fmt/format.h>

namespace sluice::app {
namespace {

/// Below it a compressed answer saves no packet.
constexpr std::size_t kWorthGzip = 1024;

HttpResponse make_head(const RequestInfo& info, unsigned status, std::string_view content_type) {
    HttpResponse response;
    response.status = status;
    response.headers.reserve(8);
    response.headers.push_back({"Content-Type", std::string(content_type)});
    response.headers.push_back({"x-ms-client-request-id", info.client_request_id});
    response.headers.push_back({"x-ms-activity-id", info.activity_id});
    if (!info.origin.empty()) {
        response.headers.push_back({"Access-Control-Allow-Origin", info.origin});
        response.headers.push_back({"Access-Control-Expose-Headers", "x-ms-client-request-id, x-ms-activity-id"});
        response.headers.push_back({"Vary", "Origin"});
    }
    return response;
}

/// Counted when its head is made: what follows can only be cut.
void count(const RequestInfo& info, unsigned status) {
    metrics::counter("sluice_http_requests_total", "HTTP requests answered.",
                     {{"endpoint", info.endpoint}, {"status", std::to_string(status)}})
        .add();
    metrics::histogram("sluice_http_request_seconds", "Time from a request's head to its answer.",
                       {{"endpoint", info.endpoint}})
        .observe(std::chrono::duration<double>(Clock::Steady::now() - info.begun).count());
}

} // namespace

HttpResponse make_response(const RequestInfo& info, unsigned status, std::string body, std::string_view content_type) {
    HttpResponse response = make_head(info, status, content_type);
    if (info.gzip && body.size() >= kWorthGzip) {
        GzipWriter writer;
        writer.add(body, true, response.body);
        response.headers.push_back({"Content-Encoding", "gzip"});
    } else {
        response.body = std::move(body);
    }
    count(info, status);
    return response;
}

HttpResponse make_error(const RequestInfo& info, const Error& error, wire::Area area, wire::ErrorContext context) {
    const wire::ErrorShape shape = wire::shape_of(error, area);
    context.client_request_id = info.client_request_id;
    context.activity_id = info.activity_id;
    context.now = SystemClock().now();
    HttpResponse response = make_response(info, shape.status, wire::error_body(error, shape, context));
    if (shape.status == 429 || shape.status == 503)
        response.headers.push_back({"Retry-After", "1"});
    if (shape.status == 401)
        response.headers.push_back({"WWW-Authenticate", "Bearer"});
    return response;
}

std::string ReplyBody::packed(bool last) {
    std::string out;
    if (!gzip_) {
        out.swap(text_);
        return out;
    }
    gzip_->add(text_, last, out);
    text_.clear();
    return out;
}

bool ReplyBody::drain() {
    if (started_)
        return exchange_.write(packed(false));
    started_ = true;
    HttpResponse head = make_head(info_, 200, kJson);
    if (info_.gzip) {
        gzip_.emplace();
        head.headers.push_back({"Content-Encoding", "gzip"});
    }
    head.body = packed(false);
    count(info_, 200);
    exchange_.start(std::move(head));
    return !exchange_.client_gone();
}

void ReplyBody::finish() {
    if (!started_)
        return exchange_.respond(make_response(info_, 200, std::move(text_)));
    exchange_.write(packed(true));
    exchange_.finish();
}

} // namespace sluice::app
