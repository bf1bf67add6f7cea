#pragma once

#include <netinet/in.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::mqtt {

/// The address of a broker, `scheme://host:port`.
struct Broker {
    std::string uri;
    std::string host;
    std::string port;
    bool tls = false;

    /// Throws std::invalid_argument with what is wrong and what would be right.
    static Broker parse(std::string_view uri);
};

/// Cuts connections to a broker hard, so that nothing more can be written to them. Thread-safe.
///
/// The MQTT library acknowledges each message when its callback returns, whatever happened in it, and offers no way to
/// say no. What it can be denied is the socket: with that gone the acknowledgement fails, and the broker delivers the
/// message again.
class Severing {
public:
    /// The addresses the broker has now. Blocks while the name is looked up; an unknown name leaves none.
    explicit Severing(const Broker& broker);

    /// Shuts down every socket of this process that is connected to the broker; other sessions there simply reconnect.
    /// Answers how many there were.
    std::size_t sever() const;

private:
    std::vector<sockaddr_in6> addresses_; ///< IPv4 as mapped addresses
};

/// Whether it may be subscribed to; if not, `why` says what is wrong.
bool is_topic_filter(std::string_view filter, std::string& why);

} // namespace sluice::mqtt
