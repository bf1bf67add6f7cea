#include "core/app/http_server.hpp"

#include "core/app/http_listener.hpp"
#include "core/base/log.hpp"
#include "core/base/thread.hpp"

#include <fmt/format.h>

#include <thread>

namespace sluice::app {

struct HttpServer::Impl {
    HttpShared shared;
    std::vector<std::unique_ptr<net::io_context>> contexts;
    std::vector<net::executor_work_guard<net::io_context::executor_type>> guards;
    std::vector<std::unique_ptr<HttpListener>> listeners;
    std::vector<std::uint16_t> ports;
    std::vector<std::jthread> threads;
    std::size_t next = 0; ///< on the first context's thread
    bool stopped = false;

    Impl(HttpServerOptions options, HttpHandler& handler) : shared(std::move(options), handler) {
        for (unsigned i = 0; i < std::max(1u, shared.options.io_threads); ++i) {
            contexts.push_back(std::make_unique<net::io_context>(1));
            guards.push_back(net::make_work_guard(*contexts.back()));
        }
        shared.connection_ended = [this] {
            net::post(*contexts.front(), [this] {
                for (auto& listener : listeners)
                    listener->accept();
            });
        };
    }

    Result<> open() {
        if (!shared.options.certificate.empty()) {
            SLUICE_TRY(shared.tls, TlsFiles::load(shared.options.certificate, shared.options.key));
        }
        for (const auto& address : shared.options.listen) {
            auto listener = std::make_unique<HttpListener>(*contexts.front(), shared, [this]() -> net::io_context& {
                return *contexts[next++ % contexts.size()];
            });
            SLUICE_CHECK(listener->open(address));
            ports.push_back(listener->port());
            listeners.push_back(std::move(listener));
        }
        return {};
    }

    void run() {
        for (auto& listener : listeners)
            net::post(*contexts.front(), [&listener = *listener] { listener.accept(); });
        for (std::size_t i = 0; i < contexts.size(); ++i)
            threads.emplace_back([context = contexts[i].get(), i] {
                name_this_thread(fmt::format("http/io/{}", i));
                while (true) {
                    try {
                        context->run();
                        return;
                    } catch (const std::exception& problem) {
                        log::error("the HTTP side met an exception", {{"what", problem.what()}});
                    }
                }
            });
    }

    bool stop(std::chrono::milliseconds grace) {
        if (std::exchange(stopped, true))
            return true;
        shared.stopping = true;
        net::post(*contexts.front(), [this] {
            for (auto& listener : listeners)
                listener->close();
        });
        for (const auto& connection : shared.all())
            connection->retire();
        const bool all_ended = wait_for_end(Steady::now() + grace);
        for (const auto& connection : shared.all())
            connection->cut();
        return all_ended;
    }

    bool wait_for_end(Steady::time_point deadline) {
        Lock lock(shared.mutex);
        while (!shared.connections.empty())
            if (shared.ended.wait_until(lock, deadline) == std::cv_status::timeout)
                return shared.connections.empty();
        return true;
    }
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler& handler) {
    auto impl = std::make_unique<Impl>(std::move(options), handler);
    SLUICE_CHECK(impl->open());
    impl->run();
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
    impl_->stop(std::chrono::milliseconds(0));
    // Workers whose connections were cut end by themselves; only then may the contexts that they post to go.
    impl_->wait_for_end(Steady::time_point::max());
    impl_->guards.clear();
    for (auto& context : impl_->contexts)
        context->stop();
    impl_->threads.clear();
}

std::vector<std::uint16_t> HttpServer::ports() const {
    return impl_->ports;
}

bool HttpServer::stop(std::chrono::milliseconds grace) {
    return impl_->stop(grace);
}

} // namespace sluice::app
