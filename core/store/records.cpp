#include "core/store/records.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::store {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_hex(std::string_view bytes) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char byte : bytes) {
        text += kDigits[static_cast<unsigned char>(byte) >> 4];
        text += kDigits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

std::string from_hex(std::string_view text) {
    const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10) & 15u; };
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
    return bytes;
}

/// Runs `read` on the parsed text; what throws becomes an error that shows the text.
template <class T, class Read> Result<T> decode(std::string_view body, std::string_view what, Read read) {
    try {
        return read(Json::parse(body));
    } catch (const nlohmann::json::exception& error) {
        return Error{ErrorCode::Internal, fmt::format("a stored {} cannot be read ({}): {}", what, error.what(), body)};
    }
}

std::map<std::string, std::uint64_t> counts(const Json& json) {
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [name, count] : json.items())
        counts.emplace(name, count.get<std::uint64_t>());
    return counts;
}

} // namespace

std::string lane_key(std::string_view connection, std::string_view lane) {
    return fmt::format("{}:{}{}", connection.size(), connection, lane);
}

std::string encode(const LanePosition& lane) {
    return dump({{"connection", lane.connection},
                 {"lane", lane.lane},
                 {"epoch", lane.epoch},
                 {"sequence", lane.sequence},
                 {"position", to_hex(lane.position)},
                 {"committed_at", lane.committed_at}});
}

std::string encode(const ConnectionTotals& totals) {
    return dump({{"received", totals.received},
                 {"stored", totals.stored},
                 {"dead_lettered", totals.dead_lettered},
                 {"staged", totals.staged},
                 {"waiting", totals.waiting},
                 {"gap", totals.gap},
                 {"received_bytes", totals.received_bytes},
                 {"skipped", totals.skipped}});
}

std::string encode_counters(const Part& part) {
    return dump(
        {{"rows", part.rows}, {"original_size", part.original_size}, {"items", part.items}, {"events", part.events}});
}

std::string encode_tags(const std::vector<std::string>& tags) {
    return dump(Json(tags));
}

std::string encode_events(const std::map<std::string, std::uint64_t>& events) {
    return dump(Json(events));
}

Result<LanePosition> decode_lane(std::string_view body) {
    return decode<LanePosition>(body, "lane position", [](const Json& json) {
        return LanePosition{.connection = json.at("connection").get<std::string>(),
                            .lane = json.at("lane").get<std::string>(),
                            .epoch = json.at("epoch").get<std::uint64_t>(),
                            .sequence = json.at("sequence").get<std::uint64_t>(),
                            .position = from_hex(json.at("position").get_ref<const std::string&>()),
                            .committed_at = json.at("committed_at").get<Ticks>()};
    });
}

Result<ConnectionTotals> decode_totals(std::string_view body) {
    return decode<ConnectionTotals>(body, "total of a connection", [](const Json& json) {
        return ConnectionTotals{.received = json.at("received").get<std::uint64_t>(),
                                .stored = json.at("stored").get<std::uint64_t>(),
                                .dead_lettered = json.at("dead_lettered").get<std::uint64_t>(),
                                .staged = json.at("staged").get<std::uint64_t>(),
                                .waiting = json.at("waiting").get<std::uint64_t>(),
                                .gap = json.at("gap").get<std::uint64_t>(),
                                .received_bytes = json.at("received_bytes").get<std::uint64_t>(),
                                .skipped = counts(json.at("skipped"))};
    });
}

Result<PartCounters> decode_counters(std::string_view body) {
    return decode<PartCounters>(body, "counter of a part", [](const Json& json) {
        return PartCounters{.rows = json.at("rows").get<std::uint64_t>(),
                            .original_size = json.at("original_size").get<std::uint64_t>(),
                            .items = json.at("items").get<std::uint32_t>(),
                            .events = counts(json.at("events"))};
    });
}

Result<std::vector<std::string>> decode_tags(std::string_view text) {
    return decode<std::vector<std::string>>(text, "list of tags",
                                            [](const Json& json) { return json.get<std::vector<std::string>>(); });
}

Result<std::map<std::string, std::uint64_t>> decode_events(std::string_view text) {
    return decode<std::map<std::string, std::uint64_t>>(text, "count of events", counts);
}

std::int64_t file_key(std::string_view connection, std::string_view url, std::string_view etag) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const std::string_view part : {connection, url, etag}) {
        for (const char byte : part)
            hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
        hash = (hash ^ 0xffu) * 0x100000001b3u; // 0xff stands in no UTF-8 text, so it separates
    }
    return static_cast<std::int64_t>(hash);
}

} // namespace sluice::store
