#include "core/app/http_storage.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace sluice::app {
namespace {

using Info = std::shared_ptr<const RequestInfo>;

constexpr Bytes kMaxUpload = 6_GiB;
constexpr Bytes kMaxXml = 4_MiB;
constexpr Bytes kReadAtATime = 1_MiB;
constexpr std::size_t kMaxMessages = 32;
constexpr std::string_view kXml = "application/xml";
constexpr std::string_view kOctets = "application/octet-stream";
constexpr auto kXmlHead = R"(<?xml version="1.0" encoding="utf-8"?>)";

/// "Sat, 01 Mar 2025 10:00:00 GMT"
std::string http_date(Ticks ticks) {
    constexpr std::array kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}; // 0001-01-01 was a Monday
    constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const data::CivilTime time = data::to_civil(ticks);
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(ticks / kTicksPerDay % 7)], time.day,
        kMonths[static_cast<std::size_t>(time.month - 1)], time.year, time.hour, time.minute, time.second);
}

std::string escape_xml(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else
            out += c;
    }
    return out;
}

std::string unescape_xml(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        bool replaced = false;
        for (const auto& [name, character] : {std::pair("&lt;", '<'), std::pair("&gt;", '>'), std::pair("&amp;", '&'),
                                              std::pair("&quot;", '"'), std::pair("&apos;", '\'')})
            if (!replaced && text.starts_with(name)) {
                out += character;
                text.remove_prefix(std::string_view(name).size());
                replaced = true;
            }
        if (replaced)
            continue;
        out += text.front();
        text.remove_prefix(1);
    }
    return out;
}

/// The next element of `xml` from `at` on that has one of the names; its text, and `at` behind it.
std::optional<std::string> next_element(std::string_view xml, std::size_t& at,
                                        std::initializer_list<std::string_view> names) {
    for (;;) {
        at = xml.find('<', at);
        if (at == std::string_view::npos)
            return std::nullopt;
        const std::size_t end = xml.find('>', at);
        if (end == std::string_view::npos)
            return std::nullopt;
        const std::string_view tag = xml.substr(at + 1, end - at - 1);
        at = end + 1;
        if (std::find(names.begin(), names.end(), tag) == names.end())
            continue;
        const std::size_t close = xml.find(fmt::format("</{}>", tag), at);
        if (close == std::string_view::npos)
            return std::nullopt;
        const std::string text = unescape_xml(xml.substr(at, close - at));
        at = close;
        return text;
    }
}

unsigned status_of(const Error& error) {
    switch (error.code) {
    case ErrorCode::NotFound:
        return 404;
    case ErrorCode::Denied:
        return 403;
    case ErrorCode::TooLarge:
        return 413;
    case ErrorCode::Invalid:
    case ErrorCode::Conflict:
        return 400;
    case ErrorCode::Unsupported:
        return 405;
    case ErrorCode::Unavailable:
    case ErrorCode::Io:
    case ErrorCode::Throttled:
        return 503;
    default:
        return 500;
    }
}

HttpResponse reply(const RequestInfo& info, unsigned status, std::string body = {}, std::string_view type = kXml) {
    RequestInfo plain = info; // these libraries do not ask for compressed answers, and lengths count in theirs
    plain.gzip = false;
    HttpResponse response = make_response(plain, status, std::move(body), type);
    response.headers.push_back({"x-ms-request-id", info.activity_id});
    response.headers.push_back({"x-ms-version", "2021-12-02"});
    response.headers.push_back({"Date", http_date(SystemClock().now())});
    return response;
}

void add_blob_headers(HttpResponse& response, const queue::BlobInfo& blob) {
    response.headers.push_back({"ETag", blob.etag});
    response.headers.push_back({"Last-Modified", http_date(blob.modified)});
}

HttpResponse created(const RequestInfo& info, const Result<queue::BlobInfo>& blob) {
    if (!blob)
        return storage_error(info, blob.error());
    HttpResponse response = reply(info, 201);
    add_blob_headers(response, *blob);
    response.headers.push_back({"x-ms-request-server-encrypted", "false"});
    return response;
}

