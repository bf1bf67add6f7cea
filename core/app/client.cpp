#include "core/app/client.hpp"

#include "core/app/version.hpp"
#include "core/base/mutex.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>

namespace sluice::app {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;
using boost::system::error_code;

/// Steps in which a body is sent, so that progress can be shown.
constexpr std::size_t kSendBytes = 256 * 1024;

} // namespace

std::string ServerAddress::url() const {
    return fmt::format("http://{}:{}{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port,
                       base_path);
}

Result<ServerAddress> parse_server(std::string_view url) {
    const auto wrong = [&](std::string_view why) {
        return Error{ErrorCode::Invalid,
                     fmt::format("the server's address '{}' {}; it looks like http://127.0.0.1:8080", url, why)};
    };
    std::string_view rest = url;
    if (rest.starts_with("https://"))
        return wrong("begins with https, which this program does not speak to servers");
    if (rest.starts_with("http://"))
        rest.remove_prefix(7);
    else if (rest.find("://") != std::string_view::npos)
        return wrong("does not begin with http://");
    ServerAddress address;
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    address.base_path = rest.substr(slash);
    while (address.base_path.ends_with('/'))
        address.base_path.pop_back();
    rest = rest.substr(0, slash);
    const std::size_t bracket = rest.find(']');
    const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
    address.host = rest.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']'))
        address.host = address.host.substr(1, address.host.size() - 2);
    address.port = colon == std::string_view::npos ? "80" : std::string(rest.substr(colon + 1));
    if (address.host.empty())
        return wrong("has no host");
    if (address.port.empty() || address.port.find_first_not_of("0123456789") != std::string::npos)
        return wrong("has no number behind the colon");
    return address;
}

struct HttpClient::Impl {
    ServerAddress server;
    net::io_context context{1};
    std::optional<tcp::socket> socket;
    Mutex mutex;
    int descriptor SLUICE_GUARDED_BY(mutex) = -1; ///< of the socket while an answer is waited for

    Error unreachable(std::string_view why) const {
        return Error{
            ErrorCode::Unavailable,
            fmt::format(
                "cannot reach the bridge at {}: {}. Start it with 'sluice run --config FILE', or name another with "
                "--server or SLUICE_SERVER.",
                server.url(), why)};
    }

    Result<> connect() {
        error_code ec;
        tcp::resolver resolver(context);
        const auto found = resolver.resolve(server.host, server.port, ec);
        if (ec)
            return unreachable(ec.message());
        socket.emplace(context);
        net::connect(*socket, found, ec);
        if (ec) {
            socket.reset();
            return unreachable(ec.message());
        }
        return {};
    }

    void may_be_aborted(int waits_on) {
        Lock lock(mutex);
        descriptor = waits_on;
    }

    http::request<http::empty_body> head(http::verb verb, const std::string& path, const HttpHeaders& headers) const {
        http::request<http::empty_body> request(verb, server.base_path + path, 11);
        request.set(http::field::host, fmt::format("{}:{}", server.host, server.port));
        request.set("x-ms-app", "sluice");
        request.set("x-ms-client-version", fmt::format("sluice:{}", kVersion));
        // Not an option: what stands on a command line, everybody on the machine can read.
        if (const char* token = std::getenv("SLUICE_TOKEN"); token && *token)
            request.set(http::field::authorization, fmt::format("Bearer {}", token));
        for (const HttpHeader& header : headers)
            request.set(header.name, header.value);
        return request;
    }

    error_code exchange(http::request<http::empty_body>& request, std::string_view body, const Progress& progress,
                        http::response<http::string_body>& response) {
        error_code ec;
        http::request_serializer<http::empty_body> serializer(request);
        http::write_header(*socket, serializer, ec);
        for (std::size_t sent = 0; !ec && sent < body.size();) {
            const std::string_view piece = body.substr(sent, kSendBytes);
            sent += net::write(*socket, net::buffer(piece.data(), piece.size()), ec);
            if (progress)
                progress(sent);
        }
        // A server that refuses a long body answers before it has read all of it.
        beast::flat_buffer buffer;
        http::response_parser<http::string_body> parser;
        parser.body_limit(std::numeric_limits<std::uint64_t>::max());
        ec = {};
        http::read(*socket, buffer, parser, ec);
        response = parser.release();
        return ec;
    }

    Result<HttpResponse> run(http::verb verb, const std::string& path, std::string_view body,
                             const HttpHeaders& headers, const Progress& progress) {
        auto request = head(verb, path, headers);
        if (verb == http::verb::post)
            request.content_length(body.size());
        if (!socket)
            SLUICE_CHECK(connect());
        http::response<http::string_body> answer;
        may_be_aborted(socket->native_handle());
        const error_code ec = exchange(request, body, progress, answer);
        may_be_aborted(-1);
        if (ec) {
            socket.reset();
            return unreachable(fmt::format("the connection broke ({})", ec.message()));
        }
        if (!answer.keep_alive())
            socket.reset();
        HttpResponse response;
        response.status = answer.result_int();
        for (const auto& field : answer)
            response.headers.push_back({std::string(field.name_string()), std::string(field.value())});
        response.body = std::move(answer.body());
        return response;
    }
};

HttpClient::HttpClient(ServerAddress server) : impl_(std::make_unique<Impl>()) {
    impl_->server = std::move(server);
}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::post(const std::string& path, std::string_view body, const HttpHeaders& headers,
                                      const Progress& progress) {
    return impl_->run(http::verb::post, path, body, headers, progress);
}

Result<HttpResponse> HttpClient::get(const std::string& path) {
    return impl_->run(http::verb::get, path, {}, {}, {});
}

void HttpClient::abort() {
    Lock lock(impl_->mutex);
    if (impl_->descriptor >= 0)
        ::shutdown(impl_->descriptor, SHUT_RDWR);
}

} // namespace sluice::app
