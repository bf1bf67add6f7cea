#include "plugins/fswatch/notification.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace sluice::fswatch {

namespace {

using Json = nlohmann::ordered_json;

std::string hex16(std::uint64_t value) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llX", static_cast<unsigned long long>(value));
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

/// The name under which two spellings or aliases of one property are the same.
std::string canonical(std::string_view name) {
    const std::string key = lower(name);
    if (key == "kustouncompressedsizebytes")
        return "rawsizebytes";
    return key == "kustocreationtimeutc" ? "kustocreationtime" : key;
}

std::string_view content_type_of(std::string_view path) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 9> types = {
        {{".csv", "text/csv"},
         {".json", "application/json"},
         {".jsonl", "application/json"},
         {".tsv", "text/tab-separated-values"},
         {".txt", "text/plain"},
         {".gz", "application/gzip"},
         {".zip", "application/zip"},
         {".parquet", "application/vnd.apache.parquet"},
         {".avro", "avro/binary"}}};
    const std::string name = lower(base_name(path));
    for (const auto& [suffix, type] : types)
        if (name.ends_with(suffix))
            return type;
    return "application/octet-stream";
}

/// Derived from what identifies the notification, in the form of a UUID.
std::string id_of(const LedgerEntry& entry, std::string_view instance) {
    const std::string high = lower(hex16(Hash64{}.add(instance).add(entry.path).value()));
    const std::string low = lower(hex16(Hash64{}.add(entry.sequence).add(entry.facts.etag()).value()));
    return high.substr(0, 8) + "-" + high.substr(8, 4) + "-" + high.substr(12) + "-" + low.substr(0, 4) + "-" +
           low.substr(4);
}

bool take_number(std::string_view& text, std::size_t digits, int& value) {
    if (text.size() < digits)
        return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc() || end != text.data() + digits || text.front() == '-')
        return false;
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c)
        return false;
    text.remove_prefix(1);
    return true;
}

/// `Z`, `+hh:mm`, `-hh:mm` or nothing, in seconds east of UTC.
bool take_zone(std::string_view& text, int& seconds) {
    if (text.empty() || take(text, 'Z'))
        return text.empty();
    const int sign = text.front() == '-' ? -1 : 1;
    int hours = 0, minutes = 0;
    if (!take(text, '+') && !take(text, '-'))
        return false;
    if (!take_number(text, 2, hours) || !take(text, ':') || !take_number(text, 2, minutes))
        return false;
    seconds = sign * (hours * 3600 + minutes * 60);
    return text.empty();
}

} // namespace

std::string_view api_of(Arrival arrival) {
    switch (arrival) {
    case Arrival::MovedIn:
        return "PutBlob";
    case Arrival::Written:
        return "FlushWithClose";
    case Arrival::Uploaded:
    case Arrival::Renamed:
        break;
    }
    return "RenameFile";
}

std::string etag_text(std::uint64_t etag) {
    return "0x" + hex16(etag);
}
std::string sequencer_text(std::uint64_t sequence) {
    return hex16(sequence);
}

std::string time_text(std::int64_t ns) {
    using namespace std::chrono;
    const auto time = sys_time<nanoseconds>(nanoseconds(ns));
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    char text[48];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%07dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count() / 100));
    return text;
}

std::optional<std::int64_t> parse_start(std::string_view text) {
    using namespace std::chrono;
    if (text == "beginning")
        return INT64_MIN;
    int y = 0, m = 0, d = 0, hour = 0, minute = 0, second = 0, zone = 0;
    std::int64_t fraction_ns = 0;
    if (!take_number(text, 4, y) || !take(text, '-') || !take_number(text, 2, m) || !take(text, '-') ||
        !take_number(text, 2, d))
        return std::nullopt;
    const year_month_day date(year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d)));
    if (!date.ok())
        return std::nullopt;
    if (take(text, 'T') || take(text, ' ')) {
        if (!take_number(text, 2, hour) || !take(text, ':') || !take_number(text, 2, minute))
            return std::nullopt;
        if (take(text, ':') && !take_number(text, 2, second))
            return std::nullopt;
        if (take(text, '.'))
            for (std::int64_t unit = 100'000'000; !text.empty() && text.front() >= '0' && text.front() <= '9';
                 unit /= 10) {
                fraction_ns += (text.front() - '0') * unit;
                text.remove_prefix(1);
            }
    }
    if (!take_zone(text, zone) || hour > 24 || minute > 59 || second > 60)
        return std::nullopt;
    if (y < 1678) // what does not fit is older than any file
        return INT64_MIN;
    if (y > 2261)
        return INT64_MAX;
    const auto time = sys_days(date).time_since_epoch() + hours(hour) + minutes(minute) + seconds(second - zone);
    return duration_cast<nanoseconds>(time).count() + fraction_ns;
}

std::string notification(const LedgerEntry& entry, const NameRules& names, std::string_view instance) {
    const bool renamed = entry.arrival == Arrival::Renamed;
    Json data = {{"api", api_of(entry.arrival)}, {"requestId", id_of(entry, instance)}};
    if (renamed) {
        data["destinationUrl"] = names.url(entry.path);
        data["sourceUrl"] = names.url(entry.source_path);
    } else {
        data["eTag"] = etag_text(entry.facts.etag());
        data["contentType"] = content_type_of(entry.path);
        data["contentLength"] = entry.facts.size;
        data["blobType"] = "BlockBlob";
        data["url"] = names.url(entry.path);
    }
    data["sequencer"] = sequencer_text(entry.sequence);
    const Json event = {{"topic", "/sluice/connections/" + std::string(instance)},
                        {"subject", printable(names.subject(entry.path))},
                        {"eventType", renamed ? "Microsoft.Storage.BlobRenamed" : "Microsoft.Storage.BlobCreated"},
                        {"eventTime", time_text(entry.first_seen_ns)},
                        {"id", id_of(entry, instance)},
                        {"data", std::move(data)},
                        {"dataVersion", renamed ? "1" : ""},
                        {"metadataVersion", "1"}};
    return Json::array({event}).dump();
}

Metadata parse_sidecar(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        throw std::invalid_argument(json.is_discarded() ? "is not valid JSON" : "is not one JSON object");
    Metadata metadata;
    for (const auto& [name, value] : json.items()) {
        if (value.is_structured())
            throw std::invalid_argument("property \"" + name +
                                        "\" is an object or an array; give text, a number or a boolean");
        if (!value.is_null())
            metadata.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return metadata;
}

Metadata merge(Metadata sidecar, const Metadata& path) {
    const std::size_t said = sidecar.size();
    for (const auto& property : path) {
        const bool known =
            std::any_of(sidecar.begin(), sidecar.begin() + static_cast<std::ptrdiff_t>(said),
                        [&](const auto& one) { return canonical(one.first) == canonical(property.first); });
        if (!known)
            sidecar.push_back(property);
    }
    return sidecar;
}

} // namespace sluice::fswatch
