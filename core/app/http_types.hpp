#pragma once

#include "core/base/bytes.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// HTTP as the application sees it. What speaks the protocol is core/app/http_server.
namespace sluice::app {

struct HttpHeader {
    std::string name, value;
};
using HttpHeaders = std::vector<HttpHeader>;

/// The first value of that name, without regard to case; "" when there is none.
std::string_view find_header(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
    std::string method; ///< "GET"
    std::string target; ///< path and query as they came
    HttpHeaders headers;
    std::string body; ///< transfer coding removed, content coding kept

    std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

struct HttpResponse {
    unsigned status = 200;
    HttpHeaders headers;
    std::string body;
};

/// One request and the way to answer it, whole with respond() or in pieces with start(), write()..., finish(). Exactly
/// one of the two ways, once. One thread at a time. After respond() or finish() the exchange must not be touched any
/// more: its connection goes on.
class HttpExchange {
public:
    HttpRequest request;

    virtual ~HttpExchange() = default;

    virtual void respond(HttpResponse response) = 0;
    /// Sends the head and what its body holds; more is to come.
    virtual void start(HttpResponse head) = 0;
    /// Hands over the next piece; waits while the client is slow. False: the client is gone and nothing more need be
    /// made.
    virtual bool write(std::string piece) = 0;
    virtual void finish() = 0;
    /// Cuts the connection, so that the client sees that the answer is not whole. Instead of finish().
    virtual void abort() = 0;
    /// The client has gone away; may become true at any time.
    virtual bool client_gone() const = 0;
};

/// Which threads run a request. Kept apart so that no kind of work waits behind another.
enum class Lane {
    Inline, ///< on the protocol's thread: must not block
    Query,
    Command,
    Ingest,
    Storage, ///< blobs and queue messages
};

/// Where a body goes that is not kept in memory. Called on the protocol's thread, one call after the other.
class BodySink {
public:
    virtual ~BodySink() = default;
    /// False: the rest is of no use; it is read and dropped.
    virtual bool write(std::string_view bytes) = 0;
};

/// What is to happen with a request whose head has arrived.
struct HttpPlan {
    Lane lane = Lane::Inline;
    Bytes max_body = 0;                  ///< longer bodies are read to their end and refused
    bool discard_body = false;           ///< the body does not matter and is not kept
    std::shared_ptr<BodySink> sink = {}; ///< takes the body instead of `HttpRequest::body`
    /// Runs on a thread of `lane` when the body is there.
    std::function<void(HttpExchange&)> run;
};

/// Why the protocol side refuses a request itself.
enum class Refusal {
    Malformed, ///< not HTTP
    HeadTooLarge,
    BodyTooLarge,
    Busy,        ///< no thread of the lane is free
    OutOfMemory, ///< too many bytes of bodies are held already
    Failed,      ///< the plan threw
};

/// What the server asks the application. Called from several I/O threads at a time; must not block.
class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    /// The head is complete: `head.body` is still empty.
    virtual HttpPlan plan(const HttpRequest& head) = 0;
    struct Refused {
        Refusal why;
        Lane lane = Lane::Inline;
        Bytes received = 0, limit = 0;
        std::string_view detail = {};
    };
    /// The answer to a request that the server refuses. `head` may be empty.
    virtual HttpResponse refuse(const HttpRequest& head, const Refused& refused) = 0;
};

} // namespace sluice::app
