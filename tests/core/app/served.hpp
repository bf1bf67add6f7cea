#pragma once

#include "core/app/http_api.hpp"
#include "core/app/http_server.hpp"
#include "core/base/mutex.hpp"
#include "tests/core/app/fake_engine.hpp"
#include "tests/core/app/raw_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace sluice::app::test {

/// The real server on a free port, with a fake engine and a fake streaming path behind it.
class Served : public ::testing::Test {
protected:
    HttpServerOptions server_options{.listen = {{"127.0.0.1", 0}}};
    HttpApiOptions api_options;
    FakeEngine engine;
    std::atomic<bool> is_ready = true;
    std::atomic<unsigned> places = 12;
    std::function<Result<ingest::StreamReply>(const ingest::StreamRequest&)> on_ingest;
    Bytes max_request = 4_MiB;

    /// Starts the server on first use.
    std::uint16_t port() {
        if (!server_) {
            api_options.ready = [this] { return is_ready.load(); };
            api_options.status_json = [] { return std::string(R"({"version":"1"})"); };
            api_ = std::make_unique<HttpApi>(engine, intake(), api_options);
            auto started = HttpServer::start(server_options, *api_);
            EXPECT_TRUE(started) << started.error().message;
            server_ = std::move(*started);
        }
        return server_->ports().front();
    }
    HttpServer& server() {
        port();
        return *server_;
    }

    RawAnswer ask(std::string_view bytes) {
        RawClient client(port());
        auto answer = client.ask(bytes);
        EXPECT_TRUE(answer) << "no answer to " << bytes.substr(0, 200);
        return answer.value_or(RawAnswer());
    }

    struct Ingested {
        std::string database, table, format, mapping, body;
        bool compressed = false;
    };
    std::optional<Ingested> ingested() const {
        Lock lock(mutex_);
        return ingested_;
    }

private:
    StreamIntake intake() {
        StreamIntake made;
        made.ingest = [this](const ingest::StreamRequest& request) -> Result<ingest::StreamReply> {
            {
                Lock lock(mutex_);
                ingested_ =
                    Ingested{request.database,          request.table,     request.stream_format, request.mapping_name,
                             std::string(request.body), request.compressed};
            }
            if (on_ingest)
                return on_ingest(request);
            return ingest::StreamReply{.consumed_records = 3};
        };
        made.admit = [this]() -> std::shared_ptr<void> {
            unsigned left = places;
            while (left > 0)
                if (places.compare_exchange_weak(left, left - 1))
                    return std::shared_ptr<void>(this, [this](void*) { ++places; });
            return nullptr;
        };
        made.max_request_bytes = max_request;
        made.knows_table = [](std::string_view database, std::string_view table) {
            return database == "Harbor" && (table == "GaugeReading" || table == "Gauge Reading");
        };
        made.default_database = [] { return std::string("Harbor"); };
        return made;
    }

    mutable Mutex mutex_;
    std::optional<Ingested> ingested_;
    std::unique_ptr<HttpApi> api_;
    std::unique_ptr<HttpServer> server_;
};

} // namespace sluice::app::test
