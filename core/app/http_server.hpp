#pragma once

#include "core/app/http_types.hpp"
#include "core/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::app {

struct HttpServerOptions {
    struct Address {
        std::string host = "127.0.0.1"; ///< numeric, or a name that resolves here
        std::uint16_t port = 8080;      ///< 0: any free one
    };
    std::vector<Address> listen{Address{}};
    std::string certificate = {}, key = {}; ///< PEM files; empty: plain HTTP
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(120);
    std::chrono::milliseconds header_timeout = std::chrono::seconds(10);
    Bytes max_header_bytes = 64_KiB;
    unsigned max_connections = 1024; ///< further ones wait in the listen queue
    Bytes max_held_bodies = 64_MiB;  ///< bodies of queries and commands held at a time, all connections together
    unsigned io_threads = 2;
    unsigned query_threads = 20; ///< queries at a time; further ones are refused
    unsigned command_threads = 16;
    unsigned storage_threads = 8;
    unsigned ingest_threads = 12; ///< should be the limit of the admission, which refuses first
};

/// The protocol side: listens, reads requests, runs what the handler plans on the threads of its lane, writes answers.
/// Few I/O threads serve all connections, so a slow client holds back nobody. Thread-safe.
class HttpServer {
public:
    /// Listens and serves at once. `handler` must outlive the server. Io: an address cannot be listened on, with the
    /// reason.
    static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler& handler);
    /// As stop() with no grace, then waits for requests that still run.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// The ports listened on, in the order of the options.
    std::vector<std::uint16_t> ports() const;
    /// Takes no new connection or request, lets running ones end for `grace`, then cuts them. True: all ended by
    /// themselves. Later calls change nothing.
    bool stop(std::chrono::milliseconds grace);

private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::app
