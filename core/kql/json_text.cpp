#include "core/kql/json_text.hpp"

#include "core/data/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sluice::kql {
namespace {

constexpr int kMaxDepth = 500;

bool too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > kMaxDepth)
                return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

void append(std::string& out, const Json& value) {
    switch (value.type()) {
    case Json::value_t::object: {
        out += '{';
        bool first = true;
        for (const auto& [key, member] : value.items()) {
            if (!first)
                out += ',';
            first = false;
            out += json_string(key);
            out += ':';
            append(out, member);
        }
        out += '}';
        return;
    }
    case Json::value_t::array: {
        out += '[';
        bool first = true;
        for (const Json& member : value) {
            if (!first)
                out += ',';
            first = false;
            append(out, member);
        }
        out += ']';
        return;
    }
    case Json::value_t::string:
        out += json_string(value.get_ref<const std::string&>());
        return;
    case Json::value_t::number_float: {
        const double number = value.get<double>();
        out += std::isfinite(number) ? data::format_real(number) : "\"" + data::format_real(number) + "\"";
        return;
    }
    default:
        out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
}

} // namespace

Json parse_json(std::string_view text) {
    if (too_deep(text))
        return Json(Json::value_t::discarded);
    return Json::parse(text, nullptr, false);
}

std::string dump_json(const Json& value) {
    std::string out;
    append(out, value);
    return out;
}

std::string json_string(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    for (const char c : text) {
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20)
                out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            else
                out += c;
        }
    }
    out += '"';
    return out;
}

std::string dynamic_to_string(std::string_view json) {
    if (json.empty() || json == "null")
        return {};
    if (json.front() != '"')
        return std::string(json);
    if (json.find('\\') == std::string_view::npos && json.size() >= 2)
        return std::string(json.substr(1, json.size() - 2));
    const Json value = parse_json(json);
    return value.is_string() ? value.get<std::string>() : std::string(json);
}

} // namespace sluice::kql
