#pragma once

#include "core/app/http_body.hpp"
#include "core/app/http_server.hpp"
#include "core/app/http_wire.hpp"
#include "core/app/work_pool.hpp"
#include "core/base/mutex.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <map>
#include <optional>

/// One HTTP connection. Internal to the server.
namespace sluice::app {

class HttpConnection;

/// How much is read from a socket at a time while no body is expected.
constexpr std::size_t kReadBytes = 16 * 1024;

/// What all connections share.
struct HttpShared {
    HttpServerOptions options;
    HttpHandler& handler;
    WorkPool queries, commands, ingests, storage;
    std::atomic<bool> stopping = false;
    std::atomic<Bytes> held_bodies = 0;
    std::atomic<unsigned> open_connections = 0;
    std::function<void()> connection_ended; ///< lets the listeners go on
    std::unique_ptr<TlsFiles> tls;          ///< null: plain HTTP; the listeners' thread

    Mutex mutex;
    Condition ended;
    std::map<HttpConnection*, std::weak_ptr<HttpConnection>> connections SLUICE_GUARDED_BY(mutex);

    HttpShared(HttpServerOptions o, HttpHandler& h)
        : options(std::move(o)), handler(h), queries("http/query", {options.query_threads, 4}),
          commands("http/command", {options.command_threads, 64}),
          ingests("http/ingest", {options.ingest_threads, options.ingest_threads}),
          storage("http/storage", {options.storage_threads, 256}) {}

    WorkPool& pool(Lane lane) {
        switch (lane) {
        case Lane::Ingest:
            return ingests;
        case Lane::Command:
            return commands;
        case Lane::Storage:
            return storage;
        default:
            return queries;
        }
    }
    std::vector<std::shared_ptr<HttpConnection>> all() {
        std::vector<std::shared_ptr<HttpConnection>> list;
        Lock lock(mutex);
        for (const auto& [key, weak] : connections)
            if (auto connection = weak.lock())
                list.push_back(std::move(connection));
        return list;
    }
};

/// One connection and the exchange it is busy with. Lives on the thread of its io_context, except for what HttpExchange
/// promises to the worker: that goes through `mutex_` or a post.
class HttpConnection final : public HttpExchange, public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(HttpStream::socket_type&& socket, std::shared_ptr<net::ssl::context> tls, net::io_context& context,
                   HttpShared& shared)
        : shared_(shared), context_(context), stream_(std::move(socket), std::move(tls)) {
        buffer_.reserve(kReadBytes);
    }
    ~HttpConnection() override { hold_body(0); }

    void enlist();
    void begin();
    /// Ends the connection now if it waits for a request, else after the answer under way.
    void retire();
    void cut();

    // HttpExchange, called by the worker.
    void respond(HttpResponse response) override;
    void start(HttpResponse head) override;
    bool write(std::string piece) override;
    void finish() override;
    void abort() override { cut(); }
    bool client_gone() const override { return gone_; }

private:
    enum class State { Idle, Reading, Running, Writing, Closed };

    void await_request(std::chrono::milliseconds patience, Steady::time_point head_deadline = {});
    template <class Next> void read_more(std::size_t size, Next next) {
        stream_.async_read_some(buffer_.prepare(size), [self = shared_from_this(), next](error_code ec, std::size_t n) {
            if (ec)
                return self->close();
            self->buffer_.commit(n);
            next(*self);
        });
    }
    void parse_head();
    void on_head();
    /// The client waits for leave to send its body. Refused requests get it too: reading the body keeps the connection
    /// usable.
    void invite();
    void parse_body();
    /// When the next bytes of the body have to be there.
    Steady::time_point body_deadline();
    /// Watches limits while a body comes in. False: it is time to give up reading and answer.
    bool check_body();
    void refuse_body(HttpHandler::Refused refused);
    /// Accounts for `size` bytes of body; false when all connections together hold too much.
    bool hold_body(Bytes size);
    void run_plan();
    void guarded(std::function<void(HttpExchange&)>& run);
    /// Notices while a query runs that its client went away.
    void watch_client();
    void mark_gone();

    template <class Message> void fill_head(Message& message, HttpHeaders& headers);
    std::string idle_text() const;
    void send(HttpResponse response);
    void send_head(HttpResponse head);
    /// With the lock held: sees to it that write_pieces runs.
    void wake_writer(Lock&) SLUICE_REQUIRES(mutex_);
    void write_pieces();
    void write_end();
    void answered(error_code ec);
    /// Ends our side and reads what still comes, because closing a socket with unread bytes would take the answer from
    /// the client.
    void linger();
    void linger_read();
    void close();

    /// Counts the connection. Goes last of all members: once the server has seen its last connection go it may end, and
    /// with it the io_context that the stream needs to close.
    struct Membership {
        HttpShared& shared;
        HttpConnection* const self;
        Membership(HttpShared& all, HttpConnection* connection) : shared(all), self(connection) {
            ++shared.open_connections;
        }
        ~Membership() {
            --shared.open_connections;
            shared.connection_ended();
            Lock lock(shared.mutex);
            shared.connections.erase(self);
            shared.ended.notify_all();
        }
        Membership(const Membership&) = delete;
        Membership& operator=(const Membership&) = delete;
    };

    HttpShared& shared_;
    Membership membership_{shared_, this};
    net::io_context& context_;
    HttpWire stream_;
    boost::beast::flat_buffer buffer_;
    State state_ = State::Idle;

    // The request under way.
    std::optional<boost::beast::http::request_parser<CappedBody>> parser_;
    HttpPlan plan_;
    std::optional<HttpHandler::Refused> refusal_;
    Steady::time_point head_deadline_{}, body_begun_{}, drain_deadline_{}, linger_deadline_{};
    Bytes held_ = 0;
    bool keep_alive_ = false, http11_ = true, is_head_ = false, watching_ = false;

    // The answer under way.
    std::optional<boost::beast::http::response<boost::beast::http::empty_body>> continue_, head_;
    std::optional<boost::beast::http::response_serializer<boost::beast::http::empty_body>> head_serializer_;
    std::optional<boost::beast::http::response<boost::beast::http::string_body>> whole_;
    std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>> serializer_;
    std::vector<std::string> in_write_;
    Bytes in_write_bytes_ = 0;
    bool head_sent_ = false;

    // Between the worker and this thread.
    std::atomic<bool> gone_ = false, answered_ = false;
    Mutex mutex_;
    Condition sent_;
    std::vector<std::string> pieces_ SLUICE_GUARDED_BY(mutex_);
    Bytes unsent_ SLUICE_GUARDED_BY(mutex_) = 0;
    bool last_ SLUICE_GUARDED_BY(mutex_) = false;
    bool writing_now_ SLUICE_GUARDED_BY(mutex_) = false;
};

} // namespace sluice::app
