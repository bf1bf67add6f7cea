#include "core/app/http_endpoints.hpp"
#include "core/app/http_envelope.hpp"
#include "core/app/wire/document.hpp"
#include "core/data/chunk.hpp"

#include <fmt/format.h>

#include <memory>

namespace sluice::app {
namespace {

/// Rows between two looks at how much text there is.
constexpr std::size_t kRowsAtATime = 128;

Result<Envelope> envelope_of(const TextRequest& request, HttpExchange& exchange) {
    if (request.target)
        return read_envelope(*request.target);
    SLUICE_TRY(auto body, decode_body(std::move(exchange.request.body), exchange.request.header("Content-Encoding"),
                                      request.max_body));
    if (body.bytes.size() > request.max_body)
        return Error{ErrorCode::TooLarge,
                     fmt::format("The request's uncompressed body exceeds the maximum allowed size of {} bytes "
                                 "(server.max_command_bytes).",
                                 request.max_body)};
    return read_envelope(body.bytes);
}

void complete(engine::Request& request, const RequestInfo& info, const HttpRequest& http) {
    request.client_request_id = info.client_request_id;
    request.application = http.header("x-ms-app");
    request.user = http.header("x-ms-user");
    request.host = http.header("Host");
    request.principal = info.principal;
}

/// The answer to `validate_permissions`: the query compiles and may run (rest-api 3.4).
engine::Answer permitted() {
    engine::Answer answer;
    engine::ResultTable& table = answer.tables.emplace_back();
    table.schema.columns.push_back({"Result", data::ScalarType::String});
    table.next = [schema = table.schema, done = false]() mutable -> Result<std::optional<data::Chunk>> {
        if (std::exchange(done, true))
            return std::optional<data::Chunk>();
        data::Chunk chunk(schema, 1);
        chunk.column(0).set(0, data::StringCell("OK"));
        chunk.set_rows(1);
        return std::optional(std::move(chunk));
    };
    return answer;
}

/// Sends an answer while its rows are pulled.
class Sender {
public:
    Sender(const RequestInfo& info, HttpExchange& exchange, wire::Document& document, wire::ErrorContext context,
           wire::Area area)
        : info_(info), exchange_(exchange), document_(document), context_(std::move(context)), area_(area),
          body_(exchange, info) {}

    void run(engine::Answer& answer) {
        document_.begin(body_.text());
        for (engine::ResultTable& table : answer.tables) {
            const State state = send_table(table);
            if (state == State::Answered)
                return;
            if (state == State::Failed)
                break;
        }
        document_.end(body_.text(), {.now = SystemClock().now(), .duration = Clock::Steady::now() - info_.begun});
        body_.finish();
    }

private:
    enum class State { Ok, Failed, Answered };

    State send_table(engine::ResultTable& table) {
        document_.begin_table(body_.text(), table);
        while (table.next) {
            auto chunk = table.next();
            if (!chunk)
                return fail(chunk.error());
            if (!*chunk)
                break;
            if (!send_rows(**chunk))
                return gone();
        }
        document_.end_table(body_.text(), nullptr);
        return State::Ok;
    }

    bool send_rows(const data::Chunk& chunk) {
        for (std::size_t row = 0; row < chunk.rows(); row += kRowsAtATime) {
            if (exchange_.client_gone())
                return false;
            document_.rows(body_.text(), chunk, row, std::min(row + kRowsAtATime, chunk.rows()));
            if (body_.full() && !body_.drain())
                return false;
        }
        return true;
    }

    State fail(const Error& error) {
        // Nothing has left yet and no row counts: the status can still say it.
        if (!body_.started() && !wire::is_truncation(error)) {
            exchange_.respond(make_error(info_, error, area_, context_));
            return State::Answered;
        }
        context_.client_request_id = info_.client_request_id;
        context_.activity_id = info_.activity_id;
        context_.now = SystemClock().now();
        const wire::Failure failure{.text = error.message,
                                    .one_api = wire::error_body(error, wire::shape_of(error, area_), context_)};
        document_.end_table(body_.text(), &failure);
        return State::Failed;
    }

    State gone() {
        exchange_.abort();
        return State::Answered;
    }

    const RequestInfo& info_;
    HttpExchange& exchange_;
    wire::Document& document_;
    wire::ErrorContext context_;
    const wire::Area area_;
    ReplyBody body_;
};

std::unique_ptr<wire::Document> document_for(const engine::Answer& answer, const RequestInfo& info,
                                             const TextRequest& request, const Envelope& envelope) {
    wire::DocumentContext context{.client_request_id = info.client_request_id,
                                  .activity_id = info.activity_id,
                                  .visualization = answer.visualization,
                                  .tables = answer.tables.size()};
    if (request.version == 2)
        return wire::make_v2(std::move(context), envelope.v2);
    return answer.is_command ? wire::make_v1_command(std::move(context)) : wire::make_v1_query(std::move(context));
}

Result<engine::Answer> ask(engine::Engine& engine, const Envelope& envelope, const TextRequest& request,
                           bool is_command) {
    if (is_command && request.target)
        return Error{ErrorCode::Invalid, "Commands need POST: following a link must not change anything.",
                     "General_BadRequest"};
    if (!is_command && request.only_commands)
        return Error{ErrorCode::Invalid,
                     "This endpoint takes management commands, which begin with '.'; send queries to /v2/rest/query.",
                     "General_BadRequest"};
    if (is_command)
        return engine.command(envelope.request);
    auto answer = engine.query(envelope.request);
    if (answer && envelope.validate_permissions)
        return permitted();
    return answer;
}

} // namespace

void run_text(engine::Engine& engine, const RequestInfo& info, const TextRequest& request, HttpExchange& exchange) {
    auto envelope = envelope_of(request, exchange);
    if (!envelope)
        return exchange.respond(
            make_error(info, envelope.error(), request.only_commands ? wire::Area::Command : wire::Area::Query));
    complete(envelope->request, info, exchange.request);
    const bool is_command = is_command_text(envelope->request.text);
    const wire::Area area = is_command ? wire::Area::Command : wire::Area::Query;
    wire::ErrorContext context{.text = envelope->request.text, .database = envelope->request.database};
    auto answer = ask(engine, *envelope, request, is_command);
    if (!answer)
        return exchange.respond(make_error(info, answer.error(), area, std::move(context)));
    const auto document = document_for(*answer, info, request, *envelope);
    Sender(info, exchange, *document, std::move(context), area).run(*answer);
}

} // namespace sluice::app
