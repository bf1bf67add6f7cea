#include "core/app/http_server.hpp"

#include "core/app/work_pool.hpp"
#include "core/base/log.hpp"
#include "core/base/mutex.hpp"
#include "core/base/thread.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include <atomic>
#include <limits>
#include <map>
#include <optional>
#include <thread>

namespace sluice::app {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace net = boost::asio;
using tcp = boost::asio::ip::tcp;
using boost::system::error_code;
using Steady = std::chrono::steady_clock;
using Stream = beast::basic_stream<tcp, net::io_context::executor_type>;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kBodyReadBytes = 64 * 1024;
/// A body over its limit is read to the end, so that the client gets to read the answer (rest-api 9.4), but not for
/// ever.
constexpr Bytes kDrainBytes = 64_MiB;
constexpr auto kDrainTime = std::chrono::seconds(10);
/// How much of an answer may wait for a slow client before its maker waits too.
constexpr Bytes kWriteAhead = 1_MiB;
/// How long a connection that we end may take to notice.
constexpr auto kLinger = std::chrono::seconds(2);
/// Bodies up to here are not counted against the memory for bodies.
constexpr Bytes kSmallBody = 64_KiB;

/// A body of which only the first `keep` bytes are kept; the rest is counted.
struct CappedBody {
    struct value_type {
        std::string bytes;
        Bytes keep = 0, received = 0;
    };
    class reader {
    public:
        template <bool IsRequest, class Fields>
        reader(http::header<IsRequest, Fields>&, value_type& value) : value_(value) {}
        void init(const boost::optional<std::uint64_t>& length, error_code& ec) {
            ec = {};
            if (length && *length <= value_.keep)
                value_.bytes.reserve(static_cast<std::size_t>(std::min<Bytes>(*length, kDrainBytes)));
        }
        template <class Buffers> std::size_t put(const Buffers& buffers, error_code& ec) {
            ec = {};
            std::size_t taken = 0;
            for (auto it = net::buffer_sequence_begin(buffers); it != net::buffer_sequence_end(buffers); ++it) {
                const net::const_buffer buffer(*it);
                const Bytes room = value_.keep > value_.bytes.size() ? value_.keep - value_.bytes.size() : 0;
                value_.bytes.append(static_cast<const char*>(buffer.data()),
                                    static_cast<std::size_t>(std::min<Bytes>(buffer.size(), room)));
                taken += buffer.size();
            }
            value_.received += taken;
            return taken;
        }
        void finish(error_code& ec) { ec = {}; }

    private:
        value_type& value_;
    };
};

class Connection;

/// What all connections share.
struct Shared {
    HttpServerOptions options;
    HttpHandler& handler;
    WorkPool queries, commands, ingests;
    std::atomic<bool> stopping = false;
    std::atomic<Bytes> held_bodies = 0;
    std::atomic<unsigned> open_connections = 0;
    std::function<void()> connection_ended; ///< lets the listeners go on

    Mutex mutex;
    Condition ended;
    std::map<Connection*, std::weak_ptr<Connection>> connections SLUICE_GUARDED_BY(mutex);

    Shared(HttpServerOptions o, HttpHandler& h)
        : options(std::move(o)), handler(h), queries("http/query", {options.query_threads, 4}),
          commands("http/command", {options.command_threads, 64}),
          ingests("http/ingest", {options.ingest_threads, options.ingest_threads}) {}

    WorkPool& pool(Lane lane) { return lane == Lane::Ingest ? ingests : lane == Lane::Command ? commands : queries; }
    std::vector<std::shared_ptr<Connection>> all() {
        std::vector<std::shared_ptr<Connection>> list;
        Lock lock(mutex);
        for (const auto& [key, weak] : connections)
            if (auto connection = weak.lock())
                list.push_back(std::move(connection));
        return list;
    }
};

/// One connection and the exchange it is busy with. Lives on the thread of its io_context, except for what HttpExchange
/// promises to the worker: that goes through `mutex_` or a post.
class Connection final : public HttpExchange, public std::enable_shared_from_this<Connection> {
public:
    Connection(Stream::socket_type&& socket, net::io_context& context, Shared& shared)
        : shared_(shared), context_(context), stream_(std::move(socket)) {
        buffer_.reserve(kReadBytes);
    }
    ~Connection() override { hold_body(0); }

    void enlist() {
        Lock lock(shared_.mutex);
        shared_.connections.emplace(this, weak_from_this());
    }