HttpPlan refuse(Info info, Error error) {
    HttpPlan plan;
    plan.discard_body = true;
    plan.run = [info = std::move(info), error = std::move(error)](HttpExchange& exchange) {
        exchange.respond(storage_error(*info, error));
    };
    return plan;
}

/// The body goes to disk while it comes in.
class UploadSink final : public BodySink {
public:
    explicit UploadSink(std::shared_ptr<queue::Upload> upload) : upload_(std::move(upload)) {}
    bool write(std::string_view bytes) override { return upload_->write(bytes); }

private:
    const std::shared_ptr<queue::Upload> upload_;
};

HttpPlan plan_upload(Info info, std::shared_ptr<queue::Upload> upload) {
    HttpPlan plan;
    plan.lane = Lane::Storage;
    plan.max_body = kMaxUpload;
    plan.sink = std::make_shared<UploadSink>(upload);
    plan.run = [info = std::move(info), upload = std::move(upload)](HttpExchange& exchange) {
        exchange.respond(created(*info, upload->commit()));
    };
    return plan;
}

HttpPlan plan_work(Info info, std::function<HttpResponse(const RequestInfo&, const HttpRequest&)> work,
                   Bytes max_body = 0) {
    HttpPlan plan;
    plan.lane = Lane::Storage;
    plan.max_body = max_body;
    plan.discard_body = max_body == 0;
    plan.run = [info = std::move(info), work = std::move(work)](HttpExchange& exchange) {
        exchange.respond(work(*info, exchange.request));
    };
    return plan;
}

HttpResponse put_block_list(queue::Storage& storage, const RequestInfo& info, const std::string& blob,
                            const std::string& xml) {
    std::vector<std::string> blocks;
    for (std::size_t at = 0;;) {
        auto block = next_element(xml, at, {"Latest", "Uncommitted", "Committed"});
        if (!block)
            break;
        blocks.push_back(std::move(*block));
    }
    return created(info, storage.put_block_list(blob, blocks));
}

struct Range {
    Bytes first = 0, last = std::numeric_limits<Bytes>::max();
    bool given = false;
};
Range range_of(const HttpRequest& head) {
    std::string_view text = head.header("x-ms-range");
    if (text.empty())
        text = head.header("Range");
    Range range;
    if (!text.starts_with("bytes="))
        return range;
    text.remove_prefix(6);
    const char* const end = text.data() + text.size();
    const auto [behind, failed] = std::from_chars(text.data(), end, range.first);
    range.given = failed == std::errc() && behind != end && *behind == '-';
    if (range.given && behind + 1 != end)
        range.given = std::from_chars(behind + 1, end, range.last).ec == std::errc();
    return range.given && range.first <= range.last ? range : Range{};
}

void read_blob(queue::Storage& storage, const RequestInfo& info, const std::string& blob, HttpExchange& exchange) {
    const auto found = storage.find_blob(blob);
    if (!found)
        return exchange.respond(storage_error(info, found.error()));
    const Range range = range_of(exchange.request);
    if (range.given && range.first >= found->size)
        return exchange.respond(reply(info, 416));
    const Bytes end = found->size == 0 ? 0 : std::min(range.last, found->size - 1) + 1;
    HttpResponse head = reply(info, range.given ? 206 : 200, {}, kOctets);
    add_blob_headers(head, *found);
    head.headers.push_back({"x-ms-blob-type", "BlockBlob"});
    head.headers.push_back({"Accept-Ranges", "bytes"});
    if (range.given)
        head.headers.push_back({"Content-Range", fmt::format("bytes {}-{}/{}", range.first, end - 1, found->size)});
    if (exchange.request.method == "HEAD") {
        head.headers.push_back({"Content-Length", std::to_string(found->size)});
        return exchange.respond(std::move(head));
    }
    exchange.start(std::move(head));
    for (Bytes at = range.first; at < end; at += kReadAtATime) {
        auto piece = storage.read_blob(blob, at, std::min(kReadAtATime, end - at));
        if (!piece || piece->size() != std::min(kReadAtATime, end - at) || !exchange.write(std::move(*piece)))
            return exchange.abort();
    }
    exchange.finish();
}

