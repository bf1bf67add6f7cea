#include "core/data/gzip.hpp"
#include "tests/core/app/served.hpp"

#include <future>
#include <thread>

namespace sluice::app::test {
namespace {

using namespace std::chrono_literals;
using HttpServerTest = Served;

constexpr auto kQuery = R"({"db":"Harbor","csl":"GaugeReading | count"})";

TEST_F(HttpServerTest, KeepsAConnectionAcrossRequestsAndErrors) {
    RawClient client(port());
    const auto first = client.ask(post("/v2/rest/query", kQuery));
    EXPECT_EQ(first->status, 200u) << first->body;
    EXPECT_EQ(client.ask(post("/v2/rest/query", "no json"))->status, 400u);
    EXPECT_EQ(client.ask(post("/nowhere", "x"))->status, 404u);
    const auto last = client.ask(post("/v1/rest/mgmt", R"({"db":"","csl":".show tables"})"));
    EXPECT_EQ(last->status, 200u);
    EXPECT_EQ(last->header("Connection"), "keep-alive");
    EXPECT_EQ(last->header("Keep-Alive"), "timeout=120");
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsks) {
    RawClient client(port());
    EXPECT_EQ(client.ask(get("/healthz", "Connection: close\r\n"))->header("Connection"), "close");
    EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpServerTest, TakesChunkedBodiesWithoutALength) {
    const auto answer =
        ask("POST /v2/rest/query HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(kQuery, 7));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(engine.last().text, "GaugeReading | count");
}

TEST_F(HttpServerTest, TakesAChunkedGzipBodyThatArrivesInPieces) {
    const std::string body = chunked(data::gzip("a,1\nb,2\n"), 5);
    RawClient client(port());
    client.send("POST /v1/rest/ingest/Harbor/GaugeReading?streamFormat=csv HTTP/1.1\r\nHost: h\r\n");
    client.send("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char byte : body)
        client.send({&byte, 1});
    EXPECT_EQ(client.read()->status, 200u);
    EXPECT_EQ(ingested()->body, "a,1\nb,2\n");
    EXPECT_TRUE(ingested()->compressed);
}

TEST_F(HttpServerTest, InvitesAClientThatExpectsIt) {
    RawClient client(port());
    client.send("POST /v2/rest/query HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 44\r\n\r\n");
    EXPECT_EQ(client.read()->status, 100u);
    client.send(kQuery);
    EXPECT_EQ(client.read()->status, 200u);
}

TEST_F(HttpServerTest, DrainsABodyThatIsTooLargeAndStaysUsable) {
    api_options.max_command_bytes = 1000;
    RawClient client(port());
    const auto answer = client.ask(post("/v2/rest/query", std::string(3'000'000, 'x')));
    EXPECT_EQ(answer->status, 413u);
    EXPECT_NE(answer->body.find("3000000 bytes exceeds the maximum allowed size of 1000 bytes"), std::string::npos)
        << answer->body;
    EXPECT_EQ(client.ask(post("/v2/rest/query", kQuery))->status, 200u);
}

TEST_F(HttpServerTest, ClosesWhenABodyNeverEnds) {
    api_options.max_command_bytes = 1000;
    RawClient client(port());
    client.send("POST /v2/rest/query HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n");
    std::thread sender([&] {
        const std::string block(1'000'000, 'x');
        for (int i = 0; i < 80; ++i)
            client.send(block);
    });
    const auto answer = client.read();
    sender.join();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413u);
    EXPECT_EQ(answer->header("Connection"), "close");
}

TEST_F(HttpServerTest, AnswersWhatIsNoHttpAsJson) {
    RawClient client(port());
    const auto answer = client.ask("HELLO\r\n\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400u);
    EXPECT_NE(answer->body.find(R"("@permanent":true)"), std::string::npos);
    EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpServerTest, RefusesAHeadThatIsTooLarge) {
    server_options.max_header_bytes = 4096;
    RawClient client(port());
    const auto answer = client.ask(get("/healthz", "X-Long: " + std::string(5000, 'x') + "\r\n"));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400u);
    EXPECT_NE(answer->body.find("4096"), std::string::npos);
}

TEST_F(HttpServerTest, GivesUpAHeadThatDoesNotArrive) {
    server_options.header_timeout = 200ms;
    RawClient silent(port()), slow(port());
    slow.send("GET /healthz HTTP/1.1\r\nX-");
    EXPECT_TRUE(slow.closed_by_server());
    EXPECT_TRUE(silent.closed_by_server());
}

TEST_F(HttpServerTest, GivesUpABodyThatMakesNoProgress) {
    server_options.header_timeout = 200ms;
    RawClient client(port());
    client.send("POST /v2/rest/query HTTP/1.1\r\nHost: h\r\nContent-Length: 44\r\n\r\n{");
    EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpServerTest, ClosesAnIdleConnection) {
    server_options.idle_timeout = 200ms;
    RawClient client(port());
    EXPECT_EQ(client.ask(get("/healthz"))->status, 200u);
    EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpServerTest, LetsConnectionsWaitBeyondItsLimit) {
    server_options.max_connections = 1;
    auto first = std::make_unique<RawClient>(port());
    EXPECT_EQ(first->ask(get("/healthz"))->status, 200u);
    RawClient second(port());
    second.send(get("/healthz"));
    first.reset();
    EXPECT_EQ(second.read()->status, 200u);
}

TEST_F(HttpServerTest, AnswersHeadRequestsWithoutABody) {
    RawClient client(port());
    client.send("HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto head = client.read(true);
    EXPECT_EQ(head->header("Content-Length"), "3");
    EXPECT_EQ(client.ask(get("/healthz"))->body, "ok\n");
}

TEST_F(HttpServerTest, SpeaksHttp10) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 100'000));
        return answer;
    };
    RawClient client(port());
    const auto answer = client.ask("POST /v2/rest/query HTTP/1.0\r\nContent-Length: 44\r\n\r\n" + std::string(kQuery));
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->chunked);
    EXPECT_TRUE(answer->body.ends_with(R"("HasErrors":false,"Cancelled":false}])"));
}

TEST_F(HttpServerTest, StreamsALargeResultInChunks) {
    engine.on_query = [](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 1'000'000));
        return answer;
    };
    const auto answer = ask(post("/v2/rest/query", kQuery));
    EXPECT_TRUE(answer.chunked);
    EXPECT_NE(answer.body.find("[999999]]}"), std::string::npos);
    EXPECT_TRUE(answer.body.ends_with(R"("HasErrors":false,"Cancelled":false}])"));
}