    void begin() {
        error_code ignored;
        stream_.socket().set_option(tcp::no_delay(true), ignored);
        // A client that never sends a first head holds a place as briefly as one that stops in the middle of one.
        await_request(shared_.options.header_timeout, Steady::now() + shared_.options.header_timeout);
    }

    /// Ends the connection now if it waits for a request, else after the answer under way.
    void retire() {
        net::post(context_, [self = shared_from_this()] {
            if (self->state_ == State::Idle)
                self->close();
        });
    }
    void cut() {
        net::post(context_, [self = shared_from_this()] { self->close(); });
    }

    // HttpExchange, called by the worker.
    void respond(HttpResponse response) override {
        answered_ = true;
        net::dispatch(context_, [self = shared_from_this(), response = std::move(response)]() mutable {
            self->send(std::move(response));
        });
    }
    void start(HttpResponse head) override {
        answered_ = true;
        net::dispatch(context_, [self = shared_from_this(), head = std::move(head)]() mutable {
            self->send_head(std::move(head));
        });
    }
    bool write(std::string piece) override {
        if (piece.empty())
            return !gone_;
        Lock lock(mutex_);
        while (!gone_ && unsent_ > kWriteAhead)
            sent_.wait(lock);
        if (gone_)
            return false;
        unsent_ += piece.size();
        pieces_.push_back(std::move(piece));
        wake_writer(lock);
        return true;
    }
    void finish() override {
        Lock lock(mutex_);
        last_ = true;
        wake_writer(lock);
    }
    void abort() override { cut(); }
    bool client_gone() const override { return gone_; }

private:
    enum class State { Idle, Reading, Running, Writing, Closed };

    void await_request(std::chrono::milliseconds patience, Steady::time_point head_deadline = {}) {
        state_ = State::Idle;
        head_deadline_ = head_deadline;
        request = {};
        parser_.emplace();
        parser_->header_limit(static_cast<std::uint32_t>(shared_.options.max_header_bytes));
        // CappedBody has its own limits.
        parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
        if (buffer_.size() > 0)
            return parse_head();
        if (shared_.stopping)
            return close();
        if (buffer_.capacity() > kReadBytes) {
            buffer_ = beast::flat_buffer();
            buffer_.reserve(kReadBytes);
        }
        stream_.expires_after(patience);
        read_more(kReadBytes, [](Connection& self) { self.parse_head(); });
    }

    template <class Next> void read_more(std::size_t size, Next next) {
        stream_.async_read_some(buffer_.prepare(size), [self = shared_from_this(), next](error_code ec, std::size_t n) {
            if (ec)
                return self->close();
            self->buffer_.commit(n);
            next(*self);
        });
    }

    void parse_head() {
        state_ = State::Reading;
        error_code ec;
        const std::size_t used = parser_->put(buffer_.data(), ec);
        buffer_.consume(used);
        if (ec == http::error::need_more) {
            // The whole head has one span of time, however many packets it comes in.
            if (head_deadline_ == Steady::time_point{})
                head_deadline_ = Steady::now() + shared_.options.header_timeout;
            stream_.expires_at(head_deadline_);
            return read_more(kReadBytes, [](Connection& self) { self.parse_head(); });
        }
        if (ec) {
            keep_alive_ = false;
            return send(shared_.handler.refuse(
                request, {.why = ec == http::error::header_limit ? Refusal::HeadTooLarge : Refusal::Malformed,
                          .limit = shared_.options.max_header_bytes,
                          .detail = ec.message()}));
        }
        on_head();
    }

    void on_head() {
        const auto& head = parser_->get();
        request.method.assign(head.method_string().data(), head.method_string().size());
        request.target.assign(head.target().data(), head.target().size());
        for (const auto& field : head)
            request.headers.push_back({std::string(field.name_string().data(), field.name_string().size()),
                                       std::string(field.value().data(), field.value().size())});
        keep_alive_ = head.keep_alive();
        http11_ = head.version() >= 11;
        is_head_ = head.method() == http::verb::head;
        plan_ = shared_.handler.plan(request);
        auto& body = parser_->get().body();
        body.keep = plan_.discard_body ? 0 : plan_.max_body;
        refusal_.reset();
        drain_deadline_ = {};
        parser_->eager(true);
        if (!parser_->is_done() && buffer_.size() == 0 && beast::iequals(head[http::field::expect], "100-continue"))
            return invite();
        parse_body();
    }

