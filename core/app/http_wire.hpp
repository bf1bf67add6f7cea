#pragma once

#include "core/base/result.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

/// What carries the bytes of a connection: TCP, or TLS over it. Internal to the server.
namespace sluice::app {

namespace net = boost::asio;
using tcp = boost::asio::ip::tcp;
using boost::system::error_code;
using Steady = std::chrono::steady_clock;
using HttpStream = boost::beast::basic_stream<tcp, net::io_context::executor_type>;

/// Certificate and key, read again when their files change: connections from then on get the new ones, and with files
/// that cannot be used the old ones stay. One thread at a time.
class TlsFiles {
public:
    /// Invalid: which file is wrong, and why.
    static Result<std::unique_ptr<TlsFiles>> load(std::string certificate, std::string key);
    /// Looks at the files at most once a second.
    std::shared_ptr<net::ssl::context> current();

private:
    using Times = std::pair<std::filesystem::file_time_type, std::filesystem::file_time_type>;
    TlsFiles(std::string certificate, std::string key) : certificate_(std::move(certificate)), key_(std::move(key)) {}
    Result<std::shared_ptr<net::ssl::context>> read() const;
    Times times() const;

    const std::string certificate_, key_;
    std::shared_ptr<net::ssl::context> context_;
    Times loaded_;
    Steady::time_point next_look_{};
};

/// Reads and writes like a Beast stream, with the same time limits. Belongs to the thread of its io_context.
class HttpWire {
public:
    using executor_type = HttpStream::executor_type;

    HttpWire(HttpStream::socket_type&& socket, std::shared_ptr<net::ssl::context> tls)
        : tcp_(std::move(socket)), context_(std::move(tls)) {
        if (context_)
            tls_.emplace(tcp_, *context_);
    }

    executor_type get_executor() { return tcp_.get_executor(); }
    HttpStream::socket_type& socket() { return tcp_.socket(); }
    bool secure() const { return tls_.has_value(); }

    template <class Handler> void async_handshake(Handler handler) {
        tls_->async_handshake(net::ssl::stream_base::server, std::move(handler));
    }
    template <class Buffers, class Handler> void async_read_some(const Buffers& buffers, Handler&& handler) {
        if (tls_)
            tls_->async_read_some(buffers, std::forward<Handler>(handler));
        else
            tcp_.async_read_some(buffers, std::forward<Handler>(handler));
    }
    template <class Buffers, class Handler> void async_write_some(const Buffers& buffers, Handler&& handler) {
        if (tls_)
            tls_->async_write_some(buffers, std::forward<Handler>(handler));
        else
            tcp_.async_write_some(buffers, std::forward<Handler>(handler));
    }

    void expires_after(std::chrono::nanoseconds time) { tcp_.expires_after(time); }
    void expires_at(Steady::time_point time) { tcp_.expires_at(time); }
    void expires_never() { tcp_.expires_never(); }
    void close() { tcp_.close(); }

private:
    HttpStream tcp_;
    const std::shared_ptr<net::ssl::context> context_;
    std::optional<net::ssl::stream<HttpStream&>> tls_;
};

} // namespace sluice::app
