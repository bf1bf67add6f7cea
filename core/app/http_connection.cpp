#include "core/app/http_connection.hpp"

#include "core/base/log.hpp"

#include <limits>

namespace sluice::app {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t kBodyReadBytes = 64 * 1024;
/// Bytes a second that a body brings on average, or it is given up.
constexpr Bytes kSlowestBody = 4_KiB;
constexpr auto kDrainTime = std::chrono::seconds(10);
/// Bodies up to here are not counted against the memory for bodies.
constexpr Bytes kSmallBody = 64_KiB;

} // namespace

void HttpConnection::enlist() {
    Lock lock(shared_.mutex);
    shared_.connections.emplace(this, weak_from_this());
}

void HttpConnection::begin() {
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    // A client that never sends a first head holds a place as briefly as one that stops in the middle of one.
    const auto deadline = Steady::now() + shared_.options.header_timeout;
    if (!stream_.secure())
        return await_request(shared_.options.header_timeout, deadline);
    state_ = State::Reading;
    stream_.expires_at(deadline);
    stream_.async_handshake([self = shared_from_this(), deadline](error_code ec) {
        if (ec)
            return self->close();
        self->await_request(std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()), deadline);
    });
}

void HttpConnection::retire() {
    net::post(context_, [self = shared_from_this()] {
        if (self->state_ == State::Idle)
            self->close();
    });
}

void HttpConnection::cut() {
    net::post(context_, [self = shared_from_this()] { self->close(); });
}

void HttpConnection::await_request(std::chrono::milliseconds patience, Steady::time_point head_deadline) {
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
    read_more(kReadBytes, [](HttpConnection& self) { self.parse_head(); });
}

void HttpConnection::parse_head() {
    state_ = State::Reading;
    error_code ec;
    const std::size_t used = parser_->put(buffer_.data(), ec);
    buffer_.consume(used);
    if (ec == http::error::need_more) {
        // The whole head has one span of time, however many packets it comes in.
        if (head_deadline_ == Steady::time_point{})
            head_deadline_ = Steady::now() + shared_.options.header_timeout;
        stream_.expires_at(head_deadline_);
        return read_more(kReadBytes, [](HttpConnection& self) { self.parse_head(); });
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

void HttpConnection::on_head() {
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
    body.sink = plan_.discard_body ? nullptr : plan_.sink.get();
    refusal_.reset();
    drain_deadline_ = {};
    body_begun_ = {};
    parser_->eager(true);
    if (!parser_->is_done() && buffer_.size() == 0 && beast::iequals(head[http::field::expect], "100-continue"))
        return invite();
    parse_body();
}

void HttpConnection::invite() {
    continue_.emplace(http::status::continue_, 11);
    stream_.expires_after(shared_.options.idle_timeout);
    http::async_write(stream_, *continue_, [self = shared_from_this()](error_code ec, std::size_t) {
        if (ec)
            return self->close();
        self->parse_body();
    });
}

void HttpConnection::parse_body() {
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
            stream_.expires_at(body_deadline());
            return read_more(kBodyReadBytes, [](HttpConnection& self) { self.parse_body(); });
        }
        if (ec) {
            keep_alive_ = false;
            return send(shared_.handler.refuse(request, {.why = Refusal::Malformed, .detail = ec.message()}));
        }
    }
    check_body();
    run_plan();
}

Steady::time_point HttpConnection::body_deadline() {
    const auto now = Steady::now();
    if (body_begun_ == Steady::time_point{})
        body_begun_ = now;
    // A byte now and then would keep a place among the streaming requests for ever.
    const std::chrono::milliseconds earned(parser_->get().body().received * 1000 / kSlowestBody);
    return std::min(now, body_begun_ + earned) + shared_.options.header_timeout;
}

bool HttpConnection::check_body() {
    auto& body = parser_->get().body();
    if (!plan_.discard_body && body.received > plan_.max_body && !refusal_)
        refuse_body({.why = Refusal::BodyTooLarge, .lane = plan_.lane, .limit = plan_.max_body});
    if (!refusal_ && plan_.lane != Lane::Ingest && body.bytes.size() > kSmallBody &&
        !hold_body(std::max<Bytes>(body.bytes.capacity(), body.bytes.size())))
        refuse_body({.why = Refusal::OutOfMemory, .lane = plan_.lane, .limit = shared_.options.max_held_bodies});
    if (parser_->is_done() || body.keep > 0)
        return true; // a sink that refused makes the rest be drained like a body that is too large
    if (drain_deadline_ == Steady::time_point{})
        drain_deadline_ = Steady::now() + kDrainTime;
    if (body.received <= kDrainBytes && Steady::now() < drain_deadline_)
        return true;
    keep_alive_ = false;
    return false;
}

void HttpConnection::refuse_body(HttpHandler::Refused refused) {
    refusal_ = refused;
    auto& body = parser_->get().body();
    body.keep = 0;
    body.sink = nullptr;
    body.bytes = {};
    hold_body(0);
}

bool HttpConnection::hold_body(Bytes size) {
    const Bytes before = std::exchange(held_, size);
    const Bytes total = shared_.held_bodies.fetch_add(size - before) + size - before;
    return size <= before || total <= shared_.options.max_held_bodies;
}

void HttpConnection::run_plan() {
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

void HttpConnection::guarded(std::function<void(HttpExchange&)>& run) {
    try {
        run(*this);
    } catch (const std::exception& problem) {
        log::error("a request failed with an exception", {{"what", problem.what()}});
        if (answered_)
            return abort();
        respond(
            shared_.handler.refuse(request, {.why = Refusal::Failed, .lane = Lane::Inline, .detail = problem.what()}));
    }
}

void HttpConnection::watch_client() {
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

void HttpConnection::mark_gone() {
    Lock lock(mutex_);
    gone_ = true;
    sent_.notify_all();
}

} // namespace sluice::app
