#include "core/kql/series.hpp"

#include "core/data/text.hpp"

#include <cmath>
#include <limits>

namespace sluice::kql {
namespace {

/// Past the element that begins at `at`: up to a comma or the end of the array that it stands in.
std::size_t element_end(std::string_view json, std::size_t at) {
    int depth = 0;
    bool text = false;
    for (; at < json.size(); ++at) {
        const char c = json[at];
        if (text) {
            if (c == '\\')
                ++at;
            else if (c == '"')
                text = false;
        } else if (c == '"') {
            text = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            if (depth-- == 0)
                return at;
        } else if (c == ',' && depth == 0) {
            return at;
        }
    }
    return json.size();
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ')
        text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ')
        text.remove_suffix(1);
    return text;
}

/// The number that an element stands for; strings hold the numbers that JSON cannot write, and times.
std::optional<double> number_of(std::string_view element, bool& whole) {
    if (element.size() < 2 || element.front() != '"') {
        const bool number =
            !element.empty() && (element.front() == '-' || (element.front() >= '0' && element.front() <= '9'));
        if (number && element.find_first_of(".eE") != std::string_view::npos)
            whole = false;
        if (element == "true" || element == "false")
            return element == "true" ? 1 : 0;
        return number ? data::parse_real(element) : std::nullopt;
    }
    const std::string_view text = element.substr(1, element.size() - 2);
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
        whole = false;
        return data::parse_real(text);
    }
    if (const auto ticks = data::parse_timespan(text); ticks && text.find(':') != std::string_view::npos)
        return static_cast<double>(*ticks);
    if (text.find('-') != std::string_view::npos)
        if (const auto ticks = data::parse_datetime(text))
            return static_cast<double>(*ticks);
    return std::nullopt;
}

} // namespace

bool Series::has_missing() const {
    for (const std::uint8_t one : missing)
        if (one)
            return true;
    return false;
}

bool read_series(std::string_view json, Series& series) {
    series.values.clear();
    series.missing.clear();
    series.elements.clear();
    series.whole = true;
    json = trimmed(json);
    if (!json.starts_with('[') || !json.ends_with(']'))
        return false;
    std::size_t at = 1;
    if (trimmed(json.substr(1, json.size() - 2)).empty())
        return true;
    while (at < json.size()) {
        const std::size_t end = element_end(json, at);
        const std::string_view element = trimmed(json.substr(at, end - at));
        const auto number = number_of(element, series.whole);
        series.elements.push_back(element);
        series.values.push_back(number.value_or(std::numeric_limits<double>::quiet_NaN()));
        series.missing.push_back(number ? 0 : 1);
        if (end >= json.size() || json[end] != ',')
            return true;
        at = end + 1;
    }
    return true;
}

std::string real_json(double value) {
    const std::string text = data::format_real(value);
    return std::isfinite(value) ? text : "\"" + text + "\"";
}

void SeriesWriter::separate() {
    text_ += text_.empty() ? '[' : ',';
}

void SeriesWriter::real(double value) {
    separate();
    text_ += real_json(value);
}

void SeriesWriter::integer(std::int64_t value) {
    separate();
    text_ += std::to_string(value);
}

void SeriesWriter::element(std::string_view json) {
    separate();
    text_ += json;
}

std::string SeriesWriter::finish() {
    std::string result = text_.empty() ? "[" : std::move(text_);
    text_.clear();
    return result += ']';
}

std::string series_text(const std::vector<double>& values) {
    SeriesWriter writer;
    for (const double value : values)
        writer.real(value);
    return writer.finish();
}

} // namespace sluice::kql