    /// The client waits for leave to send its body. Refused requests get it too: reading the body keeps the connection
    /// usable.
    void invite() {
        continue_.emplace(http::status::continue_, 11);
        stream_.expires_after(shared_.options.idle_timeout);
        http::async_write(stream_, *continue_, [self = shared_from_this()](error_code ec, std::size_t) {
            if (ec)
                return self->close();
            self->parse_body();
        });
    }

    void parse_body() {
        while (!parser_->is_done()) {
            error_code ec = http::error::need_more;
            if (buffer_.size() > 0) {
                ec = {};
                const std::size_t used = parser_->put(buffer_.data(), ec);
                buffer_.consume(used);
                if (!ec && used == 0 && !parser_->is_done())
                    ec = http::error::need_more;
            }
            if (ec == http::error::need_more) {
                if (!check_body())
                    return run_plan();
                stream_.expires_after(shared_.options.header_timeout);
                return read_more(kBodyReadBytes, [](Connection& self) { self.parse_body(); });
            }
            if (ec) {
                keep_alive_ = false;
                return send(shared_.handler.refuse(request, {.why = Refusal::Malformed, .detail = ec.message()}));
            }
        }
        check_body();
        run_plan();
    }

    /// Watches limits while a body comes in. False: it is time to give up reading and answer.
    bool check_body() {
        auto& body = parser_->get().body();
        if (!plan_.discard_body && body.received > plan_.max_body && !refusal_)
            refuse_body({.why = Refusal::BodyTooLarge, .lane = plan_.lane, .limit = plan_.max_body});
        if (!refusal_ && plan_.lane != Lane::Ingest && body.bytes.size() > kSmallBody &&
            !hold_body(std::max<Bytes>(body.bytes.capacity(), body.bytes.size())))
            refuse_body({.why = Refusal::OutOfMemory, .lane = plan_.lane, .limit = shared_.options.max_held_bodies});
        if (parser_->is_done() || body.keep > 0)
            return true;
        if (drain_deadline_ == Steady::time_point{})
            drain_deadline_ = Steady::now() + kDrainTime;
        if (body.received <= kDrainBytes && Steady::now() < drain_deadline_)
            return true;
        keep_alive_ = false;
        return false;
    }

    void refuse_body(HttpHandler::Refused refused) {
        refusal_ = refused;
        auto& body = parser_->get().body();
        body.keep = 0;
        body.bytes = {};
        hold_body(0);
    }

    /// Accounts for `size` bytes of body; false when all connections together hold too much.
    bool hold_body(Bytes size) {
        const Bytes before = std::exchange(held_, size);
        const Bytes total = shared_.held_bodies.fetch_add(size - before) + size - before;
        return size <= before || total <= shared_.options.max_held_bodies;
    }

    void run_plan() {
        state_ = State::Running;
        stream_.expires_never();
        auto& body = parser_->get().body();
        if (refusal_) {
            refusal_->received = body.received;
            return send(shared_.handler.refuse(request, *refusal_));
        }
        request.body = std::move(body.bytes);
        {
            Lock lock(mutex_);
            pieces_.clear();
            unsent_ = 0;
            last_ = false;
            head_sent_ = false;
            answered_ = false;
        }
        auto work = [self = shared_from_this(), run = std::move(plan_.run)]() mutable { self->guarded(run); };
        plan_.run = nullptr;
        if (plan_.lane == Lane::Inline)
            return work();
        if (plan_.lane == Lane::Query)
            watch_client();
        if (!shared_.pool(plan_.lane).submit(std::move(work)))
            send(shared_.handler.refuse(
                request, {.why = Refusal::Busy, .lane = plan_.lane, .limit = shared_.options.query_threads}));
    }

    void guarded(std::function<void(HttpExchange&)>& run) {
        try {
            run(*this);
        } catch (const std::exception& problem) {
            log::error("a request failed with an exception", {{"what", problem.what()}});
            if (answered_)
                return abort();
            respond(shared_.handler.refuse(request,
                                           {.why = Refusal::Failed, .lane = Lane::Inline, .detail = problem.what()}));
        }
    }

    /// Notices while a query runs that its client went away.
    void watch_client() {
        if (watching_)
            return;
        watching_ = true;
        stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code ec) {
            self->watching_ = false;
            if (ec || self->state_ == State::Idle || self->state_ == State::Reading)
                return;
            char byte;
            if (::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
                self->mark_gone();
        });
    }

    void mark_gone() {
        Lock lock(mutex_);
        gone_ = true;
        sent_.notify_all();
    }

