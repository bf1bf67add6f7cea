#include "core/app/http_listener.hpp"

#include "core/base/log.hpp"

#include <fmt/format.h>

namespace sluice::app {

Result<> HttpListener::open(const HttpServerOptions::Address& address) {
    error_code ec;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, ec);
    if (ec || found.empty())
        return failure(address, ec.message());
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), ec);
    if (!ec)
        acceptor_.set_option(net::socket_base::reuse_address(true), ec);
    if (!ec)
        acceptor_.bind(endpoint, ec);
    if (!ec)
        acceptor_.listen(net::socket_base::max_listen_connections, ec);
    if (ec)
        return failure(address, ec.message());
    return {};
}

void HttpListener::accept() {
    if (accepting_ || shared_.stopping || full())
        return;
    accepting_ = true;
    net::io_context& context = next_context_();
    socket_.emplace(context);
    acceptor_.async_accept(*socket_, [this, &context](error_code ec) {
        accepting_ = false;
        if (ec == net::error::operation_aborted)
            return;
        if (ec) {
            // Most likely out of file descriptors; at once again would spin.
            log::warn("a connection was not accepted", {{"reason", ec.message()}});
            retry_.expires_after(std::chrono::milliseconds(100));
            return retry_.async_wait([this](error_code stopped) {
                if (!stopped)
                    accept();
            });
        }
        auto connection = std::make_shared<HttpConnection>(
            std::move(*socket_), shared_.tls ? shared_.tls->current() : nullptr, context, shared_);
        connection->enlist();
        net::post(context, [connection] { connection->begin(); });
        accept();
    });
}

void HttpListener::close() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
}

Error HttpListener::failure(const HttpServerOptions::Address& address, const std::string& reason) {
    return Error{
        ErrorCode::Io,
        fmt::format("server.listen: cannot listen on {}:{}: {}. Is another bridge running there? Choose another "
                    "port or stop it.",
                    address.host, address.port, reason)};
}

} // namespace sluice::app
