// Load over HTTP: the same body to one path, over several connections that are kept.
//
//     bench_http PORT PATH BODY CONNECTIONS SECONDS [RATE]
//
// BODY is a file. SECONDS 0: until standard input ends. Without RATE each connection sends its next request as soon as
// the last one is answered. With RATE so many requests a second are due in all, at fixed moments, and latency counts
// from the moment a request was due, so that a stall is not hidden. Prints: answered 200, answered 429, other answers,
// seconds, then p50, p99, p99.9 and the longest in ms.
// clang-format off
#include <utility> // asio uses it and does not say so
// clang-format on

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility> // asio uses it and does not say so
#include <vector>

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;
using Steady = std::chrono::steady_clock;

struct Load {
    unsigned short port;
    std::string path, body;
    unsigned connections;
    std::chrono::seconds length; ///< 0: until standard input ends
    double rate;                 ///< requests a second of all connections; 0: as fast as they are answered
};

struct Seen {
    std::uint64_t good = 0, throttled = 0, other = 0;
    std::vector<double> milliseconds = {};
};

Seen run_connection(const Load& load, unsigned number, Steady::time_point begun, const std::atomic<bool>& stopped) {
    Seen seen;
    boost::asio::io_context context;
    tcp::socket socket(context);
    socket.connect({boost::asio::ip::address_v4::loopback(), load.port});
    socket.set_option(tcp::no_delay(true));
    http::request<http::string_body> request{http::verb::post, load.path, 11, load.body};
    request.set(http::field::host, "127.0.0.1");
    request.prepare_payload();
    beast::flat_buffer buffer;
    const auto end = load.length.count() > 0 ? begun + load.length : Steady::time_point::max();
    for (std::uint64_t i = 0;; ++i) {
        auto due = Steady::now();
        if (load.rate > 0) {
            const double after = static_cast<double>(i * load.connections + number) / load.rate;
            due = begun + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(after));
            std::this_thread::sleep_until(due);
        }
        if (due >= end || stopped)
            return seen;
        http::write(socket, request);
        http::response<http::string_body> answer;
        http::read(socket, buffer, answer);
        seen.milliseconds.push_back(std::chrono::duration<double, std::milli>(Steady::now() - due).count());
        (answer.result_int() == 200 ? seen.good : answer.result_int() == 429 ? seen.throttled : seen.other) += 1;
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fprintf(stderr, "usage: bench_http PORT PATH BODY CONNECTIONS SECONDS [RATE]\n");
        return 2;
    }
    std::ifstream file(argv[3], std::ios::binary);
    const Load load{static_cast<unsigned short>(std::atoi(argv[1])),
                    argv[2],
                    std::string(std::istreambuf_iterator<char>(file), {}),
                    static_cast<unsigned>(std::atoi(argv[4])),
                    std::chrono::seconds(std::atoi(argv[5])),
                    argc > 6 ? std::atof(argv[6]) : 0};
    std::vector<Seen> seen(load.connections);
    std::atomic<bool> failed = false, stopped = false;
    const auto begun = Steady::now();
    {
        std::vector<std::jthread> threads;
        if (load.length.count() == 0)
            threads.emplace_back([&] {
                while (std::getchar() != EOF) {
                }
                stopped = true;
            });
        for (unsigned i = 0; i < load.connections; ++i)
            threads.emplace_back([&, i] {
                try {
                    seen[i] = run_connection(load, i, begun, stopped);
                } catch (const std::exception& problem) {
                    std::fprintf(stderr, "bench_http: %s\n", problem.what());
                    failed = true;
                }
            });
    }
    const double seconds = std::chrono::duration<double>(Steady::now() - begun).count();
    Seen all;
    for (const Seen& one : seen) {
        all.good += one.good;
        all.throttled += one.throttled;
        all.other += one.other;
        all.milliseconds.insert(all.milliseconds.end(), one.milliseconds.begin(), one.milliseconds.end());
    }
    if (failed || all.milliseconds.empty())
        return 1;
    std::sort(all.milliseconds.begin(), all.milliseconds.end());
    const auto pick = [&](double share) {
        const auto at = static_cast<std::size_t>(share * static_cast<double>(all.milliseconds.size()));
        return all.milliseconds[std::min(at, all.milliseconds.size() - 1)];
    };
    std::printf("%llu %llu %llu %.3f %.2f %.2f %.2f %.2f\n", static_cast<unsigned long long>(all.good),
                static_cast<unsigned long long>(all.throttled), static_cast<unsigned long long>(all.other), seconds,
                pick(0.5), pick(0.99), pick(0.999), all.milliseconds.back());
    return 0;
}
