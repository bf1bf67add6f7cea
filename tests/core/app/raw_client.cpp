#include "tests/core/app/raw_client.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace sluice::app::test {
namespace {

constexpr int kPatienceMs = 10'000;

} // namespace

RawClient::RawClient(std::uint16_t port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        close();
}

RawClient::~RawClient() {
    close();
}

void RawClient::close() {
    if (socket_ >= 0)
        ::close(socket_);
    socket_ = -1;
}

void RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

bool RawClient::fill() {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) <= 0)
        return false;
    char bytes[64 * 1024];
    const auto got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0)
        return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
}

bool RawClient::take_until(std::string_view mark, std::string& out) {
    std::size_t end;
    while ((end = buffer_.find(mark)) == std::string::npos)
        if (!fill())
            return false;
    out = buffer_.substr(0, end);
    buffer_.erase(0, end + mark.size());
    return true;
}

bool RawClient::take(std::size_t size, std::string& out) {
    while (buffer_.size() < size)
        if (!fill())
            return false;
    out.append(buffer_, 0, size);
    buffer_.erase(0, size);
    return true;
}

std::optional<RawAnswer> RawClient::read(bool head_only) {
    std::string head;
    if (!take_until("\r\n\r\n", head))
        return std::nullopt;
    RawAnswer answer;
    answer.status = static_cast<unsigned>(std::atoi(head.c_str() + std::min<std::size_t>(head.size(), 9)));
    for (std::size_t at = head.find("\r\n"); at != std::string::npos;) {
        const std::size_t begin = at + 2, end = std::min(head.find("\r\n", begin), head.size());
        const std::size_t colon = head.find(": ", begin);
        answer.headers.push_back({head.substr(begin, colon - begin), head.substr(colon + 2, end - colon - 2)});
        at = end == head.size() ? std::string::npos : end;
    }
    if (head_only || answer.status == 100 || answer.status == 204)
        return answer;
    answer.chunked = answer.header("Transfer-Encoding") == "chunked";
    if (!answer.chunked) {
        const std::string length(answer.header("Content-Length"));
        if (length.empty()) { // until the connection ends
            while (fill()) {
            }
            answer.body.swap(buffer_);
            return answer;
        }
        return take(std::strtoull(length.c_str(), nullptr, 10), answer.body) ? std::optional(answer) : std::nullopt;
    }
    while (true) {
        std::string size, rest;
        if (!take_until("\r\n", size))
            return std::nullopt;
        const auto bytes = std::strtoull(size.c_str(), nullptr, 16);
        if (!take(bytes, answer.body) || !take_until("\r\n", rest))
            return std::nullopt;
        if (bytes == 0)
            return answer;
    }
}

bool RawClient::closed_by_server() {
    pollfd waiting{socket_, POLLIN, 0};
    char byte;
    return buffer_.empty() && ::poll(&waiting, 1, kPatienceMs) > 0 && ::recv(socket_, &byte, 1, 0) <= 0;
}

std::string post(std::string_view path, std::string_view body, std::string_view head) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{}\r\n{}", path, body.size(), head,
                       body);
}

std::string get(std::string_view path, std::string_view head) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, head);
}

std::string chunked(std::string_view body, std::size_t size) {
    std::string out;
    while (!body.empty()) {
        const std::string_view piece = body.substr(0, size);
        out += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
        body.remove_prefix(piece.size());
    }
    return out + "0\r\n\r\n";
}

} // namespace sluice::app::test