    template <class Message> void fill_head(Message& message, HttpHeaders& headers) {
        message.version(11);
        if (shared_.stopping)
            keep_alive_ = false;
        for (auto& header : headers)
            message.insert(header.name, header.value);
        message.set(http::field::server, "sluice");
        message.keep_alive(keep_alive_);
        if (keep_alive_) {
            message.set(http::field::connection, "keep-alive");
            message.set("Keep-Alive", idle_text());
        }
    }

    std::string idle_text() const {
        return fmt::format("timeout={}",
                           std::chrono::duration_cast<std::chrono::seconds>(shared_.options.idle_timeout).count());
    }

    void send(HttpResponse response) {
        if (state_ == State::Closed)
            return;
        state_ = State::Writing;
        answered_ = true;
        whole_.emplace();
        whole_->result(response.status);
        fill_head(*whole_, response.headers);
        const bool no_body = response.status == 204;
        if (!no_body)
            whole_->content_length(response.body.size());
        if (!is_head_ && !no_body)
            whole_->body() = std::move(response.body);
        stream_.expires_after(shared_.options.idle_timeout);
        serializer_.emplace(*whole_);
        const auto done = [self = shared_from_this()](error_code ec, std::size_t) { self->answered(ec); };
        if (is_head_)
            http::async_write_header(stream_, *serializer_, done);
        else
            http::async_write(stream_, *serializer_, done);
    }

    void send_head(HttpResponse head) {
        if (state_ == State::Closed)
            return;
        state_ = State::Writing;
        answered_ = true;
        if (!http11_)
            keep_alive_ = false;
        head_.emplace();
        head_->result(head.status);
        fill_head(*head_, head.headers);
        if (http11_)
            head_->chunked(true);
        head_serializer_.emplace(*head_);
        stream_.expires_after(shared_.options.idle_timeout);
        {
            Lock lock(mutex_);
            writing_now_ = true;
            if (!head.body.empty()) {
                unsent_ += head.body.size();
                pieces_.insert(pieces_.begin(), std::move(head.body));
            }
        }
        http::async_write_header(stream_, *head_serializer_, [self = shared_from_this()](error_code ec, std::size_t) {
            if (ec)
                return self->close();
            self->head_sent_ = true;
            self->write_pieces();
        });
    }

    /// With the lock held: sees to it that write_pieces runs.
    void wake_writer(Lock&) SLUICE_REQUIRES(mutex_) {
        if (writing_now_)
            return;
        writing_now_ = true;
        net::post(context_, [self = shared_from_this()] {
            if (self->head_sent_)
                self->write_pieces();
        });
    }

    void write_pieces() {
        bool last = false;
        {
            Lock lock(mutex_);
            unsent_ -= std::min<Bytes>(unsent_, in_write_bytes_);
            in_write_bytes_ = 0;
            in_write_ = std::move(pieces_);
            pieces_.clear();
            for (const std::string& piece : in_write_)
                in_write_bytes_ += piece.size();
            last = last_;
            if (in_write_.empty() && !last)
                writing_now_ = false;
            sent_.notify_all();
        }
        if (state_ == State::Closed || (in_write_.empty() && !last))
            return;
        stream_.expires_after(shared_.options.idle_timeout);
        std::vector<net::const_buffer> buffers;
        for (const std::string& piece : in_write_)
            buffers.push_back(net::buffer(piece));
        if (buffers.empty())
            return write_end();
        const auto done = [self = shared_from_this()](error_code ec, std::size_t) {
            if (ec)
                return self->close();
            self->write_pieces();
        };
        if (http11_)
            net::async_write(stream_, http::make_chunk(std::move(buffers)), done);
        else
            net::async_write(stream_, std::move(buffers), done);
    }

    void write_end() {
        const auto done = [self = shared_from_this()](error_code ec, std::size_t) {
            {
                Lock lock(self->mutex_);
                self->writing_now_ = false;
                self->last_ = false;
            }
            self->answered(ec);
        };
        if (http11_)
            net::async_write(stream_, http::make_chunk_last(), done);
        else
            done({}, 0);
    }

    void answered(error_code ec) {
        hold_body(0);
        serializer_.reset();
        whole_.reset();
        head_serializer_.reset();
        head_.reset();
        head_sent_ = false;
        if (ec)
            return close();
        if (!keep_alive_)
            return linger();
        await_request(shared_.options.idle_timeout);
    }