HttpPlan plan_blob(queue::Storage& storage, Info info, const HttpRequest& head, const Target& target) {
    std::string blob = target.segments[2];
    for (std::size_t i = 3; i < target.segments.size(); ++i)
        blob += '/' + target.segments[i];
    const std::string* comp = target.parameter("comp");
    if (head.method == "PUT" && !comp)
        return plan_upload(std::move(info), storage.put_blob(blob));
    if (head.method == "PUT" && equals_ignoring_case(*comp, "block")) {
        const std::string* block = target.parameter("blockid");
        if (!block)
            return refuse(std::move(info),
                          {ErrorCode::Invalid, "blockid is missing.", "MissingRequiredQueryParameter"});
        return plan_upload(std::move(info), storage.put_block(blob, *block));
    }
    if (head.method == "PUT" && equals_ignoring_case(*comp, "blocklist"))
        return plan_work(
            std::move(info),
            [&storage, blob](const RequestInfo& about, const HttpRequest& request) {
                return put_block_list(storage, about, blob, request.body);
            },
            kMaxXml);
    if (head.method == "DELETE")
        return plan_work(std::move(info), [&storage, blob](const RequestInfo& about, const HttpRequest&) {
            const auto done = storage.delete_blob(blob);
            return done ? reply(about, 202) : storage_error(about, done.error());
        });
    if (head.method == "GET" || head.method == "HEAD") {
        HttpPlan plan;
        plan.lane = Lane::Storage;
        plan.discard_body = true;
        plan.run = [&storage, info = std::move(info), blob](HttpExchange& exchange) {
            read_blob(storage, *info, blob, exchange);
        };
        return plan;
    }
    return refuse(std::move(info), {ErrorCode::Unsupported, "The resource doesn't support the specified HTTP verb.",
                                    "UnsupportedHttpVerb"});
}

std::string to_xml(const queue::Message& message, bool with_text) {
    std::string out = fmt::format("<QueueMessage><MessageId>{}</MessageId><InsertionTime>{}</InsertionTime>"
                                  "<ExpirationTime>{}</ExpirationTime>",
                                  message.id, http_date(message.inserted), http_date(message.expires));
    if (!message.pop_receipt.empty())
        out += fmt::format("<PopReceipt>{}</PopReceipt><TimeNextVisible>{}</TimeNextVisible>", message.pop_receipt,
                           http_date(message.visible));
    if (with_text)
        out += fmt::format("<DequeueCount>{}</DequeueCount><MessageText>{}</MessageText>", message.dequeued,
                           escape_xml(message.text));
    return out + "</QueueMessage>";
}

HttpResponse put_message(queue::Storage& storage, const RequestInfo& info, const std::string& queue,
                         const std::string& xml) {
    std::size_t at = 0;
    const auto text = next_element(xml, at, {"MessageText"});
    if (!text)
        return storage_error(
            info, {ErrorCode::Invalid, "The body should be a QueueMessage with a MessageText.", "InvalidXmlDocument"});
    const auto put = storage.put_message(queue, *text);
    if (!put)
        return storage_error(info, put.error());
    return reply(info, 201, fmt::format("{}<QueueMessagesList>{}</QueueMessagesList>", kXmlHead, to_xml(*put, false)));
}

std::size_t number(const Target& target, std::string_view name, std::size_t absent) {
    const std::string* text = target.parameter(name);
    const auto value = text ? data::parse_int(*text) : std::nullopt;
    return value && *value > 0 ? static_cast<std::size_t>(*value) : absent;
}

HttpResponse take_messages(queue::Storage& storage, const RequestInfo& info, const std::string& queue,
                           const Target& target) {
    queue::Storage::Take take;
    take.count = std::min(number(target, "numofmessages", 1), kMaxMessages);
    take.hidden = std::chrono::seconds(number(target, "visibilitytimeout", 30));
    const std::string* peek = target.parameter("peekonly");
    take.peek = peek && equals_ignoring_case(*peek, "true");
    const auto messages = storage.take_messages(queue, take);
    if (!messages)
        return storage_error(info, messages.error());
    std::string list;
    for (const auto& message : *messages)
        list += to_xml(message, true);
    return reply(info, 200, fmt::format("{}<QueueMessagesList>{}</QueueMessagesList>", kXmlHead, list));
}

