#include "core/app/commands/error_place.hpp"

#include <charconv>
#include <optional>

namespace sluice::app {
namespace {

/// So much of a long line is shown in front of its caret, and behind it.
constexpr std::size_t kAround = 60;

struct Place {
    std::size_t line = 0, column = 0; ///< from 1; columns count code points
};

std::optional<Place> place_of(std::string_view message) {
    constexpr std::string_view kMark = "[line:position=";
    const std::size_t at = message.rfind(kMark);
    if (at == std::string_view::npos)
        return std::nullopt;
    Place place;
    const char* const end = message.data() + message.size();
    const auto line = std::from_chars(message.data() + at + kMark.size(), end, place.line);
    if (line.ec != std::errc() || line.ptr == end || *line.ptr != ':')
        return std::nullopt;
    const auto column = std::from_chars(line.ptr + 1, end, place.column);
    return column.ec == std::errc() && place.line > 0 && place.column > 0 ? std::optional(place) : std::nullopt;
}

std::optional<std::string_view> line_of(std::string_view text, std::size_t number) {
    for (; number > 1; --number) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos)
            return std::nullopt;
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    return text.ends_with('\r') ? text.substr(0, text.size() - 1) : text;
}

bool begins_character(char c) {
    return (c & 0xC0) != 0x80;
}

/// Bytes of the first `characters` of the line.
std::size_t bytes_of(std::string_view line, std::size_t characters) {
    std::size_t at = 0;
    for (; at < line.size(); ++at)
        if (begins_character(line[at]) && characters-- == 0)
            break;
    return at;
}

/// Columns, one character wide each: a tab would move the caret.
std::string flat(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = ' ';
    return out;
}

std::string pointer(std::string_view line, std::size_t column) {
    std::size_t before = column - 1;
    std::string shown = "  ";
    if (before > kAround) {
        line.remove_prefix(bytes_of(line, before - kAround));
        before = kAround;
        shown += "…";
        ++before;
    }
    const std::size_t length = bytes_of(line, before + kAround);
    shown += flat(line.substr(0, length));
    if (length < line.size())
        shown += "…";
    return shown + "\n  " + std::string(before, ' ') + "^\n";
}

} // namespace

std::string with_places(std::string_view message, std::string_view text) {
    std::string out;
    while (!message.empty()) {
        const std::size_t end = message.find('\n');
        const std::string_view one = message.substr(0, end);
        message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
        out += one;
        out += '\n';
        const auto place = place_of(one);
        const auto line = place ? line_of(text, place->line) : std::nullopt;
        if (line && !line->empty())
            out += pointer(*line, place->column);
    }
    if (out.ends_with('\n'))
        out.pop_back();
    return out;
}

} // namespace sluice::app
