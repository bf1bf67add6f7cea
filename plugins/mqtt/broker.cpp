#include "plugins/mqtt/broker.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace sluice::mqtt {

namespace {

struct Scheme {
    std::string_view name, port;
    bool tls;
};
constexpr std::array<Scheme, 6> kSchemes = {{{"tcp", "1883", false},
                                             {"mqtt", "1883", false},
                                             {"ssl", "8883", true},
                                             {"mqtts", "8883", true},
                                             {"ws", "80", false},
                                             {"wss", "443", true}}};

[[noreturn]] void refuse(std::string_view uri, std::string_view why) {
    throw std::invalid_argument("broker is \"" + std::string(uri) + "\", " + std::string(why) +
                                "; give it as tcp://host:1883 or ssl://host:8883");
}

sockaddr_in6 mapped(const sockaddr_in& v4) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = v4.sin_port;
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xFF;
    std::memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
    return v6;
}

/// Nothing of a family other than IP.
bool as_v6(const sockaddr* address, sockaddr_in6& v6) {
    if (address->sa_family == AF_INET6) {
        std::memcpy(&v6, address, sizeof v6);
        return true;
    }
    if (address->sa_family != AF_INET)
        return false;
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    v6 = mapped(v4);
    return true;
}

} // namespace

Broker Broker::parse(std::string_view uri) {
    const auto colon = uri.find("://");
    if (colon == std::string_view::npos)
        refuse(uri, "which has no scheme");
    const auto scheme = std::find_if(kSchemes.begin(), kSchemes.end(),
                                     [&](const Scheme& one) { return one.name == uri.substr(0, colon); });
    if (scheme == kSchemes.end())
        refuse(uri, "whose scheme is unknown");
    std::string_view rest = uri.substr(colon + 3);
    rest = rest.substr(0, rest.find('/'));
    Broker broker{.uri = std::string(uri), .host = {}, .port = std::string(scheme->port), .tls = scheme->tls};
    const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
    const auto port = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
    broker.host = bracket == std::string_view::npos ? rest.substr(0, port) : rest.substr(1, bracket - 1);
    if (port != std::string_view::npos)
        broker.port = rest.substr(port + 1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(broker.port.data(), broker.port.data() + broker.port.size(), number);
    if (broker.host.empty())
        refuse(uri, "which names no host");
    if (error != std::errc() || end != broker.port.data() + broker.port.size() || number == 0 || number > 65'535)
        refuse(uri, "whose port is not a number from 1 to 65535");
    return broker;
}

Severing::Severing(const Broker& broker) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(broker.host.c_str(), broker.port.c_str(), &wanted, &found) != 0)
        return;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
        if (sockaddr_in6 v6{}; as_v6(one->ai_addr, v6))
            addresses_.push_back(v6);
    ::freeaddrinfo(found);
}

std::size_t Severing::sever() const {
    std::size_t severed = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
        const std::string name = entry.path().filename().string();
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        sockaddr_in6 v6{};
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
            !as_v6(reinterpret_cast<const sockaddr*>(&peer), v6))
            continue;
        const bool is_broker = std::any_of(addresses_.begin(), addresses_.end(), [&](const sockaddr_in6& one) {
            return one.sin6_port == v6.sin6_port &&
                   std::memcmp(&one.sin6_addr, &v6.sin6_addr, sizeof one.sin6_addr) == 0;
        });
        if (is_broker && ::shutdown(fd, SHUT_RDWR) == 0)
            ++severed;
    }
    return severed;
}

bool is_topic_filter(std::string_view filter, std::string& why) {
    if (filter.empty() || filter.size() > 65'535) {
        why = filter.empty() ? "it is empty" : "it is longer than 65535 bytes";
        return false;
    }
    if (filter.find('\0') != std::string_view::npos) {
        why = "it holds a zero byte";
        return false;
    }
    for (std::string_view rest = filter;;) {
        const auto slash = rest.find('/');
        const std::string_view level = rest.substr(0, slash);
        const bool is_last = slash == std::string_view::npos;
        if (level.find('#') != std::string_view::npos && (level != "#" || !is_last)) {
            why = "'#' may only be the whole last level";
            return false;
        }
        if (level.find('+') != std::string_view::npos && level != "+") {
            why = "'+' may only be a whole level";
            return false;
        }
        if (is_last)
            return true;
        rest.remove_prefix(slash + 1);
    }
}

} // namespace sluice::mqtt
