#pragma once

#include "core/app/http_connection.hpp"

#include <functional>

namespace sluice::app {

/// Accepts on one address while there is room.
class HttpListener {
public:
    HttpListener(net::io_context& context, HttpShared& shared, std::function<net::io_context&()> next_context)
        : context_(context), shared_(shared), next_context_(std::move(next_context)), acceptor_(context) {}

    Result<> open(const HttpServerOptions::Address& address);
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    /// On the context's thread: takes the next connection, unless there are too many or one is already waited for.
    void accept();
    void close();

private:
    static Error failure(const HttpServerOptions::Address& address, const std::string& reason);
    bool full() { return shared_.open_connections >= shared_.options.max_connections; }

    net::io_context& context_;
    HttpShared& shared_;
    std::function<net::io_context&()> next_context_;
    tcp::acceptor acceptor_;
    net::steady_timer retry_{context_};
    std::optional<HttpStream::socket_type> socket_;
    bool accepting_ = false;
};

} // namespace sluice::app
