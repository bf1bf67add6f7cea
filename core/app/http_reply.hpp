#pragma once

#include "core/app/http_coding.hpp"
#include "core/app/http_types.hpp"
#include "core/app/wire/error.hpp"
#include "core/base/clock.hpp"
#include "core/base/metrics.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::app {

/// What is known of a request from its head, and what each of its answers carries.
struct RequestInfo {
    std::string client_request_id, activity_id;
    std::string origin;   ///< of a browser that may read the answer; else empty
    bool gzip = false;    ///< the client accepts it
    std::string endpoint; ///< for metrics: "query"
    std::string principal = "aadapp=anonymous";
    Clock::Steady::time_point begun{};
};

constexpr std::string_view kJson = "application/json; charset=UTF-8";

/// A whole answer with the headers that every answer has; compressed when that is worth it and allowed.
HttpResponse make_response(const RequestInfo& info, unsigned status, std::string body,
                           std::string_view content_type = kJson);
/// An error as OneApi document, with `Retry-After` and the like.
HttpResponse make_error(const RequestInfo& info, const Error& error, wire::Area area, wire::ErrorContext context = {});

/// An answer that is made piece by piece. The first pieces are held back, so that a failure among them can still become
/// an error answer (rest-api 5.4). One thread at a time.
class ReplyBody {
public:
    ReplyBody(HttpExchange& exchange, const RequestInfo& info) : exchange_(exchange), info_(info) {}

    /// Where the text is appended.
    std::string& text() { return text_; }
    /// There is enough text to be handed on.
    bool full() const { return text_.size() >= kHeldBack; }
    /// Hands on what was appended. False: the client is gone.
    bool drain();
    /// Something has been sent: the status can no longer change.
    bool started() const { return started_; }
    /// Sends what is left. The exchange must not be touched after it.
    void finish();

private:
    static constexpr std::size_t kHeldBack = 64 * 1024;
    std::string packed(bool last);

    HttpExchange& exchange_;
    const RequestInfo& info_;
    std::string text_;
    std::optional<GzipWriter> gzip_;
    bool started_ = false;
};

} // namespace sluice::app
