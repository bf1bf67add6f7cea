#include "core/app/http_connection.hpp"

#include <fmt/format.h>

namespace sluice::app {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

/// How much of an answer may wait for a slow client before its maker waits too.
constexpr Bytes kWriteAhead = 1_MiB;
/// How long a connection that we end may take to notice.
constexpr auto kLinger = std::chrono::seconds(2);

} // namespace

void HttpConnection::respond(HttpResponse response) {
    answered_ = true;
    net::dispatch(context_, [self = shared_from_this(), response = std::move(response)]() mutable {
        self->send(std::move(response));
    });
}

void HttpConnection::start(HttpResponse head) {
    answered_ = true;
    net::dispatch(context_,
                  [self = shared_from_this(), head = std::move(head)]() mutable { self->send_head(std::move(head)); });
}

bool HttpConnection::write(std::string piece) {
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

void HttpConnection::finish() {
    Lock lock(mutex_);
    last_ = true;
    wake_writer(lock);
}

template <class Message> void HttpConnection::fill_head(Message& message, HttpHeaders& headers) {
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

std::string HttpConnection::idle_text() const {
    return fmt::format("timeout={}",
                       std::chrono::duration_cast<std::chrono::seconds>(shared_.options.idle_timeout).count());
}

void HttpConnection::send(HttpResponse response) {
    if (state_ == State::Closed)
        return;
    state_ = State::Writing;
    answered_ = true;
    whole_.emplace();
    whole_->result(response.status);
    fill_head(*whole_, response.headers);
    const bool no_body = response.status == 204;
    // The answer to HEAD tells the length of what it does not send.
    if (!no_body && !(is_head_ && whole_->has_content_length()))
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

void HttpConnection::send_head(HttpResponse head) {
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

void HttpConnection::wake_writer(Lock&) {
    if (writing_now_)
        return;
    writing_now_ = true;
    net::post(context_, [self = shared_from_this()] {
        if (self->head_sent_)
            self->write_pieces();
    });
}

void HttpConnection::write_pieces() {
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

void HttpConnection::write_end() {
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

void HttpConnection::answered(error_code ec) {
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

void HttpConnection::linger() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLinger);
    linger_deadline_ = Steady::now() + kLinger;
    linger_read();
}

void HttpConnection::linger_read() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](error_code ec, std::size_t) {
        if (ec || Steady::now() > self->linger_deadline_)
            return self->close();
        self->linger_read();
    });
}

void HttpConnection::close() {
    state_ = State::Closed;
    mark_gone();
    stream_.close();
}

} // namespace sluice::app
