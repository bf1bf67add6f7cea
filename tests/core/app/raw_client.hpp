#pragma once

#include "core/app/http_types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::app::test {

struct RawAnswer {
    unsigned status = 0;
    HttpHeaders headers;
    std::string body; ///< transfer coding removed
    bool chunked = false;

    std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

/// A client that sends exactly the bytes it is given. Reads give up after ten seconds.
class RawClient {
public:
    explicit RawClient(std::uint16_t port);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void send(std::string_view bytes);
    /// The next answer; nothing when the server closed the connection or nothing came.
    std::optional<RawAnswer> read(bool head_only = false);
    /// The server closes the connection without another byte.
    bool closed_by_server();
    /// Ends our side of the connection.
    void close();

    std::optional<RawAnswer> ask(std::string_view bytes) {
        send(bytes);
        return read();
    }

private:
    bool fill();
    bool take_until(std::string_view mark, std::string& out);
    bool take(std::size_t size, std::string& out);

    int socket_ = -1;
    std::string buffer_;
};

/// "POST path HTTP/1.1" with a length and further head lines ("Name: value\r\n"...).
std::string post(std::string_view path, std::string_view body, std::string_view head = {});
std::string get(std::string_view path, std::string_view head = {});
/// `body` cut into chunks of the chunked transfer coding.
std::string chunked(std::string_view body, std::size_t size);

} // namespace sluice::app::test
