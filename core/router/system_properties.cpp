#include "core/router/system_properties.hpp"

#include "core/data/json_text.hpp"
#include "core/data/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace sluice::router {
namespace {

struct Known {
    std::string_view name;
    bool is_number = false;
    bool event_hub_only = false;
};

// In the order of SystemProperty. An Event Hub that IoT Central feeds may ask for the names of an IoT Hub too.
constexpr std::array<Known, 23> kKnown{{
    {"kafka-topic", false, true},
    {"kafka-partition", true, true},
    {"x-opt-kafka-key", false, true},
    {"x-opt-publisher", false, true},
    {"x-opt-partition-key", false, true},
    {"message-id"},
    {"iothub-enqueuedtime"},
    {"user-id"},
    {"iothub-connection-device-id"},
    {"iothub-connection-module-id"},
    {"iothub-connection-auth-generation-id"},
    {"iothub-connection-auth-method"},
    {"iothub-app-iothub-creation-time-utc"},
    {"iothub-creation-time-utc"},
    {"dt-dataschema"},
    {"dt-subject"},
    {"correlation-id"},
    {"content-type"},
    {"content-encoding"},
    {"sequence-number", true},
    {"x-opt-sequence-number", true},
    {"x-opt-offset"},
    {"x-opt-enqueued-time"},
}};

bool has(ConnectionKind kind, const Known& known) {
    return kind == ConnectionKind::EventHub || (kind == ConnectionKind::IotHub && !known.event_hub_only);
}

bool equal_names(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

char delimiter_of(data::Format format) {
    switch (format) {
    case data::Format::Tsv:
    case data::Format::Tsve:
        return '\t';
    case data::Format::Scsv:
        return ';';
    case data::Format::Sohsv:
        return '\x01';
    case data::Format::Psv:
        return '|';
    default:
        return ',';
    }
}

void append_quoted(std::string& out, std::string_view text, char delimiter) {
    const char special[] = {'"', '\r', '\n', delimiter};
    if (text.find_first_of({special, sizeof special}) == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"')
            out += '"';
        out += c;
    }
    out += '"';
}

} // namespace

std::optional<SystemProperty> find_system_property(ConnectionKind kind, std::string_view name) {
    for (std::size_t i = 0; i < kKnown.size(); ++i)
        if (has(kind, kKnown[i]) && equal_names(name, kKnown[i].name))
            return static_cast<SystemProperty>(i);
    return std::nullopt;
}

std::string system_property_names(ConnectionKind kind) {
    std::string names;
    for (const Known& known : kKnown)
        if (has(kind, known))
            names.append(names.empty() ? "" : ", ").append(known.name);
    return names;
}

std::vector<RequestedProperty> requested_properties(const ConnectionSettings& settings) {
    std::vector<RequestedProperty> requested;
    for (const std::string& name : settings.event_system_properties)
        if (const auto id = find_system_property(settings.kind, name))
            requested.push_back({name, *id});
    if (settings.kind == ConnectionKind::IotHub)
        std::stable_sort(requested.begin(), requested.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return requested;
}

bool takes_embedded(data::Format format) {
    switch (format) {
    case data::Format::Csv:
    case data::Format::Tsv:
    case data::Format::Scsv:
    case data::Format::Sohsv:
    case data::Format::Psv:
    case data::Format::Tsve:
    case data::Format::Json:
    case data::Format::MultiJson:
    case data::Format::SingleJson:
        return true;
    default:
        return false;
    }
}

void append_embedded(std::string& out, data::Format format, const RequestedProperty& property,
                     const std::optional<std::string>& value) {
    if (data::mapping_kind(format) == data::MappingKind::Json) {
        if (!out.empty())
            out += ',';
        data::append_json_string(out, property.name);
        out += ':';
        if (!value)
            out += "null";
        else if (kKnown[static_cast<std::size_t>(property.id)].is_number)
            out += *value;
        else
            data::append_json_string(out, *value);
        return;
    }
    std::string text;
    data::append_valid_utf8(text, value.value_or(""));
    if (format == data::Format::Tsve)
        data::append_tsv_escaped(out, text);
    else
        append_quoted(out, text, delimiter_of(format));
    out += delimiter_of(format);
}

std::string embedded_time(Ticks time) {
    std::string text = data::format_datetime(time);
    if (text.find('.') == std::string::npos)
        text.insert(text.size() - 1, ".0000000");
    return text;
}

std::string embedded_bytes(std::string_view bytes) {
    return data::is_valid_utf8(bytes) ? std::string(bytes) : data::base64(bytes);
}

} // namespace sluice::router