HttpResponse count_messages(queue::Storage& storage, const RequestInfo& info, const std::string& queue) {
    const auto messages = storage.take_messages(queue, {.count = kMaxMessages, .peek = true});
    if (!messages)
        return storage_error(info, messages.error());
    HttpResponse response = reply(info, 200);
    response.headers.push_back({"x-ms-approximate-messages-count", std::to_string(messages->size())});
    return response;
}

HttpPlan plan_queue(queue::Storage& storage, Info info, const HttpRequest& head, Target target) {
    const std::string queue = target.segments[1];
    const bool messages = target.segments.size() == 3 && equals_ignoring_case(target.segments[2], "messages");
    if (messages && head.method == "POST")
        return plan_work(
            std::move(info),
            [&storage, queue](const RequestInfo& about, const HttpRequest& request) {
                return put_message(storage, about, queue, request.body);
            },
            kMaxXml);
    if (messages && head.method == "GET")
        return plan_work(std::move(info), [&storage, queue, target](const RequestInfo& about, const HttpRequest&) {
            return take_messages(storage, about, queue, target);
        });
    if (target.segments.size() == 2 && (head.method == "GET" || head.method == "HEAD"))
        return plan_work(std::move(info), [&storage, queue](const RequestInfo& about, const HttpRequest&) {
            return count_messages(storage, about, queue);
        });
    if (target.segments.size() == 4 && head.method == "DELETE")
        return plan_work(std::move(info), [&storage, queue, target](const RequestInfo& about, const HttpRequest&) {
            const std::string* receipt = target.parameter("popreceipt");
            const auto done = storage.delete_message(queue, target.segments[3], receipt ? *receipt : std::string());
            return done ? reply(about, 204) : storage_error(about, done.error());
        });
    return refuse(std::move(info), {ErrorCode::Unsupported, "The resource doesn't support the specified HTTP verb.",
                                    "UnsupportedHttpVerb"});
}

} // namespace

bool is_storage(const Target& target) {
    return !target.segments.empty() && target.segments.front() == queue::kAccount;
}

HttpResponse storage_error(const RequestInfo& info, const Error& error) {
    const std::string code = error.reason.empty() ? "InternalError" : error.reason;
    HttpResponse response = reply(info, status_of(error),
                                  fmt::format("{}<Error><Code>{}</Code><Message>{}\nRequestId:{}</Message></Error>",
                                              kXmlHead, escape_xml(code), escape_xml(error.message), info.activity_id));
    response.headers.push_back({"x-ms-error-code", code});
    return response;
}

HttpPlan plan_storage(queue::Storage& storage, std::shared_ptr<const RequestInfo> info, const HttpRequest& head,
                      Target target) {
    if (target.segments.size() < 2)
        return refuse(std::move(info),
                      {ErrorCode::NotFound, "The specified resource does not exist.", "ResourceNotFound"});
    const std::string& resource = target.segments[1];
    const auto parameter = [&](std::string_view name) {
        const std::string* value = target.parameter(name);
        return value ? *value : std::string();
    };
    if (!storage.permits(resource, parameter))
        return refuse(std::move(info),
                      {ErrorCode::Denied,
                       "The address is not signed by this server, or its signature is too old; ask '.get ingestion "
                       "resources' again.",
                       "AuthenticationFailed"});
    if (resource == queue::kContainer && target.segments.size() >= 3)
        return plan_blob(storage, std::move(info), head, target);
    if (resource == queue::kReadyQueue || resource == queue::kFailedQueue || resource == queue::kSuccessQueue)
        return plan_queue(storage, std::move(info), head, std::move(target));
    return refuse(std::move(info), {ErrorCode::NotFound, "The specified resource does not exist.", "ResourceNotFound"});
}

} // namespace sluice::app
