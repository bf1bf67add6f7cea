#include "plugins/fswatch/path_template.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace sluice::fswatch {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kCaptures = {
    {{"database", "kustoDatabase"},
     {"table", "kustoTable"},
     {"format", "kustoDataFormat"},
     {"mapping", "kustoIngestionMappingReference"},
     {"creation_time", "kustoCreationTime"}}};

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw std::invalid_argument("path_template \"" + std::string(text) + "\": " + std::string(why));
}

bool has_form(std::string_view text, std::string_view form) {
    return text.size() == form.size() && std::equal(text.begin(), text.end(), form.begin(), [](char c, char f) {
               return f == '0' ? c >= '0' && c <= '9' : c == f;
           });
}

} // namespace

PathTemplate::PathTemplate(std::string_view text) {
    std::string_view rest = text;
    while (!rest.empty()) {
        if (!pieces_.empty() && pieces_.back().kind == Kind::Rest)
            refuse(text, "{**} takes all that follows, so it has to stand last");
        const auto open = rest.find('{');
        const std::string_view literal = rest.substr(0, open);
        if (literal.find('}') != std::string_view::npos)
            refuse(text, "'}' without '{'");
        if (!literal.empty()) {
            pieces_.push_back({Kind::Literal, std::string(literal)});
            rest.remove_prefix(literal.size());
            continue;
        }
        const auto close = rest.find('}');
        if (close == std::string_view::npos)
            refuse(text, "'{' without '}'");
        const std::string_view name = rest.substr(1, close - 1);
        rest.remove_prefix(close + 1);
        if (!pieces_.empty() && pieces_.back().kind != Kind::Literal)
            refuse(text, "two captures in a row leave open where one ends; put text or '/' between them");
        if (name == "*" || name == "**") {
            pieces_.push_back({name == "*" ? Kind::Segment : Kind::Rest, {}});
            continue;
        }
        const auto* known = std::find_if(kCaptures.begin(), kCaptures.end(),
                                         [&](const auto& capture) { return capture.first == name; });
        if (known == kCaptures.end())
            refuse(
                text,
                "{" + std::string(name) +
                    "} is unknown; there are {database}, {table}, {format}, {mapping}, {creation_time}, {*} and {**}");
        pieces_.push_back({Kind::Capture, std::string(known->second)});
    }
}

struct PathTemplate::Search {
    Metadata found;
    std::size_t width;        ///< of a row of `failed`
    std::vector<bool> failed; ///< piece and rest that were tried in vain: keeps hostile names from taking for ever
};

Metadata PathTemplate::match(std::string_view path) const {
    const std::size_t width = path.size() + 1;
    Search search{.found = {}, .width = width, .failed = std::vector<bool>(width * (pieces_.size() + 1))};
    if (!match_from(0, path, search))
        return {};
    for (auto& [name, value] : search.found)
        if (name == "kustoCreationTime")
            value = full_creation_time(value);
    return std::move(search.found);
}

bool PathTemplate::match_from(std::size_t piece, std::string_view rest, Search& search) const {
    if (piece == pieces_.size())
        return rest.empty();
    const Piece& now = pieces_[piece];
    if (now.kind == Kind::Literal)
        return rest.starts_with(now.text) && match_from(piece + 1, rest.substr(now.text.size()), search);
    if (rest.empty())
        return false;
    if (now.kind == Kind::Rest)
        return true;
    const std::size_t state = piece * search.width + rest.size();
    if (search.failed[state])
        return false;
    const std::size_t end = std::min(rest.find('/'), rest.size());
    for (std::size_t length = 1; length <= end; ++length) {
        const std::size_t kept = search.found.size();
        if (now.kind == Kind::Capture)
            search.found.emplace_back(now.text, std::string(rest.substr(0, length)));
        if (match_from(piece + 1, rest.substr(length), search))
            return true;
        search.found.resize(kept);
    }
    search.failed[state] = true;
    return false;
}

std::string full_creation_time(std::string_view text) {
    if (has_form(text, "0000-00-00"))
        return std::string(text) + "T00:00:00Z";
    if (has_form(text, "00000000"))
        return std::string(text.substr(0, 4)) + "-" + std::string(text.substr(4, 2)) + "-" +
               std::string(text.substr(6)) + "T00:00:00Z";
    if (has_form(text, "0000-00-00T00"))
        return std::string(text) + ":00:00Z";
    return std::string(text);
}

} // namespace sluice::fswatch