    /// Ends our side and reads what still comes, because closing a socket with unread bytes would take the answer from
    /// the client.
    void linger() {
        error_code ignored;
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        stream_.expires_after(kLinger);
        linger_deadline_ = Steady::now() + kLinger;
        linger_read();
    }
    void linger_read() {
        buffer_.clear();
        stream_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](error_code ec, std::size_t) {
            if (ec || Steady::now() > self->linger_deadline_)
                return self->close();
            self->linger_read();
        });
    }

    void close() {
        state_ = State::Closed;
        mark_gone();
        stream_.close();
    }

    /// Counts the connection. Goes last of all members: once the server has seen its last connection go it may end, and with it
    /// the io_context that the stream needs to close.
    struct Membership {
        Shared& shared;
        Connection* const self;
        Membership(Shared& all, Connection* connection) : shared(all), self(connection) { ++shared.open_connections; }
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

    Shared& shared_;
    Membership membership_{shared_, this};
    net::io_context& context_;
    Stream stream_;
    beast::flat_buffer buffer_;
    State state_ = State::Idle;

    // The request under way.
    std::optional<http::request_parser<CappedBody>> parser_;
    HttpPlan plan_;
    std::optional<HttpHandler::Refused> refusal_;
    Steady::time_point head_deadline_{}, drain_deadline_{}, linger_deadline_{};
    Bytes held_ = 0;
    bool keep_alive_ = false, http11_ = true, is_head_ = false, watching_ = false;

    // The answer under way.
    std::optional<http::response<http::empty_body>> continue_, head_;
    std::optional<http::response_serializer<http::empty_body>> head_serializer_;
    std::optional<http::response<http::string_body>> whole_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
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

/// Accepts on one address while there is room.
class Listener {
public:
    Listener(net::io_context& context, Shared& shared, std::function<net::io_context&()> next_context)
        : context_(context), shared_(shared), next_context_(std::move(next_context)), acceptor_(context) {}

    Result<> open(const HttpServerOptions::Address& address) {
        error_code ec;
        tcp::resolver resolver(context_);
        const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, ec);
        if (ec || found.empty())
            return failure(address, ec.message());
        const tcp::endpoint endpoint = found.begin()->endpoint();
        acceptor_.open(endpoint.protocol(), ec);
        if (!ec)
            acceptor_.set_option(net::socket_base::reuse_address(true), ec);
        if (!ec)
            acceptor_.bind(endpoint, ec);
        if (!ec)
            acceptor_.listen(net::socket_base::max_listen_connections, ec);
        if (ec)
            return failure(address, ec.message());
        return {};
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    /// On the context's thread: takes the next connection, unless there are too many or one is already waited for.
    void accept() {
        if (accepting_ || shared_.stopping || full())
            return;
        accepting_ = true;
        net::io_context& context = next_context_();
        socket_.emplace(context);
        acceptor_.async_accept(*socket_, [this, &context](error_code ec) {
            accepting_ = false;
            if (ec == net::error::operation_aborted)
                return;
            if (ec) {
                // Most likely out of file descriptors; at once again would spin.
                log::warn("a connection was not accepted", {{"reason", ec.message()}});
                retry_.expires_after(std::chrono::milliseconds(100));
                return retry_.async_wait([this](error_code stopped) {
                    if (!stopped)
                        accept();
                });
            }
            auto connection = std::make_shared<Connection>(std::move(*socket_), context, shared_);
            connection->enlist();
            net::post(context, [connection] { connection->begin(); });
            accept();
        });
    }
    void close() {
        error_code ignored;
        acceptor_.close(ignored);
        retry_.cancel();
    }

private:
    static Error failure(const HttpServerOptions::Address& address, const std::string& reason) {
        return Error{
            ErrorCode::Io,
            fmt::format("server.listen: cannot listen on {}:{}: {}. Is another bridge running there? Choose another "
                        "port or stop it.",
                        address.host, address.port, reason)};
    }
    bool full() { return shared_.open_connections >= shared_.options.max_connections; }

    net::io_context& context_;
    Shared& shared_;
    std::function<net::io_context&()> next_context_;
    tcp::acceptor acceptor_;
    net::steady_timer retry_{context_};
    std::optional<Stream::socket_type> socket_;
    bool accepting_ = false;
};

} // namespace

struct HttpServer::Impl {
    Shared shared;
    std::vector<std::unique_ptr<net::io_context>> contexts;
    std::vector<net::executor_work_guard<net::io_context::executor_type>> guards;
    std::vector<std::unique_ptr<Listener>> listeners;
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
        for (const auto& address : shared.options.listen) {
            auto listener = std::make_unique<Listener>(*contexts.front(), shared, [this]() -> net::io_context& {
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
