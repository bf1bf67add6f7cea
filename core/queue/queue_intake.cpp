#include "core/base/digest.hpp"
#include "core/data/text.hpp"
#include "core/queue/queue.hpp"

#include <fmt/format.h>

#include <algorithm>

// What clients see of the queue: addresses with their signatures, tokens, messages.
namespace sluice::queue {
namespace {

/// Clients ask again about every hour and hand out no address that is older (rest-api 10.1).
constexpr Ticks kAddressLife = 48 * kTicksPerHour;
constexpr Ticks kMessageLife = 7 * kTicksPerDay;
constexpr auto kAnonymous = "aadapp=anonymous";

std::string percent_decoded(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9')
            return c - '0';
        const char lower = static_cast<char>(c | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
        if (!escape) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(digit(text[i + 1]) << 4 | digit(text[i + 2]));
        i += 2;
    }
    return out;
}

Error no_queue(std::string_view queue) {
    return {ErrorCode::NotFound, fmt::format("The specified queue '{}' does not exist.", queue), "QueueNotFound"};
}

/// Messages that wait in a result queue.
std::string_view condition_of(std::string_view queue) {
    if (queue == kFailedQueue)
        return "state = 'Failed' AND doc->>'ReportsFailures' = 'true' AND doc->>'Reported' IS NULL";
    if (queue == kSuccessQueue)
        return "state = 'Succeeded' AND doc->>'ReportsSuccesses' = 'true' AND doc->>'Reported' IS NULL";
    return {};
}

} // namespace

std::string Queue::signature(std::string_view resource, std::string_view expires) const {
    return base64url(hmac_sha256(key_, fmt::format("address\n{}\n{}", resource, expires)));
}

std::string Queue::signed_address(std::string_view host, std::string_view resource) const {
    const std::string expires =
        data::format_datetime((databases_.clock().now() + kAddressLife) / kTicksPerSecond * kTicksPerSecond);
    std::string base = options_.public_url;
    if (base.empty())
        base = fmt::format("{}://{}{}", options_.secure ? "https" : "http", host.empty() ? "localhost" : host,
                           options_.base_path);
    while (base.ends_with('/'))
        base.pop_back();
    std::string escaped;
    for (const char c : expires)
        escaped += c == ':' ? std::string("%3A") : std::string(1, c);
    return fmt::format("{}/{}/{}?sv=2021-12-02&se={}&sp=rwdap&sig={}", base, kAccount, resource, escaped,
                       signature(resource, expires));
}

bool Queue::permits(std::string_view resource, const Parameter& parameter) const {
    const std::string expires = parameter("se");
    const auto until = data::parse_datetime(expires);
    return until && *until > databases_.clock().now() &&
           equal_in_constant_time(parameter("sig"), signature(resource, expires));
}

std::vector<engine::QueuedIngestion::Resource> Queue::resources(std::string_view host) const {
    std::vector<Resource> out;
    for (const auto& [type, resource] :
         {std::pair("SecuredReadyForAggregationQueue", kReadyQueue), std::pair("FailedIngestionsQueue", kFailedQueue),
          std::pair("SuccessfulIngestionsQueue", kSuccessQueue), std::pair("TempStorage", kContainer),
          std::pair("IngestionsStatusTable", kStatusTable)})
        out.push_back({type, signed_address(host, resource)});
    return out;
}

std::string Queue::identity_token(std::string_view principal) const {
    const std::string body = fmt::format("{}.{}", base64url(principal), databases_.clock().now() + kAddressLife);
    return fmt::format("{}.{}", body, base64url(hmac_sha256(key_, "identity\n" + body)));
}

std::optional<std::string> Queue::principal_of(std::string_view token) const {
    if (token.empty() && !options_.holds)
        return kAnonymous; // without authentication everybody is
    const std::size_t second = token.rfind('.'), first = token.find('.');
    if (first == std::string_view::npos || second == first)
        return std::nullopt;
    const std::string_view body = token.substr(0, second);
    if (!equal_in_constant_time(token.substr(second + 1),
                                base64url(hmac_sha256(key_, fmt::format("identity\n{}", body)))))
        return std::nullopt;
    const auto until = data::parse_long(body.substr(first + 1));
    if (!until || *until < databases_.clock().now())
        return std::nullopt;
    return decode_base64(body.substr(0, first));
}

std::optional<std::string> Queue::own_blob(std::string_view url) const {
    const std::string prefix = fmt::format("/{}/{}/", kAccount, kContainer);
    const std::size_t query = std::min(url.find('?'), url.size());
    const std::size_t at = url.substr(0, query).find(prefix);
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto parameter = [&](std::string_view name) -> std::string {
        std::string_view rest = url.substr(std::min(query + 1, url.size()));
        while (!rest.empty()) {
            const std::string_view one = rest.substr(0, rest.find('&'));
            if (one.size() > name.size() && one.substr(0, name.size()) == name && one[name.size()] == '=')
                return percent_decoded(one.substr(name.size() + 1));
            rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        }
        return {};
    };
    // It may have aged in the queue; that we signed it is enough.
    if (!equal_in_constant_time(parameter("sig"), signature(kContainer, parameter("se"))))
        return std::nullopt;
    return percent_decoded(url.substr(at + prefix.size(), query - at - prefix.size()));
}

Result<Message> Queue::put_message(std::string_view queue, std::string_view text) {
    if (queue != kReadyQueue)
        return no_queue(queue);
    SLUICE_TRY(auto message, read_message(text));
    const auto principal = principal_of(message.token);
    if (!principal)
        return Error{ErrorCode::Denied,
                     "authorizationContext is no identity token of this server, or too old; ask '.get kusto identity "
                     "token' again.",
                     "AuthenticationFailed"};
    message.announcement.principal = *principal;
    SLUICE_TRY([[maybe_unused]] const auto operation, announce(message.announcement));
    const Ticks now = databases_.clock().now();
    return Message{data::format_guid(data::random_guid()), {}, "AgAA", now, now + kMessageLife, now};
}

Result<std::vector<Message>> Queue::take_messages(std::string_view queue, const Take& take) {
    if (queue == kReadyQueue)
        return std::vector<Message>(); // announcements are taken at once
    const auto condition = condition_of(queue);
    if (condition.empty())
        return no_queue(queue);
    std::vector<Message> messages;
    const auto now = databases_.clock().steady();
    for (const Item& item : find(condition)) {
        if (messages.size() >= take.count)
            break;
        const std::string id = data::format_guid(item.id);
        Lock lock(mutex_);
        Hidden& hidden = hidden_[id];
        if (hidden.until > now)
            continue;
        if (!take.peek)
            hidden = {base64url(secret_bytes(9)), now + take.hidden, hidden.count + 1};
        Message message{id, result_message(item), take.peek ? std::string() : hidden.pop_receipt, item.ended,
                        item.ended + kMessageLife};
        message.visible = databases_.clock().now() + take.hidden.count() * kTicksPerSecond;
        message.dequeued = hidden.count;
        messages.push_back(std::move(message));
    }
    return messages;
}

Result<> Queue::delete_message(std::string_view queue, std::string_view id, std::string_view pop_receipt) {
    const auto condition = condition_of(queue);
    if (condition.empty())
        return no_queue(queue);
    {
        Lock lock(mutex_);
        const auto hidden = hidden_.find(std::string(id));
        if (hidden == hidden_.end() || hidden->second.pop_receipt != pop_receipt)
            return Error{ErrorCode::NotFound, "The message was taken by somebody else, or is gone.", "MessageNotFound"};
        hidden_.erase(hidden);
    }
    const auto guid = data::parse_guid(id);
    if (!guid)
        return Error{ErrorCode::NotFound, "There is no such message.", "MessageNotFound"};
    for (Item& item : find(fmt::format("id = ? AND {}", condition), {*guid})) {
        item.reported = true;
        return save(item);
    }
    return Error{ErrorCode::NotFound, "There is no such message.", "MessageNotFound"};
}

} // namespace sluice::queue
