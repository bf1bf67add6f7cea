#include "core/app/commands/query_session.hpp"

#include "core/app/commands/error_place.hpp"
#include "core/app/commands/result_text.hpp"
#include "core/app/http_envelope.hpp"
#include "core/base/random.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

Result<HttpResponse> post(HttpClient& client, const std::string& database, std::string_view text,
                          const std::string& request_id) {
    const nlohmann::json envelope{{"db", database}, {"csl", text}};
    const char* path = is_command_text(text) ? "/v1/rest/mgmt" : "/v1/rest/query";
    return client.post(path, envelope.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       {{"Content-Type", "application/json"}, {"x-ms-client-request-id", request_id}});
}

std::string new_request_id() {
    const auto [high, low] = random_uuid_bits();
    return fmt::format("sluice.query;{:016x}{:016x}", high, low);
}

} // namespace

QuerySession::QuerySession(ServerAddress server, std::string database)
    : server_(server), client_(std::move(server)), database_(std::move(database)) {}

Result<std::string> QuerySession::ask(std::string_view text) {
    const std::string id = new_request_id();
    {
        Lock lock(mutex_);
        running_ = id;
    }
    auto answer = post(client_, database_, text, id);
    {
        Lock lock(mutex_);
        running_.clear();
    }
    if (!answer)
        return std::move(answer).error();
    if (answer->status == 200)
        return std::move(answer->body);
    Error error = error_of(*answer);
    error.message = with_places(error.message, text);
    return error;
}

Result<> QuerySession::cancel() {
    std::string id;
    {
        Lock lock(mutex_);
        id = running_;
    }
    if (id.empty())
        return {};
    HttpClient other(server_);
    SLUICE_TRY(const auto answer, post(other, "", fmt::format(".cancel query '{}'", id), new_request_id()));
    return answer.status == 200 ? Result<>() : Result<>(error_of(answer));
}

} // namespace sluice::app
