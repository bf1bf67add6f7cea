#include "plugins/mqtt/broker.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace sluice::mqtt {
namespace {

TEST(Broker, IsReadFromItsAddress) {
    struct Case {
        const char *uri, *host, *port;
        bool tls;
    };
    const Case cases[] = {{"tcp://localhost:1884", "localhost", "1884", false},
                          {"tcp://localhost", "localhost", "1883", false},
                          {"ssl://broker.example:8884", "broker.example", "8884", true},
                          {"mqtts://broker", "broker", "8883", true},
                          {"tcp://[::1]:1885", "::1", "1885", false},
                          {"ws://broker/mqtt", "broker", "80", false}};
    for (const auto& one : cases) {
        const Broker broker = Broker::parse(one.uri);
        EXPECT_EQ(broker.host, one.host) << one.uri;
        EXPECT_EQ(broker.port, one.port) << one.uri;
        EXPECT_EQ(broker.tls, one.tls) << one.uri;
    }
    for (const auto* uri :
         {"localhost:1883", "http://x", "tcp://", "tcp://:1883", "tcp://x:0", "tcp://x:99999", "tcp://x:y"})
        EXPECT_THROW(Broker::parse(uri), std::invalid_argument) << uri;
}

TEST(TopicFilter, WildcardsStandAlone) {
    std::string why;
    for (const auto* filter : {"a", "a/b", "+", "#", "a/+/b/#", "/", "$SYS/#"})
        EXPECT_TRUE(is_topic_filter(filter, why)) << filter;
    for (const auto* filter : {"", "a#", "#/a", "a/+b", "a+"})
        EXPECT_FALSE(is_topic_filter(filter, why)) << filter;
}

TEST(Severing, CutsTheConnectionsToTheBrokerAndNoOthers) {
    const auto listen = [](sockaddr_in& address) {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd, 4), 0);
        EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
        return fd;
    };
    const auto connect = [](const sockaddr_in& address) {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return fd;
    };
    sockaddr_in broker_address{}, other_address{};
    const int broker = listen(broker_address), other = listen(other_address);
    const int to_broker = connect(broker_address), to_other = connect(other_address);
    const Severing severing(Broker::parse("tcp://127.0.0.1:" + std::to_string(ntohs(broker_address.sin_port))));
    EXPECT_EQ(severing.sever(), 1u);
    EXPECT_EQ(::send(to_broker, "x", 1, MSG_NOSIGNAL), -1);
    EXPECT_EQ(::send(to_other, "x", 1, MSG_NOSIGNAL), 1);
    for (const int fd : {broker, other, to_broker, to_other})
        ::close(fd);
}

} // namespace
} // namespace sluice::mqtt
