#pragma once

#include "core/app/http_types.hpp"
#include "core/base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::app {

/// Where a bridge listens: "http://127.0.0.1:8080/base".
struct ServerAddress {
    std::string host;
    std::string port;
    std::string base_path; ///< without a slash at its end

    std::string url() const;
};
/// Invalid: another scheme, or no host.
Result<ServerAddress> parse_server(std::string_view url);

/// Talks to a running bridge for the command line. Keeps its connection. One thread at a time, but for abort().
class HttpClient {
public:
    explicit HttpClient(ServerAddress server);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    using Progress = std::function<void(Bytes sent)>;
    /// Sends a request and waits for its answer, whatever its status. `path` is below the base path.
    /// Unavailable: the server cannot be reached, or the connection broke.
    Result<HttpResponse> post(const std::string& path, std::string_view body, const HttpHeaders& headers = {},
                              const Progress& progress = {});
    Result<HttpResponse> get(const std::string& path);
    /// Makes a post() or get() that waits in another thread fail. Thread-safe.
    void abort();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sluice::app