TEST_F(HttpServerTest, ASlowReaderHoldsBackNobodyAndMemoryStaysBounded) {
    // Shared, because the slow query ends only with the server.
    const auto made = std::make_shared<std::atomic<std::int64_t>>(0);
    engine.on_query = [made](const engine::Request& request) {
        engine::Answer answer;
        answer.tables.push_back(request.text == "slow" ? numbers(0, 20'000'000) : numbers(0, 1));
        answer.tables.back().next = [made, inner = std::move(answer.tables.back().next)] {
            ++*made;
            return inner();
        };
        return answer;
    };
    server_options.io_threads = 1;
    RawClient slow(port());
    slow.send(post("/v2/rest/query", R"({"csl":"slow"})"));
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(ask(post("/v2/rest/query", R"({"csl":"quick"})")).status, 200u);
    // 20 million rows would be 9766 chunks; what fits into the sockets and the write-ahead is a small part of it.
    EXPECT_LT(made->load(), 4000);
    slow.close();
}

TEST_F(HttpServerTest, StopsPullingWhenTheClientIsGone) {
    std::promise<void> ended;
    auto guard = std::make_shared<int>(0);
    engine.on_query = [&, guard](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 1'000'000'000'000));
        auto on_end = std::shared_ptr<void>(nullptr, [&](void*) { ended.set_value(); });
        answer.tables.back().next = [inner = std::move(answer.tables.back().next), on_end] { return inner(); };
        return answer;
    };
    RawClient client(port());
    client.send(post("/v2/rest/query", kQuery));
    EXPECT_TRUE(client.read(true));
    client.close();
    EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(HttpServerTest, RefusesQueriesBeyondItsThreads) {
    server_options.query_threads = 1;
    std::promise<void> release;
    auto released = release.get_future().share();
    engine.on_query = [&](const engine::Request&) {
        released.wait();
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 1));
        return answer;
    };
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 12; ++i) {
        clients.push_back(std::make_unique<RawClient>(port()));
        clients.back()->send(post("/v2/rest/query", kQuery));
    }
    // The health check runs on the protocol's own threads, so it answers although every query thread is busy.
    EXPECT_EQ(ask(get("/healthz")).status, 200u);
    release.set_value();
    unsigned throttled = 0;
    for (auto& client : clients) {
        const auto answer = client->read();
        ASSERT_TRUE(answer);
        if (answer->status != 429)
            continue;
        ++throttled;
        EXPECT_NE(answer->body.find("QueryThrottledException"), std::string::npos);
        EXPECT_EQ(answer->header("Retry-After"), "1");
    }
    EXPECT_GT(throttled, 0u);
}

TEST_F(HttpServerTest, StopWaitsForARequestAndEndsIdleConnections) {
    std::promise<void> begun;
    engine.on_query = [&](const engine::Request&) {
        begun.set_value();
        std::this_thread::sleep_for(100ms);
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 1));
        return answer;
    };
    RawClient busy(port()), idle(port());
    EXPECT_EQ(idle.ask(get("/healthz"))->status, 200u);
    busy.send(post("/v2/rest/query", kQuery));
    begun.get_future().wait();
    EXPECT_TRUE(server().stop(5s));
    const auto answer = busy.read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200u);
    EXPECT_EQ(answer->header("Connection"), "close");
    EXPECT_TRUE(idle.closed_by_server());
}

TEST_F(HttpServerTest, StopCutsWhatOutlivesTheGrace) {
    engine.on_query = [&](const engine::Request&) {
        engine::Answer answer;
        answer.tables.push_back(numbers(0, 1'000'000'000'000));
        return answer;
    };
    RawClient client(port());
    client.send(post("/v2/rest/query", kQuery));
    EXPECT_TRUE(client.read(true));
    EXPECT_FALSE(server().stop(100ms));
}

TEST(HttpServerStart, SaysWhichAddressIsTaken) {
    struct Nothing final : HttpHandler {
        HttpPlan plan(const HttpRequest&) override { return {}; }
        HttpResponse refuse(const HttpRequest&, const Refused&) override { return {}; }
    } handler;
    auto first = HttpServer::start({.listen = {{"127.0.0.1", 0}}}, handler);
    ASSERT_TRUE(first);
    const auto port = (*first)->ports().front();
    auto second = HttpServer::start({.listen = {{"127.0.0.1", port}}}, handler);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find(std::to_string(port)), std::string::npos);
    EXPECT_NE(second.error().message.find("in use"), std::string::npos);
}

} // namespace
} // namespace sluice::app::test
